import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { RealtimeBounds } from './bounds.ts'
import type { EventLog, LogChunk, LogEvent, MaySee, Viewer } from './event-log.ts'
import type { Span } from './event-ring.ts'
import { changedAt, EventRing } from './event-ring.ts'
import { Fifo } from './fifo.ts'
import type { FrameBody } from './frame-body.ts'
import { buildBody, frameOf } from './frame-body.ts'
import { LogReads } from './log-reads.ts'
import type { RealtimeMetrics } from './metrics.ts'
import type { Session, VisibilityGroup } from './session.ts'
import { sendText } from './session.ts'

export interface DeliveryDeps {
  clock: Clock
  log: Log
  eventLog: EventLog
  maySee: MaySee
  textOf: (viewer: Viewer, event: LogEvent) => string | null
  metrics: RealtimeMetrics
  /** Runs a function in a later turn of the loop, after input and output had theirs. */
  laterTurn: (run: () => void) => void
}

export interface DeliveryHooks {
  /** The log no longer holds what follows the session's cursor. */
  onGone: (session: Session) => void
  /** Asks anew what the session's viewer may; false where the socket had to be closed. */
  renew: (session: Session) => boolean
}

/** A flush of so few events gains nothing by waiting longer for the next. */
const FEW_EVENTS = 2

/** How long to wait after a failed read of the log, by the number of failures in a row. */
function retryDelayMs(failureCount: number): number {
  return Math.min(5_000, 100 * 2 ** Math.min(failureCount, 10))
}

/**
 * Brings events to sessions. There is one path: a session has a cursor, and being served means getting one frame from
 * there, out of the ring or, when it is too far back, out of the log. A new event queues everybody who is up to date;
 * a subscription or an emptied socket queues its session; whoever is still behind after its frame queues again, last.
 */
export class Delivery {
  readonly #deps: DeliveryDeps
  readonly #bounds: RealtimeBounds
  readonly #hooks: DeliveryHooks
  readonly #reads: LogReads
  readonly #subscribed = new Set<Session>()
  readonly #due = new Fifo<Session>()
  /** Groups that hold a built body until the queue is empty. */
  readonly #built = new Set<VisibilityGroup>()
  #ring: EventRing | null = null
  #ringVersion = 0
  #serving = false
  #servingSoon = false
  #servedCount = 0
  #pushedCount = 0
  /** Who waits until the queue, as it was at some moment, has been served. */
  #passes: { servedCount: number; resolve: () => void }[] = []
  #pumping = false
  #cancelFlush: (() => void) | null = null
  #flushedMs = Number.NEGATIVE_INFINITY
  /** New events that the last flush brought. */
  #flushedEvents = 0
  /** Time spent on sockets since the last flush began. */
  #servedMs = 0
  /** When the first commit was announced that no flush covers yet. */
  #wokenMs: number | null = null
  #failureCount = 0
  #deliveredEvents = 0
  #deliveredFrames = 0

  constructor(deps: DeliveryDeps, bounds: RealtimeBounds, hooks: DeliveryHooks) {
    this.#deps = deps
    this.#bounds = bounds
    this.#hooks = hooks
    this.#reads = new LogReads(deps, bounds)
  }

  get subscribedCount(): number {
    return this.#subscribed.size
  }

  get ringEvents(): number {
    return this.#ring?.size ?? 0
  }

