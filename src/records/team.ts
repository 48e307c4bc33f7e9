import { Failure } from '../core/failure.ts'
import { noteStandingChange } from './standing.ts'
import { type InputContext, input, type Tx } from './tx.ts'

export const TEAM_NAME_CHARS_MAX = 50
const TEAMS_MAX = 1_000
export const TEAM_PEOPLE_MAX = 1_000
export const TEAM_NUMBERS_MAX = 500

/** What of a team is to be from now on; what is absent stays. */
export interface TeamChange {
  name?: string
  /** All its people. */
  personIds?: readonly number[]
  /** All the numbers it answers on. */
  numberIds?: readonly number[]
}

export const addTeam = input(
  'team.add',
  async (tx: Tx, ask: { workspaceId: number; name: string } & TeamChange, { ids }: InputContext) => {
    await requireFreeName(tx, ask.workspaceId, ask.name)
    const count = await tx.one<{ count: number }>(
      'SELECT count(*) AS count FROM teams WHERE workspace_id = ?1',
      ask.workspaceId,
    )
    if ((count?.count ?? 0) >= TEAMS_MAX)
      throw new Failure('conflict', `There are ${TEAMS_MAX} teams: remove some first`)
    const id = ids.next()
    await tx.run('INSERT INTO teams (id, workspace_id, name) VALUES (?1, ?2, ?3)', id, ask.workspaceId, ask.name)
    await write(tx, ask.workspaceId, id, ask)
    return { id }
  },
)

export const changeTeam = input(
  'team.change',
  async (tx: Tx, ask: { workspaceId: number; teamId: number } & TeamChange) => {
    const { workspaceId, teamId } = ask
    const team = await teamWith(tx, workspaceId, teamId)
    if (ask.name !== undefined && ask.name !== team.name) {
      await requireFreeName(tx, workspaceId, ask.name)
      await tx.run('UPDATE teams SET name = ?3 WHERE workspace_id = ?1 AND id = ?2', workspaceId, teamId, ask.name)
    }
    await write(tx, workspaceId, teamId, ask)
    return null
  },
)

/** Its conversations are nobody's team's from then on. */
export const removeTeam = input(
  'team.remove',
  async (tx: Tx, { workspaceId, teamId }: { workspaceId: number; teamId: number }) => {
    await teamWith(tx, workspaceId, teamId)
    const used = await tx.one(
      'SELECT id FROM conversations WHERE team_id = ?1 /* a team is of one workspace */ LIMIT 1',
      teamId,
    )
    if (used) throw new Failure('conflict', 'The team has conversations: give them to somebody else first')
    const before = {
      joined: [],
      left: await peopleOf(tx, workspaceId, teamId),
      numberIds: await numbersOf(tx, workspaceId, teamId),
    }
    await tx.run('DELETE FROM teams WHERE workspace_id = ?1 AND id = ?2', workspaceId, teamId)
    await noteStandingChange(tx, workspaceId, { kind: 'team', subject: teamId, before })
    tx.wake({ kind: 'rights', keyHash: null, personId: null })
    return null
  },
)

/** Throws `not_found`. */
export async function teamWith(tx: Tx, workspaceId: number, id: number): Promise<{ id: number; name: string }> {
  const row = await tx.one<{ id: number; name: string }>(
    'SELECT id, name FROM teams WHERE workspace_id = ?1 AND id = ?2',
    workspaceId,
    id,
  )
  if (!row) throw new Failure('not_found', 'No such team', { path: '/team' })
  return row
}

async function requireFreeName(tx: Tx, workspaceId: number, name: string): Promise<void> {
  const taken = await tx.one('SELECT id FROM teams WHERE workspace_id = ?1 AND name = ?2', workspaceId, name)
  if (taken) throw new Failure('conflict', 'A team has this name', { path: '/name' })
}

async function write(tx: Tx, workspaceId: number, teamId: number, change: TeamChange): Promise<void> {
  const { personIds, numberIds } = change
  if (personIds === undefined && numberIds === undefined) return
  await noteChange(tx, workspaceId, teamId, change)
  if (personIds !== undefined) {
    await tx.run('DELETE FROM team_people WHERE workspace_id = ?1 AND team_id = ?2', workspaceId, teamId)
    for (const personId of new Set(personIds)) await addMember(tx, workspaceId, teamId, personId)
  }
  if (numberIds !== undefined) {
    await tx.run('DELETE FROM team_numbers WHERE workspace_id = ?1 AND team_id = ?2', workspaceId, teamId)
    for (const numberId of new Set(numberIds)) {
      await tx.run(
        'INSERT INTO team_numbers (workspace_id, team_id, number_id) VALUES (?1, ?2, ?3)',
        workspaceId,
        teamId,
        numberId,
      )
    }
  }
  tx.wake({ kind: 'rights', keyHash: null, personId: null })
}

/** Who and which numbers are other ones from now on, before it is written. */
async function noteChange(tx: Tx, workspaceId: number, teamId: number, to: TeamChange): Promise<void> {
  const people = await peopleOf(tx, workspaceId, teamId)
  const numbers = await numbersOf(tx, workspaceId, teamId)
  const then = new Set(to.personIds ?? people)
  const joined = [...then].filter((id) => !people.includes(id))
  const left = people.filter((id) => !then.has(id))
  const toNumbers = new Set(to.numberIds ?? numbers)
  const isSame = toNumbers.size === numbers.length && numbers.every((id) => toNumbers.has(id))
  if (joined.length + left.length === 0 && isSame) return
  const before = { joined, left, numberIds: isSame ? null : numbers }
  await noteStandingChange(tx, workspaceId, { kind: 'team', subject: teamId, before })
}

async function peopleOf(tx: Tx, workspaceId: number, teamId: number): Promise<number[]> {
  const rows = await tx.all<{ id: number }>(
    'SELECT person_id AS id FROM team_people WHERE workspace_id = ?1 AND team_id = ?2',
    workspaceId,
    teamId,
  )
  return rows.map(({ id }) => id)
}

async function numbersOf(tx: Tx, workspaceId: number, teamId: number): Promise<number[]> {
  const rows = await tx.all<{ id: number }>(
    'SELECT number_id AS id FROM team_numbers WHERE workspace_id = ?1 AND team_id = ?2',
    workspaceId,
    teamId,
  )
  return rows.map(({ id }) => id)
}

async function addMember(tx: Tx, workspaceId: number, teamId: number, personId: number): Promise<void> {
  const member = await tx.one(
    'SELECT person_id FROM memberships WHERE workspace_id = ?1 AND person_id = ?2',
    workspaceId,
    personId,
  )
  if (!member) throw new Failure('not_found', 'No such person', { path: '/people' })
  await tx.run(
    'INSERT INTO team_people (workspace_id, team_id, person_id) VALUES (?1, ?2, ?3)',
    workspaceId,
    teamId,
    personId,
  )
}
