/** So many requests in a row without an answer open the breaker … */
const FAILURES_IN_A_ROW = 5
/** … and so does more than half of at least twenty within half a minute. */
const CALLS_MIN = 20
const WINDOW_MS = 30_000

/**
 * The first opening, doubled by each failed probe. Short, because a reply's deadline is 30 s and a probe costs at most
 * three requests; the usual half minute would let every reply expire over a hiccup.
 */
const OPEN_MS_FIRST = 2_000
const OPEN_MS_MAX = 64_000

/** Requests under way at once while a tripped breaker tries again. */
export const PROBES_MAX = 3

/**
 * Stops sending from a number whose requests get no answer. Tripped, it is open until `openUntilMs`; after that a few
 * probes leave, and the first answer closes it.
 */
export class Breaker {
  readonly #spread: number
  #tripped = false
  #openUntilMs = 0
  #trippedAtMs = Number.NEGATIVE_INFINITY
  #openings = 0
  #opened = 0
  #inARow = 0
  #windowStartMs = Number.NEGATIVE_INFINITY
  #calls = 0
  #failures = 0

  /** The number's id spreads the openings by up to a fifth, so that an outage's end is not met by all numbers at once. */
  constructor(numberId: number) {
    this.#spread = 1 + ((numberId * 0.618_034) % 1) / 5
  }

  get tripped(): boolean {
    return this.#tripped
  }

  get openUntilMs(): number {
    return this.#openUntilMs
  }

  /** How often it has opened. */
  get opened(): number {
    return this.#opened
  }

  /** The platform answered, whatever it said. */
  answered(takenAtMs: number, nowMs: number): void {
    this.#count(nowMs)
    if (takenAtMs < this.#trippedAtMs) return
    this.#inARow = 0
    this.#tripped = false
    this.#openUntilMs = 0
    this.#openings = 0
  }

  /** No answer. What left before the breaker opened says nothing new. */
  failed(takenAtMs: number, nowMs: number): void {
    this.#count(nowMs)
    this.#failures++
    if (takenAtMs < this.#trippedAtMs) return
    this.#inARow++
    const half = this.#calls >= CALLS_MIN && this.#failures * 2 > this.#calls
    if (!this.#tripped && this.#inARow < FAILURES_IN_A_ROW && !half) return
    const openMs = Math.min(OPEN_MS_MAX, OPEN_MS_FIRST * 2 ** this.#openings) * this.#spread
    this.#openings++
    this.#open(nowMs + openMs, nowMs)
  }

  /** The platform named the time: not from this number before then (maintenance, the application's limit). */
  holdUntil(untilMs: number, nowMs: number): void {
    if (untilMs > this.#openUntilMs) this.#open(untilMs, nowMs)
  }

  #open(untilMs: number, nowMs: number): void {
    this.#tripped = true
    this.#openUntilMs = untilMs
    this.#trippedAtMs = nowMs
    this.#inARow = 0
    this.#calls = 0
    this.#failures = 0
    this.#opened++
  }

  #count(nowMs: number): void {
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = nowMs
      this.#calls = 0
      this.#failures = 0
    }
    this.#calls++
  }
}
