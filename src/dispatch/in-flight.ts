/** Bounds of a number at the platform's default rate … */
const PLACES_MIN = 8
const PLACES_MAX = 64
/** … and above it: what 0.8 s of sends need, which is 64 at 80 a second and 800 at 1,000. */
const PLACES_MAX_SECONDS = 0.8
const HEADROOM = 1.5

/** Believed until there are answers, and kept within these. */
const LATENCY_MS_START = 500
const LATENCY_MS_MIN = 20
const LATENCY_MS_MAX = 30_000
/** Weight of one sample: a step up of 4.75 % where it was above, down 0.25 % where it was below, which rests at p95. */
const STEP = 0.05
const QUANTILE = 0.95

/** How many requests of a number may be without an answer: what its rate and its latency need, and half as many again. */
export class InFlight {
  #count = 0
  #latencyMs = LATENCY_MS_START

  get count(): number {
    return this.#count
  }

  /** The 95th percentile, about, of the time from being taken to being answered. */
  get latencyMs(): number {
    return this.#latencyMs
  }

  placesMax(ratePerSecond: number): number {
    const wanted = Math.ceil((ratePerSecond * this.#latencyMs * HEADROOM) / 1_000)
    const most = Math.max(PLACES_MAX, Math.ceil(ratePerSecond * PLACES_MAX_SECONDS))
    return Math.min(most, Math.max(PLACES_MIN, wanted))
  }

  taken(): void {
    this.#count++
  }

  /** No request was made: the place is free, and nothing was learned. */
  unsent(): void {
    this.#count--
  }

  finished(tookMs: number): void {
    this.#count--
    const factor = tookMs > this.#latencyMs ? 1 + STEP * QUANTILE : 1 - STEP * (1 - QUANTILE)
    this.#latencyMs = Math.min(LATENCY_MS_MAX, Math.max(LATENCY_MS_MIN, this.#latencyMs * factor))
  }
}
