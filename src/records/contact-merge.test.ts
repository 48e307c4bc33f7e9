import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readId } from '../core/ids.ts'
import type { MessageItem, PersonReference } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, type TestBook } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { declared, queued, textItem } from '../testing/test-items.ts'
import { changeContact } from './contact-change.ts'
import { FAMILY_MAX, headsOf, mergeContacts, unmergeContact } from './contact-merge.ts'
import { declareNumber } from './number.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending } from './send-message.ts'
import type { View } from './views.ts'

const OTHER_ACCOUNT = { id: '2' }

async function openHouse(): Promise<TestBook> {
  const house = openTestBook()
  await house.declare()
  await house.ask(declareNumber, declared({ account: OTHER_ACCOUNT.id, alias: 'two' }))
  return house
}

const ALL = { limit: 200, cursor: null }

async function contactsOf(house: TestBook): Promise<View[]> {
  return (await house.reader.contacts.list(ALL, SEES_ALL)).items
}

function contactIds(house: TestBook): number[] {
  return house.database.all<{ id: number }>('SELECT id FROM contacts ORDER BY id').map(({ id }) => id)
}

async function one(house: TestBook, id: number): Promise<View> {
  return (await house.reader.contacts.one(id, SEES_ALL)) ?? {}
}

const by = 'key:1'

