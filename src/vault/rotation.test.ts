import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CrashPoint, onCrashPoint } from '../core/crash-point.ts'
import { Db } from '../storage/database.ts'
import { prepareVault, Vault } from './vault.ts'

const OLD = new Uint8Array(32).map((_, index) => index)
const NEW = new Uint8Array(32).map((_, index) => 255 - index)
const PERSONS = 250

let folder = ''
let path = ''
const opened: Vault[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-rotation-'))
  path = join(folder, 'vault.db')
})
afterEach(() => {
  onCrashPoint(null)
  for (const vault of opened.splice(0)) vault.close()
  rmSync(folder, { recursive: true })
})

function open(master: Uint8Array, readonly = false): Vault {
  const vault = new Vault(path, master, { synchronous: 'OFF', readonly })
  opened.push(vault)
  return vault
}

/** A vault with persons 1 to 250, of whom the third is destroyed, and with a day that is over. */
function filled(): Vault {
  const vault = open(OLD)
  prepareVault(vault)
  let next = 1
  for (let index = 0; index < PERSONS; index++) {
    const person = vault.createPerson(() => next++)
    vault.linkPerson('phone', 'acme', `+${person}`, person)
  }
  vault.namedKey('day:2026-11-01')
  vault.namedKey('day:2026-11-22')
  vault.destroyNamedKey('day:2026-11-01')
  vault.destroyPerson(3)
  vault.commit()
  return vault
}

function keysOf(vault: Vault): (string | undefined)[] {
  const named = ['house', 'blind', 'day:2026-11-01', 'day:2026-11-22'].map((name) => vault.findNamedKey(name))
  const persons = Array.from({ length: PERSONS }, (_, index) => vault.personKey(index + 1))
  return [...named, ...persons].map((key) => key?.toHex())
}

function rotate(vault: Vault): void {
  vault.beginRotation(NEW)
  while (!vault.rotateSome(100));
  vault.finishRotation()
}

/** Every wrapped key of the file as it lies there. */
function wrapsIn(file: string): Uint8Array[] {
  const database = new Db(file, { readonly: true })
  const rows = database.all<{ wrapped: Uint8Array }>(
    'SELECT wrapped FROM named_keys WHERE length(wrapped) > 0 UNION ALL SELECT wrapped FROM person_keys WHERE length(wrapped) > 0',
  )
  database.close()
  return rows.map(({ wrapped }) => wrapped.slice())
}

function filesOf(): Buffer {
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
}

describe('changing the master key', () => {
  test('keeps every key, opens with the new one alone, and leaves no wrap of the old one in the files', () => {
    const vault = filled()
    const before = keysOf(vault)
    const oldWraps = wrapsIn(path)
    expect(filesOf().includes(Buffer.from(oldWraps[5] ?? []))).toBeTrue()
    rotate(vault)
    expect(keysOf(vault)).toEqual(before)
    expect(oldWraps.length).toBeGreaterThan(PERSONS + 3)
    expect(oldWraps.filter((wrap) => filesOf().includes(Buffer.from(wrap)))).toEqual([])
    vault.close()
    expect(() => open(OLD)).toThrow('not the master key')
    const again = open(NEW)
    expect(keysOf(again)).toEqual(before)
    expect(again.findPerson('phone', 'acme', '+7')).toBe(7)
    expect(again.isDestroyed('day:2026-11-01')).toBeTrue()
  })

  test('takes along what is made and destroyed meanwhile', () => {
    const vault = filled()
    vault.beginRotation(NEW)
    vault.rotateSome(100)
    const [early, late] = [vault.createPerson(() => -5), vault.createPerson(() => 5000)]
    const day = vault.namedKey('day:2026-11-23')
    vault.destroyPerson(50)
    vault.destroyPerson(200)
    vault.destroyNamedKey('day:2026-11-22')
    vault.commit()
    const lost = vault.createPerson(() => 6000)
    vault.rollback()
    while (!vault.rotateSome(100));
    vault.finishRotation()
    vault.close()
    const again = open(NEW)
    for (const person of [early, late, 1, 249]) expect(again.personKey(person)).toBeDefined()
    for (const person of [50, 200, 3, lost]) expect(again.personKey(person)).toBeUndefined()
    expect(again.findNamedKey('day:2026-11-23')?.toHex()).toBe(day.toHex())
    expect(again.isDestroyed('day:2026-11-22')).toBeTrue()
  })

  test.each<[CrashPoint, Uint8Array, Uint8Array]>([
    ['vault.rotation_begun', OLD, NEW],
    ['vault.before_swap', OLD, NEW],
    ['vault.after_swap', NEW, OLD],
  ])('stopped at %s, the vault opens with one of the two keys', (point, works, refused) => {
    const vault = filled()
    const before = keysOf(vault)
    const wraps = wrapsIn(path)
    onCrashPoint((passed) => {
      if (passed === point) throw new Error('stop')
    })
    expect(() => rotate(vault)).toThrow('stop')
    onCrashPoint(null)
    vault.close()
    expect(() => open(refused)).toThrow('not the master key')
    const again = open(works)
    expect(keysOf(again)).toEqual(before)
    // What the start finds half-way is tidied up: the other key's wraps are not in the files.
    const others = works === NEW ? wraps : []
    expect(others.filter((wrap) => filesOf().includes(Buffer.from(wrap)))).toEqual([])
    expect(filesOf().includes('person_keys_next')).toBeFalse()
    again.close()
    if (works === NEW) return
    rotate(open(OLD))
    expect(keysOf(open(NEW))).toEqual(before)
  })

  test('stopped between two chunks, goes on from the beginning', () => {
    const vault = filled()
    vault.beginRotation(NEW)
    vault.rotateSome(100)
    vault.commit()
    vault.close()
    const again = open(OLD)
    rotate(again)
    again.close()
    expect(open(NEW).personKey(250)).toBeDefined()
  })

  test('refuses the key that is in force and what is no key, and can be given up', () => {
    const vault = filled()
    expect(() => vault.beginRotation(OLD)).toThrow('the new one is the one that is in force')
    expect(() => vault.beginRotation(new Uint8Array(16))).toThrow('must be 32 random bytes')
    expect(() => vault.beginRotation(new Uint8Array(32))).toThrow('must be 32 random bytes')
    vault.beginRotation(NEW)
    vault.rotateSome(10)
    vault.cancelRotation()
    vault.createPerson(() => 7000)
    vault.commit()
    vault.close()
    expect(open(OLD).personKey(7000)).toBeDefined()
  })

  test('does not disturb a reader that was told', () => {
    const vault = filled()
    const reader = open(OLD, true)
    const before = keysOf(vault)
    reader.personKey(1)
    reader.learnMaster(NEW)
    expect(reader.personKey(2)?.toHex()).toBe(before[5])
    rotate(vault)
    expect(keysOf(reader)).toEqual(before)
  })
})

