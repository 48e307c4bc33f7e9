import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db, requireSqliteVersion, storageFault } from './database.ts'
import { FolderLock, isFolderHeld } from './lock.ts'
import { type Migration, migrate } from './migrate.ts'

let folder = ''
const opened: Db[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-storage-'))
})
afterEach(() => {
  for (const database of opened.splice(0)) database.close()
  rmSync(folder, { recursive: true })
})

function open(name = 'x.db', readonly = false): Db {
  const database = new Db(join(folder, name), { synchronous: 'OFF', readonly })
  opened.push(database)
  return database
}

function caught(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('Nothing was thrown')
}

describe('Db', () => {
  test('keeps what a transaction wrote', () => {
    const database = open()
    database.script('CREATE TABLE t (x INTEGER) STRICT')
    expect(database.transaction(() => database.run('INSERT INTO t VALUES (1), (2)'))).toBe(2)
    expect(open('x.db', true).all<{ x: number }>('SELECT x FROM t ORDER BY x')).toEqual([{ x: 1 }, { x: 2 }])
  })

  test('takes a failing transaction back, says why, and goes on', () => {
    const database = open()
    database.script('CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT')
    const insertTwice = () =>
      database.transaction(() => {
        database.run('INSERT INTO t VALUES (1)')
        database.run('INSERT INTO t VALUES (1)')
      })
    expect(insertTwice).toThrow('UNIQUE constraint failed')
    expect(database.all('SELECT x FROM t')).toEqual([])
    expect(database.transaction(() => database.run('INSERT INTO t VALUES (1)'))).toBe(1)
  })

  test('says that the disk is full also where SQLite has taken the transaction back by itself', () => {
    const database = open()
    database.script('CREATE TABLE t (x BLOB) STRICT')
    database.script('PRAGMA max_page_count = 8')
    const error = caught(() => database.transaction(() => database.run('INSERT INTO t VALUES (zeroblob(100000))')))
    expect(storageFault(error)).toBe('full')
    // The same where nothing is open any more when it is to be taken back.
    const closed = caught(() =>
      database.transaction(() => {
        database.script('ROLLBACK')
        throw error
      }),
    )
    expect(closed).toBe(error)
    database.script('PRAGMA max_page_count = 1000')
    expect(database.transaction(() => database.run('INSERT INTO t VALUES (zeroblob(100000))'))).toBe(1)
  })

  test('reads one commit in a snapshot, whatever is committed meanwhile', () => {
    const writer = open()
    writer.script('CREATE TABLE t (x INTEGER) STRICT')
    const reader = open('x.db', true)
    const count = () => reader.one<{ count: number }>('SELECT count(*) AS count FROM t')?.count
    const counts = reader.snapshot(() => {
      const before = count()
      writer.run('INSERT INTO t VALUES (1)')
      return [before, count()]
    })
    expect(counts).toEqual([0, 0])
    expect(count()).toBe(1)
    expect(() => reader.run('INSERT INTO t VALUES (2)')).toThrow('readonly')
  })

  test('reads row by row, and holds nothing once the reading is broken off', () => {
    const writer = open()
    writer.script('CREATE TABLE t (x INTEGER) STRICT; INSERT INTO t VALUES (1), (2), (3)')
    const reader = open('x.db', true)
    for (let round = 0; round < 2; round++) {
      const found: number[] = []
      for (const { x } of reader.each<{ x: number }>('SELECT x FROM t WHERE x > ?1 ORDER BY x', 1)) {
        found.push(x)
        break
      }
      expect(found).toEqual([2])
    }
    writer.run('INSERT INTO t VALUES (4)')
    // The log can be emptied only where nobody reads in it.
    expect(writer.one('PRAGMA wal_checkpoint(TRUNCATE)')).toEqual({ busy: 0, log: 0, checkpointed: 0 })
    expect(() => [...reader.each('SELECT nothing FROM t')]).toThrow('nothing')
  })

  test('plans a statement once, whatever is bound: to look at values it would be compiled anew for each', () => {
    const database = open()
    database.script('CREATE TABLE t (x INTEGER, y INTEGER); CREATE INDEX those_of_one ON t (y) WHERE x = 1')
    const planOf = (condition: string, ...values: number[]) =>
      JSON.stringify(database.all(`EXPLAIN QUERY PLAN SELECT y FROM t WHERE ${condition} ORDER BY y`, ...values))
    expect(planOf('x = 1')).toContain('those_of_one')
    expect(planOf('x = ?1', 1)).not.toContain('those_of_one')
  })

  test('runs on a SQLite without the WAL-reset bug', () => {
    expect(() => requireSqliteVersion(open())).not.toThrow()
    const old = { one: () => ({ version: '3.51.2' }) } as unknown as Db
    expect(() => requireSqliteVersion(old)).toThrow('SQLite 3.51.2 is too old: 3.51.3 or newer is needed')
  })
})

