import { must } from '../core/assert.ts'
import { Breaker, PROBES_MAX } from './breaker.ts'
import { Conversation, Entry } from './conversation.ts'
import { FENCE_WINDOW_MS, Fence } from './fence.ts'
import { InFlight } from './in-flight.ts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import { Lanes } from './lane.ts'
import type { Lateness } from './lateness.ts'
import { PairLimit } from './pair-limit.ts'
import { LearnedRate, Pace, paceMs } from './rate.ts'
import type { NumberSettings, NumberStats, PauseReason, QueuedMessage, RetryResult, SendResult } from './types.ts'

/** Conversations whose time has come that one decision moves into their lanes. */
const DUE_MAX = 64

/**
 * How long before the fence opens a message may be taken. More, and many stand behind a shut fence where a more urgent
 * one cannot pass them; less, and a sender that is often late leaves places unused.
 */
const FENCE_LEAD_MS = 40

/** Part of a number's rate that inbound messages may fill; the rest stays for sending … */
const INBOUND_PART_MAX = 0.75
/** … unless the platform has said "too fast" so lately: then it counts them all, and would refuse what is on top. */
const INBOUND_COUNTS_MS = 20_000

/** How long it takes at most, as a rule, from the platform's count of an inbound message to here. */
const WEBHOOK_MS = 150

/** Refused sends that are remembered: more than a second's, at the highest rate there is. */
const REFUSED_MAX = 1_024

/** A number's place in one of the dispatcher's heaps. */
export class NumberNode implements HeapItem {
  heapKey = 0
  heapTie = 0
  heapIndex = -1
  readonly number: NumberQueue

  constructor(number: NumberQueue) {
    this.number = number
  }
}

/** One number: its lanes, its limits, and who waits for what. It decides about itself; the dispatcher about the rest. */
export class NumberQueue {
  readonly numberId: number
  readonly leaving = new NumberNode(this)
  readonly expiring = new NumberNode(this)
  readonly lanes = new Lanes<Conversation>()
  readonly rate: LearnedRate
  readonly pace = new Pace()
  readonly fence = new Fence()
  readonly pairs: PairLimit
  readonly breaker: Breaker
  readonly inFlight = new InFlight()
  waiting = 0
  /** Bulk messages waiting, in flight or returning. */
  bulkHeld = 0
  pausedUntilMs = 0
  pauseReason: PauseReason | null = null
  /** Inbound messages that take places of the fence … */
  readonly #inbound = new Fence()
  /** … and those on top, which the platform counts too. */
  readonly #inboundBeyond = new Fence()
  /** When the last sends left that the platform refused: they stand in the fence, but it does not count them. */
  readonly #refusedAtMs: number[] = []
  #inboundSeen = 0
  #inboundCountsUntilMs = 0
  readonly #conversations = new Map<number, Conversation>()
  /** Conversations that wait for a time: not before, pair limit. */
  readonly #later = new IndexedHeap<Conversation>()
  readonly #deadlines = new IndexedHeap<Entry>()
  /** Since when, without a gap, something could have left if the number's limits had let it. */
  #waitingSinceMs = 0

  constructor(numberId: number, settings: NumberSettings & { pairsMax: number }) {
    this.numberId = numberId
    this.rate = new LearnedRate(settings.ratePerSecondMax)
    this.pairs = new PairLimit(settings.pairsMax)
    this.breaker = new Breaker(numberId)
  }

  add(message: QueuedMessage, nowMs: number): Entry {
    let conversation = this.#conversations.get(message.conversationId)
    if (conversation === undefined) {
      conversation = new Conversation(message.conversationId)
      this.#conversations.set(conversation.id, conversation)
    }
    const entry = new Entry(message, conversation)
    conversation.insert(entry)
    this.#deadlines.set(entry, entry.deadlineMs)
    this.waiting++
    this.#place(conversation, nowMs)
    return entry
  }

  /** Takes a waiting message out without sending it. */
  drop(entry: Entry, nowMs: number): void {
    this.#unlink(entry)
    this.#place(entry.conversation, nowMs)
  }

  /** The waiting message whose deadline is next. */
  get nextToExpire(): Entry | undefined {
    return this.#deadlines.peek()
  }

  /** When the next message may leave; Infinity: something else must happen first. */
  leaveAtMs(nowMs: number): number {
    const limit = this.rate.limitAt(nowMs)
    if (this.inFlight.count >= this.placesMax(limit)) return Number.POSITIVE_INFINITY
    const gateMs = this.gateMs(limit)
    if (this.lanes.size > 0) return gateMs
    const next = this.#later.peek()
    return next === undefined ? Number.POSITIVE_INFINITY : Math.max(gateMs, next.heapKey)
  }

