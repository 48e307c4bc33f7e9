import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { Db, storageFault } from '../storage/database.ts'
import { HighWaterMark } from '../storage/high-water.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { dayOf, type NewEntry } from './entry.ts'
import { Journal, JournalDamaged } from './journal.ts'
import { JournalReader } from './journal-reader.ts'
import { pack, unpack } from './packed.ts'

const DAY_ONE_MS = Date.UTC(2026, 10, 22, 12)
const DAY_TWO_MS = DAY_ONE_MS + DAY_MS
const DAY_THREE_MS = DAY_TWO_MS + DAY_MS
const KEYS = new Map(
  [DAY_ONE_MS, DAY_TWO_MS, DAY_THREE_MS].map((atMs, index) => [dayOf(atMs), new Uint8Array(32).fill(index + 1)]),
)

let folder = ''
const journals: Journal[] = []
const readers: JournalReader[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-journal-'))
})
afterEach(() => {
  for (const journal of journals.splice(0)) journal.close()
  for (const reader of readers.splice(0)) reader.close()
  rmSync(folder, { recursive: true })
})

function open(nowMs: number, more: { appliedSeq?: number; acceptLoss?: boolean } = {}): Journal {
  const journal = new Journal({ folder, dayKeys: KEYS, appliedSeq: 0, nowMs, synchronous: 'OFF', ...more })
  journals.push(journal)
  return journal
}

function shut(journal: Journal): void {
  journals.splice(journals.indexOf(journal), 1)
  journal.close()
}

function openReader(): JournalReader {
  const reader = new JournalReader(folder, (day) => KEYS.get(day))
  readers.push(reader)
  return reader
}

function entry(text: string, atMs: number): NewEntry {
  return { atMs, source: 'whatsapp/main', body: new TextEncoder().encode(text) }
}

function append(journal: Journal, atMs: number, ...texts: string[]): number {
  return journal.append(
    texts.map((text) => entry(text, atMs)),
    atMs,
  )
}

/** Everything after a sequence, as `1 text`. */
function readAll(reader: JournalReader, after = 0, limit = 3): string[] {
  const read: string[] = []
  for (let last = after; ; ) {
    const entries = reader.read(last, limit)
    if (entries.length === 0) return read
    read.push(...entries.map(({ seq, body }) => `${seq} ${new TextDecoder().decode(body)}`))
    last = entries.at(-1)?.seq ?? last
  }
}

/** Changes a day's file as no journal does. */
function tamper(atMs: number, change: (database: Db) => void): void {
  const database = new Db(join(folder, `${dayOf(atMs)}.db`))
  change(database)
  database.close()
}

