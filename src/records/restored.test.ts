import { afterEach, beforeEach, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOUR_MS } from '../core/clock.ts'
import { Db } from '../storage/database.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestBook } from '../testing/open-test-book.ts'
import { markRestored } from './restored.ts'

/** More than a house gives in an hour. */
const GIVEN = 100_000_000

let clock: FakeClock
let folder: string

beforeEach(async () => {
  clock = new FakeClock()
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-restored-'))
  const house = new TestBook(clock, { folder })
  await house.declare()
  house.close()
})
afterEach(() => rmSync(folder, { recursive: true }))

function nextIdOf(path: string): number {
  const database = new Db(path, { readonly: true })
  const id = database.one<{ next_id: number }>('SELECT next_id FROM house')?.next_id ?? 0
  database.close()
  return id
}

/** The backup, restored as a file of its own; answers the first id that it gives. */
function restored(name: string, nowMs: number, epoch = name): number {
  const path = join(folder, name)
  cpSync(join(folder, 'records.db'), path)
  markRestored(path, { epoch, nowMs })
  return nextIdOf(path)
}

test('ids that a first restore of a backup has given are not given again by a second', () => {
  const first = restored('first', clock.epochMs())
  const second = restored('second', clock.epochMs() + HOUR_MS)
  expect(first).toBeGreaterThan(nextIdOf(join(folder, 'records.db')) + 2 ** 32 - 1)
  expect(second).toBeGreaterThan(first + GIVEN)
  expect(restored('late', Date.UTC(2999, 0, 1))).toBeLessThan(Number.MAX_SAFE_INTEGER)
})

test('a clock that is far behind leaves the gap; told twice, the ids go on where they were', () => {
  const before = nextIdOf(join(folder, 'records.db'))
  const first = restored('behind', 0)
  expect(first).toBe(before + 2 ** 32)
  markRestored(join(folder, 'behind'), { epoch: 'behind', nowMs: clock.epochMs() })
  expect(nextIdOf(join(folder, 'behind'))).toBe(first)
})
