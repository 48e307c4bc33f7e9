import { isPermission, type Permission } from '../core/permissions.ts'
import type { PastScope, Scope, SeenBefore } from '../core/principal.ts'
import type { Standing } from '../records/people-reader.ts'

/** Where somebody stands: their teams, the numbers of those, and the numbers that their key is bound to. */
export interface Place {
  personId: number | null
  standing: Pick<Standing, 'teamIds' | 'numberIds'>
  boundTo: readonly number[] | null
}

/**
 * Which conversations somebody sees, by what they may and where they stand. A key that is bound to numbers sees only
 * theirs, whatever else it might; a key of nobody's has neither teams nor conversations of its own.
 */
export function scopeOf(permissions: ReadonlySet<Permission>, who: Place): Scope {
  const { personId, standing, boundTo } = who
  const seesAll = permissions.has('conversations.see_all')
  if (boundTo !== null) {
    const numberIds = seesAll || personId === null ? boundTo : boundTo.filter((id) => standing.numberIds.includes(id))
    const sees = seesAll || permissions.has('conversations.see_number')
    return { kind: 'some', numberIds: sees ? numberIds : [], teamIds: [], personId: null }
  }
  if (seesAll) return { kind: 'workspace' }
  return {
    kind: 'some',
    numberIds: permissions.has('conversations.see_number') ? standing.numberIds : [],
    teamIds: permissions.has('conversations.see_team') ? standing.teamIds : [],
    personId: permissions.has('conversations.see_own') ? personId : null,
  }
}

/**
 * What somebody saw before, and what it was until then. `allowed` is what a key may of what its person may; null: all.
 * Changes that this one does not see differently after are left out.
 */
export function seenBefore(
  { personId, standing, boundTo }: Place & { standing: Standing },
  { scope, allowed }: { scope: Scope; allowed: readonly string[] | null },
): SeenBefore | undefined {
  const { history } = standing
  if (personId === null || !history) return undefined
  const scopes: PastScope[] = []
  let after = JSON.stringify(scope)
  for (const { until, permissions, teamIds, numberIds } of history.past) {
    const had = permissions.filter(isPermission).filter((name) => allowed === null || allowed.includes(name))
    const before = scopeOf(new Set(had), { personId, standing: { teamIds, numberIds }, boundTo })
    const text = JSON.stringify(before)
    if (text !== after) scopes.push({ until, scope: before })
    after = text
  }
  return { scopes, knownFrom: history.knownFrom, asOf: history.asOf }
}

/** The numbers that somebody may write from: of a person those of their teams, unless they see the whole workspace. */
export function writesFrom(
  permissions: ReadonlySet<Permission>,
  { personId, standing, boundTo }: Place,
): readonly number[] | null {
  if (personId === null || permissions.has('conversations.see_all')) return boundTo
  return boundTo === null ? standing.numberIds : boundTo.filter((id) => standing.numberIds.includes(id))
}
