import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { openTestBook } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { declared, textItem } from '../testing/test-items.ts'
import { compareRandomCells, randomMessages } from './drill-cells.ts'
import { declareNumber } from './number.ts'

const HALF = 60
/** What a restore adds to the ids. */
const JUMP = 2 ** 32

const house = openTestBook()
await house.ask(declareNumber, declared())
await house.give(...texts(0))
house.database.run('UPDATE house SET next_id = next_id + ?1', JUMP)
house.restart()
await house.give(...texts(HALF))
afterAll(() => house.close())

function texts(from: number) {
  const atMs = house.clock.epochMs()
  return Array.from({ length: HALF }, (_, index) => textItem(`wamid.${from + index}`, atMs + from + index))
}

describe('messages picked at random, with ids that have jumped', () => {
  test('are other ones each time, of both sides of the jump', () => {
    const seed = 7
    const random = seededRandom(seed)
    const picked = new Set<number>()
    for (let look = 0; look < 30; look++) {
      const ids = randomMessages(house.database, { count: 10, random })
      expect(new Set(ids).size, `seed ${seed}`).toBe(10)
      for (const id of ids) picked.add(id)
    }
    const behind = [...picked].filter((id) => id > JUMP).length
    expect(picked.size, `seed ${seed}`).toBeGreaterThan(1.5 * HALF)
    expect(behind, `seed ${seed}`).toBeGreaterThan(0.6 * HALF)
    expect(behind, `seed ${seed}`).toBeLessThan(0.95 * picked.size)
  })

  test('are opened: all of them, where there are fewer than asked for', () => {
    const found = compareRandomCells({ records: house.database, vault: house.vault }, null, {
      count: 1000,
      random: seededRandom(7),
    })
    expect(found).toMatchObject({ opened: 2 * HALF, erased: 0, broken: 0 })
  })

  test('are compared by the ids that the copy had: those it gave since may be of others in the living house', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-cells-'))
    house.database.copyTo(join(folder, 'live.db'))
    const records = new Db(join(folder, 'live.db'))
    records.run('UPDATE messages SET arrived_at = arrived_at + 1 WHERE id > ?1', JUMP)
    const ask = { count: 1000, random: seededRandom(7) }
    const copy = { records: house.database, vault: house.vault }
    expect(compareRandomCells(copy, { records, lastId: JUMP }, ask)).toMatchObject({ same: HALF, other: 0 })
    expect(compareRandomCells(copy, { records, lastId: 2 * JUMP }, ask)).toMatchObject({ same: HALF, other: HALF })
    records.close()
    rmSync(folder, { recursive: true })
  })
})
