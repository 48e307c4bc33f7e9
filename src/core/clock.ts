/**
 * Time is an argument. Shown and stored times are wall time, durations are monotonic; nothing outside this file reads
 * a clock or sets a timer, so the whole house runs on a virtual one in tests.
 */
export interface Clock {
  /** Wall time in milliseconds since 1970, UTC. May jump. */
  epochMs(): number
  /** Milliseconds from an arbitrary start. Never jumps, never goes back. */
  monoMs(): number
  /** Calls `run` once after `delayMs`; the answer cancels it. */
  after(delayMs: number, run: () => void): () => void
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** Longest delay a JavaScript timer keeps: beyond 2^31-1 ms it fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  epochMs: () => Date.now(),
  monoMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), TIMER_MS_MAX))
    return () => clearTimeout(timer)
  },
}

/** Lets what has come in meanwhile have its turn. */
export function yieldToLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** RFC 3339, UTC, with milliseconds: the form of every time the product shows. */
export function toTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

/** Waits on the given clock; an aborted signal ends the wait early, without an error. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const cancel = clock.after(delayMs, done)
    function done() {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }
    function aborted() {
      cancel()
      done()
    }
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
