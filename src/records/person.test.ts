import { describe, expect, test } from 'bun:test'
import { must } from '../core/assert.ts'
import { GIVEN_ROLES } from '../people/roles.ts'
import { openTestBook } from '../testing/open-test-book.ts'
import { unsealText } from '../vault/sealing.ts'
import { assignConversation } from './assignment.ts'
import { PeopleReader } from './people-reader.ts'
import { addPeople, changePerson, type NewPerson, removePerson, tryPeople } from './person.ts'
import { addRole, changeRole, declareRoles, removeRole } from './role.ts'
import { addTeam, changeTeam, removeTeam } from './team.ts'

const WORK = { languages: ['en'], skills: [], zone: null, hours: null }
const PAGE = { limit: 50, cursor: null }
const WORKSPACE = 1

async function open() {
  const house = openTestBook()
  await house.ask(declareRoles, { roles: GIVEN_ROLES })
  const people = new PeopleReader(house.database, (person, place, sealed) => {
    const key = house.vault.personKey(person)
    return key && unsealText(key, place, sealed)
  })
  const role = (name: string) =>
    must(
      people.roles(WORKSPACE).find((one) => one.name === name),
      name,
    ).id
  const person = (name: string, roleName = 'agent'): NewPerson => ({
    name,
    email: `${name.toLowerCase()}@example.com`,
    roleId: role(roleName),
    work: WORK,
  })
  const add = async (...list: NewPerson[]) => (await house.ask(addPeople, { workspaceId: WORKSPACE, people: list })).ids
  return { house, people, role, person, add }
}

describe('people', () => {
  test('are added with a role, and read with their name, which the folder does not say', async () => {
    const { people, person, add, house } = await open()
    const [id = 0] = await add(person('Ada'))
    expect(people.member(WORKSPACE, id)).toMatchObject({
      profile: { name: 'Ada', email: 'ada@example.com' },
      role: { name: 'agent' },
      state: 'active',
      work: WORK,
      teams: [],
    })
    const rows = house.database.all<{ profile: Uint8Array }>('SELECT profile FROM people')
    expect(rows.some(({ profile }) => Buffer.from(profile).includes('Ada'))).toBe(false)
  })

  test('are all added or none, and a refusal names whose fault it was', async () => {
    const { people, person, add } = await open()
    await add(person('Ada'))
    const again = add(person('Bo'), { ...person('Eda'), email: 'ADA@Example.com' })
    await expect(again).rejects.toMatchObject({ code: 'conflict', members: { index: 1, path: '/people/1/email' } })
    await again.catch(() => {})
    expect(people.members(WORKSPACE, PAGE, ({ profile }) => ({ name: profile?.name })).items).toEqual([{ name: 'Ada' }])
  })

  test('a dry run adds nobody and finds the same faults', async () => {
    const { house, people, person, add } = await open()
    await add(person('Ada'))
    await house.ask(tryPeople, { workspaceId: WORKSPACE, people: [person('Bo')] })
    expect(people.members(WORKSPACE, PAGE, () => ({})).items).toHaveLength(1)
    const fault = house.ask(tryPeople, { workspaceId: WORKSPACE, people: [person('Ada')] })
    await expect(fault).rejects.toMatchObject({ code: 'conflict' })
  })

  test('may what their role and teams let them, from the change on', async () => {
    const { house, people, person, role, add } = await open()
    const [ada = 0] = await add(person('Ada'))
    const { id: teamId } = await house.ask(addTeam, {
      workspaceId: WORKSPACE,
      name: 'support',
      personIds: [ada],
      numberIds: [7, 9],
    })
    expect(people.standing(WORKSPACE, ada)).toMatchObject({ role: 'agent', teamIds: [teamId], numberIds: [7, 9] })
    await house.ask(changePerson, { workspaceId: WORKSPACE, personId: ada, roleId: role('auditor') })
    expect(people.standing(WORKSPACE, ada)?.permissions).toContain('audit.read')
    await house.ask(changePerson, { workspaceId: WORKSPACE, personId: ada, state: 'suspended' })
    expect(people.standing(WORKSPACE, ada)).toBeUndefined()
    expect(house.wakes.filter(({ kind }) => kind === 'rights').length).toBeGreaterThanOrEqual(3)
  })

  test('the last owner stays one', async () => {
    const { house, person, role, add } = await open()
    const [ada = 0, bo = 0] = await add(person('Ada', 'owner'), person('Bo'))
    const refused = [
      house.ask(changePerson, { workspaceId: WORKSPACE, personId: ada, roleId: role('agent') }),
      house.ask(changePerson, { workspaceId: WORKSPACE, personId: ada, state: 'suspended' }),
      house.ask(removePerson, { workspaceId: WORKSPACE, personId: ada }),
    ]
    for (const each of await Promise.allSettled(refused)) expect(each.status).toBe('rejected')
    await house.ask(changePerson, { workspaceId: WORKSPACE, personId: bo, roleId: role('owner') })
    await house.ask(removePerson, { workspaceId: WORKSPACE, personId: ada })
  })

  test('who left may nothing, is in no team and in no list, and may come back', async () => {
    const { house, people, person, add } = await open()
    const [ada = 0] = await add(person('Ada'))
    await house.ask(addTeam, { workspaceId: WORKSPACE, name: 'support', personIds: [ada] })
    await house.ask(removePerson, { workspaceId: WORKSPACE, personId: ada })
    expect(people.standing(WORKSPACE, ada)).toBeUndefined()
    expect(people.teams(WORKSPACE)[0]?.personIds).toEqual([])
    expect(await add(person('Ada'))).toEqual([ada])
  })
})

