import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../testing/seeded-random.ts'
import { copyDatabase } from './copy-database.ts'
import { Db } from './database.ts'
import { type Look, learnPages, lookAtPages } from './page-look.ts'
import { SUMS_ENDING, SUMS_PER_BLOCK, sumOf } from './page-sums.ts'
import { relieveLog, SummedLog } from './summed-log.ts'

// A busy machine takes its time.
setDefaultTimeout(30_000)

const SEED = 20_261_122
const ENDINGS = ['', '-wal', SUMS_ENDING] as const
const PAGE_BYTES = 4096
const ALL = { first: 1, count: 1_000_000 }

let place = ''
let path = ''
let random = seededRandom(SEED)

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gatehouse-sums-'))
  path = join(place, 'a.db')
  random = seededRandom(SEED)
})
afterEach(() => rmSync(place, { recursive: true }))

/** A database with sums and its only writer. */
class Writer {
  readonly database: Db
  readonly log: SummedLog

  constructor(at = path, anew = false) {
    this.database = new Db(at, { synchronous: 'NORMAL' })
    this.database.script('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, content)')
    this.log = new SummedLog(this.database, at, { anew })
    this.log.begin()
  }

  /** Adds and changes about so many pages. */
  commit(pages: number): void {
    this.database.transaction(() => {
      for (let count = 0; count < pages; count++) {
        const id = 1 + Math.floor(random() * 1500)
        this.database.run('INSERT OR REPLACE INTO t VALUES (?1, randomblob(?2))', id, 500 + Math.floor(random() * 3000))
      }
    })
  }

  close(): void {
    this.log.close()
    this.database.close()
  }
}

function look(at = path): Look {
  const database = new Db(at, { readonly: true })
  try {
    return lookAtPages(database, at, ALL)
  } finally {
    database.close()
  }
}

function flip(at: string, byte: number): void {
  const bytes = readFileSync(at)
  bytes[byte] = (bytes[byte] ?? 0) ^ 4
  writeFileSync(at, bytes)
}

type Files = Map<string, Uint8Array>

function filesOf(at: string): Files {
  return new Map(
    ENDINGS.flatMap((ending) => (existsSync(at + ending) ? [[ending, new Uint8Array(readFileSync(at + ending))]] : [])),
  )
}

/** As a crash finds them half-way: some pieces as before, some as after. */
function mixed(before: Uint8Array | undefined, after: Uint8Array | undefined): Uint8Array {
  if (!before || !after) return after ?? before ?? new Uint8Array()
  const mix = new Uint8Array(after)
  for (let at = 0; at < before.length; at += PAGE_BYTES) {
    if (random() < 0.5) mix.set(before.subarray(at, Math.min(at + PAGE_BYTES, mix.length)), at)
  }
  return mix
}

/** What a kill or a power cut between two moments leaves: first the sums are written, then the database. */
function crashes(before: Files, after: Files): Files[] {
  const of = (files: Files, ending: string) => files.get(ending) ?? new Uint8Array()
  const state = (database: Uint8Array, sums: Uint8Array): Files =>
    new Map([
      ['', database],
      ['-wal', of(before, '-wal')],
      [SUMS_ENDING, sums],
    ])
  const [was, is] = [of(before, SUMS_ENDING), of(after, SUMS_ENDING)]
  return [
    state(of(before, ''), mixed(was, is)),
    state(of(before, ''), is),
    state(mixed(before.get(''), after.get('')), is),
    state(of(after, ''), is),
  ]
}

/** Starts from what a crash has left, works and stops: nothing is called damaged, and no page is forgotten. */
function goOnFrom(files: Files): void {
  const at = join(place, 'crashed', 'a.db')
  rmSync(join(place, 'crashed'), { recursive: true, force: true })
  mkdirSync(join(place, 'crashed'))
  for (const [ending, bytes] of files) writeFileSync(at + ending, bytes)
  expect(look(at)).toMatchObject({ isKnown: true, damaged: [] })
  const writer = new Writer(at)
  expect(look(at).damaged).toEqual([])
  writer.commit(3)
  writer.log.afterCommit()
  writer.close()
  expect(look(at)).toMatchObject({ isKnown: true, unknown: 0, damaged: [] })
}

test('the sum is XXH3 with the number of the page, as its authors give it: another program gets the same', () => {
  expect(sumOf(0, new Uint8Array())).toBe(0x2d06800538d394c2n)
  expect(sumOf(1, new Uint8Array(PAGE_BYTES))).not.toBe(sumOf(2, new Uint8Array(PAGE_BYTES)))
})

test('each bit that flips in a database is found, and the page named', () => {
  const writer = new Writer()
  for (let count = 0; count < 5; count++) {
    writer.commit(600)
    writer.log.afterCommit()
  }
  writer.close()
  const whole = readFileSync(path)
  expect(whole.length / PAGE_BYTES).toBeGreaterThan(SUMS_PER_BLOCK)
  expect(look()).toEqual({ isKnown: true, pages: whole.length / PAGE_BYTES, unknown: 0, damaged: [] })
  for (let count = 0; count < 40; count++) {
    // The first page is what SQLite itself needs to open it.
    const byte = PAGE_BYTES + Math.floor(random() * (whole.length - PAGE_BYTES))
    flip(path, byte)
    expect(look().damaged).toEqual([Math.floor(byte / PAGE_BYTES) + 1])
    writeFileSync(path, whole)
  }
})

test('a first page that is damaged is refused at the start', () => {
  new Writer().close()
  flip(path, PAGE_BYTES - 3)
  expect(() => new Writer()).toThrow('is damaged: restore it from a backup')
  const accepting = new Writer(path, true)
  accepting.close()
  expect(look().damaged).toEqual([])
})

