import { afterEach, beforeEach, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { Vault } from '../vault/vault.ts'
import { dayKeyName, dayOf, type NewEntry } from './entry.ts'
import { Journal } from './journal.ts'
import { JournalReader } from './journal-reader.ts'
import { JournalShipper } from './journal-shipper.ts'
import { readDayKey, segmentsIn } from './shipped-file.ts'
import { goOnFromShipped } from './shipped-journal.ts'

const MASTER = new Uint8Array(randomBytes(32))
const FIRST_MS = Date.UTC(2026, 10, 22, 12)
const SECOND_MS = FIRST_MS + DAY_MS

let place = ''
let keys = new Map<string, Uint8Array>()
let destroyed = new Set<string>()
let journal: Journal

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gatehouse-ship-'))
  keys = new Map([FIRST_MS, SECOND_MS].map((atMs) => [dayOf(atMs), new Uint8Array(randomBytes(32))]))
  destroyed = new Set()
  journal = openJournal('journal', FIRST_MS)
})
afterEach(() => {
  journal.close()
  rmSync(place, { recursive: true })
})

function openJournal(folder: string, nowMs: number, more: object = {}): Journal {
  return new Journal({ folder: join(place, folder), dayKeys: keys, appliedSeq: 0, nowMs, ...more })
}

function append(texts: string[], atMs: number, to = journal): void {
  const entries: NewEntry[] = texts.map((text) => ({
    atMs,
    source: 'whatsapp/main',
    body: new TextEncoder().encode(text),
  }))
  to.append(entries, atMs)
}

function openShipper(folder = 'journal'): JournalShipper {
  return new JournalShipper({
    journalFolder: join(place, folder),
    folder: join(place, 'second'),
    master: MASTER,
    keyOf: (day) => (destroyed.has(day) ? undefined : keys.get(day)),
    isDestroyed: (day) => destroyed.has(day),
    setAsideName: () => 'other',
  })
}

/** Ships all there is; answers how far it came. */
function ship(folder = 'journal'): number {
  const shipper = openShipper(folder)
  while (!shipper.step());
  const seq = shipper.shippedSeq()
  shipper.close()
  return seq
}

/** Goes on after a copy of the journal, as a restore does; answers what the whole then holds. */
function goOn(copy: string): { texts: string[]; isTorn: boolean } {
  const vault = new Vault(join(place, `${copy}.vault.db`), MASTER)
  try {
    const went = goOnFromShipped({
      shipFolder: join(place, 'second'),
      journalFolder: join(place, copy),
      masterKey: MASTER,
      vault,
    })
    const reader = new JournalReader(join(place, copy), (day) => keys.get(day))
    const texts: string[] = []
    for (let after = 0; ; ) {
      const entries = reader.read(after, 100)
      const last = entries.at(-1)
      if (!last) break
      texts.push(...entries.map(({ body }) => new TextDecoder().decode(body)))
      after = reader.accountedAfter(last.seq)
    }
    reader.close()
    expect(went.head).toBeGreaterThanOrEqual(texts.length)
    return { texts, isTorn: went.isTorn }
  } finally {
    vault.close()
  }
}

/** What a backup had of the journal when it was taken. */
function copyJournal(name: string): void {
  journal.close()
  cpSync(join(place, 'journal'), join(place, name), { recursive: true })
  journal = openJournal('journal', FIRST_MS)
}

test('what was shipped goes on after a copy, over days, and days that the vault does not know bring their keys', () => {
  append(['one', 'two'], FIRST_MS)
  copyJournal('copy')
  append(['three'], FIRST_MS)
  expect(ship()).toBe(3)
  append(['four', 'five'], SECOND_MS)
  expect(ship()).toBe(5)
  expect(goOn('copy')).toEqual({ texts: ['one', 'two', 'three', 'four', 'five'], isTorn: false })
  const vault = new Vault(join(place, 'copy.vault.db'), MASTER, { readonly: true })
  expect(vault.findNamedKey(dayKeyName(dayOf(SECOND_MS)))).toEqual(keys.get(dayOf(SECOND_MS)))
  vault.close()
  expect(goOn('nothing').texts).toEqual(['one', 'two', 'three', 'four', 'five'])
})

test('a folder that is removed while it is shipped to is noticed, and what the journal has is shipped anew', () => {
  append(['one'], FIRST_MS)
  const shipper = openShipper()
  while (!shipper.step());
  rmSync(join(place, 'second'), { recursive: true })
  append(['two'], FIRST_MS)
  expect(() => shipper.step()).toThrow('is not there any more')
  shipper.close()
  expect(ship()).toBe(2)
  copyJournal('copy')
  rmSync(join(place, 'copy'), { recursive: true })
  expect(goOn('copy').texts).toEqual(['one', 'two'])
})

