import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestBook } from '../testing/open-test-book.ts'
import { textItem } from '../testing/test-items.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-busy-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a database that another program holds is waited for, and nothing is lost', async () => {
  const clock = new FakeClock()
  const house = new TestBook(clock, { folder })
  await house.declare()
  house.database.script('PRAGMA busy_timeout = 0')
  const other = new Db(join(folder, 'records.db'))
  other.run('BEGIN IMMEDIATE')
  house.append([textItem('wamid.1', clock.epochMs())])
  expect(await house.book.work()).toMatchObject({ paused: true, isLocked: true, inputs: 0 })
  expect(house.book.hasWork()).toBeTrue()
  expect(house.book.appliedSeq()).toBe(0)
  other.run('ROLLBACK')
  other.close()
  expect(await house.book.work()).toMatchObject({ paused: false, isLocked: false })
  await house.settle()
  expect(house.book.appliedSeq()).toBe(1)
  expect(house.database.all('SELECT id FROM messages')).toHaveLength(1)
  house.close()
})
