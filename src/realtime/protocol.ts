/** The frames of `gatehouse.v1`. Text frames of JSON, at most 4 KiB from the client. */

export const SUBPROTOCOL = 'gatehouse.v1'
/** The second subprotocol a client offers is this and its ticket: URLs reach logs, this header does not. */
export const TICKET_PREFIX = 'ticket.'
export const PROTOCOL_VERSION = 1

/** One event as it is sent. Ignore types you do not know. */
export interface RealtimeEvent {
  offset: number
  type: string
  /** RFC 3339, UTC, milliseconds. */
  at: string
  data: Record<string, unknown>
}

/** The first frame of a socket. Who has no position yet subscribes after `head`. */
export interface HelloFrame {
  type: 'hello'
  version: number
  epoch: string
  head: number
  /** The longest silence of a live server, milliseconds. */
  heartbeat_ms: number
}

/** Everything the session may see in (after, upto]. `after` is the `upto` of the frame or ping before. */
export interface EventsFrame {
  type: 'events'
  after: number
  upto: number
  events: RealtimeEvent[]
}

/** Nothing else to see up to `upto`, which is absent before the first subscription. Answer with an ack. */
export interface PingFrame {
  type: 'ping'
  upto?: number
}

/** A command was refused; the socket stays open. */
export interface ErrorFrame {
  type: 'error'
  code: 'invalid' | 'too_large' | 'offset_gone'
  /** The id of the command, null if it could not be read. */
  id: number | null
  message: string
  /** With `offset_gone`: where the log stands. */
  head?: number
  oldest?: number
  epoch?: string
}

export type ServerFrame = HelloFrame | EventsFrame | PingFrame | ErrorFrame

/** Moves the session's cursor. `after` is exclusive, 0 is the oldest kept, absent the head. */
export interface SubscribeFrame {
  type: 'subscribe'
  id: number
  after?: number
  /** The epoch that `after` belongs to; absent: the server's own. */
  epoch?: string
}

/** The client has dealt with everything up to `upto`. Due after each ping and after every 200 events. */
export interface AckFrame {
  type: 'ack'
  upto?: number
}

export type ClientFrame = SubscribeFrame | AckFrame

/** Why a client's frame was not understood. */
export interface BadFrame {
  type: 'bad'
  id: number | null
  message: string
}

const SUBSCRIBE_FIELDS: ReadonlySet<string> = new Set(['type', 'id', 'after', 'epoch'])
const ACK_FIELDS: ReadonlySet<string> = new Set(['type', 'upto'])

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** What is wrong with the first field that is not known here, by its name at a bounded length. */
function unknownField(frame: Record<string, unknown>, known: ReadonlySet<string>): string | undefined {
  for (const name in frame) if (!known.has(name)) return `${name.slice(0, 50)}: unknown field`
  return undefined
}

/** Reads a client's frame by hand: acks are frequent, and a bad frame must name the field at fault. */
export function readClientFrame(text: string): ClientFrame | BadFrame {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { type: 'bad', id: null, message: 'The frame is not JSON' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { type: 'bad', id: null, message: 'The frame is not a JSON object' }
  }
  const frame = value as Record<string, unknown>
  if (frame['type'] === 'ack') return readAck(frame)
  if (frame['type'] === 'subscribe') return readSubscribe(frame)
  return { type: 'bad', id: isOffset(frame['id']) ? frame['id'] : null, message: 'type: must be subscribe or ack' }
}

function readAck(frame: Record<string, unknown>): AckFrame | BadFrame {
  const { upto } = frame
  const unknown = unknownField(frame, ACK_FIELDS)
  if (unknown !== undefined) return { type: 'bad', id: null, message: unknown }
  if (upto === undefined) return { type: 'ack' }
  if (!isOffset(upto)) return { type: 'bad', id: null, message: 'upto: must be a whole number, 0 or more' }
  return { type: 'ack', upto }
}

function readSubscribe(frame: Record<string, unknown>): SubscribeFrame | BadFrame {
  const { id, after, epoch } = frame
  if (!isOffset(id)) return { type: 'bad', id: null, message: 'id: must be a whole number, 0 or more' }
  if (after !== undefined && !isOffset(after)) {
    return { type: 'bad', id, message: 'after: must be a whole number, 0 or more' }
  }
  if (epoch !== undefined && typeof epoch !== 'string') return { type: 'bad', id, message: 'epoch: must be text' }
  const unknown = unknownField(frame, SUBSCRIBE_FIELDS)
  if (unknown !== undefined) return { type: 'bad', id, message: unknown }
  return { type: 'subscribe', id, ...(after === undefined ? {} : { after }), ...(epoch === undefined ? {} : { epoch }) }
}

/** A frame of events that are encoded already: a short header before the joined events. */
export function eventsFrameText(after: number, upto: number, joinedEvents: string): string {
  return [`{"type":"events","after":${after},"upto":${upto},"events":[`, joinedEvents, ']}'].join('')
}
