import type { Server, WebSocketHandler } from 'bun'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { Admission, refusalResponse } from './admission.ts'
import type { RealtimeBounds } from './bounds.ts'
import { REALTIME_BOUNDS } from './bounds.ts'
import type { CloseName } from './close-codes.ts'
import { CLOSE_CODES } from './close-codes.ts'
import { Commands } from './commands.ts'
import { Delivery } from './delivery.ts'
import type { EventLog, LogEvent, MaySee, Viewer } from './event-log.ts'
import type { RealtimeMetrics } from './metrics.ts'
import type { HelloFrame } from './protocol.ts'
import { PROTOCOL_VERSION, SUBPROTOCOL } from './protocol.ts'
import type { Session, Socket, SocketData } from './session.ts'
import { sendText, unblock } from './session.ts'
import { closeSocket, Sessions } from './sessions.ts'
import { Tickets } from './tickets.ts'
import { Watch } from './watch.ts'

export interface RealtimeDeps {
  clock: Clock
  /** Cryptographic randomness, for tickets. */
  randomBytes: (size: number) => Uint8Array
  log: Log
  eventLog: EventLog
  maySee: MaySee
  /**
   * The text of an event for whoever may see it: not everybody is shown names and phones. Null: it is nothing to them.
   */
  textOf: (viewer: Viewer, event: LogEvent) => string | null
  /**
   * What a viewer is now. `rights`: so much else that a client has to begin anew; `forbidden`: nothing any more. Asked of
   * viewers who are people, as they are served for the first time and after a change of rights.
   */
  renew: (viewer: Viewer) => Viewer | 'rights' | 'forbidden'
  /** Viewers with the same answer see the same events; a frame is built once for all of them. */
  visibilityOf: (viewer: Viewer) => string
  metrics: RealtimeMetrics
  /** Runs a function in a later turn of the loop, after input and output had theirs. Default: `setImmediate`. */
  laterTurn?: (run: () => void) => void
}

export interface RealtimeOptions {
  /** The exact origins whose pages may connect, such as `https://desk.example`. */
  origins: () => readonly string[]
  bounds?: Partial<RealtimeBounds>
}

export interface RealtimeStats {
  connections: number
  subscribed: number
  /** Subscribed sessions whose socket holds bytes back. */
  blocked: number
  tickets: number
  ringEvents: number
}

export interface Realtime {
  tickets: Tickets
  /** Answers a handshake: undefined when it became a socket, else the refusal. */
  upgrade(request: Request, server: Server<SocketData>): Response | undefined
  /** The raw handlers for `Bun.serve` or Elysia's `.listen({ websocket })`. */
  websocket: WebSocketHandler<SocketData>
  /** To be called after each commit of the book. */
  wake(): void
  /** Events that were told are told otherwise from now on, as where somebody was erased: what memory holds of them goes. */
  forget(): void
  /**
   * Closes the sockets of some viewers and takes their tickets back; the count of sockets. `rights`: they may come back
   * as what they are now; `forbidden`: not.
   */
  withdraw(concerns: (viewer: Viewer) => boolean, as: 'rights' | 'forbidden'): number
  /** Asks anew what some viewers may, before anything more is shown to them. */
  renew(concerns: (viewer: Viewer) => boolean): void
  /** Refuses new sockets, and closes all with 4001 and a delay to choose from. */
  drain(): Promise<void>
  stats(): RealtimeStats
}

/** After a stop, clients come back over this many milliseconds, plus one for each of them. */
const RETRY_SPAN_MS = 1_000
const RETRY_SPAN_MS_MAX = 20_000

/** The hub: sockets, what each may see, resume, slow readers. See README.md beside this file. */
export function createRealtime(deps: RealtimeDeps, options: RealtimeOptions): Realtime {
  const hub = new Hub(deps, options)
  return {
    tickets: hub.tickets,
    upgrade: (request, server) => hub.upgrade(request, server),
    websocket: hub.handlers(),
    forget: () => hub.forget(),
    wake: () => hub.wake(),
    withdraw: (concerns, as) => hub.withdraw(concerns, as),
    renew: (concerns) => hub.renew(concerns),
    drain: () => hub.drain(),
    stats: () => hub.stats(),
  }
}

