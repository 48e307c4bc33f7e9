/**
 * A request that has to open a connection arrives later than one that finds one open: its name, TCP and TLS are some
 * journeys more. How much later is learned from the answers. Measured with 80 ms: of 80 a second that were let go, 97
 * arrived in the first.
 */
const OPENING_MS_MAX = 150
/** Weight of one answer: soon believed where it says longer, less soon where it says shorter. */
const OPENING_STEP_UP = 1 / 2
const OPENING_STEP_DOWN = 1 / 8
/** The least time that an answer takes over an open connection is forgotten so slowly. */
const USUAL_STEP_UP = 1 / 64
/** In use at the same time in the last five to ten seconds: a connection that was idle for longer may have been closed. */
const OPEN_KNOWN_MS = 5_000

/**
 * As late as this process comes, so late may its requests leave it, for the thread that writes them waits for the same
 * processors. Measured on an overloaded machine: written up to 140 ms after `fetch` was called, while timers were 50 to
 * 140 ms late; 93 to 102 arrived in a second. The fence and the pace have room for the usual, the fence for part of more.
 */
const LAG_MS_USUAL = 25
const LAG_MS_COVERED = 15
const LAG_MS_MAX = 200
const LAG_KNOWN_MS = 2_500

/**
 * By how much a request may arrive later than it was let go, so that those behind it catch up with it on the way: the
 * fence counts it at the late end. Connections are the house's, not a number's.
 */
export class Lateness {
  readonly #open = new RecentMost(OPEN_KNOWN_MS)
  readonly #lagMs = new RecentMost(LAG_KNOWN_MS)
  #underWay = 0
  #openingMs = OPENING_MS_MAX
  /** The least that an answer over an open connection takes; 0 while none came. */
  #usualMs = 0

  /** How much later a request arrives that has to open a connection, milliseconds. */
  get openingMs(): number {
    return this.#openingMs
  }

  /** Whether a request that leaves now has to, as far as can be told. */
  opensNext(nowMs: number): boolean {
    return this.#underWay >= this.#open.at(nowMs)
  }

  /** What the whole process is late. */
  lagMs(nowMs: number): number {
    const lagMs = this.#lagMs.at(nowMs)
    return lagMs <= LAG_MS_USUAL ? 0 : Math.min(LAG_MS_MAX, lagMs) - LAG_MS_COVERED
  }

  /** A request has left. */
  left(nowMs: number): void {
    this.#underWay++
    this.#open.note(this.#underWay, nowMs)
  }

  /** There is its answer, or there will be none. */
  ended(nowMs: number): void {
    this.#open.note(this.#underWay, nowMs)
    this.#underWay--
  }

  /** How long an answer took, with a connection to be opened first or without. */
  learn(tookMs: number, isOpening: boolean): void {
    if (isOpening) {
      const moreMs = Math.min(OPENING_MS_MAX, Math.max(0, tookMs - this.#usualMs)) - this.#openingMs
      this.#openingMs += moreMs * (moreMs > 0 ? OPENING_STEP_UP : OPENING_STEP_DOWN)
    } else if (this.#usualMs === 0 || tookMs < this.#usualMs) this.#usualMs = tookMs
    else this.#usualMs += (tookMs - this.#usualMs) * USUAL_STEP_UP
  }

  /** This process came so much later than it wanted to. */
  lagged(lateMs: number, nowMs: number): void {
    this.#lagMs.note(lateMs, nowMs)
  }
}

/** The most that was noted in the last one to two spans of time; 0 if nothing was. */
class RecentMost {
  readonly #spanMs: number
  #sinceMs = Number.NEGATIVE_INFINITY
  #most = 0
  #mostBefore = 0

  constructor(spanMs: number) {
    this.#spanMs = spanMs
  }

  at(nowMs: number): number {
    const ageMs = nowMs - this.#sinceMs
    if (ageMs >= this.#spanMs) {
      this.#mostBefore = ageMs < 2 * this.#spanMs ? this.#most : 0
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
