/** Who asks. One owner for now; people, roles and scopes come with their issue. */
export interface Principal {
  /** Opaque; the same for every request of the same key or session. */
  id: string
  role: 'owner'
  /** How they showed who they are: only an API key's ticket opens a socket without an Origin. */
  by: 'api_key'
}

/** What somebody wants to see: an event, a conversation, a message. */
export interface Seen {
  conversationId: number | null
  numberId: number | null
}

/** The one function that says who may see what: for lists, single reads, events and sockets alike. */
export function maySee(principal: Pick<Principal, 'role'>, _seen: Seen): boolean {
  return principal.role === 'owner'
}

/**
 * The conversations that somebody sees, where these are few enough for a search to name them (500). Null: all, or more:
 * then `maySee` is asked about each.
 */
export function conversationsSeenBy(_principal: Pick<Principal, 'role'>): readonly number[] | null {
  return null
}

/** What not everybody may do or read beside what they may see. */
export type Permission = 'messages.read_revoked' | 'notices.read' | 'contacts.change' | 'contacts.erase'

export function may(principal: Pick<Principal, 'role'>, _permission: Permission): boolean {
  return principal.role === 'owner'
}

/** Principals with the same answer see the same: a frame is built once for all of them. */
export function visibilityOf(principal: Pick<Principal, 'role'>): string {
  return principal.role
}
