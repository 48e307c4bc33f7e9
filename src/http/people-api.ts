import { toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { readId, showId } from '../core/ids.ts'
import { isPermission, type Permission } from '../core/permissions.ts'
import type { Principal } from '../core/principal.ts'
import { gainsByTeams, lacks } from '../people/giving.ts'
import { parsePeople } from '../people/people-file.ts'
import { assignConversation, openConversationsOf } from '../records/assignment.ts'
import type { Ask } from '../records/inputs.ts'
import type { Member, PeopleReader } from '../records/people-reader.ts'
import {
  addPeople,
  changePerson,
  type NewPerson,
  PEOPLE_AT_ONCE_MAX,
  PERSON_STATES,
  removePerson,
  tryPeople,
} from '../records/person.ts'
import type { Reader } from '../records/reader.ts'
import { addRole, changeRole, ROLE_NAME_CHARS_MAX, type Role, removeRole } from '../records/role.ts'
import {
  addTeam,
  changeTeam,
  removeTeam,
  TEAM_NAME_CHARS_MAX,
  TEAM_NUMBERS_MAX,
  TEAM_PEOPLE_MAX,
  type TeamChange,
} from '../records/team.ts'
import type { WorkspaceReader } from '../records/workspace-reader.ts'
import { knownBody, readBody, wrong } from './body.ts'
import { emailIn, nameIn, workIn } from './people-members.ts'
import { type Asked, found, idOf, json, pageOf, seeOf } from './route.ts'

export interface PeopleDependencies {
  ask: Ask
  people: PeopleReader
  reader: Pick<Reader, 'numbersOf' | 'canSeeConversation'>
  workspaces: WorkspaceReader
}

type Handle = (deps: PeopleDependencies, asked: Asked) => Promise<Response | object>

const WORK = ['languages', 'skills', 'zone', 'hours'] as const
const FILE_BYTES_MAX = 1024 * 1024

export const listPeople: Handle = async ({ people }, { query, principal }) =>
  people.members(principal.workspaceId, pageOf(query), personView)

export const getPerson: Handle = async (deps, { params, principal }) =>
  personView(found(deps.people.member(principal.workspaceId, idOf('person', params)), 'person'))

/** One person, or up to 500 of them: all or none. */
export const addPerson: Handle = async (deps, { request, principal }) => {
  const body = await knownBody(request, ['name', 'email', 'role', 'people', ...WORK])
  const isList = body['people'] !== undefined
  const list: unknown[] = isList ? listIn(body['people'], '/people', PEOPLE_AT_ONCE_MAX) : [body]
  const people = list.map((one, index) => newPersonIn(deps, one, { principal, path: isList ? `/people/${index}` : '' }))
  const { ids } = await add(deps, principal, { people, isList })
  const views = ids.map((id) => personView(found(deps.people.member(principal.workspaceId, id), 'person')))
  return json(isList ? { people: views } : (views[0] ?? {}), 201)
}

async function add(
  { ask }: PeopleDependencies,
  { workspaceId }: Principal,
  { people, isList }: { people: readonly NewPerson[]; isList: boolean },
): Promise<{ ids: number[] }> {
  try {
    return await ask(addPeople, { workspaceId, people })
  } catch (error) {
    if (!(error instanceof Failure) || isList) throw error
    const { index: _index, path, ...members } = error.members
    const own = typeof path === 'string' ? { path: path.replace(/^\/people\/\d+/, '') } : {}
    throw Object.assign(new Failure(error.code, error.message, { ...members, ...own }), { cause: error })
  }
}

/**
 * Reads a CSV file of people. `?dry_run=true` only says what it would do; otherwise all of them are added, or none, with
 * what is wrong in each row.
 */
export const importPeople: Handle = async (deps, { request, query, principal }) => {
  const dryRun = query.get('dry_run')
  if (dryRun !== null && dryRun !== 'true' && dryRun !== 'false') {
    throw new Failure('invalid', 'dry_run must be true or false', { path: '?dry_run' })
  }
  const text = new TextDecoder().decode(await readBody(request, FILE_BYTES_MAX))
  const roles = deps.people.roles(principal.workspaceId)
  const { people, faults } = parsePeople(text, roles, (role) => givesMore(principal, role))
  const known =
    people.length > 0 && faults.length === 0 ? await faultsOfBook(deps, principal, people, dryRun === 'true') : []
  const all = [...faults, ...known]
  const rows = people.length
  if (dryRun === 'true') return { would_add: all.length === 0 ? rows : 0, rows, faults: all }
  if (all.length > 0) throw new Failure('invalid', 'Nobody was added: rows of the file are wrong', { faults: all })
  return json({ added: rows, rows, faults: [] }, 201)
}

/** What only the book knows: who works here already. */
async function faultsOfBook(
  { ask }: PeopleDependencies,
  { workspaceId }: Principal,
  people: readonly NewPerson[],
  isDryRun: boolean,
): Promise<{ row: number; column: string | null; fault: string }[]> {
  try {
    if (isDryRun) await ask(tryPeople, { workspaceId, people })
    else await ask(addPeople, { workspaceId, people })
    return []
  } catch (error) {
    if (!(error instanceof Failure) || typeof error.members['index'] !== 'number') throw error
    return [{ row: error.members['index'] + 2, column: 'email', fault: error.message }]
  }
}

export const patchPerson: Handle = async (deps, { request, params, principal }) => {
  const { workspaceId } = principal
  const personId = idOf('person', params)
  const member = found(deps.people.member(workspaceId, personId), 'person')
  const body = await knownBody(request, ['name', 'role', 'state', ...WORK])
  requireNotMore(
    principal,
    deps.people.roles(workspaceId).find(({ id }) => id === member.role.id),
  )
  const state = PERSON_STATES.find((one) => one === body['state'])
  if (body['state'] !== undefined && !state) throw wrong('/state', `one of ${PERSON_STATES.join(', ')}`)
  const role = body['role'] === undefined ? undefined : roleIn(deps, body['role'], { principal, path: '' })
  await deps.ask(changePerson, {
    workspaceId,
    personId,
    work: workIn(body, ''),
    everywhere: principal.everywhere === true,
    ...(body['name'] === undefined ? {} : { name: nameIn(body['name'], '') }),
    ...(role ? { roleId: role.id } : {}),
    ...(state ? { state } : {}),
  })
  return personView(found(deps.people.member(workspaceId, personId), 'person'))
}

export const deletePerson: Handle = async (deps, { request, params, principal }) => {
  await knownBody(request, [])
  const { workspaceId } = principal
  const personId = idOf('person', params)
  const member = found(deps.people.member(workspaceId, personId), 'person')
  requireNotMore(
    principal,
    deps.people.roles(workspaceId).find(({ id }) => id === member.role.id),
  )
  for (let isDone = false; !isDone; ) ({ isDone } = await deps.ask(openConversationsOf, { workspaceId, personId }))
  await deps.ask(removePerson, { workspaceId, personId })
  return { id: params['id'], removed: true }
}

export const listRoles: Handle = async ({ people }, { principal }) => ({
  items: people.roles(principal.workspaceId).map(roleView),
  next: null,
  as_of: people.head(),
})

export const addRoleOf: Handle = async (deps, { request, principal }) => {
  const body = await knownBody(request, ['name', 'permissions'])
  const name = shortNameIn(body['name'], ROLE_NAME_CHARS_MAX)
  const permissions = permissionsIn(body['permissions'], principal)
  const { id } = await deps.ask(addRole, { workspaceId: principal.workspaceId, name, permissions })
  return json(roleView({ id, name, permissions, isGiven: false }), 201)
}

export const patchRole: Handle = async (deps, { request, params, principal }) => {
  const { workspaceId } = principal
  const roleId = idOf('role', params)
  const role = found(
    deps.people.roles(workspaceId).find(({ id }) => id === roleId),
    'role',
  )
  const body = await knownBody(request, ['permissions'])
  requireNotMore(principal, role)
  const permissions = permissionsIn(body['permissions'], principal)
  await deps.ask(changeRole, { workspaceId, roleId, permissions })
  return roleView({ ...role, permissions })
}

export const deleteRole: Handle = async (deps, { request, params, principal }) => {
  await knownBody(request, [])
  await deps.ask(removeRole, { workspaceId: principal.workspaceId, roleId: idOf('role', params) })
  return { id: params['id'], removed: true }
}

export const listTeams: Handle = async (deps, { principal }) => ({
  items: deps.people.teams(principal.workspaceId).map((team) => teamView(deps, principal.workspaceId, team)),
  next: null,
  as_of: deps.people.head(),
})

export const addTeamOf: Handle = async (deps, { request, principal }) => {
  const body = await knownBody(request, ['name', 'people', 'numbers'])
  const name = shortNameIn(body['name'], TEAM_NAME_CHARS_MAX)
  const team = teamIn(deps, principal.workspaceId, body)
  requireOwn(deps, principal, team)
  const { id } = await deps.ask(addTeam, { workspaceId: principal.workspaceId, ...team, name })
  return json(teamNow(deps, principal, id), 201)
}

export const patchTeam: Handle = async (deps, { request, params, principal }) => {
  const body = await knownBody(request, ['name', 'people', 'numbers'])
  const teamId = idOf('team', params)
  const name = body['name'] === undefined ? {} : { name: shortNameIn(body['name'], TEAM_NAME_CHARS_MAX) }
  const team = teamIn(deps, principal.workspaceId, body)
  requireOwn(deps, principal, team, teamId)
  await deps.ask(changeTeam, { workspaceId: principal.workspaceId, teamId, ...team, ...name })
  return teamNow(deps, principal, teamId)
}

export const deleteTeam: Handle = async (deps, { request, params, principal }) => {
  await knownBody(request, [])
  await deps.ask(removeTeam, { workspaceId: principal.workspaceId, teamId: idOf('team', params) })
  return { id: params['id'], removed: true }
}

/** Gives a conversation to somebody, to a team, or to nobody; what is absent stays. */
export const assign: Handle = async (deps, { request, params, principal }) => {
  const conversationId = idOf('conversation', params)
  if (!deps.reader.canSeeConversation(conversationId, seeOf(principal))) {
    throw new Failure('not_found', 'No such conversation')
  }
  const body = await knownBody(request, ['assignee', 'team'])
  const assigneeId = idOrNull('person', body['assignee'], '/assignee')
  const teamId = idOrNull('team', body['team'], '/team')
  const after = await deps.ask(assignConversation, {
    workspaceId: principal.workspaceId,
    conversationId,
    ...(assigneeId === undefined ? {} : { assigneeId }),
    ...(teamId === undefined ? {} : { teamId }),
  })
  return {
    id: params['id'],
    assignee: after.assigneeId === null ? null : showId('person', after.assigneeId),
    team: after.teamId === null ? null : showId('team', after.teamId),
  }
}

function personView({ id, profile, role, state, work, teams, createdAtMs }: Member): object {
  return {
    id: showId('person', id),
    name: profile?.name ?? null,
    email: profile?.email ?? null,
    role: { id: showId('role', role.id), name: role.name },
    state,
    teams: teams.map((team) => ({ id: showId('team', team.id), name: team.name })),
    ...work,
    created_at: toTime(createdAtMs),
  }
}

function roleView({ id, name, permissions, isGiven }: Role): object {
  return { id: showId('role', id), name, permissions, given: isGiven }
}

function teamNow(deps: PeopleDependencies, { workspaceId }: Principal, id: number): object {
  return teamView(
    deps,
    workspaceId,
    found(
      deps.people.teams(workspaceId).find((team) => team.id === id),
      'team',
    ),
  )
}

function teamView(
  { reader }: PeopleDependencies,
  workspaceId: number,
  team: ReturnType<PeopleReader['teams']>[number],
): object {
  const accounts = new Map(reader.numbersOf(workspaceId).map(({ id, account }) => [id, account]))
  return {
    id: showId('team', team.id),
    name: team.name,
    people: team.personIds.map((id) => showId('person', id)),
    numbers: team.numberIds.flatMap((id) => accounts.get(id) ?? []),
  }
}

function newPersonIn(deps: PeopleDependencies, value: unknown, at: { principal: Principal; path: string }): NewPerson {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at.path, 'a JSON object')
  const body = value as Record<string, unknown>
  const known = ['name', 'email', 'role', ...WORK] as readonly string[]
  const unknown = at.path === '' ? undefined : Object.keys(body).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw wrong(`${at.path}/${unknown.slice(0, 50)}`, `absent: ${known.join(', ')} are known here`)
  return {
    name: nameIn(body['name'], at.path),
    email: emailIn(body['email'], at.path),
    roleId: roleIn(deps, body['role'], at).id,
    work: { languages: [], skills: [], zone: null, hours: null, ...workIn(body, at.path) },
  }
}