  /** Gives a session a position. `toldAfter` is what the client asked for: 0 stays 0 where the oldest kept is later. */
  subscribe(session: Session, cursor: number, toldAfter: number): void {
    session.subscriptionCount++
    session.subscribed = true
    session.cursor = cursor
    session.toldUpto = toldAfter
    session.live = false
    session.chunk = null
    if (this.#subscribed.size === 0) {
      this.#openRing()
      this.#wokenMs = null
    }
    this.#subscribed.add(session)
    this.#queueSoon(session)
    if (this.#deps.eventLog.head() > (this.#ring?.upto ?? 0)) this.#flushWhenDue()
  }

  /** Takes a session's position away; it gets no more events. */
  unsubscribe(session: Session): void {
    session.subscribed = false
    session.chunk = null
    session.subscriptionCount++
    this.#subscribed.delete(session)
  }

  /** Serves a session again whose socket was blocked, or that is to be looked at anew. */
  resume(session: Session): void {
    if (session.subscribed) this.#queueSoon(session)
  }

  /** The book has committed. */
  wake(): void {
    if (this.#subscribed.size === 0) return
    this.#wokenMs ??= this.#deps.clock.monoMs()
    this.#flushWhenDue()
  }

  /** Forgets what is in memory: the log was replaced. */
  reset(): void {
    for (const session of this.#subscribed) this.unsubscribe(session)
    this.#reads.forget()
    this.stop()
    this.#flushedMs = Number.NEGATIVE_INFINITY
    this.#ring = null
    this.#ringVersion++
  }

  /** Events that were told are told otherwise from now on: what is in memory of them is read anew when it is needed. */
  forget(): void {
    this.#reads.forget()
    this.#forgetBodies()
    for (const session of this.#subscribed) session.chunk = null
    if (!this.#ring) return
    this.#ring = new EventRing(this.#ring.upto, this.#bounds)
    this.#ringVersion++
  }

  /** Stops timers. */
  stop(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = null
  }

  /** The first subscription finds a ring that begins a little below the head, or one that is not far behind it. */
  #openRing(): void {
    const { eventLog } = this.#deps
    const head = eventLog.head()
    if (this.#ring && head - this.#ring.upto <= this.#bounds.warmOffsets) return
    const oldestAfter = Math.max(0, eventLog.oldest() - 1)
    const after = Math.min(head, Math.max(oldestAfter, head - this.#bounds.warmOffsets))
    this.#ring = new EventRing(after, this.#bounds)
    this.#ringVersion++
  }

  #flushWhenDue(): void {
    if (this.#pumping || this.#cancelFlush || this.#subscribed.size === 0) return
    const waitMs = this.#flushedMs + this.#coalesceMs() - this.#deps.clock.monoMs()
    if (waitMs <= 0) void this.#pump()
    else this.#flushIn(waitMs)
  }

  /** The dearer a flush, the rarer, within bounds; and rarer still while waiting joins many events into one frame. */
  #coalesceMs(): number {
    const { coalesceMsMin, coalesceMsMax } = this.#bounds
    return Math.min(coalesceMsMax, Math.max(coalesceMsMin, (this.#flushedEvents > FEW_EVENTS ? 4 : 2) * this.#servedMs))
  }

  #flushIn(waitMs: number): void {
    this.#cancelFlush = this.#deps.clock.after(waitMs, () => {
      this.#cancelFlush = null
      void this.#pump()
    })
  }

  /** Reads what is new, once for everybody, and serves it; a long backlog in pieces, with a turn for all at each. */
  async #pump(): Promise<void> {
    const { clock, eventLog, log, metrics } = this.#deps
    this.#pumping = true
    this.#flushedMs = clock.monoMs()
    this.#servedMs = 0
    this.#flushedEvents = 0
    const wokenMs = this.#wokenMs
    this.#wokenMs = null
    try {
      await this.#pumpPieces()
      this.#failureCount = 0
      if (wokenMs !== null) metrics.lagSeconds((clock.monoMs() - wokenMs) / 1000)
    } catch (error) {
      log.error('event log could not be read', { error: String(error), count: ++this.#failureCount })
    }
    this.#pumping = false
    if (this.#subscribed.size === 0 || eventLog.head() <= (this.#ring?.upto ?? 0)) return
    if (this.#failureCount > 0) this.#flushIn(retryDelayMs(this.#failureCount))
    else this.#flushWhenDue()
  }

  async #pumpPieces(): Promise<void> {
    const { eventLog } = this.#deps
    for (;;) {
      const ring = this.#ring
      const head = eventLog.head()
      if (!ring || ring.upto >= head || this.#subscribed.size === 0) return
      const version = this.#ringVersion
      const chunk = await eventLog.read(ring.upto, this.#bounds.frameEventsMax)
      if (version !== this.#ringVersion) return
      if (chunk.upto <= ring.upto) throw new Error('Cannot follow the event log: a read made no progress')
      ring.append(chunk)
      this.#flushedEvents += chunk.events.length
      this.#forgetBodies()
      this.#queueAllBehind(ring.upto)
      this.#serve()
      await this.#pass()
      if (ring.upto >= head) return
      await this.#turn()
    }
  }

  #queueAllBehind(upto: number): void {
    for (const session of this.#subscribed) if (session.cursor < upto) this.#queue(session)
  }

  #queue(session: Session): void {
    if (session.queued || session.blocked || session.reading || session.closed) return
    session.queued = true
    this.#pushedCount++
    this.#due.push(session)
  }

  #queueSoon(session: Session): void {
    this.#queue(session)
    if (this.#serving || this.#servingSoon || this.#due.length === 0) return
    this.#servingSoon = true
    this.#deps.laterTurn(() => {
      this.#servingSoon = false
      this.#serve()
    })
  }

  /** Resolves when everybody who is queued now has been served once. */
  #pass(): Promise<void> {
    if (this.#servedCount >= this.#pushedCount) return Promise.resolve()
    return new Promise((resolve) => this.#passes.push({ servedCount: this.#pushedCount, resolve }))
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#deps.laterTurn(resolve))
  }

  /** Serves the queue in slices, so that ten thousand sockets do not hold up a webhook. */
  #serve(): void {
    if (this.#serving) return
    this.#serving = true
    const { clock, laterTurn } = this.#deps
    const startMs = clock.monoMs()
    let nowMs = startMs
    const endMs = startMs + this.#bounds.sliceMs
    const before = { events: this.#deliveredEvents, frames: this.#deliveredFrames }
    for (let session = this.#due.shift(); session; session = this.#due.shift()) {
      session.queued = false
      this.#servedCount++
      this.#serveOne(session, nowMs)
      nowMs = clock.monoMs()
      if (nowMs >= endMs) break
    }
    this.#serving = false
    this.#servedMs += nowMs - startMs
    if (this.#deliveredFrames > before.frames) {
      this.#deps.metrics.delivered(this.#deliveredEvents - before.events, this.#deliveredFrames - before.frames)
    }
    this.#resolvePasses()
    if (this.#due.length === 0) this.#forgetBodies()
    else if (!this.#servingSoon) {
      this.#servingSoon = true
      laterTurn(() => {
        this.#servingSoon = false
        this.#serve()
      })
    }
  }

  #resolvePasses(): void {
    while (this.#passes[0] && this.#passes[0].servedCount <= this.#servedCount) this.#passes.shift()?.resolve()
  }

  #serveOne(session: Session, nowMs: number): void {
    const ring = this.#ring
    if (!session.subscribed || session.blocked || session.closed || !ring) return
    const chunk = session.chunk
    if (isOutdated(session, chunk ? changedAt(chunk) : ring.changedAt) && !this.#hooks.renew(session)) return
    session.chunk = null
    if (chunk) this.#deliver(session, this.#bodyOfChunk(session, chunk), nowMs)
    else if (session.cursor < ring.after) return this.#readLog(session)
    else if (session.cursor < ring.upto) this.#deliver(session, this.#bodyOfRing(session, ring), nowMs)
    if (session.blocked) return
    if (session.cursor < ring.upto) this.#queue(session)
    else this.#caughtUp(session, nowMs)
  }

  #caughtUp(session: Session, nowMs: number): void {
    session.behindSinceMs = 0
    if (session.live || session.cursor < this.#deps.eventLog.head()) return
    session.live = true
    // All that followed was hidden from this viewer: a ping tells it that it is up to date without saying of what.
    if (session.toldUpto < session.cursor) this.ping(session, nowMs)
  }

  /** Tells the client its position. */
  ping(session: Session, nowMs: number): void {
    if (!session.subscribed) {
      sendText(session, '{"type":"ping"}', nowMs)
      return
    }
    if (sendText(session, `{"type":"ping","upto":${session.cursor}}`, nowMs) !== 'dropped') {
      session.toldUpto = session.cursor
    }
  }

  #deliver(session: Session, body: FrameBody, nowMs: number): void {
    if (body.count === 0) {
      session.cursor = body.upto
      return
    }
    if (sendText(session, frameOf(body, session.toldUpto), nowMs) === 'dropped') return
    session.cursor = body.upto
    session.toldUpto = body.upto
    this.#deliveredEvents += body.count
    this.#deliveredFrames++
  }

  #bodyOfRing(session: Session, ring: EventRing): FrameBody {
    const { group } = session
    if (group.body && group.body.cursor === session.cursor) return group.body
    group.body = this.#build(session, ring.span(session.cursor))
    this.#built.add(group)
    return group.body
  }

  #bodyOfChunk(session: Session, chunk: LogChunk): FrameBody {
    return this.#reads.bodyOf(chunk, session.group, () =>
      this.#build(session, { events: chunk.events, start: 0, upto: chunk.upto }),
    )
  }

  #build(session: Session, span: Span): FrameBody {
    const { maySee, textOf } = this.#deps
    const { viewer } = session.group
    const shown = (event: LogEvent) => (maySee(viewer, event) ? textOf(viewer, event) : null)
    return buildBody(span, session.cursor, shown, this.#bounds)
  }

  #forgetBodies(): void {
    for (const group of this.#built) group.body = null
    this.#built.clear()
  }

  /** Fetches what follows the cursor; with the answer the session queues again. */
  #readLog(session: Session): void {
    if (!this.#keptAfter(session)) return this.#hooks.onGone(session)
    session.reading = true
    const subscription = session.subscriptionCount
    this.#reads.read(session.cursor, (chunk) => {
      session.reading = false
      if (session.closed || !session.subscribed) return
      if (session.subscriptionCount === subscription) {
        // Asked again after the read: what was removed meanwhile would be a silent hole.
        if (!this.#keptAfter(session)) return this.#hooks.onGone(session)
        session.chunk = chunk
      }
      this.#queueSoon(session)
    })
  }

  /** Whether the log still holds all that follows the cursor. Who asked for the oldest kept just moves with it. */
  #keptAfter(session: Session): boolean {
    const oldestAfter = this.#deps.eventLog.oldest() - 1
    if (session.cursor >= oldestAfter) return true
    if (session.toldUpto > 0) return false
    session.cursor = oldestAfter
    return true
  }
}

/** Whether there is a change of rights that the viewer was resolved before. */
function isOutdated({ isOutdated, viewer }: Session, changedAt: number): boolean {
  return isOutdated || (viewer.before !== undefined && viewer.before.asOf < changedAt)
}
