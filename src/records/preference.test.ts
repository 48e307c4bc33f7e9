import { afterEach, beforeEach, expect, test } from 'bun:test'
import { toTime } from '../core/clock.ts'
import type { PreferenceItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { ANNA, declared, TEST_ACCOUNT } from '../testing/test-items.ts'
import { declareNumber } from './number.ts'
import { consentViews } from './preference.ts'

let house: TestBook

beforeEach(async () => {
  house = openTestBook()
  await house.ask(declareNumber, declared())
})
afterEach(() => house.close())

function preference(atMs: number, value: string, more: Partial<PreferenceItem> = {}): PreferenceItem {
  return {
    kind: 'preference',
    account: TEST_ACCOUNT,
    person: ANNA,
    category: 'marketing_messages',
    value,
    atMs,
    raw: { wa_id: '4915112345678', category: 'marketing_messages', value, timestamp: atMs / 1000 },
    ...more,
  }
}

function consents() {
  const contacts = house.database.all<{ id: number }>('SELECT id FROM contacts')
  return consentViews(
    house.database,
    contacts.map(({ id }) => id),
  )
}

async function contactEvents(after: number) {
  return (await house.told(after)).filter(({ type }) => type === 'contact.updated')
}

test('the newest stamp of a category holds in whatever order the webhooks come, and what held before is kept', async () => {
  const now = house.clock.epochMs()
  for (const [minutes, value] of [
    [3, 'resume'],
    [1, 'stop'],
    [2, 'stop'],
  ] as const) {
    await house.give(preference(now - 600_000 + minutes * 60_000, value))
  }
  await house.give(preference(now - 500_000, 'signup', { category: 'other' }))
  expect(consents()).toEqual({
    marketing_messages: { value: 'resume', at: toTime(now - 420_000), source: 'platform' },
    other: { value: 'signup', at: toTime(now - 500_000), source: 'platform' },
  })
  const kept = house.database.all('SELECT value FROM consents WHERE category = ?1 ORDER BY at', 'marketing_messages')
  expect(kept).toEqual([{ value: 'stop' }, { value: 'stop' }, { value: 'resume' }])
})

test('a change is told once, and a repeated delivery is not', async () => {
  const now = house.clock.epochMs()
  await house.give(preference(now - 60_000, 'stop'))
  const head = house.book.head()
  await house.give(preference(now - 60_000, 'stop'))
  expect(house.book.head()).toBe(head)
  await house.give(preference(now - 30_000, 'stop'))
  expect(await contactEvents(head)).toHaveLength(0)
  await house.give(preference(now, 'resume'))
  const events = await contactEvents(head)
  expect(events).toMatchObject([{ data: { contact: { consents: { marketing_messages: { value: 'resume' } } } } }])
  await house.give(preference(now + 1, 'stop'))
  expect((await contactEvents(head))[0]).toEqual(events[0])
})

test('nobody has a conversation by it, and the whole object is sealed with the key of the person', async () => {
  await house.give(preference(house.clock.epochMs(), 'stop'))
  expect(await house.conversations()).toEqual([])
  const row = house.database.one<{ body: Uint8Array }>('SELECT body FROM consents')
  expect(Buffer.from(row?.body ?? []).includes('4915112345678')).toBe(false)
  expect(house.reader.quarantinedCount()).toBe(0)
})
