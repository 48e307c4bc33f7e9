/**
 * The client of Gatehouse's realtime socket: events in order, each exactly once, over any number of connections. Needs
 * nothing but a global WebSocket: browsers, Bun, Node 22 and later.
 */
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import { CLOSE_CODES, reconnectsAfter } from './close-codes.ts'
import type { ErrorFrame, EventsFrame, HelloFrame, RealtimeEvent, ServerFrame } from './protocol.ts'
import { PROTOCOL_VERSION, SUBPROTOCOL, TICKET_PREFIX } from './protocol.ts'

/**
 * `connecting`: no socket yet. `resuming`: catching up with what was missed. `live`: up to date. `waiting`: before the
 * next attempt. `closed`: over, by `close()` or for a reason that a new attempt would not change.
 */
export type RealtimeState = 'connecting' | 'resuming' | 'live' | 'waiting' | 'closed'

export interface StateDetail {
  /** The close code that led here, if a socket closed. */
  code?: number
  /** How long until the next attempt, in state `waiting`. */
  retryInMs?: number
}

/** Where the log stands when it no longer holds what follows the cursor. */
export interface GoneInfo {
  head: number
  oldest: number
  epoch: string
}

/** Where to go on: the `as_of` of what was loaded anew. */
export interface Position {
  after: number
  epoch?: string | undefined
}

/** What is used of a WebSocket, so that another implementation can be passed. */
export interface WebSocketLike {
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number; reason: string }) => void) | null
  onerror: ((event: unknown) => void) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}

export interface RealtimeOptions {
  /** `wss://…/realtime` */
  url: string
  /** Fetches a ticket, from `POST /api/v1/realtime/tickets`. Called for every attempt. */
  ticket: () => Promise<string>
  /** The position to go on from; absent: what happens from now on. */
  after?: number | undefined
  /** The epoch that `after` belongs to. */
  epoch?: string | undefined
  /** New events, in order, and the position that they lead to. */
  onEvents: (events: RealtimeEvent[], upto: number) => void
  onState?: (state: RealtimeState, detail: StateDetail) => void
  /** Load everything anew and answer its position. Without an answer the client goes on from the log's head. */
  onGone: (info: GoneInfo) => Position | undefined | Promise<Position | undefined>
  /** Answers numbers in [0, 1). */
  random?: () => number
  clock?: Clock
  WebSocket?: new (url: string, protocols: string[]) => WebSocketLike
}

export interface RealtimeConnection {
  close(): void
  /** Everything up to here has been handed to `onEvents`; undefined before the first hello. */
  cursor(): number | undefined
}

const RETRY_MS_MIN = 250
const RETRY_MS_FIRST = 1000
const RETRY_MS_MAX = 20_000
/**
 * A server that starts again is back within seconds, and until then a proxy in front of it refuses at once: waiting longer
 * after each refusal would miss its return. Only what lasts longer is asked more rarely.
 */
const SHORT_OUTAGE_MS = 10_000
/** From the start of an attempt to the hello. */
const HELLO_MS = 15_000
/** Added to the server's heartbeat before a silent socket counts as dead. */
const SILENCE_GRACE_MS = 10_000
const HEARTBEAT_MS_DEFAULT = 20_000
const ACK_EVERY_EVENTS = 200
/** During a fast resume one ack in this span is enough. */
const ACK_MS_MIN = 50
/** Tickets that may be refused in a row: one may have been too old after a slow handshake, three are no accident. */
const BAD_TICKETS_MAX = 3

/** Connects, and stays connected until `close()` or a final refusal. */
export function connectRealtime(options: RealtimeOptions): RealtimeConnection {
  const client = new Client(options)
  client.connect()
  return { close: () => client.close(), cursor: () => client.cursor }
}

function defaultRandom(): number {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1))
  return word / 2 ** 32
}

