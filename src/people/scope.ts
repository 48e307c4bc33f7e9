import { isPermission, type Permission } from '../core/permissions.ts'
import type { PastScope, Principal, Scope, SeenBefore } from '../core/principal.ts'
import type { Standing } from '../records/people-reader.ts'

/** Where somebody stands: their teams, the numbers of those, and the numbers that their key is bound to. */
export interface Place {
  personId: number | null
  standing: Pick<Standing, 'teamIds' | 'numberIds'>
  boundTo: readonly number[] | null
}

/** Who it is about, as they stand now. `allowed`: what their key may of what they may; null: all of it. */
type Who = Place & { standing: Standing; allowed: readonly string[] | null }

/** What somebody may, sees, saw before, and may write from. */
export function rightsOf(who: Who): Pick<Principal, 'permissions' | 'scope' | 'before' | 'numberIds'> {
  const permissions = new Set(permissionsIn(who.standing.permissions, who.allowed))
  const scope = scopeOf(permissions, who)
  const before = seenBefore(who, scope)
  return { permissions, scope, ...(before ? { before } : {}), numberIds: writesFrom(permissions, who) }
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

/** What somebody saw before, and what it was until then, but for changes that they do not see differently after. */
function seenBefore({ personId, standing, boundTo, allowed }: Who, scope: Scope): SeenBefore | undefined {
  const { history } = standing
  if (personId === null || !history) return undefined
  const scopes: PastScope[] = []
  let after = JSON.stringify(scope)
  for (const { until, permissions, teamIds, numberIds } of history.past) {
    const before = scopeOf(new Set(permissionsIn(permissions, allowed)), {
      personId,
      standing: { teamIds, numberIds },
      boundTo,
    })
    const text = JSON.stringify(before)
    if (text !== after) scopes.push({ until, scope: before })
    after = text
  }
  return { scopes, knownFrom: history.knownFrom, asOf: history.asOf }
}

/** The numbers that somebody may write from: of a person those of their teams, unless they see the whole workspace. */
function writesFrom(
  permissions: ReadonlySet<Permission>,
  { personId, standing, boundTo }: Place,
): readonly number[] | null {
  if (personId === null || permissions.has('conversations.see_all')) return boundTo
  return boundTo === null ? standing.numberIds : boundTo.filter((id) => standing.numberIds.includes(id))
}

function permissionsIn(names: readonly string[], allowed: readonly string[] | null): Permission[] {
  return names.filter(isPermission).filter((name) => allowed === null || allowed.includes(name))
}
