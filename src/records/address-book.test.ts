import { afterEach, beforeEach, expect, test } from 'bun:test'
import { must } from '../core/assert.ts'
import type { AddressBookItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { declared, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Profile } from './contact-card.ts'
import { profilePlace } from './contact-row.ts'
import { declareNumber } from './number.ts'

const PHONE = '+4915112345678'
let house: TestBook

beforeEach(async () => {
  house = openTestBook()
  await house.ask(declareNumber, declared())
})
afterEach(() => house.close())

function entry(atMs: number, name: string | null): AddressBookItem {
  return {
    kind: 'address_book',
    account: TEST_ACCOUNT,
    person: { phone: PHONE, ...(name === null ? {} : { name }) },
    action: name === null ? 'remove' : 'add',
    atMs,
    raw: { type: 'contact', contact: { full_name: name, phone_number: PHONE } },
  }
}

function profiles(): Profile[] {
  return house.database
    .all<{ id: number; person: number; profile: Uint8Array }>('SELECT id, person, profile FROM contacts ORDER BY id')
    .map(({ id, person, profile }) => {
      const key = must(house.vault.personKey(person), 'the key')
      return JSON.parse(unsealText(key, profilePlace(id), profile)) as Profile
    })
}

test('an entry makes a contact without a conversation, and its name stands beside the one a person gives themselves', async () => {
  const now = house.clock.epochMs()
  await house.give(entry(now - 1000, 'Anna from the shop'))
  expect(profiles()).toEqual([{ bookName: 'Anna from the shop', phone: PHONE }])
  expect(await house.conversations()).toEqual([])

  await house.give(textItem('wamid.1', now, { person: { phone: PHONE, name: 'Anna' } }))
  expect(profiles()).toEqual([{ name: 'Anna', bookName: 'Anna from the shop', phone: PHONE }])
  await house.give(entry(now, null))
  expect(profiles()).toEqual([{ name: 'Anna', phone: PHONE }])
})

test('the newest entry holds in whatever order they come', async () => {
  const now = house.clock.epochMs()
  await house.give(entry(now - 1000, 'new'), entry(now - 3000, 'old'))
  expect(profiles()).toEqual([{ bookName: 'new', phone: PHONE }])
  await house.give(entry(now - 2000, null))
  expect(profiles()).toEqual([{ bookName: 'new', phone: PHONE }])
  await house.give(entry(now, null), entry(now - 500, 'late'))
  expect(profiles()).toEqual([{ phone: PHONE }])
})

test('a change of the name is told once', async () => {
  const now = house.clock.epochMs()
  const head = house.book.head()
  await house.give(entry(now - 3000, 'Anna'), entry(now - 3000, 'Anna'), entry(now - 2000, 'Anna'))
  const told = (await house.eventsAfter(head)).filter((text) => text.includes('"contact.updated"'))
  expect(told).toHaveLength(1)
  expect(JSON.parse(told[0] ?? '').data.contact.book_name).toBe('Anna')
})