describe('a merge', () => {
  let house: TestBook
  let [anna, ben, zoe] = [0, 0, 0]

  beforeEach(async () => {
    house = await openHouse()
    const people = [
      { phone: '+491', name: 'Anna' },
      { userId: 'DE.2', name: 'Ben' },
      { phone: '+493', userId: 'DE.3' },
    ]
    for (const [index, person] of people.entries()) {
      await house.give(textItem(`wamid.${index}`, house.clock.epochMs() + index, { person }))
    }
    ;[anna = 0, ben = 0, zoe = 0] = contactIds(house)
  })
  afterEach(() => house.close())

  const merge = (contactId: number, intoId: number) => house.ask(mergeContacts, { contactId, intoId, by })
  const unmerge = (contactId: number) => house.ask(unmergeContact, { contactId, by })

  test('shows one contact, with all that both are known by, and who said so', async () => {
    await house.ask(changeContact, { contactId: anna, attributes: { a: 1, shared: 'anna' } })
    await house.ask(changeContact, { contactId: ben, attributes: { b: 2, shared: 'ben' } })
    await merge(anna, ben)
    const list = await contactsOf(house)
    expect(list.map(({ name }) => name)).toEqual([null, 'Ben'])
    const [own, other] = [await one(house, ben), await one(house, anna)]
    expect(own).toMatchObject({ name: 'Ben', phone: '+491', user_id: 'DE.2', merged: [other['id']], merged_into: null })
    expect(own['attributes']).toEqual({ a: 1, b: 2, shared: 'ben' })
    expect(own['identities']).toHaveLength(2)
    expect(other).toMatchObject({ name: 'Anna', user_id: null, merged: [], merged_into: own['id'] })
    expect(house.database.all('SELECT source, said_by, undone_at FROM contact_merges')).toEqual([
      { source: 1, said_by: by, undone_at: null },
    ])
  })

  test('shows the conversations of all with the head of the family, and where they are', async () => {
    await merge(anna, ben)
    await merge(ben, zoe)
    const head = (await one(house, zoe))['id']
    const { items } = await house.reader.conversations(ALL, SEES_ALL)
    expect(items.map(({ contact }) => (contact as View)['id'])).toEqual([head, head, head])
    for (const id of [anna, ben, zoe]) {
      const family = house.reader.contacts.familyOf(id, SEES_ALL) ?? []
      expect((await house.reader.conversationsOf(family, ALL, SEES_ALL)).items).toHaveLength(3)
    }
    expect(await one(house, anna)).toMatchObject({ merged_into: head })
    expect((await house.reader.contacts.lookUp({ kind: 'phone', value: '+491' }, null, SEES_ALL))?.['id']).toBe(head)
  })

  test('is refused in words where it makes no sense', async () => {
    const refusal = (contactId: number, intoId: number) => house.refusalOf(mergeContacts, { contactId, intoId, by })
    expect(await refusal(anna, anna)).toMatchObject({ code: 'invalid', message: 'A contact is not merged into itself' })
    expect(await refusal(anna, 9999)).toMatchObject({ code: 'invalid', members: { path: '/into' } })
    expect(await refusal(9999, anna)).toMatchObject({ code: 'not_found' })
    await merge(anna, ben)
    await merge(ben, zoe)
    for (const [from, into] of [
      [zoe, anna],
      [anna, zoe],
      [anna, ben],
    ] as const) {
      expect(await refusal(from, into)).toMatchObject({ code: 'conflict', message: 'The two are one contact already' })
    }
    await house.give(textItem('wamid.9', house.clock.epochMs(), { person: { userId: 'DE.9' } }))
    const nina = contactIds(house).at(-1) ?? 0
    expect(await refusal(anna, nina)).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('unmerge it'),
    })
    expect(await house.refusalOf(unmergeContact, { contactId: zoe, by })).toMatchObject({ code: 'conflict' })
    // A merge of contacts beyond the bound, which only a mistake leads to.
    house.database.run('UPDATE contacts SET joined = 1')
    for (let index = 0; index < FAMILY_MAX; index++) {
      house.database.run(
        `INSERT INTO contacts (id, person, portfolio, profile, created_at, merged_into) VALUES (?1, ?1, 'acme', x'', 0, ?2)`,
        100_000 + index,
        zoe,
      )
    }
    expect(await refusal(nina, zoe)).toMatchObject({ code: 'conflict', message: expect.stringContaining('More than') })
  })

  test('in a chain is undone in any order', async () => {
    await merge(anna, ben)
    await merge(ben, zoe)
    await unmerge(anna)
    expect(await one(house, zoe)).toMatchObject({ merged: [(await one(house, ben))['id']] })
    await merge(anna, ben)
    await unmerge(ben)
    expect(await one(house, ben)).toMatchObject({ merged: [(await one(house, anna))['id']], merged_into: null })
    expect(await one(house, zoe)).toMatchObject({ merged: [], merged_into: null })
  })

  test('is told of all whose place changed, and events from before say what they said', async () => {
    const before = await house.eventsAfter(0)
    const { id } = await merge(anna, ben)
    const told = await house.told(before.length)
    expect(new Set(told.map(({ type }) => type))).toEqual(new Set(['contact.updated']))
    // In each conversation of the one that they are now.
    const [first, head] = [await one(house, anna), await one(house, ben)]
    expect(told.map(({ data }) => data['contact'])).toEqual([first, head, head])
    expect(await house.eventsAfter(0)).toEqual([...before, ...told.map((event) => JSON.stringify(event))])
    const during = await house.eventsAfter(0)
    expect((await unmerge(anna)).id).toBe(id)
    expect((await house.eventsAfter(0)).slice(0, during.length)).toEqual(during)
    expect((await house.eventsAfter(0)).length).toBe(during.length + 2)
  })

  test('with somebody who is erased is refused, and can be taken back', async () => {
    await merge(anna, ben)
    house.vault.destroyPerson(
      house.database.one<{ person: number }>('SELECT person FROM contacts WHERE id = ?1', anna)?.person ?? 0,
    )
    await unmerge(anna)
    expect(await one(house, ben)).toMatchObject({ merged: [] })
    expect(await house.refusalOf(mergeContacts, { contactId: anna, intoId: ben, by })).toMatchObject({
      code: 'not_found',
    })
    expect(await house.refusalOf(mergeContacts, { contactId: ben, intoId: anna, by })).toMatchObject({
      code: 'invalid',
    })
    const change = { contactId: anna, name: 'Anna again' }
    expect(await house.refusalOf(changeContact, change)).toMatchObject({ code: 'not_found' })
  })

  test('leaves messages where their identity belongs, and a send to a member in its own thread', async () => {
    await merge(anna, ben)
    await house.give(textItem('wamid.10', house.clock.epochMs(), { person: { phone: '+491' } }))
    const unread = house.database.all('SELECT contact_id, unread FROM conversations ORDER BY contact_id')
    expect(unread).toEqual([
      { contact_id: anna, unread: 2 },
      { contact_id: ben, unread: 1 },
      { contact_id: zoe, unread: 1 },
    ])
    for (const person of [{ phone: '+491' }, { userId: 'DE.2' }]) {
      const { answer } = await house.ask(queueMessage, queued({ kind: 'person', person }))
      const { leave } = await house.ask(beginSending, { messageIds: [readId('message', answer.id) ?? 0] })
      expect(leave[0]?.to).toEqual(person)
    }
    expect(house.database.one('SELECT count(*) AS n FROM conversations')).toEqual({ n: 3 })
  })

  test('lets a send to a member leave from the number that the family talks on', async () => {
    await house.ask(declareNumber, declared({ account: '3', alias: 'three', pool: 'third' }))
    house.clock.advance(1000)
    await house.give(textItem('wamid.11', house.clock.epochMs(), { person: { userId: 'DE.2' }, account: { id: '3' } }))
    await merge(anna, ben)
    const { answer } = await house.ask(
      queueMessage,
      queued({ kind: 'person', person: { phone: '+491' } }, { type: 'template' }),
    )
    const conversation = await house.reader.conversation(readId('conversation', answer.conversation_id) ?? 0, SEES_ALL)
    expect(conversation).toMatchObject({ number: '3' })
    const { leave } = await house.ask(beginSending, { messageIds: [readId('message', answer.id) ?? 0] })
    expect(leave[0]?.to).toEqual({ phone: '+491' })
  })
})

