import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { Db } from '../storage/database.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { dayOf, KEPT_DAYS, lastDeadDay } from './entry.ts'
import { Journal } from './journal.ts'
import { JournalReader } from './journal-reader.ts'

const DAY_ONE_MS = Date.UTC(2026, 10, 22, 12)
const DAY_TWO_MS = DAY_ONE_MS + DAY_MS
const DAY_ONE = dayOf(DAY_ONE_MS)
const KEYS = new Map([DAY_ONE_MS, DAY_TWO_MS].map((atMs, index) => [dayOf(atMs), new Uint8Array(32).fill(index + 1)]))
/** Noise, so that deflating leaves it long: some entries lie on pages of their own. */
const noise = seededRandom(1)
const LONG = Array.from({ length: 8000 }, () => Math.floor(noise() * 36).toString(36)).join('')

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-overwrite-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function open(nowMs: number): Journal {
  return new Journal({ folder, dayKeys: KEYS, appliedSeq: 0, nowMs, synchronous: 'OFF' })
}

function append(journal: Journal, atMs: number, ...texts: string[]): void {
  const entries = texts.map((text) => ({ atMs, source: 'whatsapp/main', body: new TextEncoder().encode(text) }))
  journal.append(entries, atMs)
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function readAll(after = 0): string[] {
  const reader = new JournalReader(folder, (day) => KEYS.get(day))
  const read: string[] = []
  for (let last = after; ; ) {
    const entries = reader.read(last, 2)
    if (entries.length === 0) break
    read.push(...entries.map(({ body, timesCut }) => new TextDecoder().decode(body) + '*'.repeat(timesCut ?? 0)))
    last = entries.at(-1)?.seq ?? last
  }
  reader.close()
  return read
}

/** What lies sealed in the day's file for an entry. */
function sealedOf(day: string, seq: number): Buffer {
  const database = new Db(join(folder, `${day}.db`), { readonly: true })
  const row = database.one<{ sealed: Uint8Array }>('SELECT sealed FROM entries WHERE seq = ?1', seq)
  const copy = Buffer.from(row?.sealed ?? [])
  database.close()
  return copy
}

function files(): Buffer {
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
}

describe('overwriting entries', () => {
  test('leaves the chain whole and nothing of the old body, today and on a day before', () => {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'one', `two ${LONG}`, 'three')
    append(journal, DAY_TWO_MS, 'four', 'five', `six ${LONG}`)
    const before = [sealedOf(DAY_ONE, 2), sealedOf(dayOf(DAY_TWO_MS), 4), sealedOf(dayOf(DAY_TWO_MS), 6)]
    const insides = before.map((sealed) => sealed.subarray(13, -16))
    expect(insides.map((inside) => inside.length > 3000)).toEqual([true, false, true])

    const done = journal.overwrite(DAY_ONE, [{ seq: 2, body: bytes('') }])
    expect(done).toEqual([{ seq: 2, tag: new Uint8Array(before[0]?.subarray(-16) ?? []) }])
    journal.overwrite(dayOf(DAY_TWO_MS), [
      { seq: 4, body: bytes('{"rest":1}') },
      { seq: 6, body: bytes('') },
      { seq: 99, body: bytes('') },
    ])
    expect(readAll()).toEqual(['one', '*', 'three', '{"rest":1}*', 'five', '*'])
    for (const inside of insides) expect(files().includes(inside.subarray(0, 24))).toBeFalse()

    // The chain goes on behind an overwritten end, also after a start.
    append(journal, DAY_TWO_MS, 'seven')
    journal.close()
    const again = open(DAY_TWO_MS)
    expect(again.head()).toBe(7)
    append(again, DAY_TWO_MS, 'eight')
    again.close()
    expect(readAll(4)).toEqual(['five', '*', 'seven', 'eight'])
  })

  test('may be done again', () => {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'one', 'two')
    const first = journal.overwrite(DAY_ONE, [{ seq: 1, body: bytes('less') }])
    const second = journal.overwrite(DAY_ONE, [{ seq: 1, body: bytes('') }])
    journal.close()
    expect(second).toEqual(first)
    expect(readAll()).toEqual(['**', 'two'])
  })

  test('does not let anybody else change an entry', () => {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'one', 'two', 'three')
    journal.overwrite(DAY_ONE, [{ seq: 2, body: bytes('') }])
    journal.close()
    const database = new Db(join(folder, `${DAY_ONE}.db`))
    const sealed = database.one<{ sealed: Uint8Array }>('SELECT sealed FROM entries WHERE seq = 2')?.sealed ?? []
    const damaged = Uint8Array.from(sealed)
    // The kept tag is what the next entry is bound to.
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    database.run('UPDATE entries SET sealed = ?1 WHERE seq = 2', damaged)
    database.close()
    expect(() => readAll()).toThrow('entry 3 does not open')
  })

  test('of a day whose file is gone changes nothing', () => {
    const journal = open(DAY_TWO_MS)
    expect(journal.overwrite(DAY_ONE, [{ seq: 1, body: bytes('') }])).toEqual([])
    journal.close()
  })
})

test('a day dies eight days after its end, to the millisecond', () => {
  const endMs = Date.UTC(2026, 10, 23)
  expect(lastDeadDay(endMs + KEPT_DAYS * DAY_MS - 1)).toBe('2026-11-21')
  expect(lastDeadDay(endMs + KEPT_DAYS * DAY_MS)).toBe('2026-11-22')
  expect(lastDeadDay(endMs + 30 * DAY_MS - 1, 30)).toBe('2026-11-21')
  expect(lastDeadDay(endMs + 30 * DAY_MS, 30)).toBe('2026-11-22')
})
