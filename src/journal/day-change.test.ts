import { afterEach, beforeEach, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { DayFile } from './day-file.ts'
import { dayOf, type NewEntry } from './entry.ts'
import { Journal } from './journal.ts'
import { JournalReader } from './journal-reader.ts'

const FIRST_DAY_MS = Date.UTC(2026, 10, 22, 23, 59)
const SECOND_DAY_MS = FIRST_DAY_MS + DAY_MS

let folder = ''
const keys = new Map([FIRST_DAY_MS, SECOND_DAY_MS].map((atMs) => [dayOf(atMs), new Uint8Array(randomBytes(32))]))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-day-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function open(nowMs: number, appliedSeq: number): Journal {
  return new Journal({ folder, dayKeys: keys, appliedSeq, nowMs })
}

function entry(text: string, atMs: number): NewEntry {
  return { atMs, source: 'whatsapp/main', body: new TextEncoder().encode(text) }
}

test('a day file that a crash left before it was bound to the one before is bound at the next start', () => {
  const first = open(FIRST_DAY_MS, 0)
  first.append([entry('one', FIRST_DAY_MS), entry('two', FIRST_DAY_MS)], FIRST_DAY_MS)
  first.close()
  // What a kill leaves between the making of the file and its binding.
  const day = dayOf(SECOND_DAY_MS)
  new DayFile({ folder, day, key: keys.get(day) ?? new Uint8Array() }).close()

  const second = open(SECOND_DAY_MS, 2)
  expect(second.head()).toBe(2)
  expect(second.append([entry('three', SECOND_DAY_MS)], SECOND_DAY_MS)).toBe(3)
  second.close()

  const reader = new JournalReader(folder, (name) => keys.get(name))
  const read = [...reader.read(0, 10), ...reader.read(2, 10)]
  reader.close()
  expect(read.map(({ seq, body }) => `${seq} ${new TextDecoder().decode(body)}`)).toEqual(['1 one', '2 two', '3 three'])
})
