import { type Clock, pause } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import type { SendOutcome } from '../core/inbound.ts'
import type { Log } from '../core/log.ts'
import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import type { RecordTime } from '../core/record-time.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { FENCE_WINDOW_MS } from '../dispatch/fence.ts'
import type { Assignment, SendResult, WaitReason } from '../dispatch/types.ts'
import { NUMBER_STATE } from '../records/codes.ts'
import type { Ask } from '../records/inputs.ts'
import type { NumberRow } from '../records/number.ts'
import type { QueueMessage } from '../records/queue-message.ts'
import type { Owed, Reader } from '../records/reader.ts'
import { beginSending, type Departure, expireMessages, recordOutcome, recoverSending } from '../records/send-message.ts'
import type { Wake } from '../records/tx.ts'

/** Full jitter between nothing and one second, doubling to five minutes: the rule of AWS's builders' library. */
const RETRY_MS_FIRST = 1000
const RETRY_MS_MAX = 300_000
/** The platform's rule after a pair limit (131056): 4^n seconds. */
const PAIR_RETRY_BASE = 4
const PAIR_RETRY_MS_MAX = 3_600_000
/** How long a stop waits for requests that have left: the answer decides between accepted and in doubt. */
const DRAIN_MS_MAX = 10_000
const RECOVER_BATCH = 500
/** Pause before the book is asked again that could not take something, such as on a full disk. */
const UNAVAILABLE_MS = 1000
/** Bulk that is in memory, for each number: a window over the records. */
export const BULK_HEADS_MAX = 500

export interface OutboundMetrics {
  sent(outcome: SendOutcome['kind']): void
  waited(messageClass: MessageClass, waitedMs: number): void
  overflow(): void
}

export interface OutboundDependencies {
  clock: Clock
  time: RecordTime
  log: Log
  random: () => number
  ask: Ask
  reader: Reader
  dispatcher: Dispatcher
  /** One request to the platform; never throws. */
  send(departure: Departure): Promise<SendOutcome>
  metrics: OutboundMetrics
}

export interface OutboundSettings {
  /** How long doubt may last, by class, as the operator has it now. */
  doubtWaitMs: () => Readonly<Record<MessageClass, number>>
  /** Messages of the classes that are held in memory whole. */
  queueMax: number
}

/**
 * The outbound story: queued → chosen by the dispatcher → `sending` committed → fence → request → outcome. Everything
 * it knows is rebuilt from the records at a start; everything it learns goes back as an input.
 */
export class Outbound {
  readonly #deps: OutboundDependencies
  readonly #settings: OutboundSettings
  readonly #numbers = new Map<number, NumberRow>()
  /** Numbers that have more in the records than in memory, by class. */
  readonly #more = new Map<number, Set<MessageClass>>()
  #cancelTimer: (() => void) | undefined
  #leaving = 0
  #draining = false
  #hearing = false
  #started = false

  constructor(deps: OutboundDependencies, settings: OutboundSettings) {
    this.#deps = deps
    this.#settings = settings
  }

