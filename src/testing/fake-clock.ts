import type { Clock } from '../core/clock.ts'

/** What a clock under a test's hand runs, and when: milliseconds of its monotonic time. */
export interface Timer {
  dueMs: number
  order: number
  run: () => void
}

/** A clock that moves only when told to. Timers fire in due order, then in the order they were set. */
export class FakeClock implements Clock {
  #nowMs: number
  #monoMs = 0
  #timers: Timer[] = []
  #order = 0

  constructor(startMs = Date.UTC(2026, 10, 22, 9, 0, 0)) {
    this.#nowMs = startMs
  }

  epochMs(): number {
    return this.#nowMs
  }

  monoMs(): number {
    return this.#monoMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#monoMs + Math.max(0, delayMs), order: this.#order++, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** When the next timer is due, in milliseconds from now; undefined if none is set. */
  nextDelayMs(): number | undefined {
    const next = firstOf(this.#timers)
    return next && Math.max(0, next.dueMs - this.#monoMs)
  }

  /** Moves time on and fires, in order, what is due on the way. */
  advance(byMs: number): void {
    const endMs = this.#monoMs + byMs
    for (;;) {
      const next = firstOf(this.#timers)
      if (!next || next.dueMs > endMs) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#move(next.dueMs)
      next.run()
    }
    this.#move(endMs)
  }

  /** Moves only the wall clock, as a bad time server does. */
  jump(byMs: number): void {
    this.#nowMs += byMs
  }

  /** Forgets all timers: what a process's death does to them. */
  dropTimers(): void {
    this.#timers = []
  }

  #move(toMonoMs: number): void {
    this.#nowMs += Math.max(0, toMonoMs - this.#monoMs)
    this.#monoMs = Math.max(this.#monoMs, toMonoMs)
  }
}

/** The timer that is due first; of several, the one that was set first. */
export function firstOf(timers: readonly Timer[]): Timer | undefined {
  let first: Timer | undefined
  for (const timer of timers) {
    if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) first = timer
  }
  return first
}
