import { randomBytes } from 'node:crypto'
import createVault from '../../migrations/vault/0001_create_vault.sql' with { type: 'text' }
import { must } from '../core/assert.ts'
import { Db, type OpenOptions } from '../storage/database.ts'
import { type Migration, migrate } from '../storage/migrate.ts'
import { keyedHash, seal, unseal } from './sealing.ts'

const MIGRATIONS: readonly Migration[] = [{ name: '0001_create_vault.sql', sql: createVault }]

const KEY_BYTES = 32
/** Unwrapped keys of persons kept in memory; about 150 B each. Named keys are few. */
const CACHED_KEYS_MAX = 50_000

/** What a keyed hash stands for; phones and user ids are separate spaces. */
export type BlindKind = 'phone' | 'user'

/**
 * The keys of persons, days and the house. Its writer is the book's thread, which commits it before the records, so no
 * row is ever sealed with a key that could be lost; a key without a row is harmless. Other threads open it read-only.
 */
export class Vault {
  readonly #database: Db
  readonly #master: Uint8Array
  readonly #namedKeys = new Map<string, Uint8Array>()
  readonly #personKeys = new Map<number, Uint8Array>()
  #writing = false

  /** Throws where the master key is not the one this vault was made with. */
  constructor(path: string, master: Uint8Array, options: Pick<OpenOptions, 'readonly' | 'synchronous'> = {}) {
    this.#master = master
    this.#database = new Db(path, { ...options, secureDelete: true, cacheKib: 16_384 })
    try {
      if (!options.readonly) migrate(this.#database, 'vault.db', MIGRATIONS)
      this.#checkMaster()
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** A key by its name, made on first use. Only the writer may make one. */
  namedKey(name: string, nowMs: number): Uint8Array {
    const known = this.findNamedKey(name)
    if (known) return known
    const key = new Uint8Array(randomBytes(KEY_BYTES))
    this.#write(
      'INSERT INTO named_keys (name, wrapped, created_at) VALUES (?1, ?2, ?3)',
      name,
      seal(this.#master, `vault:${name}`, key),
      nowMs,
    )
    this.#namedKeys.set(name, key)
    return key
  }

  findNamedKey(name: string): Uint8Array | undefined {
    const cached = this.#namedKeys.get(name)
    if (cached) return cached
    const row = this.#database.one<{ wrapped: Uint8Array }>('SELECT wrapped FROM named_keys WHERE name = ?1', name)
    if (!row) return undefined
    const key = unseal(this.#master, `vault:${name}`, row.wrapped)
    this.#namedKeys.set(name, key)
    return key
  }

  /** The key of a person; undefined once it is destroyed. */
  personKey(person: number): Uint8Array | undefined {
    const cached = this.#personKeys.get(person)
    if (cached) return cached
    const row = this.#database.one<{ wrapped: Uint8Array }>('SELECT wrapped FROM person_keys WHERE person = ?1', person)
    return row && this.#remember(person, unseal(this.#master, personPlace(person), row.wrapped))
  }

  /** Makes a person: a random number that is never used again, and a key. */
  createPerson(randomId: () => number): number {
    let person = randomId()
    while (this.personKey(person)) person = randomId()
    const key = new Uint8Array(randomBytes(KEY_BYTES))
    const wrapped = seal(this.#master, personPlace(person), key)
    this.#write('INSERT INTO person_keys (person, wrapped) VALUES (?1, ?2)', person, wrapped)
    this.#remember(person, key)
    return person
  }

  /** The person behind a phone (E.164) or user id in a portfolio. */
  findPerson(kind: BlindKind, portfolio: string, value: string): number | undefined {
    return this.#database.one<{ person: number }>(
      'SELECT person FROM blind_index WHERE hash = ?1',
      this.#blind(kind, portfolio, value),
    )?.person
  }

  linkPerson(kind: BlindKind, portfolio: string, value: string, person: number): void {
    this.#write(
      'INSERT INTO blind_index (hash, person) VALUES (?1, ?2) ON CONFLICT (hash) DO UPDATE SET person = excluded.person',
      this.#blind(kind, portfolio, value),
      person,
    )
  }

  /** Makes what was written since the last call durable. */
  commit(): void {
    if (!this.#writing) return
    this.#database.run('COMMIT')
    this.#writing = false
  }

  /** Takes back what was written since the last commit; keys that were never stored are forgotten too. */
  rollback(): void {
    if (!this.#writing) return
    this.#database.rollback()
    this.#writing = false
    this.#namedKeys.clear()
    this.#personKeys.clear()
  }

  close(): void {
    this.rollback()
    this.#database.close()
  }

  #blind(kind: BlindKind, portfolio: string, value: string): Uint8Array {
    const key = must(this.findNamedKey('blind'), 'the blind index key')
    return keyedHash(key, kind, portfolio, value).subarray(0, 16)
  }

  #write(sql: string, ...values: (string | number | Uint8Array)[]): void {
    if (!this.#writing) this.#database.run('BEGIN IMMEDIATE')
    this.#writing = true
    this.#database.run(sql, ...values)
  }

  #remember(person: number, key: Uint8Array): Uint8Array {
    if (this.#personKeys.size >= CACHED_KEYS_MAX) {
      const oldest = this.#personKeys.keys().next().value
      if (oldest !== undefined) this.#personKeys.delete(oldest)
    }
    this.#personKeys.set(person, key)
    return key
  }

  #checkMaster(): void {
    const any = this.#database.one<{ name: string }>('SELECT name FROM named_keys ORDER BY name LIMIT 1')
    if (!any) return
    try {
      this.findNamedKey(any.name)
    } catch (cause) {
      throw new Error('Cannot open the vault: this is not the master key that the data folder was made with', { cause })
    }
  }
}

function personPlace(person: number): string {
  return `vault:person:${person}`
}

/** Keys that every house has; made before anything else is sealed. */
export function prepareVault(vault: Vault, nowMs: number): void {
  for (const name of ['house', 'blind', 'quarantine', 'upstream']) vault.namedKey(name, nowMs)
  vault.commit()
}