describe('the journal', () => {
  test('gives sequences without a gap, over commits, restarts and days', () => {
    const first = open(DAY_ONE_MS)
    expect(append(first, DAY_ONE_MS, 'a', 'b')).toBe(1)
    expect(append(first, DAY_ONE_MS, 'c')).toBe(3)
    shut(first)
    const second = open(DAY_ONE_MS)
    expect(second.head()).toBe(3)
    expect(append(second, DAY_TWO_MS, 'd')).toBe(4)
    shut(second)
    const third = open(DAY_THREE_MS)
    expect(append(third, DAY_THREE_MS, 'e', 'f')).toBe(5)
    expect(readAll(openReader())).toEqual(['1 a', '2 b', '3 c', '4 d', '5 e', '6 f'])
    expect(readdirSync(folder).filter((name) => name.endsWith('.db'))).toHaveLength(3)
  })

  test('is read from any place, in slices of any size, and while it grows', () => {
    const journal = open(DAY_ONE_MS)
    const reader = openReader()
    const wanted: string[] = []
    for (let seq = 1; seq <= 20; seq++) {
      append(journal, DAY_ONE_MS + (seq > 7 ? DAY_MS : 0) + (seq > 13 ? DAY_MS : 0), `e${seq}`)
      wanted.push(`${seq} e${seq}`)
      if (seq % 5 === 0) expect(readAll(reader, seq - 5)).toEqual(wanted.slice(-5))
    }
    for (let after = 0; after <= 20; after++) {
      for (const limit of [1, 4, 100]) expect(readAll(reader, after, limit)).toEqual(wanted.slice(after))
    }
  })

  test('does not go back to an older file when the clock goes back', () => {
    const first = open(DAY_TWO_MS)
    append(first, DAY_TWO_MS, 'a')
    append(first, DAY_ONE_MS, 'b')
    shut(first)
    const second = open(DAY_ONE_MS)
    append(second, DAY_ONE_MS, 'c')
    expect(readAll(openReader())).toEqual(['1 a', '2 b', '3 c'])
    expect(readdirSync(folder).filter((name) => name.endsWith('.db'))).toEqual([`${dayOf(DAY_TWO_MS)}.db`])
  })

  test('keeps moment, source and bytes as they came, and none of it to be read in the file', () => {
    const journal = open(DAY_ONE_MS)
    const random = seededRandom(9)
    const noise = Uint8Array.from({ length: 5000 }, () => Math.floor(random() * 256))
    journal.append(
      [
        { atMs: DAY_ONE_MS - 5, source: 'whatsapp/other', body: noise },
        entry('PLANTED-TEXT +4915112345678', DAY_ONE_MS),
        entry('', DAY_ONE_MS),
      ],
      DAY_ONE_MS,
    )
    const [first, , last] = openReader().read(0, 10)
    expect(first).toMatchObject({ seq: 1, atMs: DAY_ONE_MS - 5, source: 'whatsapp/other' })
    expect(first?.body.toHex()).toBe(noise.toHex())
    expect(last?.body).toHaveLength(0)
    shut(journal)
    const files = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
    expect(files.includes('whatsapp/other')).toBeTrue()
    for (const planted of ['PLANTED-TEXT', '4915112345678', Buffer.from(noise.subarray(0, 32))]) {
      expect(files.includes(planted)).toBeFalse()
    }
  })

  test('goes on with the old day where the file of the new one cannot be made', () => {
    const journal = new Journal({ folder, dayKeys: new Map([...KEYS].slice(0, 1)), appliedSeq: 0, nowMs: DAY_ONE_MS })
    journals.push(journal)
    append(journal, DAY_ONE_MS, 'a')
    expect(journal.hasKeyFor(DAY_TWO_MS)).toBeFalse()
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => append(journal, DAY_TWO_MS, 'b')).toThrow(
        `journal/${dayOf(DAY_TWO_MS)}.db: its key is not in the vault`,
      )
    }
    journal.addKey(dayOf(DAY_TWO_MS), KEYS.get(dayOf(DAY_TWO_MS)) ?? new Uint8Array())
    expect(append(journal, DAY_TWO_MS, 'b')).toBe(2)
    expect(readAll(openReader())).toEqual(['1 a', '2 b'])
  })

  test('takes a commit that failed half-way back whole', () => {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'a')
    const broken = { ...entry('c', DAY_ONE_MS), atMs: 0.5 }
    expect(() => journal.append([entry('b', DAY_ONE_MS), broken], DAY_ONE_MS)).toThrow()
    expect(journal.head()).toBe(1)
    expect(append(journal, DAY_ONE_MS, 'd')).toBe(2)
    expect(readAll(openReader())).toEqual(['1 a', '2 d'])
  })
})

describe('damage', () => {
  function write(): void {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'a', 'b', 'c')
    append(journal, DAY_TWO_MS, 'd', 'e')
    shut(journal)
  }

  test('of any byte of a sealed cell is found, with the sequence', () => {
    write()
    let sealed = new Uint8Array()
    tamper(DAY_ONE_MS, (database) => {
      sealed =
        database.one<{ sealed: Uint8Array<ArrayBuffer> }>('SELECT sealed FROM entries WHERE seq = 2')?.sealed ?? sealed
      for (let index = 0; index < sealed.length; index++) {
        const damaged = sealed.slice()
        damaged[index] = (damaged[index] ?? 0) ^ 4
        database.run('UPDATE entries SET sealed = ?1 WHERE seq = 2', damaged)
        expect(() => readAll(openReader()), `byte ${index}`).toThrow('The journal is damaged: entry 2 does not open')
        readers.pop()?.close()
      }
      database.run('UPDATE entries SET sealed = ?1 WHERE seq = 2', sealed)
    })
    expect(sealed.length).toBeGreaterThan(28)
    expect(readAll(openReader())).toHaveLength(5)
  })

  test.each([
    ['a changed moment', 'UPDATE entries SET at = at + 1 WHERE seq = 2', 'entry 2 does not open'],
    ['a changed source', "UPDATE entries SET source = 'x' WHERE seq = 3", 'entry 3 does not open'],
    ['a deleted first row', 'DELETE FROM entries WHERE seq = 1', 'entry 1 is missing'],
    ['a deleted row', 'DELETE FROM entries WHERE seq = 2', 'entry 2 is missing'],
    ['a deleted last row of a day', 'DELETE FROM entries WHERE seq = 3', 'entry 3 is missing'],
    ['a truncated table', 'DELETE FROM entries', 'entry 1 is missing'],
    [
      'swapped rows',
      'UPDATE entries SET seq = -seq WHERE seq > 1; UPDATE entries SET seq = 5 + seq WHERE seq < 0',
      'entry 2 does not open',
    ],
    [
      'a row closed over a hole',
      'DELETE FROM entries WHERE seq = 2; UPDATE entries SET seq = 2 WHERE seq = 3',
      'entry 2 does not open',
    ],
  ])('by %s is found', (_, sql, message) => {
    write()
    tamper(DAY_ONE_MS, (database) => database.script(sql))
    expect(() => readAll(openReader())).toThrow(message)
  })

  test('by a whole day that is gone is found when the journal is read past it', () => {
    write()
    rmSync(join(folder, `${dayOf(DAY_ONE_MS)}.db`))
    expect(() => readAll(openReader(), 1)).toThrow('The journal does not hold entry 2 any more: it begins with 4')
    expect(readAll(openReader(), 3)).toEqual(['4 d', '5 e'])
  })

  test('to the newest day says how many entries are lost, and nothing is opened over it', () => {
    write()
    tamper(DAY_TWO_MS, (database) => database.run('DELETE FROM entries'))
    let error: unknown
    try {
      open(DAY_TWO_MS)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(JournalDamaged)
    expect((error as JournalDamaged).message).toContain(
      'The journal ends at entry 3, but 5 was committed: 2 entries are lost',
    )
    expect((error as JournalDamaged).message).toContain('--accept-loss')
  })
})

