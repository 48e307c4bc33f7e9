/**
 * Width of the fence's window. The platform counts arrivals in a second of its own, and the road shortens the space
 * between two requests: at 80 a second an exact 1,000 ms fence showed up to 85 at the receiver, this one at most 80.
 */
export const FENCE_WINDOW_MS = 1_015

/** Room of a new ring; it doubles when needed, up to what `limit` sends and three quarters of it inbound take. */
const RING_LENGTH_START = 16

/**
 * The exact record of what a number sent in the last window, and the last check before a request: it is charged
 * immediately before the first byte leaves, whatever was planned and however late the sender comes. What may be late
 * on its way is counted as of the latest that it may arrive.
 */
export class Fence {
  #times = new Float64Array(RING_LENGTH_START)
  #start = 0
  #size = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /** 0 = go now, and it is counted, `lateMs` from now; else how many milliseconds to wait before asking again. */
  charge(limit: number, nowMs: number, lateMs = 0): number {
    const atMs = this.#advance(nowMs)
    const waitMs = this.openAtMs(limit) - atMs
    if (waitMs > 0) return waitMs
    this.#insert(atMs + lateMs)
    return 0
  }

  /** Counts something that has happened and cannot be refused. */
  record(nowMs: number): void {
    this.#insert(this.#advance(nowMs))
  }

  /** When there is a place; a time in the past, or -Infinity, means now. */
  openAtMs(limit: number): number {
    if (this.#size < limit) return Number.NEGATIVE_INFINITY
    return this.#at(this.#size - limit) + FENCE_WINDOW_MS
  }

  /** How many are in the window that ends now. */
  count(nowMs: number): number {
    this.#advance(nowMs)
    return this.#size
  }

  /** Forgets what has left the window. Time that seems to go back stands still, so the ring stays sorted. */
  #advance(nowMs: number): number {
    const atMs = Math.max(nowMs, this.#lastMs)
    this.#lastMs = atMs
    while (this.#size > 0 && this.#at(0) + FENCE_WINDOW_MS <= atMs) {
      this.#start = (this.#start + 1) & (this.#times.length - 1)
      this.#size--
    }
    return atMs
  }

  /** The latest is nearly always the last. */
  #insert(atMs: number): void {
    if (this.#size === this.#times.length) this.#grow()
    let index = this.#size++
    for (; index > 0 && this.#at(index - 1) > atMs; index--) this.#set(index, this.#at(index - 1))
    this.#set(index, atMs)
  }

  #set(index: number, atMs: number): void {
    this.#times[(this.#start + index) & (this.#times.length - 1)] = atMs
  }

  #at(index: number): number {
    return this.#times[(this.#start + index) & (this.#times.length - 1)] ?? 0
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    for (let index = 0; index < this.#size; index++) times[index] = this.#at(index)
    this.#times = times
    this.#start = 0
  }
}
