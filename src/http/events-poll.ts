import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Principal } from '../core/principal.ts'
import { maySee } from '../people/may-see.ts'
import type { EventLog, LogEvent } from '../realtime/event-log.ts'
import { changedAt } from '../realtime/event-ring.ts'

/** Requests that may wait for news at once. */
const WAITING_MAX = 1000
/** Events read at once where the caller may see none of those before: the log gives way within a long read, not between short ones. */
const SPAN_EVENTS = 500

/** Who may see what of the events, and how it is told them. */
export interface EventViewers {
  /** What somebody is now, after a change of rights; undefined: nothing any more. */
  renewed(principal: Principal): Principal | undefined
  /** Whether somebody may go on after a change of rights, or has to begin anew, or may see nothing any more. */
  renew(principal: Principal): Principal | 'rights' | 'forbidden'
  /** What a change of rights is to somebody; null: nothing. */
  changeText(principal: Principal, event: LogEvent): string | null
}

export interface EventsAsk {
  after: number | null
  epoch: string | null
  limit: number
  waitMs: number
  signal: AbortSignal
}

interface Read {
  texts: string[]
  upto: number
  principal: Principal
}

/** `GET /api/v1/events`: what the socket would show, for programs that would rather ask. */
export class EventsPoll {
  readonly #events: EventLog
  readonly #clock: Clock
  readonly #viewers: EventViewers
  #waiting = new Map<() => void, Principal>()
  /** Whose wait ends with a change of rights, and how. */
  readonly #ended = new WeakMap<() => void, 'rights' | 'forbidden'>()
  #stopped = false

  constructor(events: EventLog, clock: Clock, viewers: EventViewers) {
    this.#events = events
    this.#clock = clock
    this.#viewers = viewers
  }

  /** To be called after each commit. */
  wake(): void {
    const waiting = this.#waiting
    if (waiting.size === 0) return
    this.#waiting = new Map()
    for (const resume of waiting.keys()) resume()
  }

  /** These may see nothing any more: whoever of them waits is refused. */
  withdraw(concerns: (viewer: Principal) => boolean): void {
    this.#end((viewer) => (concerns(viewer) ? 'forbidden' : null))
  }

  /** These may do or see otherwise: whoever must begin anew is answered with nothing, and asks again as what they are now. */
  renew(concerns: (viewer: Principal) => boolean): void {
    this.#end((viewer) => {
      const after = concerns(viewer) ? this.#viewers.renew(viewer) : viewer
      return typeof after === 'string' ? after : null
    })
  }

  #end(how: (viewer: Principal) => 'rights' | 'forbidden' | null): void {
    for (const [resume, viewer] of [...this.#waiting]) {
      const end = how(viewer)
      if (end === null) continue
      this.#ended.set(resume, end)
      resume()
    }
  }

  /** The house ends: whoever waits is answered with what there is, so that no connection has to be cut. */
  stop(): void {
    this.#stopped = true
    this.wake()
  }

  /** The answer as JSON text: events are encoded once, where they are read. */
  async answer(ask: EventsAsk, principal: Principal): Promise<string> {
    const head = this.#events.head()
    const oldest = this.#events.oldest()
    const gone = { head, oldest, epoch: this.#events.epoch() }
    const after = ask.after ?? head
    if (ask.epoch !== null && ask.epoch !== gone.epoch) {
      throw new Failure('offset_gone', 'The offset is of another epoch: load the lists anew', gone)
    }
    // 0 stands for the oldest that is kept.
    if (after > head || (after > 0 && after < oldest - 1)) {
      throw new Failure('offset_gone', 'The offset is not kept any more: load the lists anew', gone)
    }
    const { expiresAtMs } = principal
    const leftMs = () => (expiresAtMs ?? Number.POSITIVE_INFINITY) - this.#clock.epochMs()
    const endMs = this.#clock.monoMs() + Math.min(ask.waitMs, leftMs())
    let read = await this.#read(after, ask, principal)
    // Answered with nothing, they would ask again at once, for as long as the house takes to end.
    if (this.#stopped && ask.waitMs > 0 && read.texts.length === 0) {
      throw new Failure('unavailable', 'The server is stopping', { retry_after_ms: 1000 })
    }
    while (read.texts.length === 0 && this.#clock.monoMs() < endMs && !ask.signal.aborted && !this.#stopped) {
      if ((await this.#news(endMs - this.#clock.monoMs(), ask.signal, read.principal)) === 'rights') break
      if (leftMs() <= 0) throw new Failure('unauthorized', 'What you came in with has expired')
      read = await this.#read(read.upto, ask, read.principal)
    }
    return `{"events":[${read.texts.join(',')}],"upto":${read.upto},"head":${this.#events.head()},"epoch":${JSON.stringify(gone.epoch)}}`
  }

  /** Reads on over what this caller may not see, so that an empty answer means no news. */
  async #read(after: number, { limit, signal }: EventsAsk, asked: Principal): Promise<Read> {
    let from = after
    let principal = asked
    for (let span = limit; ; span = Math.max(limit, SPAN_EVENTS)) {
      const { events, upto } = await this.#events.read(from, span)
      principal = this.#asOf(changedAt({ events }), principal)
      const seen: { offset: number; text: string }[] = []
      for (const event of events) {
        const text = this.#textOf(principal, event)
        if (text !== null) seen.push({ offset: event.offset, text })
      }
      const isOver = events.length < span || signal.aborted || this.#stopped
      if (seen.length > 0 || isOver) {
        const shown = seen.slice(0, limit)
        const last = seen.length > limit ? shown.at(-1) : undefined
        return { texts: shown.map(({ text }) => text), upto: last?.offset ?? upto, principal }
      }
      from = upto
    }
  }

  /** Whoever was resolved before a change of rights is looked at anew. */
  #asOf(changedAt: number, principal: Principal): Principal {
    if (!principal.before || principal.before.asOf >= changedAt) return principal
    const renewed = this.#viewers.renewed(principal)
    if (!renewed) throw new Failure('unauthorized', 'You may not see anything here any more')
    return renewed
  }

  #textOf(principal: Principal, event: LogEvent): string | null {
    if (!maySee(principal, event)) return null
    return event.change === undefined ? event.json : this.#viewers.changeText(principal, event)
  }

  #news(delayMs: number, signal: AbortSignal, viewer: Principal): Promise<'rights' | undefined> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new Failure('unavailable', 'Too many requests wait for events: use the socket', { retry_after_ms: 1000 })
    }
    return new Promise((resolve, reject) => {
      const done = () => {
        cancel()
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        const end = this.#ended.get(done)
        if (end === 'forbidden') reject(new Failure('unauthorized', 'You may not see anything here any more'))
        else resolve(end)
      }
      const cancel = this.#clock.after(delayMs, done)
      this.#waiting.set(done, viewer)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
