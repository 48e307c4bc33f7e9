import { must } from '../core/assert.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import { OWNER_ROLE, roleWith } from './role.ts'
import { noteStandingChange } from './standing.ts'
import { type InputContext, input, personNumber, type Tx } from './tx.ts'

export const PERSON_NAME_CHARS_MAX = 100
/** RFC 5321, 4.5.3.1: a path has at most 256 octets, with its brackets. */
export const EMAIL_CHARS_MAX = 254
/** People that one request may add, all of them or none. */
export const PEOPLE_AT_ONCE_MAX = 500
/** Among the blind indexes of portfolios, whose names an operator chooses without this sign. */
export const STAFF = '@people'

export const PERSON_STATES = ['active', 'suspended'] as const
export type PersonState = (typeof PERSON_STATES)[number]

/** From and until, such as `09:00` and `17:30`, in the person's zone. */
export type Shift = readonly [from: string, until: string]
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Hours = Partial<Record<(typeof WEEKDAYS)[number], readonly Shift[]>>

/** What routing goes by. */
export interface Work {
  /** BCP 47. */
  languages: readonly string[]
  skills: readonly string[]
  /** IANA; null: that of the house. */
  zone: string | null
  /** Null: always. */
  hours: Hours | null
}

export interface StaffProfile {
  name: string
  email: string
}

export interface NewPerson extends StaffProfile {
  roleId: number
  work: Work
}

export interface PersonChange {
  workspaceId: number
  personId: number
  name?: string
  /** Whether whoever asks works in every workspace. */
  everywhere?: boolean
  roleId?: number
  state?: PersonState
  work?: Partial<Work>
}

export interface PersonRemoval {
  workspaceId: number
  personId: number
}

export function staffPlace(personId: number): string {
  return `people.profile:${personId}`
}

interface NewPeople {
  workspaceId: number
  people: readonly NewPerson[]
}

/** Takes people into a workspace: all of them or none. Whoever works in another workspace already is the same person. */
export const addPeople = input(
  'person.add',
  async (tx: Tx, { workspaceId, people }: NewPeople, context: InputContext) => ({
    ids: await eachOf(people, async (person) => {
      const known = await requireNew(tx, workspaceId, person)
      return await addPerson(tx, workspaceId, { ...person, id: known }, context)
    }),
  }),
  {
    objects: (ask, { ids }) =>
      ids.map((id, index) => ({ object: showId('person', id), detail: { email: ask.people[index]?.email } })),
  },
)

/** Only finds out whether they could be taken in, as far as who works here already says. */
export const tryPeople = input('person.try', async (tx: Tx, { workspaceId, people }: NewPeople) => {
  await eachOf(people, (person) => requireNew(tx, workspaceId, person))
})

/** One after the other; a failure says which of them it is about. */
async function eachOf<T>(people: readonly NewPerson[], work: (person: NewPerson) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (const [index, person] of people.entries()) {
    try {
      results.push(await work(person))
    } catch (error) {
      throw error instanceof Failure ? inList(error, index) : error
    }
  }
  return results
}

function inList(failure: Failure, index: number): Failure {
  const path = failure.members['path']
  return new Failure(failure.code, failure.message, {
    ...failure.members,
    index,
    ...(path ? { path: `/people/${index}${path}` } : {}),
  })
}

/** Throws where somebody with this address works here already. Answers who it is, where another workspace knows them. */
async function requireNew(tx: Tx, workspaceId: number, person: NewPerson): Promise<number | undefined> {
  await roleWith(tx, workspaceId, person.roleId)
  const keyPerson = tx.vault.findPerson('email', STAFF, emailOf(person.email))
  if (keyPerson === undefined) return undefined
  const known = await tx.one<{ id: number }>('SELECT id FROM people WHERE key_person = ?1', keyPerson)
  if (known && (await membershipOf(tx, workspaceId, known.id))) {
    throw new Failure('conflict', 'Somebody with this e-mail address works here already', { path: '/email' })
  }
  return known?.id
}

async function addPerson(
  tx: Tx,
  workspaceId: number,
  person: NewPerson & { id: number | undefined },
  context: InputContext,
): Promise<number> {
  const id = person.id ?? (await createPerson(tx, { name: person.name, email: emailOf(person.email) }, context))
  await tx.run(
    'INSERT INTO memberships (workspace_id, person_id, role_id, state, work, created_at) VALUES (?1, ?2, ?3, 0, ?4, ?5)',
    workspaceId,
    id,
    person.roleId,
    JSON.stringify(person.work),
    context.now,
  )
  return id
}

async function createPerson(tx: Tx, profile: StaffProfile, context: InputContext): Promise<number> {
  const id = context.ids.next()
  const keyPerson = tx.vault.createPerson(() => personNumber(context))
  tx.vault.linkPerson('email', STAFF, profile.email, keyPerson)
  await tx.run(
    'INSERT INTO people (id, key_person, profile, created_at) VALUES (?1, ?2, ?3, ?4)',
    id,
    keyPerson,
    tx.seal(keyPerson, staffPlace(id), JSON.stringify(profile)),
    context.now,
  )
  return id
}

