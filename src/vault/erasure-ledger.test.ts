import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { countErased, DAMAGED_ENDING, ErasureLedger, LEDGER_FILE, LedgerDamaged, openLedger } from './erasure-ledger.ts'

const SEED = 20_261_123
const FLIPS = 150
const PERSONS = [31, 4_200_000_000_017, 9_007_199_254_740_000]
const TAG = new Uint8Array(16).fill(9)

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-ledger-'))
  path = join(folder, LEDGER_FILE)
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Three erasures, of which one is asked for twice, done, and its entry cut twice. */
function fill(): void {
  const ledger = new ErasureLedger(path, { synchronous: 'OFF' })
  for (const [index, person] of PERSONS.entries()) {
    const erasure = { epoch: 'an-epoch', erasureId: index + 1 }
    ledger.note(erasure, { atMs: 1_795_338_600_000, by: 'per_1' }, [person])
    ledger.note(erasure, { atMs: 1_795_338_600_999, by: 'per_1' }, [person])
    ledger.noteCuts([{ seq: 7, tag: TAG, timesCut: index, paths: [['entry', index]] }])
    ledger.noteDone(erasure, { atMs: 1_795_338_700_000, reportHash: TAG })
  }
  ledger.close()
}

function read(): object {
  const ledger = new ErasureLedger(path)
  try {
    return { persons: ledger.persons(), seqs: ledger.cutSeqs(), cuts: ledger.cutsOf(7, TAG) }
  } finally {
    ledger.close()
  }
}

/** What SQL wrote, without the sum. */
function tamper(sql: string): void {
  const database = new Db(path)
  database.script(sql)
  database.close()
}

describe('a ledger of erasures', () => {
  test('has all of it in the one file, with nothing left in a log', () => {
    const ledger = new ErasureLedger(path)
    ledger.note({ epoch: 'e', erasureId: 1 }, { atMs: 1, by: 'per_1' }, PERSONS)
    expect(readFileSync(`${path}-wal`).length).toBe(0)
    const alone = join(folder, 'alone.db')
    writeFileSync(alone, readFileSync(path))
    ledger.close()
    expect(countErased(alone)).toBe(PERSONS.length)
  })

  test(`with a bit flipped anywhere is refused or reads the same, never as another (seed ${SEED})`, () => {
    fill()
    const whole = readFileSync(path)
    const wanted = read()
    const random = seededRandom(SEED)
    let refused = 0
    for (let count = 0; count < FLIPS; count++) {
      const at = Math.floor(random() * whole.length)
      const bytes = new Uint8Array(whole)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true })
      writeFileSync(path, bytes)
      try {
        expect([at, read()]).toEqual([at, wanted])
      } catch (error) {
        if (!(error instanceof Error) || !/is damaged|newer Gatehouse/.test(error.message)) throw error
        refused++
      }
    }
    // Most of a small file is empty.
    expect(refused).toBeGreaterThan(3)
  })

  const cases = [
    ['a person that is gone', 'DELETE FROM persons WHERE person = 31'],
    ['a person that is another', 'UPDATE persons SET person = 32 WHERE person = 31'],
    ['a cut that is gone', 'DELETE FROM cuts'],
    ['an erasure that is gone', 'DELETE FROM erasures WHERE erasure = 1'],
    ['no sum', 'DELETE FROM sum'],
    ['a sum that is none', "UPDATE sum SET value = 'x'"],
  ] as const
  test.each(cases)('with %s is refused, also where it is only read', (_, sql) => {
    fill()
    tamper(sql)
    expect(read).toThrow(LedgerDamaged)
    expect(() => countErased(path)).toThrow(/is damaged: it no longer tells of everybody/)
  })

  test('of before there was a sum is read, and has one from then on', () => {
    fill()
    tamper('UPDATE sum SET value = NULL')
    expect(countErased(path)).toBe(PERSONS.length)
    read()
    tamper('DELETE FROM persons WHERE person = 31')
    expect(read).toThrow(LedgerDamaged)
  })

  test('takes in what another knows, and keeps its own', () => {
    fill()
    const path = join(folder, 'other.db')
    const other = new ErasureLedger(path)
    other.note({ epoch: 'an-epoch', erasureId: 1 }, { atMs: 5, by: 'per_2' }, [31, 77])
    other.note({ epoch: 'another', erasureId: 1 }, { atMs: 6, by: 'per_2' }, [78])
    other.noteCuts([{ seq: 7, tag: TAG, timesCut: 0, paths: [] }])
    other.noteCuts([{ seq: 8, tag: TAG, timesCut: 0, paths: [['entry']] }])
    other.close()
    const ledger = new ErasureLedger(join(folder, LEDGER_FILE))
    ledger.takeIn(path)
    ledger.takeIn(path)
    ledger.close()
    expect(read()).toMatchObject({ persons: [31, 77, 78, ...PERSONS.slice(1)], seqs: [7, 8] })
    const again = new ErasureLedger(join(folder, LEDGER_FILE))
    expect(again.cutsOf(7, TAG)).toHaveLength(3)
    expect([again.askedAtOf(31), again.askedAtOf(78)]).toEqual([1_795_338_600_000, 6])
    again.close()
  })

  test('that is damaged is put aside where the loss is accepted, and never without', () => {
    fill()
    tamper('DELETE FROM persons WHERE person = 31')
    expect(() => openLedger(folder, false)).toThrow(/is damaged.*beside the copies of the keys.*--accept-loss/)
    expect(existsSync(path + DAMAGED_ENDING)).toBe(false)
    const ledger = openLedger(folder, true)
    expect(ledger.persons()).toEqual([])
    ledger.close()
    expect(existsSync(path + DAMAGED_ENDING)).toBe(true)
  })
})