  /** Whatever was under way when the last process ended is in doubt; whatever waits is taken up again. */
  async start(lastInputAtMs: number): Promise<void> {
    const { ask } = this.#deps
    const doubtWaitMs = this.#settings.doubtWaitMs()
    crashPoint('start.before_recovery')
    while ((await ask(recoverSending, { doubtWaitMs })).recovered === RECOVER_BATCH);
    this.#hearing = true
    for (const number of this.#deps.reader.numbers()) this.#declare(number)
    // What the process before sent in its last second still counts at the platform, and nobody here knows how much, nor
    // how long ago it was: the wall clock may have been set meanwhile. Only a new house has sent nothing.
    if (lastInputAtMs > 0) await this.#until(this.#deps.clock.monoMs() + FENCE_WINDOW_MS)
    this.#started = true
    this.#pump()
  }

  /** Hears what a commit did. */
  hear(wakes: readonly Wake[]): void {
    if (!this.#hearing) return
    let changed = false
    for (const wake of wakes) changed = this.#react(wake) || changed
    if (changed) this.#pump()
  }

  number(numberId: number): NumberRow | undefined {
    return this.#numbers.get(numberId)
  }

  numbers(): Iterable<NumberRow> {
    return this.#numbers.values()
  }

  /** What a new message of a class would wait for on each number that is meant and may send, and whether there is room. */
  predict(
    messageClass: MessageClass,
    isMeant: (number: NumberRow) => boolean,
  ): Pick<QueueMessage, 'predictions' | 'hasRoom'> {
    const { dispatcher, clock } = this.#deps
    const nowMs = clock.monoMs()
    const predictions = []
    // Before the numbers are taken up, a message waits in the records as bulk does.
    let hasRoom = messageClass === 'bulk' || this.#numbers.size === 0
    for (const number of this.#numbers.values()) {
      hasRoom ||= dispatcher.room(number.id, messageClass) > 0
      if (number.state !== NUMBER_STATE.code('active') || !isMeant(number)) continue
      const foretold = dispatcher.foretell(number.id, messageClass, nowMs)
      if (!foretold || !Number.isFinite(foretold.leavesAtMs)) continue
      const waitMs = foretold.leavesAtMs - nowMs
      predictions.push({ numberId: number.id, waitMs, waitsFor: waitMs > 1 ? foretold.waitsFor : null })
    }
    if (!hasRoom) this.#deps.metrics.overflow()
    return { predictions, hasRoom }
  }

  /**
   * Why a message waits and when it leaves, as wall time; null where somebody must act first. Undefined where it waits
   * in the records only, or not at all.
   */
  explain(messageId: number): { leavesAtMs: number | null; waitsFor: WaitReason | null } | undefined {
    const { dispatcher, clock, time } = this.#deps
    const nowMs = clock.monoMs()
    const found = dispatcher.explain(messageId, nowMs)
    if (!found) return undefined
    const leavesAtMs = Number.isFinite(found.leavesAtMs) ? time.nowMs() + Math.ceil(found.leavesAtMs - nowMs) : null
    return { leavesAtMs, waitsFor: found.waitsFor === 'nothing' ? null : found.waitsFor }
  }

  /** Stops taking messages and waits for those that have left. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#cancelTimer?.()
    const { clock } = this.#deps
    const endMs = clock.monoMs() + DRAIN_MS_MAX
    while (this.#leaving > 0 && clock.monoMs() < endMs) {
      await new Promise<void>((resolve) => clock.after(20, resolve))
    }
  }

  #react(wake: Wake): boolean {
    const { dispatcher, clock } = this.#deps
    switch (wake.kind) {
      case 'queued':
        this.#enqueue(wake)
        return true
      case 'unqueued':
        return dispatcher.remove(wake.messageId, clock.monoMs())
      case 'message':
        if (wake.counts) dispatcher.inbound(wake.numberId, 1, clock.monoMs())
        return false
      case 'number':
        return this.#redeclare(wake.numberId)
      default:
        return false
    }
  }

  #redeclare(numberId: number): boolean {
    const number = this.#deps.reader.number(numberId)
    if (number) this.#declare(number)
    return true
  }

  #declare(number: NumberRow): void {
    const { dispatcher, clock } = this.#deps
    const nowMs = clock.monoMs()
    this.#numbers.set(number.id, number)
    // Nothing is sent from those, and there may be more of them than the dispatcher has places.
    if (number.state === NUMBER_STATE.code('unclaimed')) return
    dispatcher.declareNumber(number.id, { ratePerSecondMax: number.per_second_max }, nowMs)
    if (number.state !== NUMBER_STATE.code('active')) return dispatcher.pauseNumber(number.id, 'refused', null)
    dispatcher.resumeNumber(number.id, nowMs)
    this.#takeUp(number.id)
  }

  #takeUp(numberId: number): void {
    this.#noteMore(numberId)
    for (const messageClass of MESSAGE_CLASSES) this.#refill(numberId, messageClass)
  }

  /** Takes from the records what is not in memory, as far as there is room. Answers whether anything came. */
  #refill(numberId: number, messageClass: MessageClass): boolean {
    const { dispatcher, reader } = this.#deps
    const room = dispatcher.room(numberId, messageClass)
    // Those already in memory come first in the records: they are read over.
    const rows = reader.owed(numberId, messageClass, this.#capacity(messageClass) + 1)
    if (room <= 0) return false
    this.#more.get(numberId)?.delete(messageClass)
    let hasCome = false
    for (const row of rows) hasCome = this.#enqueue(row) || hasCome
    return hasCome
  }

  #enqueue(message: Owed): boolean {
    const { dispatcher, clock, time } = this.#deps
    const nowMs = clock.monoMs()
    if (!dispatcher.isDeclared(message.numberId) || dispatcher.holds(message.messageId)) return false
    const outcome = dispatcher.enqueue(
      {
        messageId: message.messageId,
        numberId: message.numberId,
        conversationId: message.conversationId,
        class: message.class,
        deadlineMs: nowMs + time.untilMs(message.deadlineAtMs),
        notBeforeMs: message.notBeforeMs === 0 ? 0 : nowMs + time.untilMs(message.notBeforeMs),
        order: message.messageId,
      },
      nowMs,
    )
    if (outcome === 'queued') return true
    // It stays in the records and is taken up when there is room: bulk is a window over them by design.
    if (message.class !== 'bulk') this.#deps.metrics.overflow()
    const classes = this.#more.get(message.numberId) ?? new Set()
    this.#more.set(message.numberId, classes.add(message.class))
    return false
  }

  #capacity(messageClass: MessageClass): number {
    return messageClass === 'bulk' ? BULK_HEADS_MAX : this.#settings.queueMax
  }

