import { randomBytes } from 'node:crypto'
import createVault from '../../migrations/vault/0001_create_vault.sql' with { type: 'text' }
import rememberFormerHolders from '../../migrations/vault/0002_remember_former_holders.sql' with { type: 'text' }
import dropBirthOfKeys from '../../migrations/vault/0003_drop_birth_of_keys.sql' with { type: 'text' }
import { must } from '../core/assert.ts'
import { crashPoint } from '../core/crash-point.ts'
import { Db, type OpenOptions } from '../storage/database.ts'
import { type Migration, migrate, versionOf } from '../storage/migrate.ts'
import { requireSchema } from '../storage/schema.ts'
import { keyedHash, seal, unseal } from './sealing.ts'

export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_create_vault.sql', sql: createVault },
  { name: '0002_remember_former_holders.sql', sql: rememberFormerHolders },
  { name: '0003_drop_birth_of_keys.sql', sql: dropBirthOfKeys },
]

const KEY_BYTES = 32
/** What stands in a key's place once it is destroyed: its name is never again taken for one that has not been. */
const DESTROYED = new Uint8Array(0)
/** Unwrapped keys of persons kept in memory; about 150 B each. Named keys are few. */
const CACHED_KEYS_MAX = 50_000

/** Not one of the keys in it opens with the master key that was given. */
export class WrongMasterKey extends Error {
  constructor() {
    super(
      'Cannot open the vault: this is not the master key that the data folder was made with. Name the file that holds ' +
        'the right one as master_key_file; nothing was changed',
    )
    this.name = 'WrongMasterKey'
  }
}

interface Rotation {
  next: Uint8Array
  /** Persons up to here are wrapped by it; those that come meanwhile are wrapped by both. */
  lastPerson: number
}

const NEXT_TABLES = `
CREATE TABLE named_keys_next (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE person_keys_next (person INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;`
const SWAP_TABLES = `
DROP TABLE named_keys;
ALTER TABLE named_keys_next RENAME TO named_keys;
DROP TABLE person_keys;
ALTER TABLE person_keys_next RENAME TO person_keys;`
const DROP_NEXT_TABLES = 'DROP TABLE named_keys_next; DROP TABLE person_keys_next;'

/** What a keyed hash stands for; phones and user ids are separate spaces. */
export type BlindKind = 'phone' | 'user' | 'group' | 'username' | 'email'

/** In the place of a person by whom something is not held any more. */
const NOBODY = 0

/** Who is found by something, and who was. */
export interface Holder {
  person: number | undefined
  former: number | undefined
}

/**
 * The keys of persons, days and the house. Its writer is the book's thread, which commits it before the records, so no
 * row is ever sealed with a key that could be lost; a key without a row is harmless. Other threads open it read-only.
 */
export class Vault {
  readonly #database: Db
  /** The newest first: while the master key is changed, a reader may meet keys wrapped by either. */
  #masters: readonly Uint8Array[]
  readonly #namedKeys = new Map<string, Uint8Array>()
  readonly #personKeys = new Map<number, Uint8Array>()
  #rotation: Rotation | undefined
  #writing = false
  /** Something was destroyed, and the log may still hold a copy of it. */
  #hasResidue = false

