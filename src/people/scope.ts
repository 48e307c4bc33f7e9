import type { Permission } from '../core/permissions.ts'
import type { Scope } from '../core/principal.ts'
import type { Standing } from '../records/people-reader.ts'

/**
 * Which conversations somebody sees, by what they may and where they stand. A key that is bound to numbers sees only
 * theirs, whatever else it might; a key of nobody's has neither teams nor conversations of its own.
 */
export function scopeOf(
  permissions: ReadonlySet<Permission>,
  who: {
    personId: number | null
    standing: Pick<Standing, 'teamIds' | 'numberIds'>
    boundTo: readonly number[] | null
  },
): Scope {
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