  #refillWhereHalfEmpty(): boolean {
    const { dispatcher } = this.#deps
    let hasCome = false
    for (const [numberId, classes] of this.#more) {
      for (const messageClass of classes) {
        const room = dispatcher.room(numberId, messageClass)
        if (room >= this.#capacity(messageClass) / 2) hasCome = this.#refill(numberId, messageClass) || hasCome
      }
      if (classes.size === 0) this.#more.delete(numberId)
    }
    return hasCome
  }

  #pump(): void {
    if (this.#draining || !this.#started) return
    const { dispatcher, clock, ask } = this.#deps
    this.#cancelTimer?.()
    const nowMs = clock.monoMs()
    const taken = dispatcher.take(nowMs)
    if (taken.expired.length > 0) {
      crashPoint('expiry.before')
      void this.#quietly(this.#insist(() => ask(expireMessages, { messageIds: taken.expired })))
    }
    if (taken.leave.length > 0) void this.#quietly(this.#leave(taken.leave))
    // What has just come from the records is not in what was taken: it is looked at in the next turn.
    const wakeAtMs = this.#more.size > 0 && this.#refillWhereHalfEmpty() ? nowMs : taken.wakeAtMs
    if (wakeAtMs !== null) this.#cancelTimer = this.#at(wakeAtMs, () => this.#pump())
  }

  /** `sending` is durable before the first byte leaves. */
  async #leave(assignments: Assignment[]): Promise<void> {
    const { ask, dispatcher, clock } = this.#deps
    this.#leaving += assignments.length
    const chosen = new Map(assignments.map((assignment) => [assignment.messageId, assignment]))
    crashPoint('send.before_begin')
    try {
      // Refused for want of space they keep their places: later messages of their conversations must not pass them.
      const begun = await this.#insist(() => ask(beginSending, { messageIds: [...chosen.keys()] }))
      const paused = new Set<number>()
      for (const { messageId, reason } of begun.stay) {
        this.#leaving -= 1
        dispatcher.finished(messageId, 'unsent', clock.monoMs())
        const numberId = chosen.get(messageId)?.numberId
        if (reason === 'number_paused' && numberId !== undefined) paused.add(numberId)
      }
      // Still owed, and back at its place before anything else is taken. The number may even have been resumed already,
      // by an input whose wake found the message taken.
      for (const numberId of paused) this.#takeUp(numberId)
      for (const departure of begun.leave) {
        void this.#quietly(this.#depart(departure, chosen.get(departure.messageId)?.leavesAtMs ?? 0))
      }
      if (begun.stay.length > 0) this.#pump()
    } catch (error) {
      // The book refused or has stopped: nothing left, and the records still say so.
      this.#leaving -= assignments.length
      for (const { messageId } of assignments) dispatcher.finished(messageId, 'unsent', clock.monoMs())
      for (const { numberId } of assignments) this.#noteMore(numberId)
      clock.after(UNAVAILABLE_MS, () => this.#pump())
      throw error
    }
  }

