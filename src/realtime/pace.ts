/** Admits `burst` at once and `perSecond` in the long run (GCRA): one number of state, no timer. */
export class Pace {
  readonly #intervalMs: number
  readonly #toleranceMs: number
  #dueMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number, burst: number) {
    this.#intervalMs = 1000 / perSecond
    this.#toleranceMs = (burst - 1) * this.#intervalMs
  }

  take(nowMs: number): boolean {
    const dueMs = Math.max(this.#dueMs, nowMs)
    if (dueMs - nowMs > this.#toleranceMs + 1e-6) return false
    this.#dueMs = dueMs + this.#intervalMs
    return true
  }
}
