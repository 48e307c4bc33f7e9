import { Database, type SQLQueryBindings, type Statement } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { codeOf } from '../core/failure.ts'
import { giveToOwner, OWNER_WANTED } from './data-folder.ts'

export type Value = SQLQueryBindings

export interface OpenOptions {
  /** FULL: a commit survives a power cut (measured: NORMAL in WAL loses committed rows). NORMAL only for what can be rebuilt. */
  synchronous?: 'FULL' | 'NORMAL' | 'OFF'
  readonly?: boolean
  /** Pages in the WAL after which a commit also checkpoints; 0 leaves checkpoints to the owner. */
  checkpointPages?: number
  /** Overwrites deleted content with zeroes. */
  secureDelete?: boolean
  cacheKib?: number
}

/** What the header has room for; a century of new contacts. */
const COMMIT_COUNT_MAX = 2 ** 31 - 1

/** SQLite 3.51.3 fixed the WAL-reset bug that could corrupt a database with two connections. */
export const SQLITE_VERSION_MIN = [3, 51, 3] as const

/**
 * One connection with its prepared statements. bun:sqlite is synchronous and keeps only twenty statements by itself,
 * so all texts are prepared once and kept here; the texts are static, so their number is bounded by the source.
 */
export class Db {
  readonly #database: Database
  readonly #statements = new Map<string, Statement<unknown, Value[]>>()
  readonly #path: string

  constructor(path: string, options: OpenOptions = {}) {
    this.#path = path
    const isNew = !options.readonly && path !== ':memory:' && !existsSync(path)
    try {
      this.#database = new Database(path, options.readonly ? { readonly: true } : { create: true, readwrite: true })
      if (isNew) giveToOwner(path)
    } catch (error) {
      throw inWords(path, error)
    }
    try {
      this.#setUp(options)
    } catch (error) {
      this.#database.close()
      throw inWords(path, error)
    }
  }

