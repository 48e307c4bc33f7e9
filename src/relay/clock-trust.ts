import { type Clock, MINUTE_MS } from '../core/clock.ts'

/** How far the wall clock may be from the platform's, and from how the monotonic clock went since. */
const APART_MS_MAX = 5 * MINUTE_MS

/**
 * Whether the wall clock may be believed where something is gone for good by it: keys, retention. It may once a platform's
 * answer said nearly the same time, and for as long as the wall clock moves like the monotonic one from there; or where
 * the operator says so. A clock that was set back or ahead is not believed until the platform agrees again.
 */
export class ClockTrust {
  readonly #clock: Clock
  readonly #operatorTrusts: boolean
  #agreed: { epochMs: number; monoMs: number } | undefined

  constructor(clock: Clock, options: { operatorTrusts: boolean }) {
    this.#clock = clock
    this.#operatorTrusts = options.operatorTrusts
  }

  /** Takes in the `Date` of an answer of the platform. It has a second's resolution; a missing or broken one says nothing. */
  note(date: string | null): void {
    const theirsMs = date === null ? Number.NaN : Date.parse(date)
    if (!Number.isFinite(theirsMs)) return
    const epochMs = this.#clock.epochMs()
    const agrees = Math.abs(theirsMs - epochMs) <= APART_MS_MAX
    this.#agreed = agrees ? { epochMs, monoMs: this.#clock.monoMs() } : undefined
  }

  isTrusted(): boolean {
    if (this.#operatorTrusts) return true
    if (!this.#agreed) return false
    const { epochMs, monoMs } = this.#agreed
    const apartMs = this.#clock.epochMs() - epochMs - (this.#clock.monoMs() - monoMs)
    return Math.abs(apartMs) <= APART_MS_MAX
  }

  /** `fetch`, which hears what time the other side says it is. */
  readonly fetch = async (input: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(input, init)
    this.note(response.headers.get('date'))
    return response
  }
}