describe('the heads of families', () => {
  const link = (id: number, [from_id, into_id]: readonly [number, number], source = 1) => ({
    id,
    from_id,
    into_id,
    source,
  })

  test.each<[string, Parameters<typeof headsOf>[0], [number, number][]]>([
    ['nothing', [], [[1, 1]]],
    [
      'one link',
      [link(1, [1, 2])],
      [
        [1, 2],
        [2, 2],
      ],
    ],
    [
      'a chain, whatever came first',
      [link(2, [1, 2]), link(1, [2, 3])],
      [
        [1, 3],
        [2, 3],
        [3, 3],
      ],
    ],
    [
      'what the platform said and a person turned',
      [link(1, [2, 1], 0), link(2, [1, 3])],
      [
        [1, 3],
        [2, 3],
        [3, 3],
      ],
    ],
    [
      'a person first, then the platform the other way',
      [link(1, [1, 2]), link(2, [2, 1], 0)],
      [
        [1, 1],
        [2, 1],
      ],
    ],
  ])('of %s', (_, links, heads) => {
    expect([...headsOf(links, [1])].sort(([one], [other]) => one - other)).toEqual(heads)
  })
})

/** What a step does in both houses. */
type Step = (house: TestBook) => Promise<unknown>

/** Messages, sends and changes of number drawn at random, of few people who share phones and user ids. */
class Customers {
  readonly #random: () => number
  #count = 0

  constructor(random: () => number) {
    this.#random = random
  }

