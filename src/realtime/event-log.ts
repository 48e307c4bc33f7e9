import type { Principal } from '../core/principal.ts'
/** What the hub needs of the book: the committed events, in offset order. It never writes. */

export interface LogAssignment {
  assigneeId: number | null
  teamId: number | null
}

/** One committed event. */
export interface LogEvent {
  offset: number
  type: string
  workspaceId: number
  conversationId: number | null
  numberId: number | null
  /** Who has its conversation, and which team. */
  assigneeId: number | null
  teamId: number | null
  /** Of a conversation that passed on: from whom, to whom, and whether this tells those who win it or those who lose it. */
  moved?: { as: 'visible' | 'gone'; from: LogAssignment; to: LogAssignment }
  /** Of a change of rights: its offset. Whoever looks must have been resolved since. */
  change?: number
  /** The whole event as JSON text, `{"offset","type","at","data"}`: encoded once, sent as it is. */
  json: string
}

/** Events of one read. Every offset up to `upto` is covered, also those that hold no event. */
export interface LogChunk {
  events: LogEvent[]
  upto: number
}

/** The committed events, as the main thread sees them. */
export interface EventLog {
  /** The newest committed offset; 0 if there is none. */
  head(): number
  /** The oldest offset that is kept. The smallest `after` that can be served is one less. */
  oldest(): number
  /** The identity of this log. It changes when the book is restored, because offsets may then mean other events. */
  epoch(): string
  /** At most `limit` events above `after`; `upto` is the head when nothing is left. */
  read(after: number, limit: number): Promise<LogChunk>
}

/** Who looks. */
export type Viewer = Principal

/** Whether a viewer may see an event: one function for sockets, lists, search, media and export. */
export type MaySee = (viewer: Viewer, event: Omit<LogEvent, 'offset' | 'json'>) => boolean
