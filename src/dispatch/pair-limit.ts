/** The platform's pair limit: one message per 6 s from one business number to one person … */
const PAIR_INTERVAL_MS = 6_000
/** … with a burst of 45, borrowed from the time to come. */
const PAIR_BURST = 45
const PAIR_TOLERANCE_MS = (PAIR_BURST - 1) * PAIR_INTERVAL_MS

/** After error 131056 the platform wants a wait of 4^X s, X = 0, 1, 2 …; 4^6 s is 68 minutes. */
const PARK_BASE = 4
const PARK_EXPONENT_MAX = 6

interface Pair {
  /** When all that was sent would have been sent at the even pace (GCRA's theoretical arrival time). */
  spentUntilMs: number
  parkedUntilMs: number
  refusals: number
}

/**
 * Pair limits of one number, by conversation. Most people get one message and are of no interest six seconds later,
 * so the memory is small: what no longer limits is dropped, and beyond the bound the oldest goes.
 */
export class PairLimit {
  readonly #pairs = new Map<number, Pair>()
  readonly #pairsMax: number
  #forgotten = 0

  constructor(pairsMax: number) {
    this.#pairsMax = pairsMax
  }

  get size(): number {
    return this.#pairs.size
  }

  /** How many were dropped for want of room while they still limited. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** When this person may get a message; in the past: now. */
  readyAtMs(conversationId: number): number {
    const pair = this.#pairs.get(conversationId)
    if (pair === undefined) return 0
    return Math.max(pair.parkedUntilMs, pair.spentUntilMs - PAIR_TOLERANCE_MS)
  }

  /** Counts a message that leaves at this time. */
  charge(conversationId: number, leavesAtMs: number): void {
    const pair = this.#touch(conversationId, leavesAtMs)
    pair.spentUntilMs = Math.max(pair.spentUntilMs, leavesAtMs) + PAIR_INTERVAL_MS
  }

  /** Its answer is there: it arrived by now. The platform counts from the arrival, and the latest is the safe end. */
  arrived(conversationId: number, nowMs: number): void {
    const pair = this.#pairs.get(conversationId)
    if (pair === undefined) return
    pair.spentUntilMs = Math.max(pair.spentUntilMs, nowMs + PAIR_INTERVAL_MS)
    pair.refusals = 0
  }

  /** It never reached the platform, so it counts for nothing. */
  refund(conversationId: number): void {
    const pair = this.#pairs.get(conversationId)
    if (pair !== undefined) pair.spentUntilMs -= PAIR_INTERVAL_MS
  }

  /** The platform refused it (131056): parked, and after that the burst is spent, whatever we had counted. */
  refused(conversationId: number, retryAtMs: number, nowMs: number): void {
    const pair = this.#touch(conversationId, nowMs)
    const parkMs = 1_000 * PARK_BASE ** Math.min(pair.refusals, PARK_EXPONENT_MAX)
    pair.refusals++
    pair.parkedUntilMs = Math.max(pair.parkedUntilMs, nowMs + parkMs, retryAtMs)
    pair.spentUntilMs = pair.parkedUntilMs + PAIR_TOLERANCE_MS
  }

  /** The pair's record, made the youngest; makes room first. */
  #touch(conversationId: number, nowMs: number): Pair {
    const known = this.#pairs.get(conversationId)
    if (known !== undefined) {
      this.#pairs.delete(conversationId)
      this.#pairs.set(conversationId, known)
      return known
    }
    this.#sweep(nowMs)
    const pair: Pair = { spentUntilMs: Number.NEGATIVE_INFINITY, parkedUntilMs: 0, refusals: 0 }
    this.#pairs.set(conversationId, pair)
    return pair
  }

  /**
   * Looks at the two oldest: one that no longer limits is dropped, so the memory shrinks faster than it grows; one that
   * limits for longer than a single message does becomes the youngest, so that it does not keep the others. Full, the
   * oldest goes all the same.
   */
  #sweep(nowMs: number): void {
    let looks = 2
    for (const [conversationId, pair] of this.#pairs) {
      const limitsUntilMs = Math.max(pair.spentUntilMs, pair.parkedUntilMs)
      const isFull = this.#pairs.size >= this.#pairsMax
      if (limitsUntilMs > nowMs && limitsUntilMs <= nowMs + PAIR_INTERVAL_MS && !isFull) return
      this.#pairs.delete(conversationId)
      if (limitsUntilMs > nowMs) {
        if (isFull) this.#forgotten++
        else this.#pairs.set(conversationId, pair)
      }
      if (--looks === 0) return
    }
  }
}
