import { DueHeap } from './due-heap.ts'
import { escapedJson, signatureOf, type Update, webhookOf } from './webhook-body.ts'

/** One webhook request: its bytes stay the same over all tries. */
export interface Delivery {
  id: number
  body: string
  /** The value of `X-Hub-Signature-256` for this try. */
  signature: string
  updates: readonly Update[]
  /** 1 for the first try. */
  attempt: number
  /** Monotonic time at which it was made. */
  madeAtMs: number
}

/** What the outbox asks of its surroundings. */
export interface OutboxRules {
  /** What webhooks are signed with now. */
  appSecret: () => string
  random: () => number
  /** How updates are batched now. */
  batching: () => { max: number; waitMs: number }
  /** Told after each batch that was put together. */
  batched: () => void
  retry: () => { firstMs: number; mostMs: number; keepMs: number }
  /** Whether this first try is to be signed wrongly. */
  signWrongly: (updates: readonly Update[]) => boolean
}

/** Updates that wait or are under way; more are dropped and counted as `overflowed`. */
const PENDING_MAX = 200_000

/** The platform's rule is 3 MB; half of it leaves room for the escapes. */
const BODY_CHARACTERS_MAX = 1_500_000

/**
 * Webhooks that wait for their time, their batch or their next try. It holds no socket and no timer: whoever drives it
 * asks `nextDueMs`, takes what is due, and says how it went.
 */
export class Outbox {
  readonly #rules: OutboxRules
  /** Updates that are due at a time; a list of more than one stays together. */
  #waiting = new DueHeap<readonly Update[]>()
  #batch: Update[] = []
  #batchDueMs = 0
  #ready = new DueHeap<Delivery>()
  #underWay = new Set<number>()
  #pending = 0
  #nextId = 1
  #wake: (() => void) | null = null
  /** What became of updates, and of tries. */
  readonly counts = { delivered: 0, overflowed: 0, expired: 0, tries: 0, refused: 0 }

  constructor(rules: OutboxRules) {
    this.#rules = rules
  }

  /** Updates that are not delivered yet. */
  get pending(): number {
    return this.#pending
  }

  /** Whether this many more updates fit; if not, they count as overflowed. */
  hasRoom(count: number): boolean {
    if (this.#pending + count <= PENDING_MAX) return true
    this.counts.overflowed += count
    return false
  }

  /** Requests that were taken and not settled. */
  get underWay(): number {
    return this.#underWay.size
  }

  /** Puts updates in, to leave together at that time. False if there is no room: then none is taken. */
  push(updates: readonly Update[], dueMs: number): boolean {
    if (!this.hasRoom(updates.length)) return false
    this.#pending += updates.length
    this.#waiting.push(updates, dueMs)
    this.#wake?.()
    return true
  }

  /** Calls after each push, for whoever drives the outbox with a timer; null ends it. */
  onPush(wake: (() => void) | null): void {
    this.#wake = wake
  }

  /** When there is something to take: a time that may be past, or undefined if nothing waits. */
  nextDueMs(): number | undefined {
    const times = [this.#waiting.nextDueMs, this.#ready.nextDueMs]
    if (this.#batch.length > 0) times.push(this.#batchDueMs)
    const known = times.filter((time) => time !== undefined)
    return known.length > 0 ? Math.min(...known) : undefined
  }

  /** The next request that is due, or undefined. It counts as under way until it is settled. */
  take(nowMs: number): Delivery | undefined {
    this.#collect(nowMs)
    const delivery = this.#ready.popDue(nowMs)
    if (!delivery) return undefined
    this.#underWay.add(delivery.id)
    this.counts.tries += 1
    return delivery
  }

  /** Says how a try went; only a 200 is success. Answers when it will be tried again, or null if it is done with. */
  settle(delivery: Delivery, isTaken: boolean, nowMs: number): number | null {
    if (!this.#underWay.delete(delivery.id)) return null
    if (isTaken) {
      this.#pending -= delivery.updates.length
      this.counts.delivered += delivery.updates.length
      return null
    }
    this.counts.refused += 1
    const { firstMs, mostMs, keepMs } = this.#rules.retry()
    if (nowMs - delivery.madeAtMs >= keepMs) {
      this.#pending -= delivery.updates.length
      this.counts.expired += delivery.updates.length
      return null
    }
    const backOffMs = Math.min(mostMs, firstMs * 2 ** Math.min(delivery.attempt - 1, 30))
    const dueMs = nowMs + backOffMs * (0.75 + this.#rules.random() / 2)
    const signature = signatureOf(delivery.body, this.#rules.appSecret())
    this.#ready.push({ ...delivery, attempt: delivery.attempt + 1, signature }, dueMs)
    return dueMs
  }

  #collect(nowMs: number): void {
    const { max, waitMs } = this.#rules.batching()
    for (let unit = this.#waiting.popDue(nowMs); unit; unit = this.#waiting.popDue(nowMs)) {
      if (unit.length > 1 || max <= 1) {
        this.#make(unit, nowMs)
        continue
      }
      if (this.#batch.length === 0) this.#batchDueMs = nowMs + waitMs
      this.#batch.push(...unit)
      if (this.#batch.length >= max) this.#flush(nowMs)
    }
    if (this.#batch.length > 0 && (this.#batchDueMs <= nowMs || max <= 1)) this.#flush(nowMs)
  }

  #flush(nowMs: number): void {
    const batch = this.#batch
    this.#batch = []
    this.#make(batch, nowMs)
    this.#rules.batched()
  }

  #make(updates: readonly Update[], nowMs: number): void {
    const body = escapedJson(webhookOf(updates))
    if (body.length > BODY_CHARACTERS_MAX && updates.length > 1) {
      const half = updates.length >> 1
      this.#make(updates.slice(0, half), nowMs)
      this.#make(updates.slice(half), nowMs)
      return
    }
    const own = this.#rules.appSecret()
    const secret = this.#rules.signWrongly(updates) ? `not ${own}` : own
    const signature = signatureOf(body, secret)
    this.#ready.push({ id: this.#nextId++, body, signature, updates, attempt: 1, madeAtMs: nowMs }, nowMs)
  }
}
