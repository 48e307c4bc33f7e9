import { expect, test } from 'bun:test'
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