/** Changes somebody in a workspace. The last owner stays one. */
export const changePerson = input('person.change', async (tx: Tx, ask: PersonChange) => {
  const { workspaceId, personId } = ask
  const before = await requireMember(tx, workspaceId, personId)
  const roleId = ask.roleId ?? before.role_id
  if (ask.roleId !== undefined) await roleWith(tx, workspaceId, ask.roleId)
  const state = ask.state === undefined ? before.state : PERSON_STATES.indexOf(ask.state)
  if (roleId !== before.role_id || state !== 0) await requireOtherOwner(tx, workspaceId, personId)
  if (ask.name !== undefined) await rename(tx, ask, ask.name)
  const work = { ...(JSON.parse(before.work) as Work), ...ask.work }
  await tx.run(
    'UPDATE memberships SET role_id = ?3, state = ?4, work = ?5 WHERE workspace_id = ?1 AND person_id = ?2',
    workspaceId,
    personId,
    roleId,
    state,
    JSON.stringify(work),
  )
  if (roleId === before.role_id && state === before.state) return null
  const stood = { roleId: before.state === 0 ? before.role_id : null }
  await noteStandingChange(tx, workspaceId, { kind: 'person', subject: personId, before: stood })
  tx.wake({ kind: 'rights', keyHash: null, personId })
  return null
})

/**
 * Somebody does not work in this workspace any more, and may nothing in it. Before that their conversations are somebody
 * else's or nobody's (`openConversationsOf`): here that is only looked at, since they may be many.
 */
export const removePerson = input('person.remove', async (tx: Tx, ask: PersonRemoval, { now }: InputContext) => {
  const { workspaceId, personId } = ask
  const { role_id, state } = await requireMember(tx, workspaceId, personId)
  await requireOtherOwner(tx, workspaceId, personId)
  const held = await tx.one(
    'SELECT id FROM conversations WHERE assignee_id = ?1 AND workspace_id = ?2 LIMIT 1',
    personId,
    workspaceId,
  )
  if (held) throw new Failure('conflict', 'They were given a conversation just now: ask again')
  const teams = await tx.all<{ id: number }>(
    'SELECT team_id AS id FROM team_people WHERE workspace_id = ?1 AND person_id = ?2',
    workspaceId,
    personId,
  )
  await tx.run('DELETE FROM team_people WHERE workspace_id = ?1 AND person_id = ?2', workspaceId, personId)
  await tx.run('DELETE FROM memberships WHERE workspace_id = ?1 AND person_id = ?2', workspaceId, personId)
  await tx.run(
    'UPDATE api_keys SET revoked_at = ?3 WHERE workspace_id = ?1 AND person_id = ?2 AND revoked_at IS NULL',
    workspaceId,
    personId,
    now,
  )
  const stood = { roleId: state === 0 ? role_id : null, teamIds: teams.map(({ id }) => id) }
  await noteStandingChange(tx, workspaceId, { kind: 'person', subject: personId, before: stood })
  tx.wake({ kind: 'rights', keyHash: null, personId })
  return null
})

/** As it is compared: an address is the same person in any case of its letters. */
export function emailOf(text: string): string {
  return text.trim().normalize('NFC').toLowerCase()
}

interface MembershipRow {
  role_id: number
  state: number
  work: string
}

function membershipOf(tx: Tx, workspaceId: number, personId: number): Promise<MembershipRow | undefined> {
  return tx.one<MembershipRow>(
    'SELECT role_id, state, work FROM memberships WHERE workspace_id = ?1 AND person_id = ?2',
    workspaceId,
    personId,
  )
}

/** Throws `not_found`. */
export async function requireMember(tx: Tx, workspaceId: number, personId: number): Promise<MembershipRow> {
  const found = await membershipOf(tx, workspaceId, personId)
  if (!found) throw new Failure('not_found', 'No such person', { path: '/person' })
  return found
}

/** Throws `conflict` where this is the last active owner. */
export async function requireOtherOwner(tx: Tx, workspaceId: number, personId: number): Promise<void> {
  const owners = await tx.all<{ person_id: number }>(
    `SELECT m.person_id FROM memberships m JOIN roles r ON r.id = m.role_id
     WHERE m.workspace_id = ?1 AND m.state = 0 AND r.name = ?2 LIMIT 2`,
    workspaceId,
    OWNER_ROLE,
  )
  if (owners.length === 1 && owners[0]?.person_id === personId) {
    throw new Failure('conflict', 'This is the last owner: make somebody else an owner first')
  }
}

/** A name is the same in every workspace: in one of several it is not changed, but by who works in all of them. */
async function rename(tx: Tx, { workspaceId, personId, everywhere }: PersonChange, name: string): Promise<void> {
  const row = must(
    await tx.one<{ key_person: number; profile: Uint8Array }>(
      'SELECT key_person, profile FROM people WHERE id = ?1',
      personId,
    ),
    'the person',
  )
  const text = tx.isErased(row.key_person) ? undefined : tx.unseal(row.key_person, staffPlace(personId), row.profile)
  if (text === undefined) throw new Failure('conflict', 'They have been erased: add them anew', { path: '/name' })
  const before = JSON.parse(text) as StaffProfile
  if (before.name === name) return
  const elsewhere = await tx.one(
    'SELECT person_id FROM memberships WHERE person_id = ?1 AND workspace_id <> ?2 LIMIT 1',
    personId,
    workspaceId,
  )
  if (elsewhere && !everywhere)
    throw new Failure('forbidden', 'They work in another workspace too: their name is not changed in one', {
      path: '/name',
    })
  const profile = { ...before, name }
  await tx.run(
    'UPDATE people SET profile = ?2 WHERE id = ?1',
    personId,
    tx.seal(row.key_person, staffPlace(personId), JSON.stringify(profile)),
  )
}