/** A role by its name or its id, that gives no more than whoever asks has. */
function roleIn(
  deps: PeopleDependencies,
  value: unknown,
  { principal, path }: { principal: Principal; path: string },
): Role {
  const roles = deps.people.roles(principal.workspaceId)
  const role = roles.find(
    ({ id, name }) => value === name || (typeof value === 'string' && readId('role', value) === id),
  )
  if (!role) throw wrong(`${path}/role`, `one of the roles: ${roles.map(({ name }) => name).join(', ')}`)
  requireNotMore(principal, role)
  return role
}

/** Nobody makes somebody who may more than they do, nor changes one. */
function requireNotMore(principal: Principal, role: Role | undefined): void {
  const missing = role && givesMore(principal, role)
  if (missing) throw new Failure('forbidden', `That takes a permission that you do not have: ${missing}`)
}

function givesMore(principal: Principal, { permissions }: Role): string | undefined {
  return lacks(principal, permissions)
}

function permissionsIn(value: unknown, principal: Principal): Permission[] {
  return listIn(value, '/permissions', 1_000).map((name, index) => {
    if (typeof name !== 'string' || !isPermission(name))
      throw wrong(`/permissions/${index}`, 'the name of a permission')
    if (!lacks(principal, [name])) return name
    throw new Failure('forbidden', `You cannot give a permission that you do not have: ${name}`)
  })
}