  #setUp(options: OpenOptions): void {
    // Bun's default busy time-out is 0: a reader that meets a checkpoint would fail at once.
    this.#database.run('PRAGMA busy_timeout = 5000')
    if (!options.readonly) {
      this.#database.run('PRAGMA journal_mode = WAL')
      this.#database.run(`PRAGMA synchronous = ${options.synchronous ?? 'FULL'}`)
      this.#database.run(`PRAGMA wal_autocheckpoint = ${options.checkpointPages ?? 1000}`)
      this.#database.run('PRAGMA journal_size_limit = 67108864')
      if (options.secureDelete) this.#database.run('PRAGMA secure_delete = ON')
    }
    this.#database.run('PRAGMA foreign_keys = ON')
    this.#database.run(`PRAGMA cache_size = -${options.cacheKib ?? 16_384}`)
    this.#database.run('PRAGMA temp_store = MEMORY')
    this.#database.run('PRAGMA trusted_schema = OFF')
  }

  one<T>(sql: string, ...values: Value[]): T | undefined {
    try {
      return (this.#prepare(sql).get(...values) as T | null) ?? undefined
    } catch (error) {
      throw inWords(this.#path, error)
    }
  }

  all<T>(sql: string, ...values: Value[]): T[] {
    try {
      return this.#prepare(sql).all(...values) as T[]
    } catch (error) {
      throw inWords(this.#path, error)
    }
  }

  /** Row by row: what is not asked for is not looked for. The statement is this caller's until then. */
  *each<T>(sql: string, ...values: Value[]): Generator<T> {
    try {
      yield* this.#prepare(sql).iterate(...values) as IterableIterator<T>
    } catch (error) {
      throw inWords(this.#path, error)
    }
  }

  /** Runs a statement and says how many rows it changed. */
  run(sql: string, ...values: Value[]): number {
    try {
      return this.#prepare(sql).run(...values).changes
    } catch (error) {
      throw inWords(this.#path, error)
    }
  }

  /**
   * A number of the file's header that is ours (SQLite's application_id): how many commits its owner has counted. It is
   * written and taken back with the transaction, and copies of the file have it too.
   */
  commitCount(): number {
    return this.one<{ application_id: number }>('PRAGMA application_id')?.application_id ?? 0
  }

  /** Inside a transaction: sets the count, by default to one more. */
  countCommit(count = this.commitCount() + 1): void {
    this.script(`PRAGMA application_id = ${Math.min(count, COMMIT_COUNT_MAX)}`)
  }

  /** Runs a text of several statements, such as a migration. Not for hot paths. */
  script(sql: string): void {
    try {
      this.#database.run(sql)
    } catch (error) {
      throw inWords(this.#path, error)
    }
  }

  /** Runs `work` in one immediate transaction; an error rolls it back. */
  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.run('COMMIT')
      return result
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  /** Takes back the open transaction. After a full disk or an I/O error SQLite may have done so by itself. */
  rollback(): void {
    if (this.#database.inTransaction) this.run('ROLLBACK')
  }

  /** Runs `work` on one snapshot: all its reads see the same commit. */
  snapshot<T>(work: () => T): T {
    this.run('BEGIN')
    try {
      return work()
    } finally {
      if (this.#database.inTransaction) this.run('COMMIT')
    }
  }

  /** Copies the whole, as of one commit, into a file that is not there yet. */
  copyTo(target: string): void {
    try {
      this.#prepare('VACUUM INTO ?1').run(target)
    } catch (error) {
      // Nothing is written where it is read: what has no room, or cannot be made, is the copy.
      const isOfCopy = /^SQLITE_(FULL|CANTOPEN|READONLY)/.test(codeOf(error) ?? '')
      throw inWords(isOfCopy ? target : `${this.#path}, or its copy ${target},`, error)
    }
  }

  /** What is in force on this connection: 2 is FULL, every commit is synced. */
  synchronous(): number {
    return this.one<{ synchronous: number }>('PRAGMA synchronous')?.synchronous ?? 0
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize()
    this.#statements.clear()
    this.#database.close()
  }

  #prepare(sql: string): Statement<unknown, Value[]> {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#database.prepare<unknown, Value[]>(withoutPeeking(sql))
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/**
 * SQLite plans by the values of bare parameters, in nearly every statement that joins or has a LIMIT, and for that compiles
 * it anew whenever one is bound: fifteen times the work of running it (measured). It does not look behind a plus.
 */
function withoutPeeking(sql: string): string {
  return sql.replace(/\?\d+/g, '+$&')
}

/** What SQLite's codes mean to whoever reads them, after the name of the file; the codes stay. */
const WORDS: readonly (readonly [code: RegExp, words: string])[] = [
  [/^SQLITE_(CORRUPT|NOTADB)/, 'is damaged: restore it from a backup'],
  [/^SQLITE_CANTOPEN/, `cannot be opened: ${OWNER_WANTED}`],
  [/^SQLITE_READONLY/, `cannot be written: ${OWNER_WANTED}`],
  [/^SQLITE_(FULL|IOERR_SHM)/, 'cannot grow, since no space is left on its disk: free some'],
  [/^SQLITE_IOERR/, 'cannot be read or written: its disk, or the way to it, fails'],
]

/** An error of SQLite, which now names the file that it comes from. */
function inWords(path: string, error: unknown): unknown {
  const words = WORDS.find(([pattern]) => pattern.test(codeOf(error) ?? ''))?.[1]
  if (words !== undefined && error instanceof Error) error.message = `${path} ${words} (${error.message})`
  return error
}

/** Whether an error comes from storage (disk full, I/O, corruption, lock) and not from what was being stored. */
export function storageFault(error: unknown): 'full' | 'busy' | 'fatal' | null {
  const code = codeOf(error)
  if (!code?.startsWith('SQLITE_')) return null
  // The second: the index of the log could not grow, which is the same (SQLite's documentation says so).
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') return 'full'
  // Another program holds the file, such as a person with a shell: nothing was written, and it will let go.
  if (code === 'SQLITE_BUSY') return 'busy'
  if (/^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|LOCKED|NOMEM|PROTOCOL)/.test(code)) return 'fatal'
  return null
}

/** The SQLite inside this Bun, such as `3.53.0`. */
export function sqliteVersion(): string {
  const database = new Database(':memory:')
  try {
    return (database.query('SELECT sqlite_version() AS version').get() as { version: string }).version
  } finally {
    database.close()
  }
}

/** Throws where the SQLite inside this Bun is older than the fix of the WAL-reset bug. */
export function requireSqliteVersion(database: Db): void {
  const version = database.one<{ version: string }>('SELECT sqlite_version() AS version')?.version ?? '0'
  const parts = version.split('.').map(Number)
  for (const [index, least] of SQLITE_VERSION_MIN.entries()) {
    const part = parts[index] ?? 0
    if (part > least) return
    if (part < least)
      throw new Error(`SQLite ${version} is too old: ${SQLITE_VERSION_MIN.join('.')} or newer is needed`)
  }
}