  #noteMore(numberId: number): void {
    this.#more.set(numberId, new Set(MESSAGE_CLASSES))
  }

  async #depart(departure: Departure, leavesAtMs: number): Promise<void> {
    const { clock, dispatcher } = this.#deps
    await this.#until(leavesAtMs)
    for (;;) {
      const waitMs = dispatcher.charge(departure.messageId, clock.monoMs())
      if (waitMs <= 0) break
      await this.#until(clock.monoMs() + waitMs)
    }
    this.#deps.metrics.waited(departure.class, this.#deps.time.nowMs() - departure.queuedAtMs)
    crashPoint('send.before_fetch')
    const outcome = await this.#deps.send(departure)
    crashPoint('send.after_fetch')
    await this.#settle(departure, outcome)
  }

  async #settle(departure: Departure, outcome: SendOutcome): Promise<void> {
    const { clock, time, dispatcher, ask, log, metrics } = this.#deps
    const nowMs = clock.monoMs()
    const retryMs = outcome.kind === 'retry' ? this.#retryMs(outcome, departure.attempt) : 0
    dispatcher.finished(departure.messageId, resultOf(outcome, nowMs + retryMs), nowMs)
    metrics.sent(outcome.kind)
    log.info('message', {
      number: this.#numbers.get(departure.numberId)?.alias ?? '',
      message: showId('message', departure.messageId),
      direction: 'out',
      ms: time.nowMs() - departure.queuedAtMs,
      outcome: outcome.kind,
      ...(outcome.kind === 'accepted' || outcome.code === null ? {} : { code: outcome.code }),
    })
    const settled = await this.#insist(() =>
      ask(recordOutcome, {
        messageId: departure.messageId,
        attempt: departure.attempt,
        outcome,
        doubtWaitMs: this.#settings.doubtWaitMs(),
        notBeforeMs: time.nowMs() + retryMs,
      }),
    )
    this.#leaving -= 1
    if (outcome.kind === 'retry' && settled.state !== 'queued') dispatcher.remove(departure.messageId, clock.monoMs())
    // Sent again by somebody before its answer was there: its wake found it still in flight.
    if (settled.state === 'queued' && !dispatcher.holds(departure.messageId)) this.#noteMore(departure.numberId)
    this.#pump()
  }

  /** An answer of the platform comes once, and so does an end of waiting: while the disk is full they wait here. */
  async #insist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'unavailable') throw error
        await pause(this.#deps.clock, UNAVAILABLE_MS)
      }
    }
  }

  #retryMs(outcome: Extract<SendOutcome, { kind: 'retry' }>, attempt: number): number {
    const afterMs = outcome.afterMs ?? 0
    if (outcome.scope === 'pair') {
      return Math.max(afterMs, Math.min(PAIR_RETRY_MS_MAX, 1000 * PAIR_RETRY_BASE ** (attempt - 1)))
    }
    return afterMs + this.#deps.random() * Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** (attempt - 1))
  }

  #until(monoMs: number): Promise<void> {
    if (monoMs <= this.#deps.clock.monoMs()) return Promise.resolve()
    return new Promise((resolve) => this.#at(monoMs, resolve))
  }

  /** The dispatcher hears how late it was: the answer of `Clock.after`. */
  #at(monoMs: number, run: () => void): () => void {
    const { clock, dispatcher } = this.#deps
    const nowMs = clock.monoMs()
    const dueMs = Math.max(nowMs, monoMs)
    return clock.after(dueMs - nowMs, () => {
      dispatcher.lagged(clock.monoMs() - dueMs, clock.monoMs())
      run()
    })
  }

  /** The book's refusals reach whoever asked; here nobody waits, and the records still hold what is owed. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#deps.log.error('sending failed', { error: error instanceof Error ? error.name : 'unknown' })
    }
  }
}

function resultOf(outcome: SendOutcome, retryAtMs: number): SendResult {
  if (outcome.kind === 'retry') return { retryAtMs, scope: outcome.scope, throttled: outcome.throttled }
  return outcome.kind
}
