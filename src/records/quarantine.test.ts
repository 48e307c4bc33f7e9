import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { InboundItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { textItem } from '../testing/test-items.ts'
import { listQuarantine, markReplayed, purgeQuarantine, QUARANTINE_KEEP_MS } from './quarantine.ts'

let house: TestBook

beforeEach(() => {
  house = openTestBook()
})
afterEach(() => house.close())

/** An item that no channel gives: its input stumbles over what it lacks. */
const BROKEN = { kind: 'message', space: 'messages', upstreamId: 'wamid.broken' } as unknown as InboundItem

async function list(limit: number) {
  return (await house.ask(listQuarantine, { limit, afterSeq: 0, uptoSeq: null })).bodies
}

function count(table: 'messages' | 'quarantine' | 'quarantine_bodies'): number {
  return house.database.one<{ count: number }>(`SELECT count(*) AS count FROM ${table}`)?.count ?? 0
}

test('failing items leave the others applied, and the body is kept once', async () => {
  const nowMs = house.clock.epochMs()
  const body = [textItem('wamid.1', nowMs), BROKEN, textItem('wamid.2', nowMs), BROKEN]
  await house.give(...body)
  expect([count('messages'), count('quarantine'), count('quarantine_bodies')]).toEqual([2, 2, 1])
  expect(house.database.all('SELECT seq, item, reason FROM quarantine ORDER BY id')).toEqual([
    { seq: 1, item: 1, reason: 'RangeError' },
    { seq: 1, item: 3, reason: 'RangeError' },
  ])
  // Each is counted, not each body.
  expect(house.wakes.filter(({ kind }) => kind === 'quarantined')).toHaveLength(2)
  expect(house.reader.quarantinedCount()).toBe(2)
  expect(house.book.appliedSeq()).toBe(1)
  const [kept] = await list(10)
  expect(kept).toMatchObject({ seq: 1, source: 'whatsapp/main' })
  expect(new TextDecoder().decode(kept?.body)).toBe(JSON.stringify(body))
})

test('a body that cannot be parsed is set aside whole', async () => {
  house.append('{ no json')
  await house.give(textItem('wamid.1', house.clock.epochMs()))
  expect(house.database.all('SELECT seq, item, reason FROM quarantine')).toEqual([
    { seq: 1, item: -1, reason: 'SyntaxError' },
  ])
  expect(count('messages')).toBe(1)
})

test('what was given in again is on the list no more, but kept until it expires', async () => {
  await house.give(BROKEN)
  house.clock.advance(1000)
  await house.give(BROKEN)
  expect((await list(10)).map(({ seq }) => seq)).toEqual([1, 2])
  expect((await list(1)).map(({ seq }) => seq)).toEqual([1])
  await house.ask(markReplayed, { seq: 1 })
  expect((await list(10)).map(({ seq }) => seq)).toEqual([2])
  expect(house.reader.quarantinedCount()).toBe(1)

  house.clock.advance(QUARANTINE_KEEP_MS - 1000)
  expect(await house.ask(purgeQuarantine, null)).toEqual({ purged: 0 })
  house.clock.advance(1)
  expect(await house.ask(purgeQuarantine, null)).toEqual({ purged: 1 })
  expect([count('quarantine'), count('quarantine_bodies')]).toEqual([1, 1])
  house.clock.advance(1000)
  expect(await house.ask(purgeQuarantine, null)).toEqual({ purged: 1 })
  expect([count('quarantine'), count('quarantine_bodies')]).toEqual([0, 0])
})

test('what nobody understands is a note, kept whole and once', async () => {
  const note = { kind: 'other', field: 'flows', account: null, atMs: null, raw: { a: [1] } } satisfies InboundItem
  await house.give(note, { ...note, field: 'calls' })
  await house.give(note)
  expect(house.database.all('SELECT field FROM platform_notes ORDER BY id')).toEqual([
    { field: 'flows' },
    { field: 'calls' },
  ])
})
