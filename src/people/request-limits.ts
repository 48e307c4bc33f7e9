import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'

/** What a key may have saved up: a screen that opens, or a program that starts, asks for much at once. */
const BURST_SECONDS = 4
/** Keys remembered at once. Only known keys are counted, so that this is never reached by guessing. */
const KEYS_MAX = 10_000
const MS_PER_SECOND = 1000

/** How often each API key may ask: one that floods is refused, and the others notice nothing of it. */
export class RequestLimits {
  readonly #clock: Clock
  readonly #requestsPerSecond: () => number
  readonly #onRefused: () => void
  /** When each key's allowance is whole again (GCRA), the key used longest ago first. */
  readonly #wholeAtMs = new Map<string, number>()

  constructor(clock: Clock, requestsPerSecond: () => number, onRefused: () => void) {
    this.#clock = clock
    this.#requestsPerSecond = requestsPerSecond
    this.#onRefused = onRefused
  }

  /** Counts a request of a key. Throws `Failure('rate_limited')` above the limit; such a request counts for nothing. */
  take(key: string): void {
    const nowMs = this.#clock.monoMs()
    const intervalMs = MS_PER_SECOND / this.#requestsPerSecond()
    const wholeAtMs = Math.max(nowMs, this.#wholeAtMs.get(key) ?? 0)
    const waitMs = wholeAtMs + intervalMs - nowMs - BURST_SECONDS * MS_PER_SECOND
    // A millionth of a millisecond is the sum's own error.
    const isRefused = waitMs > 1e-6
    this.#wholeAtMs.delete(key)
    this.#wholeAtMs.set(key, isRefused ? wholeAtMs : wholeAtMs + intervalMs)
    this.#forgetOldest()
    if (!isRefused) return
    this.#onRefused()
    throw new Failure('rate_limited', 'This API key asks too often', { retry_after_ms: Math.max(1, Math.ceil(waitMs)) })
  }

  #forgetOldest(): void {
    if (this.#wholeAtMs.size <= KEYS_MAX) return
    for (const key of this.#wholeAtMs.keys()) {
      this.#wholeAtMs.delete(key)
      return
    }
  }
}
