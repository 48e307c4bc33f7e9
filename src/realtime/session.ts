import type { ServerWebSocket } from 'bun'
import type { CloseName } from './close-codes.ts'
import type { LogChunk, Viewer } from './event-log.ts'
import type { FrameBody } from './frame-body.ts'
import { Pace } from './pace.ts'

/** What rides on a socket. A socket that was let in only to be told why it may not stay has a refusal. */
export interface SocketData {
  viewer: Viewer | null
  refusal: CloseName | null
  session: Session | null
}

export type Socket = ServerWebSocket<SocketData>

/** Sessions whose viewers see the same events. A frame is built once for all of them. */
export interface VisibilityGroup {
  readonly key: string
  /** Any one of its viewers. */
  readonly viewer: Viewer
  sessionCount: number
  /** The body built last; sessions that are up to date all want the same one. */
  body: FrameBody | null
}

/** One open socket. It holds positions and times, never events: a slow reader costs no more than a fast one. */
export interface Session {
  readonly socket: Socket
  viewer: Viewer
  group: VisibilityGroup
  /** Whether what the viewer may is to be asked anew before anything is shown. */
  isOutdated: boolean
  readonly openedMs: number
  readonly commands: Pace
  readonly acks: Pace
  closed: boolean
  /** Whether a subscription was asked for, ever. */
  asked: boolean
  /** Whether it gets events. */
  subscribed: boolean
  /** The id of the subscription. */
  subscriptionId: number
  /** Counts subscriptions, so that a log read for an older one is thrown away. */
  subscriptionCount: number
  /** Every event up to here has been looked at and, if visible, sent. */
  cursor: number
  /** The last position the client was told. Lags behind `cursor` while what follows is hidden from it. */
  toldUpto: number
  /** Whether it has caught up with the log since it subscribed. */
  live: boolean
  /** In the queue of sessions to serve. */
  queued: boolean
  /** Waits for a log read. */
  reading: boolean
  /** What the log read brought. */
  chunk: LogChunk | null
  /** Bun holds bytes back for it; nothing more is sent until they are gone. */
  blocked: boolean
  /** Since when it has been blocked without catching up; 0: it is not behind by its own fault. */
  behindSinceMs: number
  sentMs: number
  receivedMs: number
  /** When the unanswered ping was sent; 0: none. */
  pingedMs: number
  /** Whether this client acknowledges at all. One that does is also measured by its acks. */
  acknowledges: boolean
  /** The position whose ack is waited for, and since when; 0: none. */
  ackMark: number
  ackMarkMs: number
  badFrameCount: number
}

export interface SessionBounds {
  commandsPerSecondMax: number
  acksPerSecondMax: number
}

/** A session that has just opened and has no position yet. */
export function newSession(
  socket: Socket,
  who: { viewer: Viewer; group: VisibilityGroup },
  nowMs: number,
  bounds: SessionBounds,
): Session {
  return {
    socket,
    viewer: who.viewer,
    group: who.group,
    // Their ticket may be older than a change of rights.
    isOutdated: who.viewer.personId !== null,
    openedMs: nowMs,
    commands: new Pace(bounds.commandsPerSecondMax, bounds.commandsPerSecondMax),
    acks: new Pace(bounds.acksPerSecondMax, bounds.acksPerSecondMax),
    closed: false,
    asked: false,
    subscribed: false,
    subscriptionId: 0,
    subscriptionCount: 0,
    cursor: 0,
    toldUpto: 0,
    live: false,
    queued: false,
    reading: false,
    chunk: null,
    blocked: false,
    behindSinceMs: 0,
    sentMs: nowMs,
    receivedMs: nowMs,
    pingedMs: 0,
    acknowledges: false,
    ackMark: 0,
    ackMarkMs: 0,
    badFrameCount: 0,
  }
}

/** What became of a frame. `dropped`: it did not leave and never will. */
export type Sent = 'sent' | 'held_back' | 'dropped'

/** Sends one frame and notes a blocked socket. Nothing else in the hub calls `send`. */
export function sendText(session: Session, text: string, nowMs: number): Sent {
  const status = session.socket.send(text)
  if (status > 0) {
    session.sentMs = nowMs
    return 'sent'
  }
  session.blocked = true
  if (session.behindSinceMs === 0) session.behindSinceMs = nowMs
  // Bun: -1 is "queued, the socket is full"; 0 is "dropped", also for a socket that has just closed.
  return status === -1 ? 'held_back' : 'dropped'
}

/** The bytes Bun holds back are gone: the session may be served again. */
export function unblock(session: Session): void {
  session.blocked = false
  // Who resumes is measured by its progress; who was live, by how long it has not caught up.
  if (!session.live) session.behindSinceMs = 0
}
