import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DAY_MS } from '../core/clock.ts'
import { markPutBack, PRETENDED_NOW_MS, pretendedForms } from '../testing/crash/upgrade-process.ts'
import { Db } from './database.ts'
import { migrate } from './migrate.ts'
import { planRollback, rollbackFolder } from './rollback.ts'
import { markFinished, refusalOfUnfinished } from './unfinished.ts'
import {
  beforesIn,
  findDatabases,
  removeBeforeCopies,
  removeOldBefores,
  upgradeFolder,
  wantsUpgrade,
} from './upgrade.ts'

const OLDER = pretendedForms(true)
const NEWER = pretendedForms(false)
let folder = ''
let said: string[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-upgrade-'))
  said = []
  mkdirSync(join(folder, 'keys'))
  write('book.db', OLDER[1], "INSERT INTO notes (text) VALUES ('one'), ('two')")
  write('keys/a.db', OLDER[0], "INSERT INTO keys (name, cell) VALUES ('first', x'01')")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(path: string, form: (typeof OLDER)[number] | undefined, sql: string): void {
  const database = new Db(join(folder, path))
  migrate(database, path, form?.migrations ?? [])
  database.script(sql)
  database.close()
}

function read<T>(path: string, sql: string): T[] {
  const database = new Db(join(folder, path), { readonly: true })
  try {
    return database.all<T>(sql)
  } finally {
    database.close()
  }
}

const notes = (path = 'book.db') =>
  read<{ text: string }>(path, 'SELECT text FROM notes ORDER BY id').map((row) => row.text)
const keys = (path: string) =>
  read<{ name: string }>(path, 'SELECT name FROM keys ORDER BY name').map((row) => row.name)
const versions = () => findDatabases(folder, NEWER).map(({ path, version }) => `${path} ${version}`)

/** Readers leave empty logs behind. */
const whatIsThere = () =>
  readdirSync(folder)
    .filter((name) => !/-(wal|shm)$/.test(name))
    .sort()

function upgrade(more: Partial<Parameters<typeof upgradeFolder>[0]> = {}): Promise<void> {
  const say = (line: string) => void said.push(line)
  return upgradeFolder({ folder, forms: NEWER, program: '9.9.9', nowMs: PRETENDED_NOW_MS, say, ...more })
}

function back(): Promise<void> {
  const plan = planRollback(folder, NEWER)
  const say = (line: string) => void said.push(line)
  return rollbackFolder({ folder, plan, nowMs: PRETENDED_NOW_MS, say, onPutBack: markPutBack })
}

/** Runs it in a process of its own, which is killed there. */
async function killedAt(what: 'upgrade' | 'rollback', point: string): Promise<void> {
  const script = new URL('../testing/crash/upgrade-process.ts', import.meta.url).pathname
  const child = Bun.spawn([process.execPath, script, what, folder], {
    env: { GATEHOUSE_TEST_CRASH: point },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  await child.exited
  expect(child.signalCode, `${point}: ${await new Response(child.stderr).text()}`).toBe('SIGKILL')
}

describe('an upgrade', () => {
  test('makes a copy of what changes, then migrates, and says what it does', async () => {
    await upgrade()
    expect(versions()).toEqual(['keys/a.db 2', 'book.db 3'])
    expect(read('book.db', 'SELECT text, length FROM notes ORDER BY id')).toEqual([
      { text: 'one', length: 3 },
      { text: 'two', length: 3 },
    ])
    expect(beforesIn(folder)).toMatchObject([
      { name: 'before-2-5', before: { from: 2, to: 5, program: '9.9.9', upgraded_at: PRETENDED_NOW_MS } },
    ])
    expect(notes('before-2-5/book.db')).toEqual(['one', 'two'])
    expect(keys('before-2-5/keys/a.db')).toEqual(['first'])
    expect(said[0]).toContain('from form 2 to 5: first a copy of')
    expect(said).toContain('  book.db: 0003_fill_length.sql')
    expect(statSync(join(folder, 'before-2-5')).mode & 0o777).toBe(0o700)
  })

  test('of a folder that is up to date does nothing', async () => {
    await upgrade({ forms: OLDER })
    expect(said).toEqual([])
    expect(wantsUpgrade(findDatabases(folder, OLDER))).toBe(false)
    expect(whatIsThere()).toEqual(['book.db', 'keys'])
  })

  test('takes along what is only in the log', async () => {
    const writer = new Db(join(folder, 'book.db'))
    writer.run("INSERT INTO notes (text) VALUES ('in the log')")
    await upgrade()
    expect(notes('before-2-5/book.db')).toContain('in the log')
    writer.close()
  })

  test('without room for the copy is refused in words, and nothing is changed', async () => {
    await expect(upgrade({ freeBytes: () => 1000 })).rejects.toThrow(
      /a copy is made first, which wants .* of free space, and 1.0 kB are free. Nothing was changed/,
    )
    expect(versions()).toEqual(['keys/a.db 1', 'book.db 1'])
    expect(whatIsThere()).toEqual(['book.db', 'keys'])
  })

  test('wants twice the room of what is copied, and not more', async () => {
    const bytes = findDatabases(folder, NEWER).reduce((sum, one) => sum + one.bytes, 0)
    await expect(upgrade({ freeBytes: () => 2 * bytes - 1 })).rejects.toThrow('make room')
    await upgrade({ freeBytes: () => 2 * bytes })
    expect(versions()).toEqual(['keys/a.db 2', 'book.db 3'])
  })

  test('the program of before refuses the folder, and says what may be done', async () => {
    await upgrade()
    expect(() => findDatabases(folder, OLDER)).toThrow(
      /keys\/a.db: it was written by a newer Gatehouse \(version 2; this one knows up to 1\). .*gatehouse rollback/,
    )
  })

  test('a file that is not begun is no database of an older version', async () => {
    writeFileSync(join(folder, 'keys/b.db'), '')
    await upgrade()
    expect(versions()).toEqual(['keys/a.db 2', 'keys/b.db 0', 'book.db 3'])
  })

  // Two databases are copied and three migrations made.
  test.each([
    'upgrade.copying:1',
    'upgrade.copying:2',
    'upgrade.copied',
    'upgrade.kept',
    'upgrade.migrating:1',
    'upgrade.migrating:2',
    'upgrade.migrating:3',
    'upgrade.before_end',
  ])('killed at %s it goes on at the next start, and the copy is the one of before', async (point) => {
    await killedAt('upgrade', point)
    await upgrade()
    expect(versions()).toEqual(['keys/a.db 2', 'book.db 3'])
    expect(read('book.db', 'SELECT length FROM notes')).toEqual([{ length: 3 }, { length: 3 }])
    expect(whatIsThere()).toEqual(['before-2-5', 'book.db', 'keys'])
    expect(notes('before-2-5/book.db')).toEqual(['one', 'two'])
    expect(read('before-2-5/book.db', 'PRAGMA user_version')).toEqual([{ user_version: 1 }])
    expect(beforesIn(folder)[0]?.before.upgraded_at).toBe(PRETENDED_NOW_MS)
  })

  test('its copy is removed when its days are over, not before', async () => {
    await upgrade()
    await removeOldBefores(folder, PRETENDED_NOW_MS + 8 * DAY_MS - 1, 8 * DAY_MS)
    expect(beforesIn(folder)).toHaveLength(1)
    await removeOldBefores(folder, PRETENDED_NOW_MS + 8 * DAY_MS, 8 * DAY_MS)
    expect(beforesIn(folder)).toHaveLength(0)
  })

  test('no copy of keys stays once keys are destroyed', async () => {
    await upgrade()
    removeBeforeCopies(folder, 'keys/a.db')
    expect(existsSync(join(folder, 'before-2-5/keys/a.db'))).toBe(false)
    expect(existsSync(join(folder, 'before-2-5/book.db'))).toBe(true)
  })
})

describe('going back', () => {
  beforeEach(async () => {
    await upgrade()
    write('book.db', NEWER[1], "INSERT INTO notes (text, length) VALUES ('since', 5)")
    write('keys/a.db', NEWER[0], "INSERT INTO keys (name, cell, age) VALUES ('second', x'02', 7)")
    write('keys/b.db', NEWER[0], "INSERT INTO keys (name, cell, age) VALUES ('third', x'03', 8)")
    write('keys/b.db', NEWER[0], 'PRAGMA application_id = 77')
  })

  function expectBack(): void {
    expect(versions()).toEqual(['keys/a.db 1', 'keys/b.db 1', 'book.db 1'])
    expect(notes()).toEqual(['put back', 'one', 'two'])
    expect(keys('keys/a.db')).toEqual(['first', 'second'])
    expect(keys('keys/b.db')).toEqual(['third'])
    // What the records compare the vault with, to see whether it has lost commits.
    expect(read('keys/b.db', 'PRAGMA application_id')).toEqual([{ application_id: 77 }])
    expect(notes('before-2-5/undone/book.db')).toEqual(['one', 'two', 'since'])
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
  }

  test('puts the book back as it was, and what came since is kept beside it; keys keep what came since', async () => {
    await back()
    expectBack()
    expect(refusalOfUnfinished(folder, undefined)).toContain('gatehouse rollback')
    markFinished(folder)
    expect(refusalOfUnfinished(folder, undefined)).toBeUndefined()
  })

  test('is done by the program of before too', async () => {
    const plan = planRollback(folder, OLDER)
    await rollbackFolder({ folder, plan, nowMs: 1, say: () => {}, onPutBack: markPutBack })
    expectBack()
    expect(findDatabases(folder, OLDER)).toHaveLength(3)
  })

  test('is not done twice, and an upgrade may follow again', async () => {
    await back()
    markFinished(folder)
    expect(() => planRollback(folder, NEWER)).toThrow('no upgrade to take back')
    await upgrade()
    expect(versions()).toEqual(['keys/a.db 2', 'keys/b.db 2', 'book.db 3'])
  })

  test('is refused before anything has changed where the older form cannot hold what there is', async () => {
    write('keys/a.db', NEWER[0], 'DROP TABLE keys')
    await expect(back()).rejects.toThrow('the newer form has no table keys')
    // What a newer program has given up is known to that one alone.
    write('keys/a.db', NEWER[0], "CREATE TABLE keys (name TEXT); INSERT INTO keys VALUES ('first')")
    await expect(back()).rejects.toThrow(/given up \(keys\).*gatehouse rollback of that one/)
    expect(versions()).toEqual(['keys/a.db 2', 'keys/b.db 2', 'book.db 3'])
    expect(refusalOfUnfinished(folder, undefined)).toBeUndefined()
  })

  test.each(['rollback.begun', ...[1, 2, 3].map((step) => `rollback.replaced:${step}`), 'rollback.before_end'])(
    'killed at %s the folder is refused, and running it once more ends it',
    async (point) => {
      await killedAt('rollback', point)
      expect(refusalOfUnfinished(folder, undefined)).toContain('not wholly taken back')
      await back()
      expectBack()
    },
  )
})
