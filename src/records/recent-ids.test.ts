import { afterEach, beforeEach, expect, test } from 'bun:test'
import { Db } from '../storage/database.ts'
import { RecentIds } from './recent-ids.ts'

const STAMP = 1_795_000_000n << 31n
let database: Db

beforeEach(() => {
  database = new Db(':memory:')
  database.script('CREATE TABLE messages (upstream_hash INTEGER)')
})
afterEach(() => database.close())

function keep(key: bigint): void {
  database.run('INSERT INTO messages (upstream_hash) VALUES (?1)', key)
}

test('knows what the records had last, by the end of the hash', () => {
  keep(STAMP | 5n)
  keep((1n << 63n) - 3n)
  const recent = new RecentIds(database)
  expect([5n, (77n << 31n) | 5n, -(1n << 40n) + 5n, 6n].map((hash) => recent.has(hash))).toEqual([
    true,
    true,
    true,
    false,
  ])
})

test('remembers 65,536, forgets the oldest first, and counts a doubled one once', () => {
  const recent = new RecentIds(database)
  recent.add(1n)
  recent.add(1n)
  for (let hash = 2n; hash <= 65_536n; hash++) recent.add(hash)
  expect([1n, 2n, 65_536n].map((hash) => recent.has(hash))).toEqual([true, true, true])
  recent.add(70_000n)
  expect([1n, 2n, 70_000n].map((hash) => recent.has(hash))).toEqual([false, true, true])
})
