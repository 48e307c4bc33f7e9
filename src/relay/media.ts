import type { Clock } from '../core/clock.ts'
import { pause } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { RecordTime } from '../core/record-time.ts'
import type { Ask } from '../records/inputs.ts'
import { type FetchOutcome, forgetRemoved, purgeMedia, recordFetch } from '../records/media.ts'
import type { FetchTask, MediaReader } from '../records/media-reader.ts'
import type { Wake } from '../records/tx.ts'
import type { MediaFetch } from './media-fetch.ts'
import { type MediaFolder, thumbnailName } from './media-folder.ts'

/** Files that are fetched at once. */
const FETCHES_MAX = 4
/** The longest sleep: the wall clock may be set while we sleep. */
const SLEEP_MS_MAX = 60_000
/** Pause before the book is asked again that could not take something, such as on a full disk. */
const UNAVAILABLE_MS = 1000
const AFTER_FAILURE_MS = 5000
/** Pause before it is looked again whether there is room. */
const NO_ROOM_MS = 10_000
const REMOVALS_MAX = 100
/** Pause before files are removed that could not be: on a disk that is read-only, say. */
const REMOVE_AGAIN_MS = 60_000

export interface MediaDependencies {
  clock: Clock
  time: RecordTime
  log: Log
  ask: Ask
  reader: MediaReader
  folder: MediaFolder
  fetcher: Pick<MediaFetch, 'fetch'>
  /** How long files are kept; null: for ever. */
  keepMs: () => number | null
  /** Whether there is room for more files; without it they stay owed. */
  hasRoom?(): boolean
  /** What became of an attempt, for the metrics. */
  ended(outcome: FetchOutcome['kind']): void
}

/**
 * Fetches the files of messages after they were shown. What is owed are rows; in memory is only what is being fetched
 * now, and everything that is learned goes to the book.
 */
export class Media {
  readonly #deps: MediaDependencies
  readonly #fetching = new Map<number, Promise<void>>()
  readonly #stop = new AbortController()
  #cancelTimer: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #removing: Promise<void> | undefined
  #started = false

  constructor(deps: MediaDependencies) {
    this.#deps = deps
  }

  /** Puts the folder in order, then takes up what is owed. */
  async start(): Promise<void> {
    await this.#deps.folder.settle()
    this.#started = true
    this.#pump()
    this.#remove()
  }

  hear(wakes: readonly Wake[]): void {
    if (!this.#started || !wakes.some(({ kind }) => kind === 'media')) return
    this.#pump()
    this.#remove()
  }

  /** Ends what is under way; it is still owed. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#cancelTimer?.()
    this.#cancelRetry?.()
    await Promise.all([...this.#fetching.values(), this.#removing])
  }

  /** Removes what is kept no longer. */
  async keepHouse(): Promise<void> {
    const { ask, clock } = this.#deps
    const keepMs = this.#deps.keepMs()
    if (keepMs === null) return
    while (!this.#stop.signal.aborted && (await ask(purgeMedia, { beforeMs: clock.epochMs() - keepMs })).purged > 0);
  }

  #pump(): void {
    if (!this.#started || this.#stop.signal.aborted) return
    const { clock, time, reader, hasRoom } = this.#deps
    if (hasRoom && !hasRoom()) {
      this.#cancelTimer?.()
      this.#cancelTimer = clock.after(NO_ROOM_MS, () => this.#pump())
      return
    }
    const free = FETCHES_MAX - this.#fetching.size
    if (free <= 0) return
    const nowMs = time.nowMs()
    const due = reader.due(nowMs, FETCHES_MAX).filter(({ mediaId }) => !this.#fetching.has(mediaId))
    for (const task of due.slice(0, free)) this.#begin(task)
    this.#cancelTimer?.()
    const nextMs = reader.nextDueAtMs(nowMs)
    const sleepMs = nextMs === undefined ? SLEEP_MS_MAX : Math.min(SLEEP_MS_MAX, time.untilMs(nextMs))
    this.#cancelTimer = clock.after(sleepMs, () => this.#pump())
  }

  #begin(task: FetchTask): void {
    const done = this.#fetch(task)
      .catch((error: unknown) => {
        this.#deps.log.error('fetching failed', { error: error instanceof Error ? error.name : 'unknown' })
        // It is still due: without a pause it would be tried again at once.
        return pause(this.#deps.clock, AFTER_FAILURE_MS, this.#stop.signal)
      })
      .then(() => {
        this.#fetching.delete(task.mediaId)
        this.#pump()
      })
    this.#fetching.set(task.mediaId, done)
  }

  async #fetch(task: FetchTask): Promise<void> {
    const { clock, log, folder, fetcher, ended } = this.#deps
    const startedMs = clock.monoMs()
    const outcome = await fetcher.fetch(task, this.#stop.signal)
    if (this.#stop.signal.aborted && outcome.kind === 'later') return
    await this.#record(task, outcome)
    crashPoint('media.recorded')
    if (outcome.kind === 'ready') {
      // The row names it by now; if it does not, because the person was erased meanwhile, it is thrown away here.
      await folder.place(outcome.file)
      if (outcome.hasThumbnail) await folder.place(thumbnailName(outcome.file))
    }
    ended(outcome.kind)
    const fields = {
      message: showId('message', task.messageId),
      outcome: outcome.kind,
      ms: Math.round(clock.monoMs() - startedMs),
      attempt: task.attempt,
    }
    if (outcome.kind === 'ready') log.info('file fetched', fields)
    else log.warn('file not fetched', { ...fields, reason: outcome.reason })
  }

  /** What was learned is insisted on until the book has taken it, or the house closes and it is learned again. */
  async #record(task: FetchTask, outcome: FetchOutcome): Promise<void> {
    const { ask, clock } = this.#deps
    for (;;) {
      try {
        await ask(recordFetch, { mediaId: task.mediaId, attempt: task.attempt, outcome })
        return
      } catch (error) {
        const isBusy = error instanceof Failure && error.code === 'unavailable'
        if (!isBusy || this.#stop.signal.aborted) throw error
        await pause(clock, UNAVAILABLE_MS, this.#stop.signal)
      }
    }
  }

  /** One removal at a time; what is owed meanwhile is found at its end, and what could not be removed is tried again. */
  #remove(): void {
    this.#removing ??= this.#removeAll()
      .catch((error: unknown) => {
        const { log, clock } = this.#deps
        log.error('removing files failed, it will be tried again', codeOf(error))
        this.#cancelRetry?.()
        if (!this.#stop.signal.aborted) this.#cancelRetry = clock.after(REMOVE_AGAIN_MS, () => this.#remove())
      })
      .then(() => {
        this.#removing = undefined
      })
  }

  /** A file that cannot be removed keeps no other one. */
  async #removeAll(): Promise<void> {
    const { reader, folder, ask } = this.#deps
    for (;;) {
      const files = this.#stop.signal.aborted ? [] : reader.removals(REMOVALS_MAX)
      if (files.length === 0) return
      const ends = await Promise.allSettled(files.map((file) => folder.remove(file)))
      await ask(forgetRemoved, { files: files.filter((_, index) => ends[index]?.status === 'fulfilled') })
      const failed = ends.find((end) => end.status === 'rejected')
      if (failed) throw failed.reason
    }
  }
}

function codeOf(error: unknown): { code?: string; error: string } {
  if (!(error instanceof Error)) return { error: 'unknown' }
  return { error: error.name, ...('code' in error ? { code: String(error.code) } : {}) }
}
