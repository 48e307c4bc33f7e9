/** Latencies in buckets of 3 % each from 1 µs to 100 s: exact enough for a percentile, and small however many come. */
const GROWTH = Math.log(1.03)
const BUCKETS = 640

/** Milliseconds; `within` is the share of all that was asked for and came in time. */
export interface Latencies {
  count: number
  p50: number
  p99: number
  p999: number
  max: number
  within: number
}

export class Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  readonly #targetMs: number
  #count = 0
  #withinCount = 0
  #maxMs = 0

  /** `targetMs`: up to here one counts as in time. */
  constructor(targetMs = Number.POSITIVE_INFINITY) {
    this.#targetMs = targetMs
  }

  add(ms: number): void {
    const bucket = Math.max(0, Math.min(BUCKETS - 1, Math.ceil(Math.log(Math.max(ms * 1000, 1)) / GROWTH)))
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    if (ms <= this.#targetMs) this.#withinCount += 1
    this.#maxMs = Math.max(this.#maxMs, ms)
  }

  /** `askedFor`: how many there should have been; what never came is not in time. */
  figures(askedFor = this.#count): Latencies {
    return {
      count: this.#count,
      p50: rounded(this.#percentile(0.5)),
      p99: rounded(this.#percentile(0.99)),
      p999: rounded(this.#percentile(0.999)),
      max: rounded(this.#maxMs),
      within: askedFor === 0 ? 1 : this.#withinCount / Math.max(askedFor, this.#count),
    }
  }

  /** The latency that this share of all stays at or below, at most 3 % above the true one. */
  #percentile(share: number): number {
    let left = share * this.#count
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return Math.min(this.#maxMs, Math.exp(bucket * GROWTH) / 1000)
    }
    return this.#maxMs
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