describe('storageFault', () => {
  test.each([
    ['SQLITE_FULL', 'full'],
    ['SQLITE_IOERR_SHMSIZE', 'full'],
    ['SQLITE_BUSY', 'busy'],
    ['SQLITE_IOERR_FSYNC', 'fatal'],
    ['SQLITE_CORRUPT', 'fatal'],
    ['SQLITE_NOTADB', 'fatal'],
    ['SQLITE_READONLY_DBMOVED', 'fatal'],
    ['SQLITE_CONSTRAINT_UNIQUE', null],
    ['SQLITE_ERROR', null],
    ['ENOSPC', null],
  ] as const)('calls %s %s', (code, fault) => {
    expect(storageFault(Object.assign(new Error('x'), { code }))).toBe(fault)
  })

  test('takes nothing else for a fault of the storage', () => {
    for (const other of [new Error('x'), null, undefined, 'SQLITE_FULL', { code: 13 }]) {
      expect(storageFault(other)).toBeNull()
    }
  })

  test('knows a file that is no database', () => {
    writeFileSync(join(folder, 'bad.db'), 'not a database, but long enough to be read as its header, as one sees')
    expect(storageFault(caught(() => new Db(join(folder, 'bad.db'))))).toBe('fatal')
  })
})

describe('migrate', () => {
  const first: Migration = { name: '0001_create_t.sql', sql: 'CREATE TABLE t (x INTEGER) STRICT;' }
  const second: Migration = {
    name: '0002_add_y.sql',
    sql: 'ALTER TABLE t ADD COLUMN y INTEGER; UPDATE t SET y = x * 2;',
  }
  const version = (database: Db) => database.one<{ user_version: number }>('PRAGMA user_version')?.user_version

  test('goes on where an older version has stopped, and does nothing twice', () => {
    const database = open()
    migrate(database, 'x.db', [first])
    expect(version(database)).toBe(1)
    database.run('INSERT INTO t VALUES (4)')
    migrate(database, 'x.db', [first, second])
    migrate(database, 'x.db', [first, second])
    expect(version(database)).toBe(2)
    expect(database.all('SELECT x, y FROM t')).toEqual([{ x: 4, y: 8 }])
  })

  test('leaves a whole version behind when a migration fails, and is resumed', () => {
    const database = open()
    const broken: Migration = { name: '0002_add_y.sql', sql: 'ALTER TABLE t ADD COLUMN y INTEGER; NO SUCH WORD;' }
    expect(() => migrate(database, 'x.db', [first, broken])).toThrow('syntax error')
    expect(version(database)).toBe(1)
    expect(database.all('SELECT name FROM pragma_table_info(?1)', 't')).toEqual([{ name: 'x' }])
    migrate(database, 'x.db', [first, second])
    expect(version(database)).toBe(2)
  })

  test('refuses a database of a newer Gatehouse and changes nothing', () => {
    const database = open()
    migrate(database, 'x.db', [first, second])
    expect(() => migrate(database, 'x.db', [first])).toThrow(
      'Cannot open x.db: it was written by a newer Gatehouse (version 2; this one knows up to 1)',
    )
    expect(version(database)).toBe(2)
  })
})

describe('FolderLock', () => {
  const REFUSAL = 'Another Gatehouse is using this data folder'

  test('lets one holder in, and the next after it', () => {
    const path = join(folder, 'lock.db')
    const lock = new FolderLock(path)
    expect(() => new FolderLock(path)).toThrow(REFUSAL)
    expect(isFolderHeld(folder)).toBe(true)
    lock.release()
    expect(isFolderHeld(folder)).toBe(false)
    new FolderLock(path).release()
  })

  test('refuses while another process holds it, and is free once that process was killed', async () => {
    const path = join(folder, 'lock.db')
    const program = `
      import { FolderLock } from ${JSON.stringify(join(import.meta.dir, 'lock.ts'))}
      globalThis.lock = new FolderLock(${JSON.stringify(path)})
      console.log('held')
      await new Promise(() => setInterval(() => {}, 1000))`
    const holder = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'inherit' })
    const { value } = await holder.stdout.getReader().read()
    expect(new TextDecoder().decode(value)).toContain('held')
    expect(() => new FolderLock(path)).toThrow(REFUSAL)
    holder.kill('SIGKILL')
    await holder.exited
    new FolderLock(path).release()
  })

  test('is not made by asking whether there is one', () => {
    expect(isFolderHeld(folder)).toBe(false)
    expect(existsSync(join(folder, 'lock.db'))).toBe(false)
  })

  test('does not blame another Gatehouse for a file that is broken', () => {
    writeFileSync(join(folder, 'lock.db'), 'not a database, but long enough to be read as its header, as one sees')
    const error = caught(() => new FolderLock(join(folder, 'lock.db'))) as Error
    expect(error.message).not.toContain(REFUSAL)
    expect(storageFault(error)).toBe('fatal')
  })
})