describe('the write-ahead log', () => {
  /** What a crash leaves: the files as they are on the disk, with nothing closed. */
  function crashed(change: (wal: string) => void): void {
    const journal = open(DAY_ONE_MS)
    for (const text of ['a', 'b', 'c', 'd']) append(journal, DAY_ONE_MS, text)
    const copy = mkdtempSync(join(tmpdir(), 'gatehouse-journal-'))
    cpSync(folder, copy, { recursive: true })
    shut(journal)
    rmSync(folder, { recursive: true })
    folder = copy
    change(join(folder, `${dayOf(DAY_ONE_MS)}.db-wal`))
  }

  test('is used after a crash', () => {
    crashed(() => {})
    expect(append(open(DAY_ONE_MS), DAY_ONE_MS, 'e')).toBe(5)
    expect(readAll(openReader())).toEqual(['1 a', '2 b', '3 c', '4 d', '5 e'])
  })

  const damages: [string, (wal: string) => void][] = [
    ['deleted', (wal) => rmSync(wal)],
    ['cut', (wal) => truncateSync(wal, readFileSync(wal).length - 100)],
    [
      'changed in one bit',
      (wal) => {
        const bytes = readFileSync(wal)
        const at = bytes.length - 4096 * 3
        bytes[at] = (bytes[at] ?? 0) ^ 1
        writeFileSync(wal, bytes)
      },
    ],
  ]
  test.each(damages)('is missed when it is %s: the mark outside tells', (_, damage) => {
    crashed(damage)
    expect(() => open(DAY_ONE_MS)).toThrow(/ends at entry [0-3], but 4 was committed/)
    // Asked twice it says the same: to look changes nothing.
    expect(() => open(DAY_ONE_MS)).toThrow(/ends at entry [0-3], but 4 was committed/)
  })
})

describe('an accepted loss', () => {
  function lose(): void {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'a', 'b', 'c', 'd', 'e')
    shut(journal)
    tamper(DAY_ONE_MS, (database) => database.run('DELETE FROM entries WHERE seq > 2'))
  }

  test('is known from then on: no sequence is given twice, and reading passes it', () => {
    lose()
    const journal = open(DAY_ONE_MS, { acceptLoss: true })
    expect(journal.head()).toBe(5)
    expect(append(journal, DAY_ONE_MS, 'f')).toBe(6)
    shut(journal)
    const reader = openReader()
    expect(readAll(reader)).toEqual(['1 a', '2 b', '6 f'])
    for (const after of [2, 3, 4, 5]) expect(readAll(reader, after)).toEqual(['6 f'])
    expect([1, 2, 3, 4, 5, 6].map((seq) => reader.accountedAfter(seq))).toEqual([1, 5, 5, 5, 5, 6])
  })

  test('needs to be accepted once only, also where nothing came in between', () => {
    lose()
    shut(open(DAY_ONE_MS, { acceptLoss: true }))
    const again = open(DAY_ONE_MS, { appliedSeq: 2 })
    expect(again.head()).toBe(5)
    shut(again)
    const nextDay = open(DAY_TWO_MS)
    expect(append(nextDay, DAY_TWO_MS, 'f')).toBe(6)
    expect(readAll(openReader())).toEqual(['1 a', '2 b', '6 f'])
  })

  test('may be accepted on a later day than it happened', () => {
    lose()
    expect(append(open(DAY_THREE_MS, { acceptLoss: true }), DAY_THREE_MS, 'f')).toBe(6)
    expect(readAll(openReader())).toEqual(['1 a', '2 b', '6 f'])
  })

  test('does not hide another one', () => {
    lose()
    const journal = open(DAY_ONE_MS, { acceptLoss: true })
    append(journal, DAY_ONE_MS, 'f', 'g')
    shut(journal)
    tamper(DAY_ONE_MS, (database) => database.run('DELETE FROM entries WHERE seq = 6'))
    expect(() => readAll(openReader())).toThrow('entry 6 is missing')
    tamper(DAY_ONE_MS, (database) => database.run('DELETE FROM entries WHERE seq = 7'))
    expect(() => open(DAY_ONE_MS)).toThrow('ends at entry 5, but 7 was committed: 2 entries are lost')
    expect(append(open(DAY_ONE_MS, { acceptLoss: true }), DAY_ONE_MS, 'h')).toBe(8)
    expect(readAll(openReader())).toEqual(['1 a', '2 b', '8 h'])
  })

  test('counts what the book has applied, where the mark is lost as well', () => {
    lose()
    rmSync(join(folder, 'high-water'))
    expect(() => open(DAY_ONE_MS, { appliedSeq: 9 })).toThrow(
      'ends at entry 2, but 9 was committed: 7 entries are lost',
    )
    expect(append(open(DAY_ONE_MS, { appliedSeq: 9, acceptLoss: true }), DAY_ONE_MS, 'f')).toBe(10)
  })
})

