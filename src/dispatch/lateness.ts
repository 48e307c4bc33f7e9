/**
 * A request that has to open a connection arrives later than one that finds one open: its name, TCP and TLS are some
 * journeys more. Measured with 80 ms more: of 80 a second that were let go, 97 arrived in the first.
 */
const OPENING_MS = 150

/**
 * As late as this process comes, so late may its requests leave it, for the thread that writes them waits for the same
 * processors. Measured on an overloaded machine: written up to 140 ms after `fetch` was called, while timers were 50 to
 * 140 ms late; 93 to 102 arrived in a second. The fence's width has room for the first of it.
 */
const LAG_MS_COVERED = 15
const LAG_MS_MAX = 200

/** What was seen in the last five to ten seconds counts: a connection that was idle for longer may have been closed. */
const REMEMBERED_MS = 5_000

/**
 * By how much a request may arrive later than it was let go, so that those behind it catch up with it on the way: the
 * fence counts it at the late end. Connections are the house's, not a number's.
 */
export class Lateness {
  readonly #open = new RecentMost()
  readonly #lagMs = new RecentMost()
  #underWay = 0

  /** Whether a request that leaves now has to open a connection, as far as can be told. */
  isOpening(nowMs: number): boolean {
    return this.#underWay >= this.#open.at(nowMs)
  }

  /** Of a request that leaves now, milliseconds. */
  ofNext(nowMs: number): number {
    const lagMs = Math.min(LAG_MS_MAX, this.#lagMs.at(nowMs))
    return (this.isOpening(nowMs) ? OPENING_MS : 0) + Math.max(0, lagMs - LAG_MS_COVERED)
  }

  /** A request has left. */
  left(nowMs: number): void {
    this.#underWay++
    this.#open.note(this.#underWay, nowMs)
  }

  /** It has its answer, or there will be none. */
  ended(nowMs: number): void {
    this.#open.note(this.#underWay, nowMs)
    this.#underWay--
  }

  /** This process came so much later than it wanted to. */
  lagged(lateMs: number, nowMs: number): void {
    this.#lagMs.note(lateMs, nowMs)
  }
}

/** The most that was noted in the last one to two times `REMEMBERED_MS`; 0 if nothing was. */
class RecentMost {
  #sinceMs = Number.NEGATIVE_INFINITY
  #most = 0
  #mostBefore = 0

  at(nowMs: number): number {
    const ageMs = nowMs - this.#sinceMs
    if (ageMs >= REMEMBERED_MS) {
      this.#mostBefore = ageMs < 2 * REMEMBERED_MS ? this.#most : 0
      this.#most = 0
      this.#sinceMs = nowMs
    }
    return Math.max(this.#most, this.#mostBefore)
  }

  note(value: number, nowMs: number): void {
    this.at(nowMs)
    this.#most = Math.max(this.#most, value)
  }
}
