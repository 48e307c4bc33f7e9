import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareVault, Vault } from '../vault/vault.ts'
import { isOfOtherKey, vaultCopyOf } from './vault-copy.ts'

const [FIRST, SECOND, THIRD] = ['20261120T040000Z', '20261121T040000Z', '20261122T040000Z']
const OLD = new Uint8Array(32).fill(1).with(0, 9)
const NEW = new Uint8Array(32).fill(2).with(0, 9)

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-vault-copy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function make(name: string, key: Uint8Array): void {
  const vault = new Vault(join(folder, `${name}.vault.db`), key, { synchronous: 'OFF' })
  prepareVault(vault)
  vault.close()
}

test('the copy that opens a backup is its own, or a later one where only that opens with the key', () => {
  expect(vaultCopyOf(folder, FIRST, OLD)).toBeUndefined()
  make(FIRST, OLD)
  make(SECOND, NEW)
  make(THIRD, NEW)
  expect(vaultCopyOf(folder, FIRST, OLD)).toBe(`${FIRST}.vault.db`)
  expect(vaultCopyOf(folder, FIRST, NEW)).toBe(`${SECOND}.vault.db`)
  expect(vaultCopyOf(folder, THIRD, NEW)).toBe(`${THIRD}.vault.db`)
  // None opens with it: whoever opens its own says so.
  expect(vaultCopyOf(folder, SECOND, OLD)).toBe(`${SECOND}.vault.db`)
  expect(vaultCopyOf(folder, '20261123T040000Z', NEW)).toBeUndefined()
})

test('one that is damaged is not passed by: whoever opens it says so', () => {
  make(SECOND, NEW)
  writeFileSync(join(folder, `${FIRST}.vault.db`), 'no database')
  expect(vaultCopyOf(folder, FIRST, NEW)).toBe(`${FIRST}.vault.db`)
})

test('whether the newest copy opens with another key only', () => {
  expect(isOfOtherKey(folder, NEW)).toBe(false)
  make(FIRST, OLD)
  expect([isOfOtherKey(folder, NEW), isOfOtherKey(folder, OLD)]).toEqual([true, false])
  make(SECOND, NEW)
  expect([isOfOtherKey(folder, NEW), isOfOtherKey(folder, OLD)]).toEqual([false, true])
})
