import type { Permission } from '../core/permissions.ts'
import { isWithin, type Principal, type SeenBefore } from '../core/principal.ts'
import type { Seen } from '../records/page.ts'

/** A conversation that passed from some people to others: what came into the view of who asks, or left it. */
export interface Moved {
  as: 'visible' | 'gone'
  from: Pick<Seen, 'assigneeId' | 'teamId'>
  to: Pick<Seen, 'assigneeId' | 'teamId'>
}

/** The one function that says who may see what: for lists, single reads, events and sockets alike. */
export function maySee(principal: Principal, seen: Seen & { moved?: Moved; change?: number }): boolean {
  const { scope, before } = principal
  const { moved, change } = seen
  if (seen.workspaceId !== principal.workspaceId) return false
  if (change !== undefined) return isConcerned(before, change)
  if (!moved) return isWithin(scope, seen)
  // What they see is asked of now. What they had seen, of any time since: whoever comes back from before a change of
  // rights may have seen it then, or not yet. Told once too often, it changes nothing.
  const scopes = [scope, ...(before?.scopes.map((past) => past.scope) ?? [])]
  const from = { ...seen, ...moved.from }
  if (isWithin(scope, { ...seen, ...moved.to })) {
    return moved.as === 'visible' && scopes.some((past) => !isWithin(past, from))
  }
  return moved.as === 'gone' && scopes.some((past) => isWithin(past, from))
}

function isConcerned(before: SeenBefore | undefined, change: number): boolean {
  if (!before) return false
  return change < before.knownFrom || before.scopes.some(({ until }) => until === change)
}

export function may(principal: Principal, permission: Permission): boolean {
  return principal.permissions.has(permission)
}

/** Principals with the same answer see the same: a frame is built once for all of them. */
export function visibilityOf(principal: Principal): string {
  const { workspaceId, scope, before } = principal
  const shown = `${may(principal, 'contacts.see_phones')} ${may(principal, 'contacts.see_names')}`
  const past =
    before && (before.scopes.length > 0 || before.knownFrom > 0)
      ? JSON.stringify([before.scopes, before.knownFrom])
      : ''
  return `${workspaceId} ${shown} ${JSON.stringify(scope)} ${past}`
}
