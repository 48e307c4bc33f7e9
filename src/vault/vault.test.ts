import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { prepareVault, Vault } from './vault.ts'

const MASTER = new Uint8Array(32).fill(7)
const PHONE = '+4915112345678'

let folder = ''
let path = ''
const opened: Vault[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-vault-'))
  path = join(folder, 'vault.db')
})
afterEach(() => {
  for (const vault of opened.splice(0)) vault.close()
  rmSync(folder, { recursive: true })
})

function open(options: { readonly?: boolean; master?: Uint8Array } = {}): Vault {
  const vault = new Vault(path, options.master ?? MASTER, { synchronous: 'OFF', readonly: options.readonly ?? false })
  opened.push(vault)
  return vault
}

function prepared(): Vault {
  const vault = open()
  prepareVault(vault)
  return vault
}

function randomIds(seed: number): () => number {
  const random = seededRandom(seed)
  return () => 1 + Math.floor(random() * 2 ** 52)
}

describe('the vault', () => {
  test('keeps its keys over a restart', () => {
    const vault = prepared()
    const person = vault.createPerson(randomIds(1))
    vault.linkPerson('phone', 'acme', PHONE, person)
    vault.commit()
    const before = [vault.findNamedKey('house'), vault.personKey(person)].map((key) => key?.toHex())
    vault.close()
    const again = open()
    prepareVault(again)
    expect([again.findNamedKey('house'), again.personKey(person)].map((key) => key?.toHex())).toEqual(before)
    expect(again.findPerson('phone', 'acme', PHONE)).toBe(person)
    expect(new Set(before).size).toBe(2)
  })

  test('refuses another master key in words, and takes no harm', () => {
    const vault = prepared()
    const key = vault.findNamedKey('house')?.toHex()
    vault.close()
    const before = readFileSync(path)
    for (const readonly of [false, true]) {
      expect(() => open({ master: new Uint8Array(32).fill(8), readonly })).toThrow(
        'Cannot open the vault: this is not the master key that the data folder was made with',
      )
    }
    expect(readFileSync(path).equals(before)).toBeTrue()
    expect(open().findNamedKey('house')?.toHex()).toBe(key ?? '')
  })

  test('finds people by phone and user id, each in its portfolio', () => {
    const vault = prepared()
    const ids = randomIds(2)
    const [anna, ben] = [vault.createPerson(ids), vault.createPerson(ids)]
    vault.linkPerson('phone', 'acme', PHONE, anna)
    vault.linkPerson('user', 'acme', 'DE.1', anna)
    vault.linkPerson('phone', 'other', PHONE, ben)
    expect(vault.findPerson('phone', 'acme', PHONE)).toBe(anna)
    expect(vault.findPerson('user', 'acme', 'DE.1')).toBe(anna)
    expect(vault.findPerson('phone', 'other', PHONE)).toBe(ben)
    expect(vault.findPerson('user', 'acme', PHONE)).toBeUndefined()
    expect(vault.findPerson('user', 'other', 'DE.1')).toBeUndefined()
    vault.linkPerson('phone', 'acme', PHONE, ben)
    expect(vault.findPerson('phone', 'acme', PHONE)).toBe(ben)
  })

  test('remembers who was found by it before, until they are erased', () => {
    const vault = prepared()
    const ids = randomIds(3)
    const [anna, ben] = [vault.createPerson(ids), vault.createPerson(ids)]
    const holder = () => vault.findHolder('phone', 'acme', PHONE)
    vault.linkPerson('phone', 'acme', PHONE, anna)
    vault.linkPerson('phone', 'acme', PHONE, anna)
    expect(holder()).toEqual({ person: anna, former: undefined })
    vault.linkPerson('phone', 'acme', PHONE, ben)
    expect(holder()).toEqual({ person: ben, former: anna })
    vault.unlinkIdentity('phone', 'acme', PHONE, anna)
    expect(holder()).toEqual({ person: ben, former: anna })
    vault.unlinkIdentity('phone', 'acme', PHONE, ben)
    expect(holder()).toEqual({ person: undefined, former: ben })
    expect([vault.hashesOf(anna).length, vault.hashesOf(ben).length]).toEqual([0, 1])
    vault.linkPerson('phone', 'acme', PHONE, anna)
    expect(holder()).toEqual({ person: anna, former: ben })
    vault.destroyPerson(ben)
    expect(holder()).toEqual({ person: anna, former: undefined })
    vault.unlinkIdentity('phone', 'acme', PHONE, anna)
    vault.destroyPerson(anna)
    expect(holder()).toBeUndefined()
  })

  test('never gives one number to two people', () => {
    const vault = prepared()
    const drawn = [5, 5, 5, 6]
    const ids = () => drawn.shift() ?? 0
    expect([vault.createPerson(ids), vault.createPerson(ids)]).toEqual([5, 6])
    expect(vault.personKey(5)?.toHex()).not.toBe(vault.personKey(6)?.toHex() ?? '')
  })

  test('forgets what was not committed, in memory too', () => {
    const vault = prepared()
    const kept = vault.createPerson(() => 5)
    vault.commit()
    const lost = vault.createPerson(() => 6)
    vault.linkPerson('phone', 'acme', PHONE, lost)
    vault.namedKey('day:2026-11-22')
    expect(vault.personKey(lost)).toBeDefined()
    vault.rollback()
    expect(vault.personKey(lost)).toBeUndefined()
    expect(vault.findPerson('phone', 'acme', PHONE)).toBeUndefined()
    expect(vault.findNamedKey('day:2026-11-22')).toBeUndefined()
    expect(vault.personKey(kept)).toBeDefined()
    vault.rollback()
    vault.createPerson(() => 7)
    vault.commit()
    expect(open({ readonly: true }).personKey(7)).toBeDefined()
  })

  test('shows a reader beside it what is committed, and nothing before', () => {
    const vault = prepared()
    const reader = open({ readonly: true })
    const person = vault.createPerson(() => 5)
    vault.linkPerson('phone', 'acme', PHONE, person)
    expect(reader.personKey(person)).toBeUndefined()
    expect(reader.findPerson('phone', 'acme', PHONE)).toBeUndefined()
    vault.commit()
    expect(reader.personKey(person)?.toHex()).toBe(vault.personKey(person)?.toHex() ?? '')
    expect(reader.findPerson('phone', 'acme', PHONE)).toBe(person)
    expect(() => reader.createPerson(() => 9)).toThrow('readonly')
  })

  test('has no key and no phone in its files', () => {
    const vault = prepared()
    const person = vault.createPerson(() => 5)
    vault.linkPerson('phone', 'acme', PHONE, person)
    vault.commit()
    const files = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
    const secrets = [MASTER, vault.personKey(person), vault.findNamedKey('house'), Buffer.from(PHONE)]
    for (const secret of secrets) expect(files.includes(Buffer.from(secret ?? 'missing'))).toBeFalse()
    expect(files.includes('named_keys')).toBeTrue()
  })

  test('does not open with a schema whose letters are damaged', () => {
    prepared().close()
    const bytes = readFileSync(path)
    const at = bytes.indexOf('hash BLOB PRIMARY KEY')
    expect(at).toBeGreaterThan(0)
    bytes[at] = 'i'.charCodeAt(0)
    writeFileSync(path, bytes)
    for (const readonly of [false, true])
      expect(() => open({ readonly })).toThrow('Cannot open vault.db: its schema is damaged')
  })

  test.each([
    ["SET wrapped = (SELECT wrapped FROM named_keys WHERE name = 'house')", 'upstream'],
    // Another bit of its name: it would be missed by nobody, and a new key be made in its place.
    ["SET name = 'upstreal'", 'upstream'],
  ])('does not open with a key under another name: %s', (change, name) => {
    prepared().close()
    const database = new Db(path)
    database.run(`UPDATE named_keys ${change} WHERE name = ?1`, name)
    database.close()
    for (const readonly of [false, true]) expect(() => open({ readonly })).toThrow('it is damaged. 1 of its 8 keys')
  })
})
