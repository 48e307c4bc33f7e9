import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOUR_MS } from '../core/clock.ts'
import { BALLAST_BYTES, Ballast } from './ballast.ts'
import { Db } from './database.ts'
import { DiskHistory } from './disk-history.ts'
import { readFolderSizes, sumOf } from './folder-sizes.ts'
import { fileSystemOf, readSpace } from './space.ts'

const folders: string[] = []
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-space-'))
  folders.push(folder)
})

afterAll(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true })
})

describe('Ballast', () => {
  test('takes up 16 MB, is made once and gives them back', async () => {
    const ballast = new Ballast(folder)
    expect(await ballast.isThere()).toBeFalse()
    expect(await ballast.make()).toBeTrue()
    const { size, mode, ino } = statSync(join(folder, 'ballast'))
    expect([size, mode & 0o777]).toEqual([BALLAST_BYTES, 0o600])
    expect(await ballast.make()).toBeTrue()
    expect(statSync(join(folder, 'ballast')).ino).toBe(ino)
    expect(await ballast.isGiven()).toBeFalse()
    await ballast.free()
    expect(await ballast.isThere()).toBeFalse()
    expect(await ballast.isGiven()).toBeTrue()
    expect(statSync(join(folder, 'ballast')).blocks).toBe(0)
  })

  test('leaves nothing behind where it cannot be made', async () => {
    expect(await new Ballast(join(folder, 'missing')).make()).toBeFalse()
    writeFileSync(join(folder, 'ballast'), 'short')
    expect(await new Ballast(folder).isThere()).toBeFalse()
  })
})

describe('DiskHistory', () => {
  const noted = async (free: (hour: number) => number, hours: number) => {
    const history = new DiskHistory(folder)
    for (let hour = 0; hour <= hours; hour++) history.note({ atMs: hour * HOUR_MS, freeBytes: free(hour) })
    return history
  }

  test('says when the disk is full at the pace of the last days', async () => {
    const history = await noted((hour) => 1_000_000 - hour * 1000, 24)
    const now = { atMs: 24 * HOUR_MS, freeBytes: 976_000 }
    expect(history.secondsUntilUsed(now, 976_000)).toBe(976 * 3600)
    expect(history.secondsUntilUsed(now, 1000)).toBe(3600)
    expect(history.secondsUntilUsed(now, 0)).toBe(0)
  })

  test('says nothing of a disk that gets emptier, and before six hours are known', async () => {
    const emptier = await noted((hour) => 1_000_000 + hour, 24)
    expect(emptier.secondsUntilUsed({ atMs: 24 * HOUR_MS, freeBytes: 1_000_024 }, 1000)).toBeNull()
    const young = await noted((hour) => 1_000_000 - hour * 1000, 5)
    expect(young.secondsUntilUsed({ atMs: 5 * HOUR_MS, freeBytes: 995_000 }, 1000)).toBeNull()
    expect(new DiskHistory(folder).secondsUntilUsed({ atMs: 0, freeBytes: 1 }, 1)).toBeNull()
  })

  test('keeps a sample an hour for eight days, also for the next process', async () => {
    const history = new DiskHistory(folder)
    expect(history.note({ atMs: 0, freeBytes: 9 })).toBeTrue()
    expect(history.note({ atMs: HOUR_MS - 1, freeBytes: 8 })).toBeFalse()
    for (let hour = 1; hour <= 400; hour++) history.note({ atMs: hour * HOUR_MS, freeBytes: 100_000 - hour })
    await history.save()
    expect(statSync(join(folder, 'disk-history.json')).size).toBeLessThan(12_000)
    const next = new DiskHistory(folder)
    await next.load(400 * HOUR_MS)
    expect(next.secondsUntilUsed({ atMs: 400 * HOUR_MS, freeBytes: 99_600 }, 10)).toBe(10 * 3600)
  })

  test('begins anew where the file says something else or is from the future', async () => {
    writeFileSync(join(folder, 'disk-history.json'), '{"half')
    const history = new DiskHistory(folder)
    await history.load(0)
    writeFileSync(
      join(folder, 'disk-history.json'),
      JSON.stringify([
        { atMs: 9, freeBytes: 'x' },
        { atMs: 99, freeBytes: 1 },
      ]),
    )
    await history.load(10)
    expect(history.note({ atMs: 10, freeBytes: 5 })).toBeTrue()
  })
})

