import { afterEach, beforeEach, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { countErased, DAMAGED_ENDING, ErasureLedger, LEDGER_FILE, LedgerDamaged } from '../vault/erasure-ledger.ts'
import { takeLedger } from './take-ledger.ts'

let root = ''
const places = () => ({ dataDir: join(root, 'data'), vaultFolder: join(root, 'keys') })

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gatehouse-take-ledger-'))
  for (const folder of Object.values(places())) mkdirSync(folder)
})
afterEach(() => rmSync(root, { recursive: true }))

function note(folder: string, persons: readonly number[]): void {
  const ledger = new ErasureLedger(join(folder, LEDGER_FILE))
  ledger.note({ epoch: 'e', erasureId: 1 }, { atMs: 1, by: 'per_1' }, persons)
  ledger.close()
}

function damage(folder: string): void {
  const database = new Db(join(folder, LEDGER_FILE))
  database.run('DELETE FROM persons WHERE person = 1')
  database.close()
}

test('a copy that knows of more people stays, and one that is damaged is put aside', () => {
  const { dataDir, vaultFolder } = places()
  const copy = join(vaultFolder, LEDGER_FILE)
  note(dataDir, [1, 2])
  takeLedger(places())
  expect(countErased(copy)).toBe(2)
  note(vaultFolder, [3])
  takeLedger(places())
  expect(countErased(copy)).toBe(3)
  damage(vaultFolder)
  takeLedger(places())
  expect(countErased(copy)).toBe(2)
  expect(existsSync(copy + DAMAGED_ENDING)).toBe(true)
})

test('one that is damaged takes the place of no copy', () => {
  const { dataDir, vaultFolder } = places()
  note(dataDir, [1, 2])
  takeLedger(places())
  damage(dataDir)
  expect(() => takeLedger(places())).toThrow(LedgerDamaged)
  expect(countErased(join(vaultFolder, LEDGER_FILE))).toBe(2)
})