class Hub {
  readonly tickets: Tickets
  readonly #deps: RealtimeDeps
  readonly #bounds: RealtimeBounds
  readonly #laterTurn: (run: () => void) => void
  readonly #sessions: Sessions
  readonly #delivery: Delivery
  readonly #commands: Commands
  readonly #watch: Watch
  readonly #admission: Admission
  #epoch: string
  #draining = false

  constructor(deps: RealtimeDeps, options: RealtimeOptions) {
    const { clock, eventLog, metrics } = deps
    this.#deps = deps
    this.#bounds = { ...REALTIME_BOUNDS, ...options.bounds }
    this.#laterTurn = deps.laterTurn ?? ((run) => void setImmediate(run))
    this.#epoch = eventLog.epoch()
    this.tickets = new Tickets(deps, this.#bounds)
    this.#sessions = new Sessions(metrics, deps.visibilityOf, this.#bounds)
    const laterTurn = this.#laterTurn
    this.#delivery = new Delivery({ ...deps, laterTurn }, this.#bounds, {
      onGone: (session) => this.#commands.offsetGone(session, session.subscriptionId, clock.monoMs()),
      renew: (session) => this.#renewed(session),
    })
    this.#commands = new Commands(eventLog, this.#delivery, this.#bounds)
    this.#watch = new Watch(
      { clock, sessions: this.#sessions, delivery: this.#delivery, laterTurn, onRound: () => this.#checkEpoch() },
      this.#bounds,
    )
    const connectionCount = () => this.#sessions.size
    this.#admission = new Admission(
      { clock, tickets: this.tickets, connectionCount, isDraining: () => this.#draining, origins: options.origins },
      this.#bounds,
    )
  }

  upgrade(request: Request, server: Server<SocketData>): Response | undefined {
    const verdict = this.#admission.judge(request)
    if (typeof verdict === 'string') {
      this.#deps.metrics.refused(verdict)
      return refusalResponse(verdict)
    }
    // Without this header Bun would answer with the first subprotocol offered, which may be the ticket.
    const headers = { 'Sec-WebSocket-Protocol': SUBPROTOCOL }
    if (server.upgrade(request, { data: verdict, headers })) return undefined
    this.#deps.metrics.refused('no_upgrade')
    return refusalResponse('no_upgrade')
  }

  handlers(): WebSocketHandler<SocketData> {
    return {
      perMessageDeflate: false,
      maxPayloadLength: this.#bounds.payloadBytesMax,
      backpressureLimit: this.#bounds.backpressureBytesMax,
      // A socket that Bun closes says 1006; ours says why.
      closeOnBackpressureLimit: false,
      publishToSelf: false,
      // The last fence: the watch pings and closes long before.
      idleTimeout: 120,
      sendPings: false,
      open: (socket) => this.#open(socket),
      message: (socket, message) => this.#message(socket, message),
      pong: (socket) => this.#pong(socket),
      drain: (socket) => this.#drained(socket),
      close: (socket, code) => this.#closed(socket, code),
    }
  }

  wake(): void {
    this.#checkEpoch()
    this.#delivery.wake()
  }

  withdraw(concerns: (viewer: Viewer) => boolean, as: 'rights' | 'forbidden'): number {
    this.tickets.withdraw(concerns)
    const theirs = [...this.#sessions.all()].filter((session) => concerns(session.viewer))
    for (const session of theirs) closeSocket(session.socket, as)
    return theirs.length
  }

  renew(concerns: (viewer: Viewer) => boolean): void {
    for (const session of [...this.#sessions.all()]) {
      if (!concerns(session.viewer)) continue
      session.isOutdated = true
      // Hundreds are looked at in their turn; whoever has not subscribed has none.
      if (session.subscribed) this.#delivery.resume(session)
      else this.#renewed(session)
    }
  }

  #renewed(session: Session): boolean {
    const viewer = this.#deps.renew(session.viewer)
    if (typeof viewer !== 'string') this.#sessions.renew(session, viewer)
    else closeSocket(session.socket, viewer)
    return typeof viewer !== 'string'
  }

  async drain(): Promise<void> {
    this.#draining = true
    this.#delivery.stop()
    const hint = `retry_ms=200-${Math.min(RETRY_SPAN_MS + this.#sessions.size, RETRY_SPAN_MS_MAX)}`
    await this.#closeAll('drain', hint)
    this.#watch.stop()
  }

  stats(): RealtimeStats {
    let blocked = 0
    for (const session of this.#sessions.all()) if (session.blocked) blocked++
    return {
      connections: this.#sessions.size,
      subscribed: this.#delivery.subscribedCount,
      blocked,
      tickets: this.tickets.size,
      ringEvents: this.#delivery.ringEvents,
    }
  }

  #open(socket: Socket): void {
    const { viewer, refusal } = socket.data
    if (refusal || !viewer) return this.#turnAway(socket, refusal ?? 'bad_ticket')
    if (this.#draining) return closeSocket(socket, 'drain', `retry_ms=200-${RETRY_SPAN_MS}`)
    if (this.#sessions.countOf(viewer) >= this.#bounds.connectionsPerViewerMax) {
      return this.#turnAway(socket, 'too_many_connections')
    }
    this.#checkEpoch()
    const nowMs = this.#deps.clock.monoMs()
    const session = this.#sessions.add(socket, viewer, nowMs)
    socket.data.session = session
    this.#watch.start()
    sendText(session, JSON.stringify(this.#hello()), nowMs)
  }

  #turnAway(socket: Socket, reason: 'bad_ticket' | CloseName): void {
    if (reason === 'bad_ticket' || reason === 'too_many_connections') this.#deps.metrics.refused(reason)
    closeSocket(socket, reason)
  }

  #hello(): HelloFrame {
    const { eventLog } = this.#deps
    return {
      type: 'hello',
      version: PROTOCOL_VERSION,
      epoch: eventLog.epoch(),
      head: eventLog.head(),
      heartbeat_ms: this.#bounds.heartbeatMs,
    }
  }

  #message(socket: Socket, message: string | Uint8Array): void {
    this.#checkEpoch()
    const { session } = socket.data
    if (session && !session.closed) this.#commands.take(session, message, this.#deps.clock.monoMs())
  }

  #pong(socket: Socket): void {
    const { session } = socket.data
    if (!session) return
    session.receivedMs = this.#deps.clock.monoMs()
    session.pingedMs = 0
  }

  #drained(socket: Socket): void {
    const { session } = socket.data
    if (!session || session.closed || socket.getBufferedAmount() > 0) return
    unblock(session)
    this.#delivery.resume(session)
  }

  #closed(socket: Socket, code: number): void {
    const { session } = socket.data
    if (!session) return
    socket.data.session = null
    this.#delivery.unsubscribe(session)
    this.#sessions.remove(session)
    this.#deps.metrics.closed(closeName(code))
    if (this.#sessions.size === 0) this.#watch.stop()
  }

  /** A restored book has another epoch: offsets may mean other events, so nobody may go on from one. */
  forget(): void {
    this.#delivery.forget()
  }

  #checkEpoch(): void {
    const epoch = this.#deps.eventLog.epoch()
    if (epoch === this.#epoch) return
    this.#epoch = epoch
    this.#delivery.reset()
    this.#deps.log.warn('event log was replaced, all sockets are closed', { count: this.#sessions.size })
    void this.#closeAll('resync', '')
  }

  /** Closes all in slices of a few milliseconds. */
  async #closeAll(reason: CloseName, hint: string): Promise<void> {
    const { clock } = this.#deps
    let endMs = clock.monoMs() + this.#bounds.sliceMs
    for (const session of [...this.#sessions.all()]) {
      closeSocket(session.socket, reason, hint)
      if (clock.monoMs() < endMs) continue
      await new Promise<void>((resolve) => this.#laterTurn(resolve))
      endMs = clock.monoMs() + this.#bounds.sliceMs
    }
  }
}

function closeName(code: number): CloseName | 'client' {
  for (const name in CLOSE_CODES) if (CLOSE_CODES[name as CloseName] === code) return name as CloseName
  return 'client'
}
