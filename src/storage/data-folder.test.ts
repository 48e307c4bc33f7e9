import { expect, test } from 'bun:test'
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDataFolder } from './data-folder.ts'
import { Db } from './database.ts'

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