  step(): Step {
    const draw = this.#random()
    const upstreamId = `wamid.${this.#count++}`
    const more: Partial<MessageItem> = {
      person: this.#person(),
      ...(this.#random() < 0.3 ? { account: OTHER_ACCOUNT } : {}),
    }
    if (draw < 0.1) Object.assign(more, { type: 'system', opensWindow: false, identity: { to: this.#person() } })
    if (draw < 0.8) return (house) => house.give(textItem(upstreamId, house.clock.epochMs(), more))
    const which = this.#random()
    if (draw < 0.9) {
      return async (house) => {
        const ids = house.database.all<{ id: number }>('SELECT id FROM conversations ORDER BY id')
        const { id = 0 } = ids[Math.floor(which * ids.length)] ?? {}
        await house.ask(queueMessage, queued({ kind: 'conversation', id }, { type: 'template' }))
      }
    }
    const attributes = { [`key${this.#count % 3}`]: this.#count }
    return (house) => house.ask(changeContact, { contactId: pick(contactIds(house), which) ?? 0, attributes })
  }

  #person(): PersonReference {
    const [phone, user, both] = [this.#number(6), this.#number(6), this.#random()]
    if (both < 0.3) return { phone: `+49${phone}` }
    if (both < 0.6) return { userId: `DE.${user}`, name: `Name ${user}` }
    return { phone: `+49${phone}`, userId: `DE.${user}`, username: `user${phone}` }
  }

  #number(below: number): number {
    return 100_000 + Math.floor(this.#random() * below)
  }
}

function pick<T>(list: readonly T[], draw: number): T | undefined {
  return list[Math.floor(draw * list.length)]
}

/** Those whom a person merged and nobody has taken back. */
function mergedByPeople(house: TestBook): number[] {
  return house.database
    .all<{ id: number }>('SELECT from_id AS id FROM contact_merges WHERE source = 1 AND undone_at IS NULL ORDER BY id')
    .map(({ id }) => id)
}

/** Everything that the API shows, with ids by the order in which they come. */
async function shown(house: TestBook): Promise<string> {
  const { reader } = house
  const conversations = (await reader.conversations(ALL, SEES_ALL)).items
  const parts: unknown[] = [await contactsOf(house), conversations]
  for (const id of contactIds(house)) {
    parts.push(await one(house, id))
    const family = reader.contacts.familyOf(id, SEES_ALL) ?? []
    parts.push((await reader.conversationsOf(family, ALL, SEES_ALL)).items)
  }
  for (const { id } of conversations) {
    const page = await reader.messages(readId('conversation', String(id)) ?? 0, ALL, SEES_ALL)
    parts.push(page?.items)
  }
  const names = new Map<string, string>()
  return JSON.stringify(parts, null, 1).replaceAll(/\b(con|cnv|msg)_[0-9a-z]+\b/g, (id, kind) => {
    names.set(id, names.get(id) ?? `${kind}-${names.size}`)
    return names.get(id) ?? ''
  })
}

/** Every family has one head, who has none. */
function strayContacts(house: TestBook): unknown[] {
  return house.database.all(
    `SELECT k.id FROM contacts k LEFT JOIN contacts h ON h.id = k.merged_into
     WHERE k.merged_into IS NOT NULL AND (h.id IS NULL OR h.merged_into IS NOT NULL)`,
  )
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'merges that are taken back in any order leave what the same messages leave without them: seed %d',
  async (seed) => {
    const [random, choices] = [seededRandom(seed), seededRandom(seed + 1000)]
    const customers = new Customers(random)
    const [merging, plain] = [await openHouse(), await openHouse()]
    let merges = 0
    const unmergeOne = async () => {
      const contactId = pick(mergedByPeople(merging), choices())
      if (contactId !== undefined) await merging.ask(unmergeContact, { contactId, by })
    }
    const mergeTwo = async () => {
      const [contactId = 0, intoId = 0] = [pick(contactIds(merging), choices()), pick(contactIds(merging), choices())]
      if (!(await merging.refusalOf(mergeContacts, { contactId, intoId, by }))) merges += 1
    }
    for (let count = 0; count < 120; count++) {
      const step = customers.step()
      for (const house of [merging, plain]) {
        house.clock.advance(1000)
        await step(house).catch(() => {})
      }
      await mergeTwo()
      if (choices() < 0.3) await unmergeOne()
      expect(strayContacts(merging), `seed ${seed}, step ${count}`).toEqual([])
    }
    expect(merges, `seed ${seed}`).toBeGreaterThan(5)
    const before = merges
    for (let tries = 0; tries < 100 && merges === before; tries++) await mergeTwo()
    const events = await merging.eventsAfter(0)
    expect(await shown(merging), `seed ${seed}: the merges show`).not.toBe(await shown(plain))
    while (mergedByPeople(merging).length > 0) await unmergeOne()
    expect(await shown(merging), `seed ${seed}`).toBe(await shown(plain))
    expect((await merging.eventsAfter(0)).slice(0, events.length), `seed ${seed}`).toEqual(events)
    const platform = plain.database.one<{ n: number }>('SELECT count(*) AS n FROM contact_merges WHERE source = 0')
    expect(platform?.n, `seed ${seed}: the platform joins some too`).toBeGreaterThan(0)
    for (const house of [merging, plain]) house.close()
  },
  30_000,
)