class Client {
  readonly #options: RealtimeOptions
  readonly #clock: Clock
  readonly #random: () => number
  #state: RealtimeState | null = null
  #socket: WebSocketLike | null = null
  /** Counts attempts; what an earlier one still has to say is ignored. */
  #attempt = 0
  /** When the client stopped being live, and how often it failed since that has lasted long. */
  #lostMs: number | null = null
  #failureCount = 0
  #badTicketCount = 0
  #cursor: number | undefined
  #epoch: string | undefined
  #heartbeatMs = HEARTBEAT_MS_DEFAULT
  /** The head at hello: from there on the client is live. */
  #liveAt = 0
  #commandId = 0
  /** A hole was seen: frames are ignored until one joins the cursor. */
  #hasHole = false
  /** The application is loading a new position, perhaps for longer than a socket lives. */
  #isGone = false
  /** Rights have changed: everything is to be loaded anew with the next connection. */
  #isStale = false
  /** The server has said hello on the present socket. */
  #isGreeted = false
  #eventsSinceAck = 0
  #ackedMs = Number.NEGATIVE_INFINITY
  #heardMs = 0
  #cancelTimer: (() => void) | null = null

  constructor(options: RealtimeOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? defaultRandom
    this.#cursor = options.after
    this.#epoch = options.epoch
  }

  get cursor(): number | undefined {
    return this.#cursor
  }

