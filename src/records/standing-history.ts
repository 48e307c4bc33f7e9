import type { Db } from '../storage/database.ts'
import { STANDING_KINDS, type StandingChange, seePermissionsOf } from './standing.ts'

/** Changes that are gone back over; whoever was away for more of them is told to load everything anew. */
const CHANGES_MAX = 500

/** What somebody might see, and by which teams and numbers, until a change. */
export interface PastStanding {
  /** The offset of the change. */
  until: number
  /** Of all permissions, those to see conversations. */
  permissions: readonly string[]
  teamIds: readonly number[]
  numberIds: readonly number[]
}

export interface History {
  /** The newest first. */
  past: readonly PastStanding[]
  /** Nothing is known of what was before this offset. */
  knownFrom: number
  /** The offset of the newest change that is in it, of anybody. */
  asOf: number
}

interface Place {
  roleId: number | null
  teamIds: readonly number[]
}

type Change = StandingChange & { offset: number }

/** What is the same for everybody of a workspace. */
interface Shared {
  /** The newest first. */
  changes: readonly Change[]
  knownFrom: number
  roles: ReadonlyMap<number, readonly string[]>
  numbers: ReadonlyMap<number, readonly number[]>
}

/** How somebody stood before, found by undoing the changes one after the other from how they stand now. */
export class StandingHistory {
  readonly #database: Db
  #asOf = -1
  readonly #shared = new Map<number, Shared>()

  constructor(database: Db) {
    this.#database = database
  }

  /** To be called in the snapshot that `now` was read in. */
  of(workspaceId: number, personId: number, now: Place): History {
    const asOf = this.#newest()
    if (asOf !== this.#asOf) this.#shared.clear()
    this.#asOf = asOf
    const shared = this.#shared.get(workspaceId) ?? this.#read(workspaceId)
    this.#shared.set(workspaceId, shared)
    return { past: pastOf(shared, personId, now), knownFrom: shared.knownFrom, asOf }
  }

  /** Of any workspace: whoever has not heard of it looks again. */
  #newest(): number {
    return (
      this.#database.one<{ newest: number | null }>(
        'SELECT max("offset") AS newest FROM standing_changes /* of any workspace */',
      )?.newest ?? 0
    )
  }

  #read(workspaceId: number): Shared {
    const rows = this.#database.all<{ offset: number; kind: number; subject: number; before: string }>(
      'SELECT "offset", kind, subject, before FROM standing_changes WHERE workspace_id = ?1 ORDER BY "offset" DESC LIMIT ?2',
      workspaceId,
      CHANGES_MAX + 1,
    )
    const changes = rows.slice(0, CHANGES_MAX)
    if (changes.length === 0) return { changes: [], knownFrom: 0, roles: new Map(), numbers: new Map() }
    return {
      changes: changes.map(({ offset, kind, subject, before }) => {
        return { offset, kind: STANDING_KINDS[kind], subject, before: JSON.parse(before) } as Change
      }),
      knownFrom: rows.length > CHANGES_MAX ? (changes.at(-1)?.offset ?? 0) : 0,
      roles: this.#roles(workspaceId),
      numbers: this.#numbers(workspaceId),
    }
  }

  #roles(workspaceId: number): Map<number, readonly string[]> {
    const rows = this.#database.all<{ id: number; permissions: string }>(
      'SELECT id, permissions FROM roles WHERE workspace_id = ?1',
      workspaceId,
    )
    return new Map(rows.map(({ id, permissions }) => [id, seePermissionsOf(JSON.parse(permissions) as string[])]))
  }

  #numbers(workspaceId: number): Map<number, readonly number[]> {
    const rows = this.#database.all<{ team_id: number; number_ids: string }>(
      `SELECT team_id, json_group_array(number_id) AS number_ids FROM team_numbers WHERE workspace_id = ?1
       GROUP BY team_id`,
      workspaceId,
    )
    return new Map(rows.map((row) => [row.team_id, JSON.parse(row.number_ids) as number[]]))
  }
}

function pastOf({ changes, roles, numbers }: Shared, personId: number, now: Place): PastStanding[] {
  const before: Before = { roleId: now.roleId, teamIds: new Set(now.teamIds), roles: new Map(), numbers: new Map() }
  const standing = (until: number): PastStanding => {
    const { roleId, teamIds } = before
    const permissions = roleId === null ? [] : (before.roles.get(roleId) ?? roles.get(roleId) ?? [])
    const numberIds = [...teamIds].flatMap((id) => before.numbers.get(id) ?? numbers.get(id) ?? [])
    return { until, permissions, teamIds: sorted(teamIds), numberIds: sorted(new Set(numberIds)) }
  }
  const past: PastStanding[] = []
  let after = JSON.stringify(standing(0))
  for (const change of changes) {
    if (!undo(before, change, personId)) continue
    const text = JSON.stringify(standing(0))
    if (text !== after) past.push(standing(change.offset))
    after = text
  }
  return past
}

interface Before {
  roleId: number | null
  teamIds: Set<number>
  /** As they were, where they were changed since. */
  roles: Map<number, readonly string[]>
  numbers: Map<number, readonly number[]>
}

/** False where it certainly made no difference to them: most changes are about others. */
function undo(before: Before, change: Change, personId: number): boolean {
  if (change.kind === 'role') {
    before.roles.set(change.subject, change.before)
    return change.subject === before.roleId
  }
  if (change.kind === 'person') {
    if (change.subject !== personId) return false
    before.roleId = change.before.roleId
    if (change.before.teamIds) before.teamIds = new Set(change.before.teamIds)
    return true
  }
  const { joined, left, numberIds } = change.before
  const wasIn = before.teamIds.has(change.subject)
  if (joined.includes(personId)) before.teamIds.delete(change.subject)
  if (left.includes(personId)) before.teamIds.add(change.subject)
  if (numberIds) before.numbers.set(change.subject, numberIds)
  return wasIn || before.teamIds.has(change.subject)
}

function sorted(ids: Iterable<number>): number[] {
  return [...ids].sort((one, other) => one - other)
}