  /**
   * `ready = max(all)` over the limits of the number as a whole. Later keys, such as its application's and its
   * portfolio's, join this maximum.
   */
  gateMs(limit: number): number {
    const blockedUntilMs = Math.max(this.pausedUntilMs, this.breaker.openUntilMs)
    return Math.max(blockedUntilMs, this.pace.readyAtMs, this.fence.openAtMs(limit) - FENCE_LEAD_MS)
  }

  placesMax(limit: number): number {
    return this.breaker.tripped ? PROBES_MAX : this.inFlight.placesMax(limit)
  }

  /**
   * Lets one message leave at a time up to the horizon, if one may. One that would leave too late goes to `expired`,
   * and the next call decides anew.
   */
  takeOne(nowMs: number, horizonMs: number, expired: Entry[]): Entry | undefined {
    const limit = this.rate.limitAt(nowMs)
    if (this.inFlight.count >= this.placesMax(limit)) return undefined
    let atMs = Math.max(nowMs, this.gateMs(limit))
    if (atMs > horizonMs) return undefined
    this.#moveDue(atMs)
    if (this.lanes.size === 0) {
      atMs = Math.max(atMs, this.#later.peek()?.heapKey ?? Number.POSITIVE_INFINITY)
      if (atMs > horizonMs) return undefined
      this.#moveDue(atMs)
    }
    const rank = this.lanes.choose()
    const conversation = rank === undefined ? undefined : this.lanes.pop(rank)
    if (rank === undefined || conversation === undefined) return undefined
    conversation.standsIn = undefined
    const entry = must(conversation.first, 'a message of a conversation that stands in a lane')
    const leavesAtMs = Math.max(atMs, conversation.readyAtMs)
    this.#unlink(entry)
    if (entry.deadlineMs <= leavesAtMs) {
      expired.push(entry)
      this.#place(conversation, nowMs)
      return undefined
    }
    this.lanes.departed(rank)
    this.#depart(entry, { nowMs, leavesAtMs, limit })
    return entry
  }

  /** The fence: 0 = go now, and it is counted; else how many milliseconds to wait before asking again. */
  charge(entry: Entry, nowMs: number, lateness: Lateness): number {
    const limit = this.rate.limitAt(nowMs)
    entry.opens = lateness.opensNext(nowMs)
    const openingMs = entry.opens ? lateness.openingMs : 0
    const waitMs = this.fence.charge(limit, nowMs, openingMs + lateness.lagMs(nowMs))
    if (waitMs > 0) return waitMs
    this.pace.slip(openingMs, limit)
    lateness.left(nowMs)
    entry.chargedAtMs = nowMs
    entry.countedBefore = this.fence.count(nowMs) - 1 + this.#inboundBeyond.count(nowMs)
    entry.inboundBefore = this.#inboundSeen
    return 0
  }

  /** An answer, or the end of waiting for one: learns from it and lets the conversation go on. */
  finished(entry: Entry, result: SendResult, nowMs: number): void {
    if (result === 'unsent') this.inFlight.unsent()
    else this.inFlight.finished(nowMs - entry.takenAtMs)
    this.#learn(entry, result, nowMs)
    if (typeof result === 'string') this.release(entry, nowMs)
  }

  /** Ends the hold of a taken or returning message on its conversation. */
  release(entry: Entry, nowMs: number): void {
    const conversation = entry.conversation
    if (conversation.inFlight !== entry) return
    conversation.inFlight = undefined
    this.#place(conversation, nowMs)
  }

  /**
   * Inbound messages use places of the platform's count. Beyond three quarters of the limit they take none here, so
   * that sending keeps a quarter, as long as the platform does not object.
   */
  inboundArrived(count: number, nowMs: number): void {
    const limit = this.rate.limitAt(nowMs)
    const most = this.#inboundMax(limit, nowMs)
    this.#inboundSeen += count
    // More than a window's limit changes nothing any more, so the loop ends there.
    for (let index = 0; index < Math.min(count, limit); index++) {
      if (this.#inbound.charge(most, nowMs) === 0) this.fence.record(nowMs)
      else this.#inboundBeyond.charge(limit, nowMs)
    }
  }

  /** What inbound leaves of the limit now, messages per second. */
  sendingRate(limit: number, nowMs: number): number {
    return Math.max(1, limit - Math.min(this.#inbound.count(nowMs), this.#inboundMax(limit, nowMs)))
  }

  /** Space between two departures now, milliseconds. */
  spacingMs(nowMs: number): number {
    return paceMs(this.sendingRate(this.rate.limitAt(nowMs), nowMs))
  }

  /** The longer of two pauses holds, and it keeps its reason. */
  pause(reason: PauseReason, untilMs: number): void {
    if (untilMs < this.pausedUntilMs) return
    this.pausedUntilMs = untilMs
    this.pauseReason = reason
  }

  resume(nowMs: number): void {
    this.pausedUntilMs = Math.min(this.pausedUntilMs, nowMs)
    this.pauseReason = null
  }

  stats(nowMs: number): NumberStats {
    const limit = this.rate.limitAt(nowMs)
    return {
      numberId: this.numberId,
      waiting: this.waiting,
      inFlight: this.inFlight.count,
      ratePerSecond: limit,
      limitUsedRatio: this.fence.count(nowMs) / limit,
      paused: this.pausedUntilMs > nowMs ? this.pauseReason : null,
      breakerOpen: this.breaker.tripped,
    }
  }

  #depart(entry: Entry, at: { nowMs: number; leavesAtMs: number; limit: number }): void {
    const sinceMs = Math.max(this.#waitingSinceMs, this.pausedUntilMs, this.breaker.openUntilMs)
    this.pace.take(at.leavesAtMs, sinceMs, this.sendingRate(at.limit, at.nowMs))
    this.pairs.charge(entry.conversation.id, at.leavesAtMs)
    this.inFlight.taken()
    entry.state = 'taken'
    entry.takenAtMs = at.nowMs
    entry.untilMs = at.leavesAtMs
    entry.conversation.inFlight = entry
  }

  #learn(entry: Entry, result: SendResult, nowMs: number): void {
    const { takenAtMs, conversation } = entry
    if (result === 'unsent') return this.pairs.refund(conversation.id)
    if (result === 'unknown') {
      this.pairs.arrived(conversation.id, nowMs)
      this.breaker.failed(takenAtMs, nowMs)
    } else if (typeof result === 'string') {
      this.pairs.arrived(conversation.id, nowMs)
      this.breaker.answered(takenAtMs, nowMs)
    } else if (result.scope === 'transport') {
      this.pairs.refund(conversation.id)
      this.breaker.failed(takenAtMs, nowMs)
    } else this.#learnRetry(entry, result, nowMs)
  }

  /** The platform answered "again later": for this person, for this number, or for more than this number. */
  #learnRetry(entry: Entry, result: RetryResult, nowMs: number): void {
    const { takenAtMs, conversation } = entry
    this.breaker.answered(takenAtMs, nowMs)
    if (result.scope === 'pair') return this.pairs.refused(conversation.id, result.retryAtMs, nowMs)
    this.pairs.arrived(conversation.id, nowMs)
    if (result.scope === 'number' && result.throttled) this.#learnTooFast(entry, nowMs)
    else this.breaker.holdUntil(result.retryAtMs, nowMs)
  }

  /**
   * What came in soon after the request had left, the platform may have counted before it: webhooks take their time.
   * And which of those before it were refused is known by now, but for a few.
   */
  #learnTooFast(entry: Entry, nowMs: number): void {
    const { chargedAtMs } = entry
    const refused = this.#refusedAtMs.filter((atMs) => atMs <= chargedAtMs && atMs > chargedAtMs - FENCE_WINDOW_MS)
    const soon = Math.min(1, WEBHOOK_MS / (nowMs - chargedAtMs))
    const inbound = Math.ceil((this.#inboundSeen - entry.inboundBefore) * soon)
    const fitted = entry.countedBefore - refused.length + inbound
    this.rate.throttled(entry.takenAtMs, fitted, nowMs)
    this.#refusedAtMs.push(chargedAtMs)
    if (this.#refusedAtMs.length > REFUSED_MAX) this.#refusedAtMs.shift()
    this.#inboundCountsUntilMs = nowMs + INBOUND_COUNTS_MS
  }

  #inboundMax(limit: number, nowMs: number): number {
    return nowMs < this.#inboundCountsUntilMs ? limit : Math.floor(limit * INBOUND_PART_MAX)
  }

  #unlink(entry: Entry): void {
    this.#deadlines.remove(entry)
    entry.conversation.unlink(entry)
    this.waiting--
  }

  /** Puts a conversation where it now belongs: into a lane, among the later ones, or out. */
  #place(conversation: Conversation, nowMs: number): void {
    if (conversation.standsIn === undefined) this.#later.remove(conversation)
    else this.lanes.remove(conversation, conversation.standsIn)
    conversation.standsIn = undefined
    if (conversation.inFlight !== undefined) return
    if (conversation.first === undefined) {
      this.#conversations.delete(conversation.id)
      return
    }
    conversation.readyAtMs = Math.max(conversation.first.notBeforeMs, this.pairs.readyAtMs(conversation.id))
    if (conversation.readyAtMs > nowMs) this.#later.set(conversation, conversation.readyAtMs, conversation.first.order)
    else this.#stand(conversation, nowMs)
  }

  #moveDue(atMs: number): void {
    for (let moved = 0; moved < DUE_MAX; moved++) {
      const conversation = this.#later.peek()
      if (conversation === undefined || conversation.heapKey > atMs) return
      this.#later.remove(conversation)
      this.#stand(conversation, conversation.readyAtMs)
    }
  }

  #stand(conversation: Conversation, sinceMs: number): void {
    if (this.lanes.size === 0) this.#waitingSinceMs = sinceMs
    conversation.standsIn = conversation.rank
    this.lanes.add(conversation, conversation.rank, conversation.place())
  }
}
