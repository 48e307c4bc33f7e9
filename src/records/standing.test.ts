import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { seeing } from './page.ts'
import { PeopleReader } from './people-reader.ts'
import { addPeople, changePerson, removePerson } from './person.ts'
import { addRole, changeRole, declareRoles, removeRole } from './role.ts'
import { addTeam, changeTeam, removeTeam } from './team.ts'

let house: TestBook
let numberId: number
let roleId: number
let ownerRole: number
const W = { workspaceId: 1 }

beforeEach(async () => {
  house = openTestBook()
  numberId = await house.declare()
  await house.ask(declareRoles, { roles: { owner: ['conversations.see_all'] } })
  ownerRole = house.database.one<{ id: number }>("SELECT id FROM roles WHERE name = 'owner'")?.id ?? 0
  roleId = (await house.ask(addRole, { ...W, name: 'seer', permissions: ['conversations.see_team', 'messages.reply'] }))
    .id
})
afterEach(() => house.close())

let count = 0
async function hire(howMany = 1): Promise<number[]> {
  const work = { languages: [], skills: [], zone: null, hours: null }
  const people = Array.from({ length: howMany }, () => ({ name: 'P', email: `p${++count}@example.com`, roleId, work }))
  return (await house.ask(addPeople, { ...W, people })).ids
}

/** What somebody had been, the newest first. */
function pastOf(personId: number): object[] {
  const { history } = new PeopleReader(house.database, () => undefined).standing(1, personId) ?? {}
  return (history?.past ?? []).map(({ until: _, ...standing }) => standing)
}

const TEAMED = { permissions: ['conversations.see_team'], teamIds: [] as number[], numberIds: [] as number[] }

describe('how somebody stood', () => {
  test('is known after each change of a role, a team, its numbers, and of themselves', async () => {
    const [ada = 0, bo = 0] = await hire(2)
    const { id: team } = await house.ask(addTeam, { ...W, name: 'team', personIds: [ada], numberIds: [numberId] })
    await house.ask(changeTeam, { ...W, teamId: team, numberIds: [] })
    await house.ask(changeRole, { ...W, roleId, permissions: ['conversations.see_own'] })
    await house.ask(changePerson, { ...W, personId: ada, roleId: ownerRole })
    await house.ask(changeTeam, { ...W, teamId: team, personIds: [bo] })
    expect(pastOf(ada)).toEqual([
      { ...TEAMED, permissions: ['conversations.see_all'], teamIds: [team] },
      { ...TEAMED, permissions: ['conversations.see_own'], teamIds: [team] },
      { ...TEAMED, teamIds: [team] },
      { ...TEAMED, teamIds: [team], numberIds: [numberId] },
      TEAMED,
    ])
    expect(pastOf(bo)).toEqual([{ ...TEAMED, permissions: ['conversations.see_own'] }, TEAMED])
  })

  test('is known of roles and teams that are gone, and of who was away for a while', async () => {
    const [ada = 0] = await hire()
    const { id: team } = await house.ask(addTeam, { ...W, name: 'team', personIds: [ada], numberIds: [numberId] })
    await house.ask(changePerson, { ...W, personId: ada, roleId: ownerRole })
    await house.ask(removeRole, { ...W, roleId })
    await house.ask(removeTeam, { ...W, teamId: team })
    const [other = 0] = await house
      .ask(addPeople, {
        ...W,
        people: [
          {
            name: 'O',
            email: 'o@example.com',
            roleId: ownerRole,
            work: { languages: [], skills: [], zone: null, hours: null },
          },
        ],
      })
      .then(({ ids }) => ids)
    await house.ask(changePerson, { ...W, personId: ada, state: 'suspended' })
    await house.ask(changePerson, { ...W, personId: ada, state: 'active' })
    const all = { ...TEAMED, permissions: ['conversations.see_all'] }
    expect(pastOf(ada)).toEqual([
      { ...all, permissions: [] },
      all,
      { ...all, teamIds: [team], numberIds: [numberId] },
      { ...TEAMED, teamIds: [team], numberIds: [numberId] },
      TEAMED,
    ])
    expect(pastOf(other)).toEqual([])
    await house.ask(removePerson, { ...W, personId: ada })
    expect(pastOf(ada)).toEqual([])
  })

  test('is not noted of what shows nothing else: a permission to act, a name, the same people again', async () => {
    const [ada = 0] = await hire()
    const { id: team } = await house.ask(addTeam, { ...W, name: 'team', personIds: [ada] })
    const head = house.events.head()
    await house.ask(changeRole, { ...W, roleId, permissions: ['conversations.see_team'] })
    await house.ask(changePerson, { ...W, personId: ada, name: 'Ada' })
    await house.ask(changeTeam, { ...W, teamId: team, name: 'other', personIds: [ada], numberIds: [] })
    expect(house.events.head()).toBe(head)
  })

  test('goes back over five hundred changes, and says from where on', async () => {
    const [ada = 0, bo = 0] = await hire(2)
    const { id: teamId } = await house.ask(addTeam, { ...W, name: 'team' })
    for (let index = 0; index < 501; index++) {
      await house.ask(changeTeam, { ...W, teamId, personIds: index % 2 ? [ada] : [bo] })
    }
    const { history } = new PeopleReader(house.database, () => undefined).standing(1, ada) ?? {}
    expect([history?.past.length, (history?.knownFrom ?? 0) > 0]).toEqual([500, true])
    expect(history?.asOf).toBe(house.events.head() - 1)
  })
})

test('a role that five hundred people have costs two events', async () => {
  const people = await hire(500)
  const head = house.events.head()
  await house.ask(changeRole, { ...W, roleId, permissions: ['conversations.see_all'] })
  expect(house.events.head()).toBe(head + 2)
  await house.ask(addTeam, { ...W, name: 'all', personIds: people })
  expect(house.events.head()).toBe(head + 4)
  const { events } = await house.events.read(head, 10)
  expect(events.map(({ type, change, json }) => [type, change, JSON.parse(json).data])).toEqual([
    ['conversation.gone', head + 1, { conversation_ids: [] }],
    ['conversation.visible', head + 1, { conversation_ids: [] }],
    ['conversation.gone', head + 3, { conversation_ids: [] }],
    ['conversation.visible', head + 3, { conversation_ids: [] }],
  ])
})

test('a list that does not go by the newest change of rights is to be followed from before it', async () => {
  await hire()
  const page = (asOf?: number) =>
    house.reader
      .conversations(
        { limit: 10, cursor: null },
        seeing(1, () => true, asOf),
      )
      .then(({ as_of }) => as_of)
  await house.ask(changeRole, { ...W, roleId, permissions: ['conversations.see_all'] })
  const change = house.events.head() - 1
  await house.ask(addTeam, { ...W, name: 'team' })
  expect([await page(), await page(change), await page(change - 1)]).toEqual([change + 1, change + 1, change - 1])
})
