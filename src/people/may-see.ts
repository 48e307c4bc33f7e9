import type { Permission } from '../core/permissions.ts'
import type { Principal } from '../core/principal.ts'

/** What somebody wants to see: an event, a conversation, a message. */
export interface Seen {
  conversationId: number | null
  numberId: number | null
}

/** The one function that says who may see what: for lists, single reads, events and sockets alike. */
export function maySee({ scope }: Principal, { numberId }: Seen): boolean {
  if (scope.kind === 'workspace') return true
  return numberId !== null && scope.numberIds.includes(numberId)
}

/**
 * The conversations that somebody sees, where these are few enough for a search to name them (500). Null: all, or more:
 * then `maySee` is asked about each.
 */
export function conversationsSeenBy(_principal: Principal): readonly number[] | null {
  return null
}

export function may(principal: Principal, permission: Permission): boolean {
  return principal.permissions.has(permission)
}

/** Principals with the same answer see the same: a frame is built once for all of them. */
export function visibilityOf(principal: Principal): string {
  const { workspaceId, scope } = principal
  return `${workspaceId} ${JSON.stringify(scope)}`
}
