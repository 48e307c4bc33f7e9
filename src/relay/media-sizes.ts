import type { Clock } from '../core/clock.ts'
import { pause } from '../core/clock.ts'

/** Rows of one read: a millisecond, or ten where nothing of them is in memory. */
const ROWS_MAX = 100
/** Reads of one look, so that a million files take minutes and nobody waits. */
const READS_MAX = 40
const PAUSE_MS = 10
/** How long a whole count holds before the next is begun. What comes meanwhile is added. */
const WHOLE_HOLDS_MS = 60_000

/** How much room the files of messages take, counted by their rows little by little. Thumbnails are not counted. */
export class MediaSizes {
  readonly #clock: Clock
  readonly #read: (after: string, limit: number) => { last: string | null; bytes: number }
  #after = ''
  #counted = 0
  #bytes = 0
  #wholeAtMs: number | undefined

  constructor(clock: Clock, read: (after: string, limit: number) => { last: string | null; bytes: number }) {
    this.#clock = clock
    this.#read = read
  }

  /** A file has come. */
  add(bytes: number): void {
    this.#bytes += bytes
  }

  /** Counts a little further and answers what is known. */
  async look(): Promise<number> {
    if (this.#wholeAtMs !== undefined && this.#clock.monoMs() - this.#wholeAtMs < WHOLE_HOLDS_MS) return this.#bytes
    for (let reads = 0; reads < READS_MAX; reads++) {
      const { last, bytes } = this.#read(this.#after, ROWS_MAX)
      this.#counted += bytes
      this.#after = last ?? ''
      if (last === null) {
        this.#bytes = this.#counted
        this.#counted = 0
        this.#wholeAtMs = this.#clock.monoMs()
        break
      }
      await pause(this.#clock, PAUSE_MS)
    }
    // The first count is not whole yet: what it has come to is the least that is there.
    this.#bytes = Math.max(this.#bytes, this.#counted)
    return this.#bytes
  }
}
