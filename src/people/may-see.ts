import type { Permission } from '../core/permissions.ts'
import type { Principal } from '../core/principal.ts'
import type { Seen } from '../records/page.ts'

/** A conversation that passed from some people to others: what came into the view of who asks, or left it. */
export interface Moved {
  as: 'visible' | 'gone'
  from: Pick<Seen, 'assigneeId' | 'teamId'>
  to: Pick<Seen, 'assigneeId' | 'teamId'>
}

/** The one function that says who may see what: for lists, single reads, events and sockets alike. */
export function maySee({ workspaceId, scope }: Principal, seen: Seen & { moved?: Moved }): boolean {
  const { moved } = seen
  if (seen.workspaceId !== workspaceId) return false
  if (!moved) return isWithin(scope, seen)
  const before = isWithin(scope, { ...seen, ...moved.from })
  const after = isWithin(scope, { ...seen, ...moved.to })
  return moved.as === 'visible' ? after && !before : before && !after
}

function isWithin(scope: Principal['scope'], { numberId, assigneeId, teamId }: Seen): boolean {
  if (scope.kind === 'workspace') return true
  if (numberId !== null && scope.numberIds.includes(numberId)) return true
  if (teamId !== null && scope.teamIds.includes(teamId)) return true
  return assigneeId !== null && assigneeId === scope.personId
}

export function may(principal: Principal, permission: Permission): boolean {
  return principal.permissions.has(permission)
}

/** Principals with the same answer see the same: a frame is built once for all of them. */
export function visibilityOf(principal: Principal): string {
  const { workspaceId, scope } = principal
  const shown = `${may(principal, 'contacts.see_phones')} ${may(principal, 'contacts.see_names')}`
  return `${workspaceId} ${shown} ${JSON.stringify(scope)}`
}