describe('a destroyed key', () => {
  test('is gone from memory and from the files, with whatever found its person', () => {
    const vault = filled()
    const wraps = new Map([4, 5].map((person) => [person, wrapOf(person)]))
    const hash = hashOf(4)
    expect(filesOf().includes(hash)).toBeTrue()
    vault.destroyPerson(4)
    expect(vault.personKey(4)).toBeUndefined()
    expect(vault.findPerson('phone', 'acme', '+4')).toBeUndefined()
    vault.commit()
    const files = filesOf()
    expect(files.includes(wraps.get(4) ?? '')).toBeFalse()
    expect(files.includes(hash)).toBeFalse()
    expect(files.includes(wraps.get(5) ?? 'missing')).toBeTrue()
  })

  test('comes back where its destruction was not committed', () => {
    const vault = filled()
    vault.destroyPerson(4)
    vault.rollback()
    expect(vault.personKey(4)).toBeDefined()
    expect(vault.findPerson('phone', 'acme', '+4')).toBe(4)
  })

  test('is forgotten by readers that are told', () => {
    const vault = filled()
    const reader = open(OLD, true)
    expect([reader.personKey(4), reader.findNamedKey('day:2026-11-22')].map(Boolean)).toEqual([true, true])
    vault.destroyPerson(4)
    vault.destroyNamedKey('day:2026-11-22')
    vault.commit()
    expect(reader.personKey(4)).toBeDefined()
    reader.forget({ persons: [4], names: ['day:2026-11-22'] })
    expect(reader.personKey(4)).toBeUndefined()
    expect(reader.findNamedKey('day:2026-11-22')).toBeUndefined()
    expect(reader.isDestroyed('day:2026-11-22')).toBeTrue()
  })

  test('leaves its number taken', () => {
    const vault = filled()
    vault.destroyPerson(4)
    vault.commit()
    const drawn = [4, 3, 4, 900]
    expect(vault.createPerson(() => drawn.shift() ?? 0)).toBe(900)
  })

  test('may be made anew under the same name, and is another one', () => {
    const vault = filled()
    const before = vault.findNamedKey('day:2026-11-22')?.toHex()
    vault.destroyNamedKey('day:2026-11-22')
    const after = vault.namedKey('day:2026-11-22').toHex()
    vault.commit()
    expect(after).not.toBe(before ?? '')
    expect(vault.namesOf('day:')).toEqual(['day:2026-11-22'])
  })
})

function wrapOf(person: number): Buffer {
  const database = new Db(path, { readonly: true })
  const row = database.one<{ wrapped: Uint8Array }>('SELECT wrapped FROM person_keys WHERE person = ?1', person)
  database.close()
  return Buffer.from(row?.wrapped ?? [])
}

function hashOf(person: number): Buffer {
  const database = new Db(path, { readonly: true })
  const row = database.one<{ hash: Uint8Array }>('SELECT hash FROM blind_index WHERE person = ?1', person)
  database.close()
  return Buffer.from(row?.hash ?? [])
}