  connect(): void {
    const attempt = ++this.#attempt
    this.#enter('connecting', {})
    this.#heardMs = this.#clock.monoMs()
    this.#watchSilence(HELLO_MS)
    Promise.resolve()
      .then(() => this.#options.ticket())
      .then(
        (ticket) => {
          if (attempt === this.#attempt) this.#open(ticket, attempt)
        },
        () => {
          if (attempt === this.#attempt) this.#retry({})
        },
      )
  }

  close(): void {
    this.#leave()
    this.#enter('closed', {})
  }

  #open(ticket: string, attempt: number): void {
    const WebSocketClass =
      this.#options.WebSocket ?? (WebSocket as unknown as NonNullable<RealtimeOptions['WebSocket']>)
    const socket = new WebSocketClass(this.#options.url, [SUBPROTOCOL, TICKET_PREFIX + ticket])
    this.#socket = socket
    socket.onmessage = ({ data }) => {
      if (attempt === this.#attempt) this.#hear(data)
    }
    socket.onclose = ({ code, reason }) => {
      if (attempt === this.#attempt) this.#closed(code, reason)
    }
    // A close event always follows an error.
    socket.onerror = () => {}
  }

  /** Lets go of the socket and its timer, whatever they still report. */
  #leave(): void {
    this.#attempt++
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const socket = this.#socket
    this.#socket = null
    this.#hasHole = false
    this.#isGreeted = false
    this.#eventsSinceAck = 0
    socket?.close(1000)
  }

  #closed(code: number, reason: string): void {
    this.#socket = null
    // What was loaded may be more or less than what may be seen now.
    if (code === CLOSE_CODES.rights) this.#isStale = true
    if (code === CLOSE_CODES.bad_ticket && ++this.#badTicketCount < BAD_TICKETS_MAX) return this.#retry({ code })
    if (!reconnectsAfter(code)) {
      this.#leave()
      return this.#enter('closed', { code })
    }
    this.#retry({ code }, reason)
  }

  #retry(detail: StateDetail, reason = ''): void {
    this.#leave()
    const span = /retry_ms=(\d{1,6})-(\d{1,6})/.exec(reason)
    this.#lostMs ??= this.#clock.monoMs()
    if (this.#clock.monoMs() - this.#lostMs >= SHORT_OUTAGE_MS) this.#failureCount++
    const low = span ? Number(span[1]) : RETRY_MS_MIN
    const high = span ? Number(span[2]) : Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** Math.min(this.#failureCount, 16))
    // Wide jitter: everybody lost the server at the same moment, nobody should come back at the same one.
    const retryInMs = Math.round(low + this.#random() * Math.max(0, high - low))
    this.#enter('waiting', { ...detail, retryInMs })
    this.#cancelTimer = this.#clock.after(retryInMs, () => this.connect())
  }

  #enter(state: RealtimeState, detail: StateDetail): void {
    if (this.#state === 'closed' || this.#state === state) return
    this.#state = state
    this.#options.onState?.(state, detail)
  }

  /** Ends a socket on which nothing came for so long. The timer is set again when it fires, not at every frame. */
  #watchSilence(silenceMs: number): void {
    this.#cancelTimer?.()
    const waitMs = Math.max(0, this.#heardMs + silenceMs - this.#clock.monoMs())
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      if (this.#clock.monoMs() - this.#heardMs >= silenceMs) this.#retry({})
      else this.#watchSilence(silenceMs)
    })
  }

  #hear(data: unknown): void {
    this.#heardMs = this.#clock.monoMs()
    if (typeof data !== 'string') return
    const frame = JSON.parse(data) as ServerFrame
    switch (frame.type) {
      case 'hello':
        return this.#hello(frame)
      case 'events':
        return this.#events(frame)
      case 'ping':
        return this.#ping(frame.upto)
      case 'error':
        return this.#refused(frame)
      // A frame of a later minor version is ignored.
    }
  }

  #hello(frame: HelloFrame): void {
    if (frame.version !== PROTOCOL_VERSION) {
      this.#leave()
      return this.#enter('closed', { code: CLOSE_CODES.version })
    }
    this.#badTicketCount = 0
    this.#heartbeatMs = frame.heartbeat_ms ?? HEARTBEAT_MS_DEFAULT
    this.#liveAt = frame.head
    this.#cursor ??= frame.head
    this.#epoch ??= frame.epoch
    this.#watchSilence(this.#heartbeatMs + SILENCE_GRACE_MS)
    this.#isGreeted = true
    this.#enter('resuming', {})
    if (this.#isStale) return this.#gone({ head: frame.head, oldest: 0, epoch: frame.epoch })
    this.#subscribe()
    if (frame.epoch === this.#epoch) this.#checkLive()
  }

  #subscribe(): void {
    if (!this.#isGreeted || this.#isGone) return
    this.#send({ type: 'subscribe', id: ++this.#commandId, after: this.#cursor, epoch: this.#epoch })
  }

  #events(frame: EventsFrame): void {
    const cursor = this.#cursor
    if (this.#isGone || cursor === undefined) return
    if (frame.after > cursor) {
      if (!this.#hasHole) this.#subscribe()
      this.#hasHole = true
      return
    }
    this.#hasHole = false
    if (frame.upto <= cursor) return
    const events = frame.after === cursor ? frame.events : frame.events.filter((event) => event.offset > cursor)
    this.#cursor = frame.upto
    this.#eventsSinceAck += events.length
    if (this.#eventsSinceAck >= ACK_EVERY_EVENTS && this.#heardMs - this.#ackedMs >= ACK_MS_MIN) this.#ack()
    // Last: what it throws is the application's, and nothing here is half done then.
    this.#checkLive()
    if (events.length > 0) this.#options.onEvents(events, frame.upto)
  }

  #ping(upto: number | undefined): void {
    // After a hole a ping may still belong to the old subscription; it must not jump over what is missing.
    if (this.#hasHole) this.#subscribe()
    else if (upto !== undefined && this.#cursor !== undefined && upto > this.#cursor && !this.#isGone) {
      this.#cursor = upto
      this.#checkLive()
    }
    this.#ack()
  }

  #ack(): void {
    this.#eventsSinceAck = 0
    this.#ackedMs = this.#heardMs
    this.#send({ type: 'ack', upto: this.#isGone ? undefined : this.#cursor })
  }

  #checkLive(): void {
    if (this.#isGone || this.#cursor === undefined || this.#cursor < this.#liveAt) return
    this.#lostMs = null
    this.#failureCount = 0
    this.#enter('live', {})
  }

  #refused(frame: ErrorFrame): void {
    if (this.#isGone) return
    if (frame.code === 'offset_gone') {
      const { head = 0, oldest = 0, epoch = '' } = frame
      return this.#gone({ head, oldest, epoch })
    }
    // What we send is well-formed, so it is our position that the log does not know: it has lost what we saw.
    this.#gone({ head: this.#liveAt, oldest: 0, epoch: this.#epoch ?? '' })
  }

  #gone(info: GoneInfo): void {
    this.#isGone = true
    this.#enter('resuming', {})
    Promise.resolve()
      .then(() => this.#options.onGone(info))
      .then(
        (position) => {
          this.#isGone = false
          this.#isStale = false
          this.#cursor = position?.after ?? info.head
          this.#epoch = position?.epoch ?? info.epoch
          this.#subscribe()
          if (this.#isGreeted) this.#checkLive()
        },
        () => {
          // What should be loaded could not be: the next connection learns again that it must.
          this.#isGone = false
          if (this.#state !== 'closed') this.#retry({})
        },
      )
  }

  #send(frame: Record<string, unknown>): void {
    this.#socket?.send(JSON.stringify(frame))
  }
}
