import type { Dispatcher } from './dispatcher.ts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'
import type { Assignment, QueuedMessage, SendResult, Taken } from './types.ts'

/** A request as the platform would see it begin. */
export interface Sent {
  messageId: number
  numberId: number
  atMs: number
}

/** What the simulated road does. All times in milliseconds. */
export interface Road {
  /** From the planned departure to the moment the fence is asked. */
  lateMs?: () => number
  /** From the request to the platform, which decides then what it answers. */
  arriveMs?: () => number
  /** From there to the answer. */
  answerMs?: () => number
  /** How late the caller's timer fires. */
  timerLateMs?: () => number
  /** From an answer that asks for a retry to the message being back in the queue. */
  returnMs?: () => number
  answer?: (sent: Sent) => SendResult
}

class Timer implements HeapItem {
  heapKey = 0
  heapTie = 0
  heapIndex = -1
  readonly run: () => void

  constructor(run: () => void) {
    this.run = run
  }
}

/**
 * Carries out what a dispatcher decides, on virtual time: for tests and the benchmark. It behaves as the real sender
 * must: one timer, `charge` before each request, `finished` after, retries put back with their old order.
 */
export class VirtualSender {
  readonly sent: Sent[] = []
  readonly expired: number[] = []
  readonly accepted: number[] = []
  nowMs = 0
  readonly #dispatcher: Dispatcher
  readonly #road: Required<Road>
  readonly #timers = new IndexedHeap<Timer>()
  readonly #messages = new Map<number, QueuedMessage>()
  readonly #wake = new Timer(() => this.pump())
  #order = 0

  constructor(dispatcher: Dispatcher, road: Road = {}) {
    this.#dispatcher = dispatcher
    this.#road = {
      lateMs: road.lateMs ?? (() => 0),
      arriveMs: road.arriveMs ?? (() => 0),
      answerMs: road.answerMs ?? (() => 100),
      timerLateMs: road.timerLateMs ?? (() => 0),
      returnMs: road.returnMs ?? (() => 0),
      answer: road.answer ?? (() => 'accepted'),
    }
  }

  after(delayMs: number, run: () => void): void {
    this.#timers.set(new Timer(run), this.nowMs + Math.max(0, delayMs), this.#order++)
  }

  enqueue(message: QueuedMessage): 'queued' | 'full' {
    this.#messages.set(message.messageId, message)
    const outcome = this.#dispatcher.enqueue(message, this.nowMs)
    this.#wakeAt(this.nowMs)
    return outcome
  }

  /** Takes a message back; true if it will not leave any more. */
  remove(messageId: number): boolean {
    const isRemoved = this.#dispatcher.remove(messageId, this.nowMs)
    if (isRemoved) this.#messages.delete(messageId)
    this.#wakeAt(this.nowMs)
    return isRemoved
  }

  /** Runs what is due up to this time. */
  runUntil(untilMs: number): void {
    for (;;) {
      const timer = this.#timers.peek()
      if (timer === undefined || timer.heapKey > untilMs) break
      this.#timers.remove(timer)
      this.nowMs = timer.heapKey
      timer.run()
    }
    this.nowMs = untilMs
  }

  /** One call of `take`, carried out. */
  pump(): void {
    const taken = this.#dispatcher.take(this.nowMs)
    this.#carryOut(taken)
    if (taken.wakeAtMs === null) this.#timers.remove(this.#wake)
    else this.#timers.set(this.#wake, Math.max(this.nowMs, taken.wakeAtMs) + this.#road.timerLateMs(), this.#order++)
  }

  #carryOut(taken: Taken): void {
    this.expired.push(...taken.expired)
    for (const assignment of taken.leave) {
      this.after(assignment.leavesAtMs - this.nowMs + this.#road.lateMs(), () => this.#send(assignment))
    }
  }

  #send(assignment: Assignment): void {
    const waitMs = this.#dispatcher.charge(assignment.messageId, this.nowMs)
    if (waitMs > 0) {
      this.after(waitMs, () => this.#send(assignment))
      return
    }
    const sent = { messageId: assignment.messageId, numberId: assignment.numberId, atMs: this.nowMs }
    this.sent.push(sent)
    this.after(this.#road.arriveMs(), () => {
      const result = this.#road.answer({ ...sent, atMs: this.nowMs })
      this.after(this.#road.answerMs(), () => this.#answer(sent, result))
    })
  }

  #answer(sent: Sent, result: SendResult): void {
    this.#dispatcher.finished(sent.messageId, result, this.nowMs)
    if (result === 'accepted') this.accepted.push(sent.messageId)
    if (typeof result !== 'string') {
      this.after(this.#road.returnMs(), () => {
        const message = this.#messages.get(sent.messageId)
        if (message !== undefined) this.enqueue({ ...message, notBeforeMs: result.retryAtMs })
      })
    }
    this.#wakeAt(this.nowMs)
  }

  #wakeAt(atMs: number): void {
    if (this.#wake.heapIndex >= 0 && this.#wake.heapKey <= atMs) return
    this.#timers.set(this.#wake, atMs, this.#order++)
  }
}

/** The most sends that any second holds: windows begin at each send, ends not included. */
export function mostInASecond(timesMs: readonly number[]): number {
  let most = 0
  let start = 0
  for (const [index, atMs] of timesMs.entries()) {
    while (atMs - (timesMs[start] ?? atMs) >= 1_000) start++
    most = Math.max(most, index - start + 1)
  }
  return most
}
