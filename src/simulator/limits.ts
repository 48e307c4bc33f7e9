/**
 * Counts events in any sliding second, exactly: every event's time is kept until it is a second old. A second is
 * half-open, so events at 0 and at 1000 ms are not in the same one. The fullest sliding second always ends at an
 * event, so looking after each event finds the true maximum.
 */
class SlidingSecond {
  #times = new Float64Array(256)
  #start = 0
  #size = 0
  #most = 0
  #total = 0
  #forgotten = 0

  /** Events of the last second. */
  count(nowMs: number): number {
    while (this.#size > 0 && (this.#times[this.#start] ?? 0) <= nowMs - SECOND_MS) {
      this.#start = (this.#start + 1) % this.#times.length
      this.#size -= 1
    }
    return this.#size
  }

  /** Notes an event and answers how many the last second now has. */
  add(nowMs: number): number {
    this.count(nowMs)
    if (this.#size === this.#times.length) this.#makeRoom()
    this.#times[(this.#start + this.#size) % this.#times.length] = nowMs
    this.#size += 1
    this.#total += 1
    if (this.#size > this.#most) this.#most = this.#size
    return this.#size
  }

  /** The most events that were ever in one sliding second. */
  get most(): number {
    return this.#most
  }

  /** Events since the start, or since the last reset. */
  get total(): number {
    return this.#total
  }

  /** Events that had to be forgotten before their second was over; the counts are exact while this is 0. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Forgets the maximum and the total, not the running second. */
  reset(nowMs: number): void {
    this.#most = this.count(nowMs)
    this.#total = 0
  }

  #makeRoom(): void {
    if (this.#times.length >= TIMES_MAX) {
      this.#start = (this.#start + 1) % this.#times.length
      this.#size -= 1
      this.#forgotten += 1
      return
    }
    const larger = new Float64Array(this.#times.length * 2)
    for (let index = 0; index < this.#size; index++) {
      larger[index] = this.#times[(this.#start + index) % this.#times.length] ?? 0
    }
    this.#times = larger
    this.#start = 0
  }
}

const SECOND_MS = 1000

/** 262,144 events a second on one number: more than one process can take. */
const TIMES_MAX = 2 ** 18

/** What happened on one number, each kind counted in any sliding second. */
export class NumberMeter {
  /** Sends that arrived, whatever became of them; marking as read is no message. */
  readonly attempted = new SlidingSecond()
  /** Sends that were carried out. */
  readonly executed = new SlidingSecond()
  /** Messages of customers. */
  readonly inbound = new SlidingSecond()
  /** Carried-out sends and messages of customers together: what the platform's limit counts. */
  readonly counted = new SlidingSecond()

  /** The meter as the control API shows it. */
  show(nowMs: number): Record<string, unknown> {
    const each = (pick: (second: SlidingSecond) => number) => ({
      attempted: pick(this.attempted),
      executed: pick(this.executed),
      inbound: pick(this.inbound),
      counted: pick(this.counted),
    })
    return {
      max_in_any_second: each((second) => second.most),
      last_second: each((second) => second.count(nowMs)),
      total: each((second) => second.total),
      forgotten: each((second) => second.forgotten),
    }
  }

  /** Forgets the maxima and totals. */
  reset(nowMs: number): void {
    for (const second of [this.attempted, this.executed, this.inbound, this.counted]) second.reset(nowMs)
  }
}

/** Pairs kept; the one that was charged longest ago goes first. */
const PAIRS_MAX = 200_000

/**
 * The platform's rule: to one person one message in 6 seconds, of which 45 may be borrowed at once. Kept for each
 * pair as the moment at which its whole burst is back.
 */
export class PairLimit {
  #fullAtMs = new Map<string, number>()
  #forgotten = 0

  /** Whether a message may go to this pair now; it is charged only if so. */
  take(pair: string, nowMs: number, rule: { burst: number; intervalMs: number }): boolean {
    if (rule.burst === 0) return true
    const fullAtMs = Math.max(nowMs, this.#fullAtMs.get(pair) ?? 0)
    if (fullAtMs - nowMs > (rule.burst - 1) * rule.intervalMs) return false
    this.#fullAtMs.delete(pair)
    this.#fullAtMs.set(pair, fullAtMs + rule.intervalMs)
    if (this.#fullAtMs.size > PAIRS_MAX) this.#forgetOldest(nowMs)
    return true
  }

  /** Pairs kept now, and those forgotten before their burst was back. */
  get counts(): { kept: number; forgotten: number } {
    return { kept: this.#fullAtMs.size, forgotten: this.#forgotten }
  }

  #forgetOldest(nowMs: number): void {
    for (const [pair, fullAtMs] of this.#fullAtMs) {
      this.#fullAtMs.delete(pair)
      if (fullAtMs > nowMs) this.#forgotten += 1
      return
    }
  }
}
