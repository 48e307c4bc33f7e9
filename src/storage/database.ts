import { Database, type SQLQueryBindings, type Statement } from 'bun:sqlite'

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

/** SQLite 3.51.3 fixed the WAL-reset bug that could corrupt a database with two connections. */
export const SQLITE_VERSION_MIN = [3, 51, 3] as const

/**
 * One connection with its prepared statements. bun:sqlite is synchronous and keeps only twenty statements by itself,
 * so all texts are prepared once and kept here; the texts are static, so their number is bounded by the source.
 */
export class Db {
  readonly #database: Database
  readonly #statements = new Map<string, Statement<unknown, Value[]>>()

  constructor(path: string, options: OpenOptions = {}) {
    this.#database = new Database(path, options.readonly ? { readonly: true } : { create: true, readwrite: true })
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
    return (this.#prepare(sql).get(...values) as T | null) ?? undefined
  }

  all<T>(sql: string, ...values: Value[]): T[] {
    return this.#prepare(sql).all(...values) as T[]
  }

  /** Runs a statement and says how many rows it changed. */
  run(sql: string, ...values: Value[]): number {
    return this.#prepare(sql).run(...values).changes
  }

  /** Runs a text of several statements, such as a migration. Not for hot paths. */
  script(sql: string): void {
    this.#database.run(sql)
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
      statement = this.#database.prepare<unknown, Value[]>(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/** Whether an error comes from storage (disk full, I/O, corruption, lock) and not from what was being stored. */
export function storageFault(error: unknown): 'full' | 'fatal' | null {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return null
  if (code === 'SQLITE_FULL') return 'full'
  if (/^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|BUSY|LOCKED|NOMEM|PROTOCOL)/.test(code)) return 'fatal'
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
