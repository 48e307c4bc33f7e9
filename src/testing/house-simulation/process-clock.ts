import type { Clock } from '../../core/clock.ts'
import { type FakeClock, firstOf, type Timer } from '../fake-clock.ts'

/**
 * The clock of one life of the process: its monotonic time begins at its start, its wall clock may have been set wrong,
 * and its timers fire as steps of the simulation, in due order but as late as chance has it. All of them die with it.
 */
export class ProcessClock implements Clock {
  readonly #world: FakeClock
  readonly #wallOffsetMs: () => number
  readonly #startedMs: number
  #timers: Timer[] = []
  #order = 0
  #isStopped = false

  constructor(world: FakeClock, wallOffsetMs: () => number) {
    this.#world = world
    this.#wallOffsetMs = wallOffsetMs
    this.#startedMs = world.monoMs()
  }

  epochMs(): number {
    return Math.floor(this.#world.epochMs() + this.#wallOffsetMs())
  }

  monoMs(): number {
    return this.#world.monoMs() - this.#startedMs
  }

  after(delayMs: number, run: () => void): () => void {
    if (this.#isStopped) return () => {}
    const timer = { dueMs: this.monoMs() + Math.max(0, delayMs), order: this.#order++, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Milliseconds until the next timer; 0 if one is due; undefined without timers. */
  nextDelayMs(): number | undefined {
    const next = firstOf(this.#timers)
    return next && Math.max(0, next.dueMs - this.monoMs())
  }

  /** Fires the timer that is due first. */
  fire(): void {
    const next = firstOf(this.#timers)
    if (!next || next.dueMs > this.monoMs()) return
    this.#timers = this.#timers.filter((other) => other !== next)
    next.run()
  }

  stop(): void {
    this.#isStopped = true
    this.#timers = []
  }
}

/** The book's own view of time: each look takes a while, so that slices end in the middle of things, as chance has it. */
export class WorkingClock implements Clock {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #lookMsMax: number
  #workedMs = 0

  constructor(clock: Clock, random: () => number, lookMsMax: number) {
    this.#clock = clock
    this.#random = random
    this.#lookMsMax = lookMsMax
  }

  epochMs(): number {
    return this.#clock.epochMs()
  }

  monoMs(): number {
    this.#workedMs += this.#random() * this.#lookMsMax
    return this.#clock.monoMs() + this.#workedMs
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#clock.after(delayMs, run)
  }
}
