import { isPermission } from '../core/permissions.ts'
import type { Principal, Scope } from '../core/principal.ts'

/**
 * The first permission that is not theirs to give. Whoever is bound to numbers sees all of these alone, and makes nobody
 * who sees all.
 */
export function lacks(
  { permissions, scope }: Pick<Principal, 'permissions' | 'scope'>,
  wanted: readonly string[],
): string | undefined {
  return wanted.find(
    (name) =>
      !isPermission(name) || !permissions.has(name) || (name === 'conversations.see_all' && scope.kind !== 'workspace'),
  )
}

/** Whether one sees numbers and teams that the other does not. */
export function seesMore(one: Scope, than: Scope): boolean {
  if (than.kind === 'workspace') return false
  if (one.kind === 'workspace') return true
  return (
    one.numberIds.some((id) => !than.numberIds.includes(id)) || one.teamIds.some((id) => !than.teamIds.includes(id))
  )
}

/** Whether a place in a team, or a number for it, could show somebody more than they see. */
export function gainsByTeams({ permissions, scope }: Principal): boolean {
  if (scope.kind === 'workspace') return false
  return permissions.has('conversations.see_team') || permissions.has('conversations.see_number')
}
