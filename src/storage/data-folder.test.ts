import { expect, test } from 'bun:test'
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDataFolder, requireWritableDisk } from './data-folder.ts'
import { Db } from './database.ts'
import { FolderLock } from './lock.ts'

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

test.skipIf(!isRoot)('a database that root makes in the folder of another user is theirs (as root only)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-owner-'))
  chownSync(folder, NOBODY, NOBODY)
  const database = new Db(join(folder, 'a.db'))
  database.run('CREATE TABLE a (b INTEGER) STRICT')
  const owners = readdirSync(folder).map((name) => statSync(join(folder, name)).uid)
  database.close()
  rmSync(folder, { recursive: true })
  expect(owners.length).toBeGreaterThan(1)
  expect(new Set(owners)).toEqual(new Set([NOBODY]))
})

test('what stands in the place of the data folder is called what it is', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-place-'))
  const file = join(folder, 'file')
  const link = join(folder, 'link')
  writeFileSync(file, '')
  symlinkSync(join(folder, 'disk'), link)
  expect(() => makeDataFolder(file)).toThrow('it is a file')
  expect(() => makeDataFolder(link)).toThrow('a link to what is not there')
  rmSync(folder, { recursive: true })
})

const canMount = isRoot && Bun.which('mount') !== null

test.skipIf(!canMount)('a disk that takes no writing is called that, with what saves its data (as root only)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-readonly-'))
  // Where nothing may be mounted, as in a container, there is nothing to see.
  if (Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder]).exitCode === 0) {
    expect(() => new FolderLock(join(folder, 'lock.db'))).toThrow(/mounted read-only.*cp -a .* take a backup of that/)
    Bun.spawnSync(['umount', folder])
  }
  expect(() => requireWritableDisk(folder)).not.toThrow()
  rmSync(folder, { recursive: true })
})
