import type { Db } from '../storage/database.ts'
import { houseRow } from './house-row.ts'
import { type Page, type PageAsk, readIdCursor } from './page.ts'
import { PERSON_STATES, type PersonState, type StaffProfile, staffPlace, type Work } from './person.ts'
import { type Role, roleOf } from './role.ts'
import { type History, StandingHistory } from './standing-history.ts'

/** Somebody in a workspace. */
export interface Member {
  id: number
  profile: StaffProfile | undefined
  role: Pick<Role, 'id' | 'name'>
  state: PersonState
  work: Work
  teams: readonly { id: number; name: string }[]
  createdAtMs: number
}

export interface Team {
  id: number
  name: string
  personIds: readonly number[]
  numberIds: readonly number[]
}

/** What somebody may do in a workspace, and by which teams and numbers they see. */
export interface Standing {
  role: string
  permissions: readonly string[]
  teamIds: readonly number[]
  /** The numbers that those teams answer on. */
  numberIds: readonly number[]
  /** How they stood before. Absent of whoever has always been what they are. */
  history?: History
}

interface MemberRow {
  id: number
  key_person: number
  profile: Uint8Array
  role_id: number
  role: string
  state: number
  work: string
  created_at: number
}

const MEMBER = `SELECT p.id, p.key_person, p.profile, m.role_id, r.name AS role, m.state, m.work, m.created_at
  FROM memberships m JOIN people p ON p.id = m.person_id JOIN roles r ON r.id = m.role_id`

type Open = (person: number, place: string, sealed: Uint8Array) => string | undefined

/** Reads who works here, their roles and teams. */
export class PeopleReader {
  readonly #database: Db
  readonly #open: Open
  readonly #histories: StandingHistory

  /** `open` opens a cell with a person's key. */
  constructor(database: Db, open: Open) {
    this.#database = database
    this.#open = open
    this.#histories = new StandingHistory(database)
  }

  member(workspaceId: number, personId: number): Member | undefined {
    const row = this.#database.one<MemberRow>(
      `${MEMBER} WHERE m.workspace_id = ?1 AND m.person_id = ?2`,
      workspaceId,
      personId,
    )
    return row && this.#member(workspaceId, row)
  }

  /** In the order in which they came. */
  members(workspaceId: number, { limit, cursor }: PageAsk, view: (member: Member) => object): Page {
    return this.#page({ limit, cursor }, (after, count) =>
      this.#database
        .all<MemberRow>(
          `${MEMBER} WHERE m.workspace_id = ?1 AND m.person_id > ?2 ORDER BY m.person_id LIMIT ?3`,
          workspaceId,
          after,
          count,
        )
        .map((row) => ({ id: row.id, view: view(this.#member(workspaceId, row)) })),
    )
  }

  /** What somebody may right now; undefined for whoever is no active member. */
  standing(workspaceId: number, personId: number): Standing | undefined {
    return this.#database.snapshot(() => this.#standing(workspaceId, personId))
  }

  #standing(workspaceId: number, personId: number): Standing | undefined {
    const row = this.#database.one<{ role_id: number; role: string; permissions: string }>(
      `SELECT r.id AS role_id, r.name AS role, r.permissions FROM memberships m JOIN roles r ON r.id = m.role_id
       WHERE m.workspace_id = ?1 AND m.person_id = ?2 AND m.state = 0`,
      workspaceId,
      personId,
    )
    if (!row) return undefined
    const teamIds = this.#database
      .all<{ id: number }>(
        'SELECT team_id AS id FROM team_people WHERE workspace_id = ?1 AND person_id = ?2 ORDER BY team_id',
        workspaceId,
        personId,
      )
      .map(({ id }) => id)
    const numberIds = this.#database
      .all<{ id: number }>(
        `SELECT DISTINCT number_id AS id FROM team_numbers
         WHERE workspace_id = ?1 AND team_id IN (SELECT value FROM json_each(?2)) ORDER BY number_id`,
        workspaceId,
        JSON.stringify(teamIds),
      )
      .map(({ id }) => id)
    const history = this.#histories.of(workspaceId, personId, { roleId: row.role_id, teamIds })
    return { role: row.role, permissions: JSON.parse(row.permissions) as string[], teamIds, numberIds, history }
  }

  roles(workspaceId: number): Role[] {
    return this.#database
      .all<Parameters<typeof roleOf>[0]>(
        'SELECT id, name, permissions, given FROM roles WHERE workspace_id = ?1 ORDER BY id',
        workspaceId,
      )
      .map(roleOf)
  }

  teams(workspaceId: number): Team[] {
    return this.#database
      .all<{ id: number; name: string }>('SELECT id, name FROM teams WHERE workspace_id = ?1 ORDER BY id', workspaceId)
      .map(({ id, name }) => ({
        id,
        name,
        personIds: this.#ids(
          'SELECT person_id AS id FROM team_people WHERE workspace_id = ?1 AND team_id = ?2',
          workspaceId,
          id,
        ),
        numberIds: this.#ids(
          'SELECT number_id AS id FROM team_numbers WHERE workspace_id = ?1 AND team_id = ?2',
          workspaceId,
          id,
        ),
      }))
  }

  head(): number {
    return houseRow(this.#database).head
  }

  #ids(sql: string, workspaceId: number, teamId: number): number[] {
    return this.#database.all<{ id: number }>(sql, workspaceId, teamId).map(({ id }) => id)
  }

  #member(workspaceId: number, row: MemberRow): Member {
    const text = this.#open(row.key_person, staffPlace(row.id), row.profile)
    return {
      id: row.id,
      profile: text === undefined ? undefined : (JSON.parse(text) as StaffProfile),
      role: { id: row.role_id, name: row.role },
      state: PERSON_STATES[row.state] ?? 'suspended',
      work: JSON.parse(row.work) as Work,
      teams: this.#database.all<{ id: number; name: string }>(
        `SELECT t.id, t.name FROM teams t JOIN team_people p ON p.team_id = t.id
         WHERE t.workspace_id = ?1 AND p.person_id = ?2 ORDER BY t.id`,
        workspaceId,
        row.id,
      ),
      createdAtMs: row.created_at,
    }
  }

  #page({ limit, cursor }: PageAsk, read: (after: number, count: number) => { id: number; view: object }[]): Page {
    const after = readIdCursor(cursor, 0)
    return this.#database.snapshot(() => {
      const rows = read(after, limit + 1)
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        items: shown.map(({ view }) => view as Page['items'][number]),
        next: rows.length > limit && last ? last.id.toString(36) : null,
        as_of: this.head(),
      }
    })
  }
}