test('a torn end is cut off and shipped again, wherever it was torn', () => {
  append(['one', 'two', 'three'], FIRST_MS)
  ship()
  const [segment] = segmentsIn(join(place, 'second'))
  const path = join(place, 'second', segment?.file ?? '')
  const whole = readFileSync(path)
  for (let length = 0; length < whole.length; length += 7) {
    truncateSync(path, length)
    if (length % 2 === 0) appendFileSync(path, new Uint8Array(5))
    expect({ length, seq: ship() }).toEqual({ length, seq: 3 })
    expect({ length, same: readFileSync(path).equals(whole) }).toEqual({ length, same: true })
  }
})

test('a reader takes what is before a torn end and says so; a hole and another journal are refused', () => {
  append(['one', 'two', 'three'], FIRST_MS)
  ship()
  const [segment] = segmentsIn(join(place, 'second'))
  const path = join(place, 'second', segment?.file ?? '')
  const whole = readFileSync(path)
  truncateSync(path, whole.length - 1)
  expect(goOn('torn')).toEqual({ texts: ['one', 'two'], isTorn: true })

  const damaged = Buffer.from(whole)
  const at = damaged.length - 5
  damaged[at] = (damaged[at] ?? 0) ^ 1
  writeFileSync(path, damaged)
  expect(goOn('damaged')).toEqual({ texts: ['one', 'two'], isTorn: true })

  writeFileSync(path, whole)
  append(['four'], SECOND_MS)
  ship()
  rmSync(path)
  expect(() => goOn('hole')).toThrow('does not hold the entries 1 to 3')

  const other = openJournal('other', FIRST_MS)
  append(['another one', 'and two', 'and three'], FIRST_MS, other)
  other.close()
  expect(() => goOn('other')).toThrow('is another')
})

test('a journal that was restored from before does not go on in the line of the one that was lost', () => {
  append(['one'], FIRST_MS)
  copyJournal('copy')
  append(['two', 'three'], FIRST_MS)
  expect(ship()).toBe(3)
  const restored = openJournal('copy', FIRST_MS)
  append(['another two'], FIRST_MS, restored)
  restored.close()
  expect(ship('copy')).toBe(2)
  expect(readdirSync(join(place, 'second', 'other')).length).toBe(2)
  expect(goOn('nothing').texts).toEqual(['one', 'another two'])
})

test('a day that is over dies in the second place too: its key, then what it opened', () => {
  append(['one'], FIRST_MS)
  append(['two'], SECOND_MS)
  const shipper = openShipper()
  while (!shipper.step());
  const [first, second] = [dayOf(FIRST_MS), dayOf(SECOND_MS)]
  shipper.endDays([first])
  expect(readdirSync(join(place, 'second')).filter((file) => file.startsWith(first))).toEqual([])
  expect(readDayKey(join(place, 'second'), MASTER, second)).toEqual(keys.get(second))
  shipper.close()

  // Where the place could not be reached by then, the next opening does it.
  destroyed.add(second)
  openShipper().close()
  expect(readdirSync(join(place, 'second'))).toEqual([])
})

test('after a change of the master key the days open with the new one', () => {
  append(['one'], FIRST_MS)
  const shipper = openShipper()
  while (!shipper.step());
  const next = new Uint8Array(randomBytes(32))
  shipper.learnMaster(next)
  shipper.close()
  expect(readDayKey(join(place, 'second'), MASTER, dayOf(FIRST_MS))).toBeUndefined()
  expect(readDayKey(join(place, 'second'), next, dayOf(FIRST_MS))).toEqual(keys.get(dayOf(FIRST_MS)))
})

test('a loss that an operator accepted is shipped, and the chain goes on over it', () => {
  append(['one'], FIRST_MS)
  expect(ship()).toBe(1)
  journal.close()
  journal = openJournal('journal', FIRST_MS, { appliedSeq: 4, acceptLoss: true })
  append(['five'], FIRST_MS)
  expect(ship()).toBe(5)
  append(['six'], SECOND_MS)
  expect(ship()).toBe(6)
  expect(goOn('copy').texts).toEqual(['one', 'five', 'six'])
  expect(existsSync(join(place, 'copy', `${dayOf(SECOND_MS)}.db`))).toBe(true)
})
