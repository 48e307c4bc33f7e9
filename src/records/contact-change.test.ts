import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readId } from '../core/ids.ts'
import type { PersonReference } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, type TestBook } from '../testing/open-test-book.ts'
import { ANNA, textItem } from '../testing/test-items.ts'
import { changeContact } from './contact-change.ts'
import type { LookUp } from './contact-reader.ts'
import { seeing } from './page.ts'
import type { View } from './views.ts'

let house: TestBook
let count = 0

beforeEach(async () => {
  house = openTestBook()
  await house.declare()
})
afterEach(() => house.close())

async function write(person: PersonReference): Promise<void> {
  house.clock.advance(1000)
  await house.give(textItem(`wamid.${++count}`, house.clock.epochMs(), { person }))
}

async function contacts(): Promise<View[]> {
  return (await house.reader.contacts.list({ limit: 50, cursor: null }, SEES_ALL)).items
}

async function lookUp(kind: LookUp['kind'], value: string): Promise<View | undefined> {
  return await house.reader.contacts.lookUp({ kind, value }, null, SEES_ALL)
}

/** Its e-mail addresses as `a@b.example`, and `(ended)` for those that hold no more. */
function emailsOf(contact: View | undefined): string[] {
  const links = (contact?.['identities'] ?? []) as { kind: string; value: string; until: string | null }[]
  return links
    .filter(({ kind }) => kind === 'email')
    .map(({ value, until }) => `${value}${until === null ? '' : ' (ended)'}`)
}

async function updatesAfter(offset: number): Promise<View[]> {
  const updates = (await house.told(offset)).filter(({ type }) => type === 'contact.updated')
  return updates.map(({ data }) => data['contact'] as View)
}

/** The id inside of an id outside. */
function idOf(view: View | undefined): number {
  return readId('contact', String(view?.['id'])) ?? 0
}

describe('what people say of a contact', () => {
  const change = async (ask: Omit<Parameters<typeof changeContact.apply>[1], 'contactId'>) =>
    await house.ask(changeContact, { contactId: idOf((await contacts())[0]), ...ask })

  test('a name wins over the profile, which is kept', async () => {
    await write(ANNA)
    await change({ name: 'Frau Beispiel' })
    await write({ ...ANNA, name: 'Anna 2' })
    expect((await contacts())[0]).toMatchObject({ name: 'Frau Beispiel', profile_name: 'Anna 2' })
    expect((await house.conversations())[0]?.['contact']).toMatchObject({ name: 'Frau Beispiel' })
    await change({ name: null })
    expect((await contacts())[0]).toMatchObject({ name: 'Anna 2' })
  })

  test('attributes are a merge patch', async () => {
    await write(ANNA)
    await change({ attributes: { city: 'Berlin', vip: true, orders: 3, __proto__: 'x' } as never })
    await change({ attributes: { city: null, orders: 4, missing: null } })
    expect((await contacts())[0]?.['attributes']).toEqual({ vip: true, orders: 4 })
    await change({ attributes: null })
    expect((await contacts())[0]?.['attributes']).toEqual({})
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, index]))
    await expect(change({ attributes: many })).rejects.toThrow('at most 100 attributes')
  })

  test('e-mail addresses are found however they are written, and are those of one contact', async () => {
    await write(ANNA)
    await change({ emails: ['Anna@Example.com', 'a@b.example'] })
    expect((await lookUp('email', 'anna@example.COM'))?.['id']).toBe((await contacts())[0]?.['id'])
    await change({ emails: ['anna@example.com'] })
    expect(emailsOf((await contacts())[0])).toEqual(['Anna@Example.com', 'a@b.example (ended)'])
    expect(await lookUp('email', 'a@b.example')).toBeUndefined()
    await write({ userId: 'DE.2' })
    const refused = await house.refusalOf(changeContact, {
      contactId: idOf((await contacts())[0]),
      emails: ['new@b.example', 'anna@example.com'],
    })
    expect(refused).toMatchObject({ code: 'conflict', members: { path: '/emails/1' } })
    expect(await lookUp('email', 'new@b.example')).toBeUndefined()
  })

  test('is told by an event, and nothing is told where nothing changed', async () => {
    await write(ANNA)
    const before = house.book.head()
    await change({ name: 'Frau Beispiel', attributes: { vip: true } })
    await change({ name: 'Frau Beispiel', attributes: { vip: true } })
    await write({ ...ANNA, name: 'Anna 2' })
    const told = await updatesAfter(before)
    expect(told.map(({ name, profile_name, attributes }) => ({ name, profile_name, attributes }))).toEqual([
      { name: 'Frau Beispiel', profile_name: 'Anna Beispiel', attributes: { vip: true } },
      { name: 'Frau Beispiel', profile_name: 'Anna 2', attributes: { vip: true } },
    ])
    await change({ name: null, attributes: null })
    expect((await updatesAfter(before)).slice(0, 2)).toEqual(told)
  })
})

test('contacts are listed newest first, page by page, and only to whom one of their conversations is there', async () => {
  for (let index = 0; index < 5; index++) await write({ userId: `DE.${index}` })
  const seen: unknown[] = []
  for (let cursor: string | null = null; ; ) {
    const page = await house.reader.contacts.list({ limit: 2, cursor }, SEES_ALL)
    seen.push(...page.items.map((view) => view['user_id']))
    cursor = page.next
    if (cursor === null) break
  }
  expect(seen).toEqual(['DE.4', 'DE.3', 'DE.2', 'DE.1', 'DE.0'])
  const third = readId('conversation', String((await house.conversations())[2]?.['id']))
  const seesOne = seeing(1, ({ conversationId }) => conversationId === third)
  const page = await house.reader.contacts.list({ limit: 50, cursor: null }, seesOne)
  expect(page.items.map((view) => view['user_id'])).toEqual(['DE.2'])
  const hidden = idOf((await contacts())[0])
  expect(await house.reader.contacts.one(hidden, seesOne)).toBeUndefined()
  expect(await house.reader.contacts.lookUp({ kind: 'user_id', value: 'DE.0' }, null, seesOne)).toBeUndefined()
  expect(house.reader.contacts.familyOf(hidden, seesOne)).toBeUndefined()
})

test('a change is told in each conversation of the person, since whoever sees one of them may not see the newest', async () => {
  await write(ANNA)
  house.clock.advance(1000)
  const other = { id: '106540352242923', display: '+15550783882' }
  await house.give(textItem(`wamid.${++count}`, house.clock.epochMs(), { person: ANNA, account: other }))
  const conversations = (await house.conversations()).map((view) => readId('conversation', String(view['id'])) ?? 0)
  expect(conversations).toHaveLength(2)
  const before = house.events.head()
  await house.ask(changeContact, { contactId: idOf((await contacts())[0]), name: 'Frau Beispiel' })
  const { events } = await house.events.read(before, 10)
  expect(events.map(({ type, conversationId }) => [type, conversationId])).toEqual(
    conversations.map((id) => ['contact.updated', id]),
  )
  expect((await updatesAfter(before)).map(({ name }) => name)).toEqual(['Frau Beispiel', 'Frau Beispiel'])
})