  /** Throws where the master key is not the one this vault was made with. */
  constructor(path: string, master: Uint8Array, options: Pick<OpenOptions, 'readonly' | 'synchronous'> = {}) {
    this.#masters = [master]
    this.#database = new Db(path, { ...options, secureDelete: true, cacheKib: 16_384 })
    try {
      if (!options.readonly) migrate(this.#database, 'vault.db', MIGRATIONS)
      this.#checkNamedKeys()
      // A copy of an older form is brought to the newest one before it serves.
      if (versionOf(this.#database) === MIGRATIONS.length) requireSchema(this.#database, 'vault.db', MIGRATIONS)
      if (!options.readonly) this.#tidy()
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  /** A key by its name, made on first use and where the one before was destroyed. Only the writer may make one. */
  namedKey(name: string): Uint8Array {
    const known = this.findNamedKey(name)
    if (known) return known
    const key = new Uint8Array(randomBytes(KEY_BYTES))
    this.#store('named_keys', name, key)
    this.#namedKeys.set(name, key)
    return key
  }

  /** Keeps a key that was made elsewhere: of a day of the journal that comes from its second place. Only the writer may. */
  keepNamedKey(name: string, key: Uint8Array): void {
    this.#store('named_keys', name, key)
    this.#namedKeys.set(name, key)
  }

  /** Undefined where there is none, and where it was destroyed. */
  findNamedKey(name: string): Uint8Array | undefined {
    const cached = this.#namedKeys.get(name)
    if (cached) return cached
    const row = this.#namedRow(name)
    if (!row || row.wrapped.length === 0) return undefined
    const key = this.#unwrap(namedPlace(name), row.wrapped)
    this.#namedKeys.set(name, key)
    return key
  }

  /** Whether there was such a key and it was destroyed. */
  isDestroyed(name: string): boolean {
    return this.#namedRow(name)?.wrapped.length === 0
  }

  /** The key of a person; undefined once it is destroyed. */
  personKey(person: number): Uint8Array | undefined {
    const cached = this.#personKeys.get(person)
    if (cached) return cached
    const row = this.#personRow(person)
    if (!row || row.wrapped.length === 0) return undefined
    return this.#remember(person, this.#unwrap(personPlace(person), row.wrapped))
  }

  /** Whether there is such a person, or was one whose key is destroyed. */
  hasPerson(person: number): boolean {
    return this.#personRow(person) !== undefined
  }

  /** Makes a person: a number of the caller's that is not taken, never used again, and a key. */
  createPerson(nextNumber: () => number): number {
    let person = nextNumber()
    while (this.#personRow(person)) person = nextNumber()
    const key = new Uint8Array(randomBytes(KEY_BYTES))
    this.#store('person_keys', person, key)
    this.#remember(person, key)
    return person
  }

  /**
   * Destroys the key of a person and whatever finds them. All that is sealed with it is noise from the commit on. The
   * number stays taken: rows that are left of an erased person are never somebody else's.
   */
  destroyPerson(person: number): void {
    this.unlinkPerson(person)
    this.#destroy('UPDATE person_keys SET wrapped = ?2 WHERE person = ?1', person, DESTROYED)
    if (this.#rotation) {
      this.#destroy('UPDATE person_keys_next SET wrapped = ?2 WHERE person = ?1', person, DESTROYED)
    }
    this.#personKeys.delete(person)
  }

  /** Destroys a named key; that there was one stays known. */
  destroyNamedKey(name: string): void {
    this.#destroy('UPDATE named_keys SET wrapped = ?2 WHERE name = ?1', name, DESTROYED)
    if (this.#rotation) this.#destroy('UPDATE named_keys_next SET wrapped = ?2 WHERE name = ?1', name, DESTROYED)
    this.#namedKeys.delete(name)
  }

  /** The keys whose names begin so and that are not destroyed, in the order of their names. */
  namesOf(prefix: string): string[] {
    return this.#database
      .all<{ name: string }>(
        'SELECT name FROM named_keys WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 AND length(wrapped) > 0 ORDER BY name',
        prefix,
      )
      .map(({ name }) => name)
  }

  /** For readers beside the writer, which has destroyed keys: what memory holds of them goes too. */
  forget(destroyed: { persons: readonly number[]; names: readonly string[] }): void {
    for (const person of destroyed.persons) this.#personKeys.delete(person)
    for (const name of destroyed.names) this.#namedKeys.delete(name)
  }

  /** The person behind a phone (E.164) or user id in a portfolio. */
  findPerson(kind: BlindKind, portfolio: string, value: string): number | undefined {
    return this.findHolder(kind, portfolio, value)?.person
  }

  /** The same, and who it was before. Undefined where it was never anybody's. */
  findHolder(kind: BlindKind, portfolio: string, value: string): Holder | undefined {
    const row = this.#database.one<{ person: number; former: number | null }>(
      'SELECT person, former FROM blind_index WHERE hash = ?1',
      this.blindHash(kind, portfolio, value),
    )
    return row && { person: row.person === NOBODY ? undefined : row.person, former: row.former ?? undefined }
  }

  linkPerson(kind: BlindKind, portfolio: string, value: string, person: number): void {
    this.#write(
      `INSERT INTO blind_index (hash, person) VALUES (?1, ?2) ON CONFLICT (hash) DO UPDATE
       SET former = iif(person IN (excluded.person, ${NOBODY}), former, person), person = excluded.person`,
      this.blindHash(kind, portfolio, value),
      person,
    )
  }

  /** Nobody is found by it any more, if it was this person. */
  unlinkIdentity(kind: BlindKind, portfolio: string, value: string, person: number): void {
    this.#write(
      `UPDATE blind_index SET former = person, person = ${NOBODY} WHERE hash = ?1 AND person = ?2`,
      this.blindHash(kind, portfolio, value),
      person,
    )
  }

  /** The keyed hashes by which a person is or was found, and nobody else is. */
  hashesOf(person: number): Uint8Array[] {
    return this.#database
      .all<{ hash: Uint8Array }>(
        `SELECT hash FROM blind_index WHERE person = ?1 OR (person = ${NOBODY} AND former = ?1)`,
        person,
      )
      .map(({ hash }) => hash)
  }

  /** The person is not found by any phone or id any more: who comes with one of them is somebody new. */
  unlinkPerson(person: number): void {
    this.#destroy(`DELETE FROM blind_index WHERE person = ?1 OR (person = ${NOBODY} AND former = ?1)`, person)
    this.#destroy('UPDATE blind_index SET former = NULL WHERE former = ?1', person)
  }

  /** `PRAGMA synchronous` as it is in force. */
  synchronous(): number {
    return this.#database.synchronous()
  }

  /** How many commits it has had; the records remember it, since a vault that lost its last ones would not know. */
  commits(): number {
    return this.#database.commitCount()
  }

  /** Makes what was written since the last call durable. */
  commit(): void {
    if (!this.#writing) return
    this.#database.countCommit()
    this.#database.run('COMMIT')
    this.#writing = false
    if (this.#hasResidue) this.truncateLog()
  }

  /**
   * Takes everything out of the write-ahead log, which may hold pages from before something was destroyed. False where
   * a reader is in the way: ask again.
   */
  truncateLog(): boolean {
    this.commit()
    this.#hasResidue = this.#database.one<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)')?.busy !== 0
    return !this.#hasResidue
  }

  /**
   * Begins to wrap every key by another master key, in tables beside those that hold. Until `finishRotation` the old one
   * opens the vault, from then on the new one; no stop in between leaves a vault that neither opens.
   */
  beginRotation(next: Uint8Array): void {
    requireMasterKey(next)
    if (this.#masters.some((master) => Buffer.compare(master, next) === 0)) {
      throw new Error('Cannot change the master key: the new one is the one that is in force')
    }
    this.commit()
    this.#tidy()
    this.#database.transaction(() => this.#database.script(NEXT_TABLES))
    this.#rotation = { next, lastPerson: Number.MIN_SAFE_INTEGER }
    crashPoint('vault.rotation_begun')
  }

  /** Wraps some more keys by the new master key; true once none is left. */
  rotateSome(limit: number): boolean {
    const rotation = must(this.#rotation, 'the change of the master key')
    const rows = this.#database.all<{ person: number; wrapped: Uint8Array }>(
      `SELECT person, wrapped FROM person_keys p WHERE person > ?1
       AND NOT EXISTS (SELECT 1 FROM person_keys_next n WHERE n.person = p.person) ORDER BY person LIMIT ?2`,
      rotation.lastPerson,
      limit,
    )
    for (const { person, wrapped } of rows) {
      const place = personPlace(person)
      const again = wrapped.length === 0 ? wrapped : seal(rotation.next, place, this.#unwrap(place, wrapped))
      this.#write('INSERT INTO person_keys_next (person, wrapped) VALUES (?1, ?2)', person, again)
      rotation.lastPerson = person
    }
    return rows.length < limit
  }

  /** Puts the keys as the new master key wraps them in the place of the old ones, which are gone then. */
  finishRotation(): void {
    const { next } = must(this.#rotation, 'the change of the master key')
    this.#rotateNamed(next)
    const left = this.#database.one<{ persons: number; named: number }>(
      `SELECT (SELECT count(*) FROM person_keys) - (SELECT count(*) FROM person_keys_next) AS persons,
       (SELECT count(*) FROM named_keys) - (SELECT count(*) FROM named_keys_next) AS named`,
    )
    if (left?.persons !== 0 || left.named !== 0) throw new Error('Assertion failed: every key is wrapped anew')
    this.commit()
    crashPoint('vault.before_swap')
    this.#database.transaction(() => this.#database.script(SWAP_TABLES))
    this.#masters = [next]
    this.#rotation = undefined
    this.#hasResidue = true
    crashPoint('vault.after_swap')
    this.truncateLog()
  }

  /** Leaves the change of the master key; the one before stays in force. */
  cancelRotation(): void {
    this.rollback()
    this.#rotation = undefined
    this.#tidy()
  }

  /** For readers beside the writer: from now on keys may be wrapped by this one too. */
  learnMaster(next: Uint8Array): void {
    this.#masters = [next, ...this.#masters]
  }

  /** Takes back what was written since the last commit; keys that were never stored are forgotten too. */
  rollback(): void {
    if (!this.#writing) return
    this.#database.rollback()
    this.#writing = false
    this.#namedKeys.clear()
    this.#personKeys.clear()
    if (this.#rotation) this.#rotation.lastPerson = Number.MIN_SAFE_INTEGER
  }

  close(): void {
    this.rollback()
    this.#database.close()
  }

  /** What finds a person by something they are known by. */
  blindHash(kind: BlindKind, portfolio: string, value: string): Uint8Array {
    return blindHash(must(this.findNamedKey('blind'), 'the blind index key'), kind, portfolio, value)
  }

  #personRow(person: number): { wrapped: Uint8Array } | undefined {
    return this.#database.one<{ wrapped: Uint8Array }>('SELECT wrapped FROM person_keys WHERE person = ?1', person)
  }

  #namedRow(name: string): { wrapped: Uint8Array } | undefined {
    return this.#database.one<{ wrapped: Uint8Array }>('SELECT wrapped FROM named_keys WHERE name = ?1', name)
  }

  /** Keeps a new key, and while the master key is changed also as the next one wraps it. */
  #store(table: 'named_keys' | 'person_keys', id: string | number, key: Uint8Array): void {
    const place = typeof id === 'string' ? namedPlace(id) : personPlace(id)
    const masters = [must(this.#masters[0], 'the master key'), this.#rotation?.next]
    for (const [index, master] of masters.entries()) {
      if (!master) continue
      const target = index === 0 ? table : `${table}_next`
      const wrapped = seal(master, place, key)
      if (typeof id === 'number') this.#write(`INSERT INTO ${target} (person, wrapped) VALUES (?1, ?2)`, id, wrapped)
      else this.#write(`INSERT OR REPLACE INTO ${target} (name, wrapped) VALUES (?1, ?2)`, id, wrapped)
    }
  }

  #rotateNamed(next: Uint8Array): void {
    for (const { name, wrapped } of this.#namedRows()) {
      const place = namedPlace(name)
      const again = wrapped.length === 0 ? wrapped : seal(next, place, this.#unwrap(place, wrapped))
      this.#write('INSERT OR REPLACE INTO named_keys_next (name, wrapped) VALUES (?1, ?2)', name, again)
    }
  }

  /** What a stop left behind: a change of the master key half-way, and old pages in the log. */
  #tidy(): void {
    const left = this.#database.one("SELECT name FROM sqlite_schema WHERE name = 'person_keys_next'")
    if (left) this.#database.transaction(() => this.#database.script(DROP_NEXT_TABLES))
    this.truncateLog()
  }

  #unwrap(place: string, wrapped: Uint8Array): Uint8Array {
    const last = this.#masters.length - 1
    for (const [index, master] of this.#masters.entries()) {
      try {
        return unseal(master, place, wrapped)
      } catch (error) {
        if (index === last) throw error
      }
    }
    throw new Error('Assertion failed: the vault has a master key')
  }

  #destroy(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#write(sql, ...values)
    this.#hasResidue = true
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

  /**
   * Opens every named key: they are few, and one whose name is damaged would be missed by nobody, since another is made
   * in its place.
   */
  #checkNamedKeys(): void {
    const live = this.#namedRows().filter(({ wrapped }) => wrapped.length > 0)
    const damaged = live.filter(({ name, wrapped }) => !this.#opens(namedPlace(name), wrapped))
    if (damaged.length === 0) return
    if (damaged.length === live.length) throw new WrongMasterKey()
    throw new Error(
      `Cannot open the vault: it is damaged. ${damaged.length} of its ${live.length} keys of the house and of days do not ` +
        'open by their names. Restore vault.db from its newest copy; nothing was changed',
    )
  }

  #opens(place: string, wrapped: Uint8Array): boolean {
    try {
      this.#unwrap(place, wrapped)
      return true
    } catch {
      return false
    }
  }

  #namedRows(): { name: string; wrapped: Uint8Array }[] {
    return this.#database.all<{ name: string; wrapped: Uint8Array }>('SELECT name, wrapped FROM named_keys')
  }
}

/** What finds a person by something they are known by, and tells nothing to whoever has not the key. */
export function blindHash(key: Uint8Array, kind: BlindKind, portfolio: string, value: string): Uint8Array {
  return keyedHash(key, kind, portfolio, value).subarray(0, 16)
}

function personPlace(person: number): string {
  return `vault:person:${person}`
}

function namedPlace(name: string): string {
  return `vault:${name}`
}

function requireMasterKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES || key.every((byte) => byte === key[0])) {
    throw new Error(`Cannot use this as a master key: it must be ${KEY_BYTES} random bytes`)
  }
}

/** Keys that every house has; made before anything else is sealed. */
export function prepareVault(vault: Vault): void {
  for (const name of ['house', 'blind', 'quarantine', 'upstream', 'search', 'audit', 'audit-signature', 'accounts'])
    vault.namedKey(name)
  vault.commit()
}