describe('readFolderSizes', () => {
  test('counts every part, the logs, and backups where they lie inside', async () => {
    for (const sub of ['journal', 'media/ab', 'copies/a/b', 'before-1.0.0'])
      mkdirSync(join(folder, sub), { recursive: true })
    const files: Record<string, number> = {
      'records.db': 100,
      'records.db-wal': 50,
      'vault.db': 10,
      'vault.db-wal': 5,
      'search.db-wal': 7,
      'journal/2026-11-22.db': 200,
      'journal/2026-11-22.db-wal': 30,
      'media/ab/file': 100_000,
      'copies/a/b/records.db': 40,
      'before-1.0.0/records.db': 3,
      ballast: 16,
    }
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), 'x'.repeat(bytes))
    const ask = { folder, nowMs: 0, walks: new Map(), backupFolder: join(folder, 'copies'), mediaBytes: 1234 }
    const { parts, logs } = await readFolderSizes(ask)
    expect(parts).toEqual({ journal: 230, records: 150, media: 1234, search: 7, vault: 15, backups: 40, other: 19 })
    expect(logs).toEqual({ journal: 30, records: 50, search: 7, vault: 5 })
    expect(sumOf(parts)).toBe(1695)
    // Folders of others are counted every five minutes.
    writeFileSync(join(folder, 'copies/more'), 'x'.repeat(60))
    writeFileSync(join(folder, 'journal/2026-11-23.db'), 'x')
    expect((await readFolderSizes({ ...ask, nowMs: 299_999 })).parts).toMatchObject({ backups: 40, journal: 231 })
    expect((await readFolderSizes({ ...ask, nowMs: 300_000 })).parts.backups).toBe(100)
  })
})

describe('readSpace', () => {
  test('says what is free and what kind of file system it is', async () => {
    const { freeBytes, totalBytes, kind } = await readSpace(folder)
    expect(freeBytes).toBeGreaterThan(0)
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
    expect(kind).toBeNumber()
  })

  test.each([
    [0xef53, 'ext4', 'local'],
    [0x6969, 'nfs', 'network'],
    [-11317950, 'cifs', 'network'],
    [0x01021994, 'tmpfs', 'memory'],
    [0x794c7630, 'overlay', 'layered'],
    [12345, 'another kind', 'unknown'],
  ] as const)('the kind %i is %s', (kind, name, trust) => {
    expect(fileSystemOf(kind)).toEqual({ name, trust })
  })
})

test('a log that a reader has kept from being emptied shrinks once the reader is gone', () => {
  const path = join(folder, 'long.db')
  const writer = new Db(path, { synchronous: 'OFF' })
  writer.script('CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)')
  const reader = new Db(path, { readonly: true })
  reader.run('BEGIN')
  reader.one('SELECT count(*) FROM t')
  const piece = new Uint8Array(1024 * 1024)
  for (let id = 1; id <= 80; id++) writer.run('INSERT INTO t (id, body) VALUES (?1, ?2)', id, piece)
  const logMb = () => statSync(`${path}-wal`).size / (1024 * 1024)
  expect(logMb()).toBeGreaterThan(75)
  reader.run('COMMIT')
  for (let id = 100; id < 103; id++) writer.run('INSERT INTO t (id, body) VALUES (?1, ?2)', id, piece)
  expect(logMb()).toBeLessThanOrEqual(64)
  reader.close()
  writer.close()
  expect(existsSync(`${path}-wal`)).toBeFalse()
})
