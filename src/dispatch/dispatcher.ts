import { assert, must } from '../core/assert.ts'
import type { MessageClass } from '../core/message.ts'
import type { Entry } from './conversation.ts'
import { IndexedHeap } from './indexed-heap.ts'
import { RANK_OF } from './lane.ts'
import { Lateness } from './lateness.ts'
import { type NumberNode, NumberQueue } from './number-queue.ts'
import { explainEntry, foretell } from './predict.ts'
import type {
  DispatcherOptions,
  DispatchStats,
  Explanation,
  NumberSettings,
  PauseReason,
  QueuedMessage,
  SendResult,
  Taken,
} from './types.ts'

const DEFAULTS = {
  messagesMax: 100_000,
  bulkHeadsMax: 500,
  aheadMs: 30,
  inFlightMax: 1_024,
  batchMax: 256,
  numbersMax: 10_000,
  pairsMax: 20_000,
} as const satisfies Required<DispatcherOptions>

/** `sending` is committed for at most this much of sends ahead: what a crash can put in doubt. */
const AHEAD_MS_MAX = 50

/** How long a conversation waits for a message whose retry was announced: enough to commit its outcome and put it back. */
const RETURN_MS_MAX = 5_000

/**
 * Decides what leaves when. Pure and synchronous: no clock, no waiting, no input or output; every method takes the
 * monotonic time. The caller calls `take` when `wakeAtMs` comes and after every `enqueue`, `finished`, `resumeNumber`
 * and `remove`; commits what leaves as `sending`; calls `charge` immediately before each request, and `finished` after.
 */
export class Dispatcher {
  readonly #options: Required<DispatcherOptions>
  readonly #numbers = new Map<number, NumberQueue>()
  readonly #entries = new Map<number, Entry>()
  /** Messages announced to come back, in the order in which their places end. */
  readonly #returning = new Map<number, Entry>()
  readonly #leaving = new IndexedHeap<NumberNode>()
  readonly #expiring = new IndexedHeap<NumberNode>()
  readonly #waiting: Record<MessageClass, number> = { urgent: 0, reply: 0, notice: 0, bulk: 0 }
  readonly #lateness = new Lateness()
  readonly #counters = { taken: 0, full: 0, expired: 0, removed: 0, throttled: 0, returnsLost: 0 }
  /** Places of urgent, reply and notice in use: waiting, in flight or returning. */
  #held = 0
  #inFlight = 0

