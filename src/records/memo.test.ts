import { afterEach, beforeEach, expect, test } from 'bun:test'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { declared, textItem } from '../testing/test-items.ts'
import { declareNumber } from './number.ts'

let house: TestBook
let nowMs = 0

beforeEach(async () => {
  house = openTestBook()
  nowMs = house.clock.epochMs()
  await house.declare()
})
afterEach(() => house.close())

function count(table: 'contacts' | 'messages' | 'quarantine'): number {
  return house.database.one<{ count: number }>(`SELECT count(*) AS count FROM ${table}`)?.count ?? 0
}

test('a contact made by an item that failed is not remembered', async () => {
  const person = { phone: '+15550109999', name: 'Nia' }
  await house.give(textItem('wamid.bad', nowMs, { person, type: null as never }))
  expect([count('contacts'), count('quarantine')]).toEqual([0, 1])
  await house.give(textItem('wamid.good', nowMs, { person }))
  expect([count('contacts'), count('messages'), count('quarantine')]).toEqual([1, 1, 1])
})

test('a number that was declared anew is read anew', async () => {
  await house.give(textItem('wamid.1', nowMs))
  await house.ask(declareNumber, declared({ portfolio: 'other' }))
  await house.give(textItem('wamid.2', nowMs))
  const portfolios = house.database.all<{ portfolio: string }>('SELECT portfolio FROM contacts ORDER BY id')
  expect(portfolios.map(({ portfolio }) => portfolio)).toEqual(['acme', 'other'])
})

test('a name that changes and changes back is written each time', async () => {
  const named = async (id: string, name: string) =>
    await house.give(textItem(id, nowMs, { person: { phone: '+15550108888', name } }))
  const shown = async () => (await house.conversations())[0]
  for (const [index, name] of ['Ana', 'Anna', 'Ana'].entries()) {
    await named(`wamid.${index}`, name)
    expect(await shown()).toMatchObject({ contact: { name } })
  }
  expect(count('contacts')).toBe(1)
})