test('damage of the sums accuses nobody, and what they knew is learned again', () => {
  const writer = new Writer()
  writer.commit(1500)
  writer.close()
  const sums = readFileSync(path + SUMS_ENDING)
  for (let at = 0; at < sums.length; at += 500) {
    flip(path + SUMS_ENDING, at)
    expect(look().damaged).toEqual([])
    writeFileSync(path + SUMS_ENDING, sums)
  }
  flip(path + SUMS_ENDING, PAGE_BYTES + 80)
  const { unknown } = look()
  expect(unknown).toBe(SUMS_PER_BLOCK)
  const database = new Db(path)
  expect(learnPages(database, path, ALL)).toBe(unknown)
  database.close()
  expect(look()).toMatchObject({ isKnown: true, unknown: 0, damaged: [] })
})

test(`a crash at any step of a checkpoint raises no alarm and forgets no page (seed ${SEED})`, () => {
  let writer = new Writer()
  for (let round = 0; round < 5; round++) {
    const reader = random() < 0.4 ? new Db(path, { readonly: true }) : undefined
    reader?.run('BEGIN')
    reader?.one('SELECT count(*) AS rows FROM t')
    writer.commit(250 + Math.floor(random() * 450))
    const before = filesOf(path)
    writer.log.afterCommit()
    const after = filesOf(path)
    for (const files of crashes(before, after)) goOnFrom(files)
    writer.commit(2)
    goOnFrom(filesOf(path))
    reader?.close()
    if (random() < 0.3) {
      writer.log.truncate()
      goOnFrom(filesOf(path))
    }
    if (random() < 0.4) {
      const open = filesOf(path)
      writer.log.close()
      const closed = filesOf(path)
      for (const files of [...crashes(open, closed), closed]) goOnFrom(files)
      writer.database.close()
      goOnFrom(filesOf(path))
      writer = new Writer()
      goOnFrom(filesOf(path))
    }
  }
  writer.close()
  expect(look()).toMatchObject({ isKnown: true, unknown: 0, damaged: [] })
})

test(`whoever looks or learns beside the writer sees no damage (seed ${SEED})`, () => {
  const writer = new Writer()
  const reader = new Db(path, { readonly: true })
  const held = new Db(path, { readonly: true })
  const acts: (() => void)[] = [
    () => writer.commit(Math.floor(random() * 400)),
    () => writer.commit(1),
    () => writer.log.afterCommit(),
    () => relieveLog(path),
    () => held.rollback(),
    () => {
      held.rollback()
      held.run('BEGIN')
      held.one('SELECT count(*) AS rows FROM t')
    },
  ]
  for (let step = 0; step < 70; step++) {
    const act = acts[Math.floor(random() * acts.length)]
    act?.()
    // A commit is followed by this before the next one.
    writer.log.afterCommit()
    const found = lookAtPages(reader, path, ALL)
    expect({ step, ...found }).toMatchObject({ step, isKnown: true, damaged: [] })
  }
  for (const one of [held, reader]) one.close()
  writer.close()
  expect(look()).toMatchObject({ isKnown: true, unknown: 0, damaged: [] })
})

test('a log that a long reader has kept is brought in beside the writer, and no page is forgotten', () => {
  const writer = new Writer()
  const held = new Db(path, { readonly: true })
  held.run('BEGIN')
  held.one('SELECT count(*) AS rows FROM t')
  for (let count = 0; count < 4; count++) {
    writer.commit(700)
    writer.log.afterCommit()
  }
  held.close()
  relieveLog(path)
  const files = filesOf(path)
  goOnFrom(files)
  writer.commit(5)
  expect(filesOf(path).get('-wal')?.subarray(0, 32)).not.toEqual(files.get('-wal')?.subarray(0, 32))
  writer.log.afterCommit()
  goOnFrom(filesOf(path))
  writer.close()
  expect(look()).toMatchObject({ isKnown: true, unknown: 0, damaged: [] })
})

test('after another program has written, nothing is known and nothing is damaged', () => {
  const ways: Record<string, () => void> = {
    'brings the log of a killed house in': () => {},
    'writes to a stopped house': () => {
      const other = new Db(path)
      other.script('CREATE TABLE other (id INTEGER PRIMARY KEY)')
      other.close()
    },
    'puts a copy in its place': () => {
      copyDatabase(path, `${path}.copy`)
      copyFileSync(`${path}.copy`, path)
    },
    'makes it compact': () => {
      const other = new Db(path)
      other.script('VACUUM')
      other.close()
    },
  }
  for (const [name, act] of Object.entries(ways)) {
    const writer = new Writer()
    writer.commit(500)
    if (name.startsWith('brings')) {
      const killed = filesOf(path)
      writer.close()
      for (const [ending, bytes] of killed) writeFileSync(path + ending, bytes)
      new Db(path).close()
    } else writer.close()
    act()
    expect({ name, ...look() }).toMatchObject({ name, isKnown: false, damaged: [] })
    const next = new Writer()
    next.commit(3)
    learnPages(next.database, path, ALL)
    next.close()
    expect({ name, ...look() }).toMatchObject({ name, isKnown: true, unknown: 0, damaged: [] })
  }
})

test('a checkpoint by another program beside the writer makes the sums anew, without an alarm', () => {
  const writer = new Writer()
  writer.commit(300)
  writer.log.afterCommit()
  const other = new Db(path)
  other.one('PRAGMA wal_checkpoint(PASSIVE)')
  writer.commit(3)
  writer.log.afterCommit()
  expect(look()).toMatchObject({ isKnown: false, damaged: [] })
  other.close()
  writer.log.truncate()
  learnPages(writer.database, path, ALL)
  writer.close()
  expect(look()).toMatchObject({ isKnown: true, unknown: 0, damaged: [] })
})
