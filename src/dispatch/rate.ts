import { assert } from '../core/assert.ts'

/** The platform's throughput of a number that was not upgraded: 80 messages per second, in and out together. */
const RATE_PER_SECOND_DEFAULT = 80

/**
 * What one "too fast" (130429) takes: the rate falls to what fitted, by one place at least, or a hundred and
 * twenty-eighth of many, and to seven tenths at most, for somebody else may have used the number in that second too.
 */
const CUT_MIN = 1
const CUT_PART_MIN = 1 / 128
const CUT_FACTOR = 0.7
/** The platform counts over a second: refusals in it that inbound messages explain are one. */
const COUNTED_MS = 1_000
/** The way back: as much as the least cut, then twice that, and so on. */
const RAISE_AFTER_MS = 20_000
const RAISE_EVERY_MS = 10_000
const RATE_PER_SECOND_MIN = 1

/** The messages per second a number may use: its ceiling, lowered where the platform complained. */
export class LearnedRate {
  #ceiling: number
  #rate: number
  #raise = 0
  #raiseAtMs = 0
  #cutAtMs = Number.NEGATIVE_INFINITY

  constructor(ratePerSecondMax: number | null) {
    this.#ceiling = ceilingOf(ratePerSecondMax)
    this.#rate = this.#ceiling
  }

  /** A new ceiling holds at once; what was learned below it stays. */
  setCeiling(ratePerSecondMax: number | null, nowMs: number): void {
    const ceiling = ceilingOf(ratePerSecondMax)
    if (ceiling === this.#ceiling) return
    this.limitAt(nowMs)
    this.#rate = this.#rate === this.#ceiling ? ceiling : Math.min(this.#rate, ceiling)
    this.#ceiling = ceiling
  }

  /** Whole messages per second that hold now, at least one. */
  limitAt(nowMs: number): number {
    while (this.#rate < this.#ceiling && this.#raiseAtMs <= nowMs) {
      this.#rate = Math.min(this.#ceiling, this.#rate + this.#raise)
      this.#raise *= 2
      this.#raiseAtMs += RAISE_EVERY_MS
    }
    // A hair more than the value, so that 0.7 × 80 is 56 in floating point too.
    return Math.max(RATE_PER_SECOND_MIN, Math.floor(this.#rate + 1e-6))
  }

  /**
   * Learns from "too fast". `fitted` is how many the platform had let through in the second before it, inbound
   * included, as far as is known: at the limit or above, it was inbound that nobody could know of, and the least cut
   * keeps a place for the next. What left before the last cut says nothing about the rate after it.
   */
  throttled(takenAtMs: number, fitted: number, nowMs: number): void {
    if (takenAtMs < this.#cutAtMs) return
    const limit = this.limitAt(nowMs)
    if (fitted >= limit && nowMs - this.#cutAtMs < COUNTED_MS) return
    const least = Math.max(CUT_MIN, limit * CUT_PART_MIN)
    this.#rate = Math.max(RATE_PER_SECOND_MIN, limit * CUT_FACTOR, Math.min(limit - least, fitted))
    this.#raise = least
    this.#raiseAtMs = nowMs + RAISE_AFTER_MS
    this.#cutAtMs = nowMs
  }
}

function ceilingOf(ratePerSecondMax: number | null): number {
  const ceiling = ratePerSecondMax ?? RATE_PER_SECOND_DEFAULT
  assert(Number.isFinite(ceiling) && ceiling >= RATE_PER_SECOND_MIN, 'a number sends at least one message per second')
  return ceiling
}

/** How much of its lost time a late sender may catch up. */
export const CATCH_UP_MS = 100

/**
 * Milliseconds over which one second's limit is planned: 98 % of it. The half per cent below the fence lets an echo
 * fade: messages caught up together after a stall meet a shut fence together in every second that follows.
 */
const PACE_WINDOW_MS = 1_020

/**
 * Evenly spaced departures (GCRA, the form that keeps only the time of the next one). A number that had nothing to
 * send saves nothing up; one that had, but whose sender came late, catches up at most `CATCH_UP_MS`.
 */
export class Pace {
  #readyAtMs = Number.NEGATIVE_INFINITY
  #slippedMs = 0

  /** When the next may leave; in the past: now. */
  get readyAtMs(): number {
    return this.#readyAtMs
  }

  /** Plans one departure. `waitingSinceMs` is when there was first something to send, without a gap since. */
  take(leavesAtMs: number, waitingSinceMs: number, limit: number): void {
    if (this.#readyAtMs < leavesAtMs - CATCH_UP_MS) this.#slippedMs = 0
    const slotMs = Math.max(this.#readyAtMs, leavesAtMs - CATCH_UP_MS, Math.min(waitingSinceMs, leavesAtMs))
    this.#readyAtMs = slotMs + paceMs(limit)
  }

  /**
   * One arrives so much later than it left. What follows without a gap gives way as much in all, a place at a time: else
   * it would stand together before a shut fence a second later.
   */
  slip(lateMs: number, limit: number): void {
    const slipMs = Math.min(paceMs(limit), Math.max(0, lateMs - this.#slippedMs))
    this.#slippedMs += slipMs
    this.#readyAtMs += slipMs
  }
}

/** Space between two departures at this limit. */
export function paceMs(limit: number): number {
  return PACE_WINDOW_MS / limit
}
