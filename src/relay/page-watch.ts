import { type Clock, HOUR_MS } from '../core/clock.ts'
import { messageOf } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import type { LookAsk, LookedOver } from './look-over.ts'

/** After a start the house catches up first. */
const FIRST_MS = 60_000
const EVERY_MS = HOUR_MS
/** It has the whole hour: a disk that others use has nothing of it. */
const REST_SHARE = 4

export interface PageWatchDependencies {
  look(ask: LookAsk): Promise<LookedOver>
  clock: Clock
  log: Log
  /** Of the database. */
  path: string
  /** Where to begin: a house that starts often comes to the end all the same. */
  random(): number
  /** Told how many damaged pages are known. */
  onDamage(pages: number): void
}

/** Looks at the pages of the records, all within a day, and says which are not what was written. */
export class PageWatch {
  readonly #deps: PageWatchDependencies
  /** Until the next start, also where a page was written anew: what was in it is lost all the same. */
  readonly #damaged = new Set<number>()
  #from: number
  #cancel: (() => void) | undefined
  #isStopped = false

  constructor(deps: PageWatchDependencies) {
    this.#deps = deps
    this.#from = deps.random()
  }

  /** With what was found at the start. */
  start(damaged: readonly number[]): void {
    this.#note(damaged)
    this.#wait(FIRST_MS)
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  damagedPages(): number {
    return this.#damaged.size
  }

  #note(damaged: readonly number[]): void {
    const { log, onDamage } = this.#deps
    const before = this.#damaged.size
    for (const page of damaged) this.#damaged.add(page)
    const count = this.#damaged.size
    onDamage(count)
    if (count > before) log.error('pages of the records are damaged: restore a backup', { count })
  }

  #wait(delayMs: number): void {
    if (!this.#isStopped) this.#cancel = this.#deps.clock.after(delayMs, () => void this.#look())
  }

  async #look(): Promise<void> {
    const { look, log, path } = this.#deps
    try {
      const { damaged, learned, next } = await look({ path, from: this.#from, restShare: REST_SHARE })
      this.#from = next
      if (learned > 0) log.info('sums of pages of the records learned', { count: learned })
      this.#note(damaged)
    } catch (error) {
      log.warn('the pages of the records could not be looked at', {
        reason: messageOf(error),
      })
    }
    this.#wait(EVERY_MS)
  }
}
