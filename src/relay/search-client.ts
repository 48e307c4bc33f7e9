import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { Failure, failureFrom } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { SearchAsk } from '../records/search.ts'
import { Thread } from '../storage/thread.ts'
import type { Watched } from '../storage/watchdog.ts'
import type { OpenSearch, SearchAnswers, SearchErasure, SearchNotice, SearchState } from './search-thread.ts'

/** Searches that may wait for the thread. */
const WAITING_MAX = 100
/** After commits the thread is woken at most this often: what comes in meanwhile is taken in together. */
const WAKE_MS = 200
/** Beyond this age of the oldest entry that is not applied, the processor is for the book. */
const LAG_MS_MAX = 100
/** Work without a pause that is too much: making a large index anew begins with emptying it in one go. */
const HANG_WORK_MS = 60_000

export interface SearchClientOptions {
  /** The program of the thread. */
  thread: URL
  clock: Clock
  log: Log
  onSearch(seconds: number): void
}

/**
 * The main thread's side of the search. The index is made from the records and can be made anew at any time, so nothing
 * that happens to it ends the process: searches are refused, and everything else goes on.
 */
export class SearchClient {
  readonly #options: SearchClientOptions
  readonly #thread: Thread<SearchAnswers>
  #waiting = 0
  #isPaused = false
  #cancelWake: (() => void) | undefined
  #state: SearchState = { behind: 0, isComplete: false }
  #isOpen = false
  #hasFailed = false

  constructor(options: SearchClientOptions) {
    this.#options = options
    this.#thread = new Thread<SearchAnswers>(new Worker(options.thread), {
      onNotice: (notice) => this.#hear(notice as SearchNotice),
      onFailure: (error) => this.#fail(error),
    })
  }

  /** Where it cannot be opened, that is logged, and searches are refused. */
  async open(ask: OpenSearch): Promise<void> {
    try {
      await this.#thread.ask('open', ask)
      this.#isOpen = true
    } catch (error) {
      this.#fail(error)
      this.#thread.tell('close')
    }
  }

  /** The answer as JSON text. Throws the `Failure` that refused it. */
  async search(ask: SearchAsk, principal: Principal): Promise<string> {
    const { clock, onSearch } = this.#options
    this.#require()
    if (this.#waiting >= WAITING_MAX) {
      throw new Failure('rate_limited', 'Too many searches at once: try again in a moment', { retry_after_ms: 1000 })
    }
    this.#waiting++
    const startedMs = clock.monoMs()
    try {
      const answer = await this.#answered(() => this.#thread.ask('search', { ask, principal }))
      if ('failure' in answer) throw failureFrom(answer.failure)
      return answer.text
    } finally {
      this.#waiting--
      onSearch((clock.monoMs() - startedMs) / 1000)
    }
  }

  /** After a commit: there may be something to take in, unless the book itself is behind. */
  hear(lagMs: number): void {
    if (!this.#isOpen || this.#hasFailed) return
    if (lagMs > LAG_MS_MAX) {
      if (!this.#isPaused) this.#thread.tell('rest')
      this.#isPaused = true
      this.#cancelWake?.()
      this.#cancelWake = undefined
      return
    }
    this.#cancelWake ??= this.#options.clock.after(WAKE_MS, () => {
      this.#cancelWake = undefined
      this.#isPaused = false
      this.#thread.tell('wake')
    })
  }

  state(): SearchState {
    return this.#state
  }

  /** A thread that hangs is left alone, and searches are refused. */
  watched(): Watched {
    return {
      name: 'search',
      ping: () => (this.#hasFailed ? Promise.reject(unavailable()) : this.#thread.ping()),
      onHang: (error) => this.#fail(error),
      hangWorkMs: HANG_WORK_MS,
    }
  }

  /** Makes the index anew, in the background. */
  async rebuild(): Promise<void> {
    await this.#answered(() => this.#thread.ask('rebuild'))
  }

  /** Takes the rows of a person out. What the file still holds of their terms goes with the next whole merge. */
  async erasePerson(what: SearchErasure): Promise<void> {
    await this.#answered(() => this.#thread.ask('erase', what))
  }

  /** The whole merge, as the night does it: afterwards no term is left of what was erased. Takes minutes with millions of messages. */
  async merge(): Promise<void> {
    await this.#answered(() => this.#thread.ask('merge'))
  }

  /** The master key is about to be changed: from then on keys may be wrapped by this one too. */
  async learnMaster(next: Uint8Array): Promise<void> {
    if (!this.#hasFailed && this.#isOpen) await this.#answered(() => this.#thread.ask('learnMaster', next))
  }

  async close(): Promise<void> {
    this.#cancelWake?.()
    if (this.#hasFailed || !this.#isOpen) return
    await this.#thread.ask('close').catch(() => {})
    if (!this.#hasFailed) await this.#thread.closed()
  }

  async #answered<T>(ask: () => Promise<T>): Promise<T> {
    this.#require()
    try {
      return await ask()
    } catch (error) {
      this.#note(error)
      throw unavailable()
    }
  }

  #require(): void {
    if (this.#hasFailed || !this.#isOpen) throw unavailable()
  }

  #hear(notice: SearchNotice): void {
    if (notice.kind === 'state') this.#state = notice.state
    else if (notice.kind === 'damaged') this.#options.log.warn('the search index was damaged: it is made anew')
    else this.#note(notice.fault)
  }

  #note(fault: unknown): void {
    this.#options.log.error('search failed', {
      error: fault instanceof Error ? fault.name : String(fault).slice(0, 50),
    })
  }

  #fail(error: unknown): void {
    this.#hasFailed = true
    this.#cancelWake?.()
    this.#options.log.error('there is no search until the next start', {
      error: error instanceof Error ? error.name : String(error).slice(0, 50),
    })
  }
}

/** Where nobody has the folder open: the index is no record, and the next start makes it anew from what is left. */
export function removeSearchIndex(folder: string): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(join(folder, `search.db${ending}`), { force: true })
}

function unavailable(): Failure {
  return new Failure('unavailable', 'The search is out of order: try again later')
}
