import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { Db } from '../storage/database.ts'
import { lastEntryAtMs, readJournalTail } from './checkup.ts'
import { Journal } from './journal.ts'

const START_MS = Date.UTC(2026, 10, 22, 9)
const KEYS = new Map([
  ['2026-11-22', new Uint8Array(32).fill(1)],
  ['2026-11-23', new Uint8Array(32).fill(2)],
])
const keyOf = (day: string) => KEYS.get(day)

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-tail-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function fill(count: number, source = 'whatsapp/main', atMs = START_MS): void {
  const journal = new Journal({ folder, dayKeys: KEYS, appliedSeq: 0, nowMs: atMs, synchronous: 'OFF' })
  const body = new TextEncoder().encode('{}')
  journal.append(
    Array.from({ length: count }, (_, index) => ({ atMs: atMs + index, source, body })),
    atMs,
  )
  journal.close()
}

test('opens the last entries and tells the head', () => {
  expect(readJournalTail(folder, keyOf)).toEqual({ head: 0, checked: 0, error: null })
  fill(700)
  expect(readJournalTail(folder, keyOf)).toEqual({ head: 700, checked: 500, error: null })
  fill(3, 'whatsapp/other', START_MS + DAY_MS)
  expect(readJournalTail(folder, keyOf)).toEqual({ head: 703, checked: 3, error: null })
})

test('says which entry is damaged or missing, and that a key is gone', () => {
  fill(20)
  const database = new Db(join(folder, '2026-11-22.db'))
  database.run('UPDATE entries SET at = at + 1 WHERE seq = 12')
  expect(readJournalTail(folder, keyOf).error).toBe('The journal is damaged: entry 12 does not open')
  database.run('DELETE FROM entries WHERE seq = 12')
  expect(readJournalTail(folder, keyOf).error).toBe('The journal is damaged: entry 12 is missing')
  database.close()
  expect(readJournalTail(folder, () => undefined).error).toContain('is not in the vault')
})

test('knows when the last entry of a source came, also on an older day', () => {
  expect(lastEntryAtMs(folder, 'whatsapp/main', keyOf)).toBeNull()
  fill(5)
  fill(2, 'whatsapp/other', START_MS + DAY_MS)
  expect(lastEntryAtMs(folder, 'whatsapp/main', keyOf)).toBe(START_MS + 4)
  expect(lastEntryAtMs(folder, 'whatsapp/other', keyOf)).toBe(START_MS + DAY_MS + 1)
  expect(lastEntryAtMs(folder, 'whatsapp/third', keyOf)).toBeNull()
})