describe('roles', () => {
  test('are those given and those made, and only what nobody has is removed', async () => {
    const { house, people, role, person, add } = await open()
    expect(people.roles(WORKSPACE).map(({ name }) => name)).toEqual(Object.keys(GIVEN_ROLES))
    const { id } = await house.ask(addRole, { workspaceId: WORKSPACE, name: 'night', permissions: ['messages.reply'] })
    await add({ ...person('Ada'), roleId: id })
    await expect(house.ask(removeRole, { workspaceId: WORKSPACE, roleId: id })).rejects.toMatchObject({
      code: 'conflict',
    })
    await expect(house.ask(removeRole, { workspaceId: WORKSPACE, roleId: role('agent') })).rejects.toMatchObject({
      code: 'conflict',
    })
    await expect(house.ask(addRole, { workspaceId: WORKSPACE, name: 'night', permissions: [] })).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('change for everybody who has them, but for the owner’s; a start changes only that one', async () => {
    const { house, people, role } = await open()
    await house.ask(changeRole, { workspaceId: WORKSPACE, roleId: role('agent'), permissions: ['search.use'] })
    await house.ask(declareRoles, { roles: { ...GIVEN_ROLES, owner: ['audit.read'] } })
    const named = new Map(people.roles(WORKSPACE).map(({ name, permissions }) => [name, permissions]))
    expect(named.get('agent')).toEqual(['search.use'])
    expect(named.get('owner')).toEqual(['audit.read'])
    await expect(
      house.ask(changeRole, { workspaceId: WORKSPACE, roleId: role('owner'), permissions: [] }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('teams', () => {
  test('have the people and numbers that were said last', async () => {
    const { house, people, person, add } = await open()
    const [ada = 0, bo = 0] = await add(person('Ada'), person('Bo'))
    const { id: teamId } = await house.ask(addTeam, {
      workspaceId: WORKSPACE,
      name: 'support',
      personIds: [ada],
      numberIds: [7],
    })
    await house.ask(changeTeam, { workspaceId: WORKSPACE, teamId, name: 'help', personIds: [bo, bo] })
    expect(people.teams(WORKSPACE)).toEqual([{ id: teamId, name: 'help', personIds: [bo], numberIds: [7] }])
    await expect(house.ask(changeTeam, { workspaceId: WORKSPACE, teamId, personIds: [99] })).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(house.ask(changeTeam, { workspaceId: 2, teamId, name: 'theirs' })).rejects.toMatchObject({
      code: 'not_found',
    })
    await house.ask(removeTeam, { workspaceId: WORKSPACE, teamId })
    expect(people.teams(WORKSPACE)).toEqual([])
  })
})

test('a conversation is given to nobody who does not work here', async () => {
  const { house } = await open()
  const ask = { workspaceId: WORKSPACE, conversationId: 77 }
  await expect(house.ask(assignConversation, { ...ask, assigneeId: 1 })).rejects.toMatchObject({ code: 'not_found' })
})
