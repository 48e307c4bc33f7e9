import { type Clock, pause } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { NewEntry } from '../journal/entry.ts'

/** How long a webhook's 200 is held back, at most, before it is refused. */
const DELAY_MS_MAX = 250
const DELAY_STEP_MS = 10
/** Batches whose application is awaited and remembered one by one; older ones are joined. */
const BATCHES_MAX = 10_000

export interface InboundDependencies {
  clock: Clock
  /** Resolves once the entry is on stable storage. */
  append(entry: NewEntry): Promise<number>
}

interface Batch {
  lastSeq: number
  sinceMs: number
}

/**
 * The first half of the inbound story: what a platform said is kept before it is answered. When the book falls behind,
 * the platform is slowed down, then told to come again: it keeps what we do not take.
 */
export class Inbound {
  readonly #deps: InboundDependencies
  #backlogMsMax: number
  #unapplied: Batch[] = []
  #awaited: { seq: number; resolve: () => void }[] = []

  constructor(deps: InboundDependencies, backlogMsMax: number) {
    this.#deps = deps
    this.#backlogMsMax = backlogMsMax
  }

  setBacklogMax(backlogMsMax: number): void {
    this.#backlogMsMax = backlogMsMax
  }

  /** Resolves, with its sequence, when the body may be answered with 200. Throws `Failure('unavailable')` where it was not kept. */
  async accept(source: string, body: Uint8Array): Promise<number> {
    if (this.lagMs() > this.#backlogMsMax) await this.#slowDown()
    return await this.#deps.append({ atMs: this.#deps.clock.epochMs(), source, body })
  }

  /** Age of the oldest journal entry that is not applied yet. */
  lagMs(): number {
    const oldest = this.#unapplied[0]
    return oldest ? this.#deps.clock.monoMs() - oldest.sinceMs : 0
  }

  noteAppended(lastSeq: number): void {
    const previous = this.#unapplied.at(-1)
    if (previous && this.#unapplied.length >= BATCHES_MAX) previous.lastSeq = lastSeq
    else this.#unapplied.push({ lastSeq, sinceMs: this.#deps.clock.monoMs() })
  }

  noteApplied(seq: number): void {
    const left = this.#unapplied.findIndex((batch) => batch.lastSeq > seq)
    this.#unapplied.splice(0, left === -1 ? this.#unapplied.length : left)
    const reached = this.#awaited.filter((awaited) => awaited.seq <= seq)
    if (reached.length === 0) return
    this.#awaited = this.#awaited.filter((awaited) => awaited.seq > seq)
    for (const { resolve } of reached) resolve()
  }

  /** Resolves once everything that was kept until now is applied. For one caller at a time. */
  caughtUp(): Promise<void> {
    const newest = this.#unapplied.at(-1)
    if (!newest) return Promise.resolve()
    return new Promise((resolve) => this.#awaited.push({ seq: newest.lastSeq, resolve }))
  }

  async #slowDown(): Promise<void> {
    const endMs = this.#deps.clock.monoMs() + DELAY_MS_MAX
    while (this.#deps.clock.monoMs() < endMs) {
      await pause(this.#deps.clock, DELAY_STEP_MS)
      if (this.lagMs() <= this.#backlogMsMax) return
    }
    throw new Failure('unavailable', 'The book is behind: send again later', { retry_after_ms: 1000 })
  }
}
