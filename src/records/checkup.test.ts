import { afterEach, beforeEach, expect, test } from 'bun:test'
import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { InboundItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { textItem } from '../testing/test-items.ts'
import { checkPagesOf, mediaBytesIn, readRecordsFacts } from './checkup.ts'
import { markReplayed } from './quarantine.ts'

let house: TestBook
const records = () => join(house.folder, 'records.db')

beforeEach(async () => {
  house = openTestBook()
  const atMs = house.clock.epochMs()
  await house.give(
    ...Array.from({ length: 300 }, (_, index) => textItem(`wamid.${index}`, atMs, { text: 'x'.repeat(900) })),
  )
})
afterEach(() => house.close())

/** An item that no channel gives. */
const BROKEN = { kind: 'message', space: 'messages', upstreamId: 'wamid.broken' } as unknown as InboundItem

test('tells how far the records are, what is set aside and how the numbers are', async () => {
  const atMs = house.clock.epochMs()
  await house.give(BROKEN)
  house.clock.advance(1000)
  await house.give(BROKEN)
  const facts = readRecordsFacts(records())
  expect(facts).toMatchObject({ appliedSeq: 3, quarantine: { count: 2, oldestAtMs: atMs } })
  expect(facts.progress).toBeGreaterThan(300)
  expect(facts.numbers.map(({ state }) => state)).toEqual(['unclaimed'])
  await house.ask(markReplayed, { seq: 2 })
  expect(readRecordsFacts(records()).quarantine).toEqual({ count: 1, oldestAtMs: atMs + 1000 })
})

test('counts the files of messages, each once', () => {
  expect(mediaBytesIn(records())).toBe(0)
  house.database.script(`INSERT INTO media
    (message_id, position, person, descriptor, created_at, state, lane, attempt, give_up_at, file, size_bytes)
    VALUES (1, 1, 1, x'', 0, 1, 0, 0, 0, 'a', 700), (1, 2, 1, x'', 0, 1, 0, 0, 0, 'a', 700),
           (1, 3, 1, x'', 0, 1, 0, 0, 0, 'b', 300), (1, 4, 1, x'', 0, 1, 0, 0, 0, NULL, 50)`)
  expect(mediaBytesIn(records())).toBe(1000)
})

test('finds the pages whole, all of them and in a sample', () => {
  expect(checkPagesOf(records())).toEqual({ said: 'ok', isWhole: true })
  expect(checkPagesOf(records(), 0)).toEqual({ said: 'ok', isWhole: false })
})

test('finds pages that are gone', async () => {
  house.database.script('PRAGMA wal_checkpoint(TRUNCATE)')
  truncateSync(records(), Math.floor(statSync(records()).size / 8192) * 4096)
  expect(checkPagesOf(records()).said).not.toBe('ok')
})