describe('a reader', () => {
  test('takes a file that is only being made for an empty one', () => {
    const journal = open(DAY_ONE_MS)
    append(journal, DAY_ONE_MS, 'a')
    writeFileSync(join(folder, `${dayOf(DAY_TWO_MS)}.db`), '')
    const reader = openReader()
    expect(readAll(reader)).toEqual(['1 a'])
    append(journal, DAY_TWO_MS, 'b')
    expect(readAll(reader)).toEqual(['1 a', '2 b'])
  })

  test('brings no more bytes into memory at once than it should', () => {
    const journal = open(DAY_ONE_MS)
    const random = seededRandom(3)
    // Longer than the window of the deflater: to it the repetition is noise too.
    const block = Uint8Array.from({ length: 1 << 16 }, () => Math.floor(random() * 256))
    const noise = Buffer.concat(Array.from({ length: 16 }, () => block))
    const noisy = { atMs: DAY_ONE_MS, source: 's', body: noise }
    journal.append([noisy, noisy, noisy, noisy, noisy], DAY_ONE_MS)
    const reader = openReader()
    expect(reader.read(0, 100).map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(reader.read(4, 100).map(({ seq }) => seq)).toEqual([5])
  })
})

describe('the high-water mark', () => {
  test('is what was written last', () => {
    const mark = new HighWaterMark(join(folder, 'mark'))
    expect(mark.read()).toBe(0)
    mark.write(3)
    mark.write(2 ** 40)
    expect(mark.read()).toBe(2 ** 40)
    mark.close()
  })

  test('is nothing where its record is torn or damaged', () => {
    const path = join(folder, 'mark')
    const mark = new HighWaterMark(path)
    mark.write(77)
    mark.close()
    const whole = readFileSync(path)
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = Buffer.from(whole)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(path, damaged)
      const again = new HighWaterMark(path)
      expect(again.read(), `bit ${bit}`).toBe(0)
      again.close()
    }
    writeFileSync(path, whole.subarray(0, 9))
    const cut = new HighWaterMark(path)
    expect(cut.read()).toBe(0)
    cut.close()
  })
})

test('a full disk is told from a broken one', () => {
  const journal = open(DAY_ONE_MS)
  append(journal, DAY_ONE_MS, 'a')
  shut(journal)
  const path = join(folder, `${dayOf(DAY_ONE_MS)}.db`)
  const database = new Db(path)
  database.script('PRAGMA max_page_count = 6')
  let error: unknown
  try {
    database.transaction(() => {
      for (let seq = 2; seq < 100; seq++)
        database.run('INSERT INTO entries VALUES (?1, 1, ?2, zeroblob(1000))', seq, 's')
    })
  } catch (thrown) {
    error = thrown
  }
  expect(storageFault(error)).toBe('full')
  expect(database.one('SELECT count(*) AS count FROM entries')).toEqual({ count: 1 })
  database.close()
})

test('packed entries are the entries', () => {
  const entries = ['', 'a', '', 'some more', 'x'.repeat(3000), ''].map((text, index) => entry(text, DAY_ONE_MS + index))
  const unpacked = unpack(pack(entries), 7)
  expect(unpacked.map(({ seq }) => seq)).toEqual([7, 8, 9, 10, 11, 12])
  expect(unpacked.map(({ body }) => new TextDecoder().decode(body))).toEqual(
    entries.map(({ body }) => new TextDecoder().decode(body)),
  )
  expect(unpacked.map(({ atMs, source }) => ({ atMs, source }))).toEqual(
    entries.map(({ atMs, source }) => ({ atMs, source })),
  )
  expect(unpack(pack([]), 1)).toEqual([])
})
