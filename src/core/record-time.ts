import type { Clock } from './clock.ts'

/**
 * How fast the records' time goes while it is ahead of the wall clock. Slower, so that the wall clock catches up: an hour
 * ahead is an hour of work at half the pace. Not much slower, since what is owed by then takes twice as long.
 */
const PACE_AHEAD = 0.5

/**
 * The time that the records count in: the wall clock's, except that it never goes back and never stands still. Where the
 * wall clock was set back it goes on from the last input by the monotonic clock, at half the pace, until the wall clock
 * has caught up. All that is compared with a moment in the records is compared with this.
 */
export class RecordTime {
  readonly #clock: Clock
  #from = { atMs: Number.NEGATIVE_INFINITY, monoMs: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes in the moment of an input: it is not before that any more. */
  note(inputAtMs: number): void {
    if (inputAtMs > this.#runMs()) this.#from = { atMs: inputAtMs, monoMs: this.#clock.monoMs() }
  }

  /** Milliseconds since 1970. Not before any moment that was noted. */
  nowMs(): number {
    return Math.max(this.#clock.epochMs(), Math.floor(this.#runMs()))
  }

  /** What the wall clock itself says. */
  wallMs(): number {
    return this.#clock.epochMs()
  }

  /** How long it takes, by the monotonic clock, until the records' time is there; negative if it is past. */
  untilMs(atMs: number): number {
    const byWallMs = atMs - this.#clock.epochMs()
    const byRunMs = atMs - this.#runMs()
    return Math.min(byWallMs, byRunMs > 0 ? byRunMs / PACE_AHEAD : byRunMs)
  }

  /** How far it is ahead of the wall clock; 0: the wall clock leads, as it should. */
  aheadMs(): number {
    return Math.max(0, this.nowMs() - this.#clock.epochMs())
  }

  #runMs(): number {
    return this.#from.atMs + (this.#clock.monoMs() - this.#from.monoMs) * PACE_AHEAD
  }
}