function teamIn({ reader }: PeopleDependencies, workspaceId: number, body: Record<string, unknown>) {
  const people = body['people']
  const numbers = body['numbers']
  return {
    ...(people === undefined
      ? {}
      : {
          personIds: listIn(people, '/people', TEAM_PEOPLE_MAX).map((text, index) => {
            const id = typeof text === 'string' ? readId('person', text) : undefined
            if (id === undefined) throw wrong(`/people/${index}`, 'the id of a person')
            return id
          }),
        }),
    ...(numbers === undefined
      ? {}
      : {
          numberIds: listIn(numbers, '/numbers', TEAM_NUMBERS_MAX).map((account, index) => {
            const number = reader.numbersOf(workspaceId).find((one) => one.account === account)
            if (!number) throw wrong(`/numbers/${index}`, 'the id of one of our numbers at the platform')
            return number.id
          }),
        }),
  }
}

/** Nobody brings themselves, or whoever they could become, to numbers and into teams that they do not have. */
function requireOwn(
  { people }: PeopleDependencies,
  principal: Principal,
  { personIds = [], numberIds = [] }: Pick<TeamChange, 'personIds' | 'numberIds'>,
  teamId?: number,
): void {
  if (!gainsByTeams(principal)) return
  const { workspaceId, personId } = principal
  const before = people.teams(workspaceId).find(({ id }) => id === teamId)
  const number = numberIds.find((id) => !before?.numberIds.includes(id) && !principal.numberIds?.includes(id))
  if (number !== undefined && principal.numberIds !== null)
    throw new Failure('forbidden', 'You cannot give a number that you do not have', { path: '/numbers' })
  const own = personId === null ? [] : (people.standing(workspaceId, personId)?.teamIds ?? [])
  const joins = personIds.some((id) => !before?.personIds.includes(id))
  if (joins && before && !own.includes(before.id))
    throw new Failure('forbidden', 'You cannot bring anybody into a team that you are not in', { path: '/people' })
}

function listIn(value: unknown, path: string, max: number): unknown[] {
  if (Array.isArray(value) && value.length <= max) return value
  throw wrong(path, `a list of at most ${max}`)
}

function shortNameIn(value: unknown, max: number): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= max) return value.trim()
  throw wrong('/name', `a text of 1 to ${max} characters`)
}

function idOrNull(kind: 'person' | 'team', value: unknown, path: string): number | null | undefined {
  if (value === undefined || value === null) return value
  const id = typeof value === 'string' ? readId(kind, value) : undefined
  if (id === undefined) throw wrong(path, `the id of a ${kind}, or null`)
  return id
}
