import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { EventLog, LogChunk } from './event-log.ts'
import { Fifo } from './fifo.ts'
import type { FrameBody } from './frame-body.ts'
import type { RealtimeMetrics } from './metrics.ts'
import type { VisibilityGroup } from './session.ts'

/** How many read chunks stay for others who resume from the same place. */
const RECENT_CHUNKS_MAX = 4
/** A failed read is tried again after this long; the session only waits. */
const RETRY_MS = 500

interface Read {
  after: number
  waiters: ((chunk: LogChunk) => void)[]
}

/**
 * Reads of the log for sessions that are too far back for the ring: few at a time, in the order asked, and one for all
 * who want the same place, as after a restart. Bounded by the sessions, each of which waits for at most one.
 */
export class LogReads {
  readonly #deps: { clock: Clock; log: Log; eventLog: EventLog; metrics: RealtimeMetrics }
  readonly #bounds: { readsMax: number; frameEventsMax: number }
  readonly #waiting = new Fifo<Read>()
  readonly #byAfter = new Map<number, Read>()
  /** By `after`, oldest first. A chunk never changes: the log only grows. */
  readonly #recent = new Map<number, LogChunk>()
  readonly #bodies = new WeakMap<LogChunk, { group: VisibilityGroup; body: FrameBody }>()
  #runningCount = 0
  #version = 0

  constructor(
    deps: { clock: Clock; log: Log; eventLog: EventLog; metrics: RealtimeMetrics },
    bounds: { readsMax: number; frameEventsMax: number },
  ) {
    this.#deps = deps
    this.#bounds = bounds
  }

  /** Calls `done` with what follows `after`: at once if it is at hand, else later. */
  read(after: number, done: (chunk: LogChunk) => void): void {
    const recent = this.#recent.get(after)
    if (recent) return done(recent)
    const read = this.#byAfter.get(after)
    if (read) {
      read.waiters.push(done)
      return
    }
    const started: Read = { after, waiters: [done] }
    this.#byAfter.set(after, started)
    this.#waiting.push(started)
    this.#start()
  }

  /** The body of a chunk, built once while the same group asks. */
  bodyOf(chunk: LogChunk, group: VisibilityGroup, build: () => FrameBody): FrameBody {
    const known = this.#bodies.get(chunk)
    if (known && known.group === group) return known.body
    const body = build()
    this.#bodies.set(chunk, { group, body })
    return body
  }

  /** Forgets what was read: the log was replaced. */
  forget(): void {
    this.#version++
    this.#recent.clear()
    this.#byAfter.clear()
  }

  #start(): void {
    while (this.#runningCount < this.#bounds.readsMax) {
      const read = this.#waiting.shift()
      if (!read) return
      this.#runningCount++
      void this.#run(read)
    }
  }

  async #run(read: Read): Promise<void> {
    const { eventLog, log, metrics } = this.#deps
    const version = this.#version
    let chunk: LogChunk | undefined
    try {
      metrics.logRead()
      chunk = await eventLog.read(read.after, this.#bounds.frameEventsMax)
      if (chunk.upto <= read.after) throw new Error('Cannot read the event log: a read made no progress')
    } catch (error) {
      chunk = undefined
      log.error('event log could not be read for a resuming session', { error: String(error) })
    }
    this.#runningCount--
    if (chunk) this.#finish(read, chunk, version)
    else this.#tryAgain(read)
    this.#start()
  }

  #finish(read: Read, chunk: LogChunk, version: number): void {
    if (version === this.#version) this.#keep(read.after, chunk)
    if (this.#byAfter.get(read.after) === read) this.#byAfter.delete(read.after)
    for (const done of read.waiters) done(chunk)
  }

  #tryAgain(read: Read): void {
    this.#deps.clock.after(RETRY_MS, () => {
      this.#waiting.push(read)
      this.#start()
    })
  }

  #keep(after: number, chunk: LogChunk): void {
    this.#recent.set(after, chunk)
    if (this.#recent.size <= RECENT_CHUNKS_MAX) return
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest)
      return
    }
  }
}