  constructor(options: DispatcherOptions = {}) {
    this.#options = { ...DEFAULTS, ...options }
    assert(
      this.#options.aheadMs >= 0 && this.#options.aheadMs <= AHEAD_MS_MAX,
      'sends are committed at most 50 ms ahead',
    )
    assert(this.#options.batchMax > 0 && this.#options.inFlightMax > 0, 'the bounds of the dispatcher are positive')
  }

  /** Makes a number known, or changes its ceiling; what is queued and learned stays. */
  declareNumber(numberId: number, settings: NumberSettings, nowMs: number): void {
    const known = this.#numbers.get(numberId)
    if (known !== undefined) {
      known.rate.setCeiling(settings.ratePerSecondMax, nowMs)
      this.#reschedule(known, nowMs)
      return
    }
    assert(this.#numbers.size < this.#options.numbersMax, 'there are places for more numbers')
    const { pairsMax } = this.#options
    this.#numbers.set(numberId, new NumberQueue(numberId, { ...settings, pairsMax }))
  }

  /** Whether `enqueue` takes messages for it. */
  isDeclared(numberId: number): boolean {
    return this.#numbers.has(numberId)
  }

  /** Nothing leaves until then; null = until `resumeNumber`. A longer pause is not shortened by a shorter one. */
  pauseNumber(numberId: number, reason: PauseReason, untilMs: number | null): void {
    const number = this.#number(numberId)
    number.pause(reason, untilMs ?? Number.POSITIVE_INFINITY)
    // A later time may stand in the heap too early, never too late: the next `take` finds out and moves it.
  }

  /** Ends every pause of the number. */
  resumeNumber(numberId: number, nowMs: number): void {
    const number = this.#number(numberId)
    number.resume(nowMs)
    this.#reschedule(number, nowMs)
  }

  /** Whether it waits here or has been taken and not finished; one that was announced to come back does not count. */
  holds(messageId: number): boolean {
    const entry = this.#entries.get(messageId)
    return entry !== undefined && entry.state !== 'returning'
  }

  /**
   * Takes a message in. `full` is an outcome, not an error: it stays in the records and is offered again when there is
   * room. A message that was announced to come back always has its place.
   */
  enqueue(message: QueuedMessage, nowMs: number): 'queued' | 'full' {
    const number = this.#number(message.numberId)
    const known = this.#entries.get(message.messageId)
    assert(known === undefined || known.state === 'returning', 'a message is queued once')
    assert(
      !Number.isNaN(message.deadlineMs + message.notBeforeMs + message.order),
      'the times of a message are numbers',
    )
    if (known !== undefined) this.#forgetReturning(known, nowMs)
    else if (this.room(message.numberId, message.class) <= 0) {
      this.#counters.full++
      return 'full'
    }
    this.#hold(number, message.class, 1)
    this.#waiting[message.class]++
    this.#entries.set(message.messageId, number.add(message, nowMs))
    this.#reschedule(number, nowMs)
    return 'queued'
  }

  /** True: it was waiting, or about to come back, and will not leave. False: it is unknown or has been taken. */
  remove(messageId: number, nowMs: number): boolean {
    const entry = this.#entries.get(messageId)
    if (entry === undefined || entry.state === 'taken') return false
    this.#counters.removed++
    if (entry.state === 'returning') this.#forgetReturning(entry, nowMs)
    else {
      const number = this.#number(entry.numberId)
      number.drop(entry, nowMs)
      this.#forgetWaiting(entry)
      this.#reschedule(number, nowMs)
    }
    return true
  }

  /**
   * Takes what may leave within `aheadMs`, earliest number first, and charges the number's pace and the pair. The work
   * of one call is bounded; if there is more, `wakeAtMs` is now.
   */
  take(nowMs: number): Taken {
    const { aheadMs, batchMax, inFlightMax } = this.#options
    this.#dropLostReturns(nowMs)
    const expired: number[] = []
    this.#expire(nowMs, expired)
    const leave: Taken['leave'] = []
    const tooLate: Entry[] = []
    const horizonMs = nowMs + aheadMs
    for (let steps = 2 * batchMax; steps > 0 && leave.length < batchMax && this.#inFlight < inFlightMax; steps--) {
      const number = this.#leaving.peek()?.number
      if (number === undefined || number.leaving.heapKey > horizonMs) break
      const entry = number.takeOne(nowMs, horizonMs, tooLate)
      if (entry !== undefined) {
        this.#inFlight++
        this.#waiting[entry.class]--
        leave.push({ messageId: entry.messageId, numberId: entry.numberId, leavesAtMs: entry.untilMs })
      }
      this.#reschedule(number, nowMs)
    }
    this.#counters.taken += leave.length
    for (const entry of tooLate) {
      this.#counters.expired++
      this.#forgetWaiting(entry)
      expired.push(entry.messageId)
    }
    return { leave, expired, wakeAtMs: this.#wakeAtMs(nowMs) }
  }

  /**
   * The fence, the last thing before a request: 0 = go now, and it is counted; else the milliseconds to wait before
   * asking again. Once for every request that is really made.
   */
  charge(messageId: number, nowMs: number): number {
    const entry = must(this.#entries.get(messageId), 'a message that leaves')
    assert(entry.state === 'taken', 'only a taken message leaves')
    return this.#number(entry.numberId).charge(entry, nowMs, this.#lateness)
  }

  /**
   * What became of a taken message. A retry is put back by the caller, with its old `order` and `notBeforeMs` set to
   * `retryAtMs`; until then, but at most five seconds, its conversation waits for it. `remove` says it does not come back.
   */
  finished(messageId: number, result: SendResult, nowMs: number): void {
    const entry = must(this.#entries.get(messageId), 'a message that finished')
    assert(entry.state === 'taken', 'only a taken message finishes')
    const number = this.#number(entry.numberId)
    this.#inFlight--
    if (result !== 'unsent') this.#arrived(entry, result, nowMs)
    if (typeof result === 'string') {
      this.#entries.delete(messageId)
      this.#hold(number, entry.class, -1)
    } else {
      if (result.throttled) this.#counters.throttled++
      entry.state = 'returning'
      entry.untilMs = nowMs + RETURN_MS_MAX
      this.#returning.set(messageId, entry)
    }
    number.finished(entry, result, nowMs)
    this.#reschedule(number, nowMs)
  }

  /** The caller's timer was so late: what it lets go may leave the process as late. */
  lagged(lateMs: number, nowMs: number): void {
    this.#lateness.lagged(lateMs, nowMs)
  }

  /** The platform counts what comes in with what goes out. A number that was not declared is none of our business. */
  inbound(numberId: number, count: number, nowMs: number): void {
    this.#numbers.get(numberId)?.inboundArrived(count, nowMs)
  }

  /** Why a message waits and when it leaves; undefined if it is not here. */
  explain(messageId: number, nowMs: number): Explanation | undefined {
    const entry = this.#entries.get(messageId)
    if (entry === undefined) return undefined
    const explanation = explainEntry(this.#number(entry.numberId), entry, nowMs)
    const houseFull = entry.state === 'waiting' && this.#inFlight >= this.#options.inFlightMax
    if (houseFull && explanation.leavesAtMs <= nowMs) return { leavesAtMs: nowMs, waitsFor: 'in_flight' }
    return explanation
  }

  /** What a new message of this class would wait for on this number; undefined for one that was not declared. */
  foretell(numberId: number, messageClass: MessageClass, nowMs: number): Explanation | undefined {
    const number = this.#numbers.get(numberId)
    return number && foretell(number, RANK_OF[messageClass], nowMs)
  }

  /** Places left for this class: of its number for bulk, of the house for the others. */
  room(numberId: number, messageClass: MessageClass): number {
    if (messageClass !== 'bulk') return this.#options.messagesMax - this.#held
    return this.#options.bulkHeadsMax - this.#number(numberId).bulkHeld
  }

  stats(nowMs: number): DispatchStats {
    const numbers = [...this.#numbers.values()]
    return {
      waiting: { ...this.#waiting },
      inFlight: this.#inFlight,
      counters: {
        ...this.#counters,
        breakerOpened: numbers.reduce((sum, number) => sum + number.breaker.opened, 0),
        pairsForgotten: numbers.reduce((sum, number) => sum + number.pairs.forgotten, 0),
      },
      numbers: numbers.map((number) => number.stats(nowMs)),
    }
  }

  #number(numberId: number): NumberQueue {
    return must(this.#numbers.get(numberId), 'a declared number')
  }

  #expire(nowMs: number, expired: number[]): void {
    while (expired.length < this.#options.batchMax) {
      const number = this.#expiring.peek()?.number
      const entry = number?.nextToExpire
      if (number === undefined || entry === undefined || entry.deadlineMs > nowMs) return
      number.drop(entry, nowMs)
      this.#counters.expired++
      this.#forgetWaiting(entry)
      expired.push(entry.messageId)
      this.#reschedule(number, nowMs)
    }
  }

  /** Half of the time ahead is left to gather: so one wake-up serves many messages, and none is late. */
  #wakeAtMs(nowMs: number): number | null {
    const leaveAtMs = this.#inFlight < this.#options.inFlightMax ? this.#leaving.peek()?.heapKey : undefined
    const [returning] = this.#returning.values()
    const wakeAtMs = Math.min(
      (leaveAtMs ?? Number.POSITIVE_INFINITY) - this.#options.aheadMs / 2,
      this.#expiring.peek()?.heapKey ?? Number.POSITIVE_INFINITY,
      returning?.untilMs ?? Number.POSITIVE_INFINITY,
    )
    return wakeAtMs === Number.POSITIVE_INFINITY ? null : Math.max(nowMs, wakeAtMs)
  }

  /** Puts a number where its next departure and its next deadline say. */
  #reschedule(number: NumberQueue, nowMs: number): void {
    const leaveAtMs = number.leaveAtMs(nowMs)
    if (leaveAtMs === Number.POSITIVE_INFINITY) this.#leaving.remove(number.leaving)
    else this.#leaving.set(number.leaving, leaveAtMs)
    const entry = number.nextToExpire
    if (entry === undefined || entry.deadlineMs === Number.POSITIVE_INFINITY) this.#expiring.remove(number.expiring)
    else this.#expiring.set(number.expiring, entry.deadlineMs)
  }

  /** Its request is over, and how long it took says what a connection costs, unless there was no answer. */
  #arrived(entry: Entry, result: SendResult, nowMs: number): void {
    this.#lateness.ended(nowMs)
    const isAnswered = typeof result === 'string' ? result !== 'unknown' : result.scope !== 'transport'
    if (isAnswered) this.#lateness.learn(nowMs - entry.chargedAtMs, entry.opens)
  }

  #hold(number: NumberQueue, messageClass: MessageClass, by: 1 | -1): void {
    if (messageClass === 'bulk') number.bulkHeld += by
    else this.#held += by
  }

  #forgetWaiting(entry: Entry): void {
    this.#waiting[entry.class]--
    this.#entries.delete(entry.messageId)
    this.#hold(this.#number(entry.numberId), entry.class, -1)
  }

  /** A returning message is back, on this number or on another, or it is given up: its conversation goes on. */
  #forgetReturning(entry: Entry, nowMs: number): void {
    const number = this.#number(entry.numberId)
    this.#returning.delete(entry.messageId)
    this.#entries.delete(entry.messageId)
    this.#hold(number, entry.class, -1)
    number.release(entry, nowMs)
    this.#reschedule(number, nowMs)
  }

  #dropLostReturns(nowMs: number): void {
    for (const entry of this.#returning.values()) {
      if (entry.untilMs > nowMs) return
      this.#counters.returnsLost++
      this.#forgetReturning(entry, nowMs)
    }
  }
}
