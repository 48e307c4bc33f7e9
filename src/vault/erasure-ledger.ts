import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import createLedger from '../../migrations/ledger/0001_create_ledger.sql' with { type: 'text' }
import addSum from '../../migrations/ledger/0002_add_sum.sql' with { type: 'text' }
import { codeOf } from '../core/failure.ts'
import { Db, type OpenOptions, type Value } from '../storage/database.ts'
import { type Migration, migrate, versionOf } from '../storage/migrate.ts'
import { requireSchema } from '../storage/schema.ts'

export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_create_ledger.sql', sql: createLedger },
  { name: '0002_add_sum.sql', sql: addSum },
]

/** Its name in the data folder. No backup takes it along. */
export const LEDGER_FILE = 'erasure-ledger.db'

/** Of one that was damaged, and put aside. */
export const DAMAGED_ENDING = '.damaged'

/** An erasure, as records name it. */
export interface LedgerErasure {
  epoch: string
  erasureId: number
}

/** What was cut out of an entry of the journal. */
export interface LedgerCut {
  seq: number
  tag: Uint8Array
  /** How often the entry had been cut before: the paths are those of what was left by then. */
  timesCut: number
  paths: readonly (readonly (string | number)[])[]
}

const WITHOUT_COPY =
  'Without one start once with --accept-loss: it is put aside and made anew from the records, which do not know what was ' +
  'cut out of the journal'

/** A row of any of its tables, and what it is by. */
interface Place {
  table: 'erasures' | 'persons' | 'cuts'
  where: string
  values: readonly Value[]
}

/** The ledger is not what was written: whoever reads on would take it for one of fewer erasures. */
export class LedgerDamaged extends Error {
  constructor(path: string, options?: ErrorOptions) {
    super(
      `${path} is damaged: it no longer tells of everybody whom the house has erased. Use another copy of it: the newest lies ` +
        'beside the copies of the keys',
      options,
    )
    this.name = 'LedgerDamaged'
  }
}

/** Whom the house has erased, for the day on which an older copy is restored. It holds nothing personal. */
export class ErasureLedger {
  readonly #database: Db

  /** Throws where it is not what was written. */
  constructor(path: string, options: Pick<OpenOptions, 'readonly' | 'synchronous'> = {}) {
    this.#database = openWhole(path, options)
  }

  /** Writes down whose keys are about to be destroyed; durable when this returns. */
  note(erasure: LedgerErasure, asked: { atMs: number; by: string }, persons: readonly number[]): void {
    const { epoch, erasureId } = erasure
    this.#write(() => {
      this.#put(
        placeOf(erasure),
        'INSERT INTO erasures (epoch, erasure, asked_at, asked_by) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING',
        [epoch, erasureId, asked.atMs, asked.by],
      )
      for (const person of persons) {
        this.#put(
          { table: 'persons', where: 'person = ?1', values: [person] },
          'INSERT INTO persons (person, epoch, erasure) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING',
          [person, epoch, erasureId],
        )
      }
    })
  }

  /** Writes down what is about to be cut out of the journal; durable when this returns. */
  noteCuts(cuts: readonly LedgerCut[]): void {
    this.#write(() => {
      for (const { seq, tag, timesCut, paths } of cuts) {
        // What a stop kept from being cut is found, and noted, once more.
        const known = this.cutsOf(seq, tag).slice(0, timesCut)
        this.#put(
          { table: 'cuts', where: 'seq = ?1 AND tag = ?2', values: [seq, tag] },
          'INSERT OR REPLACE INTO cuts (seq, tag, paths) VALUES (?1, ?2, ?3)',
          [seq, tag, JSON.stringify([...known, paths])],
        )
      }
    })
  }

  noteDone(erasure: LedgerErasure, done: { atMs: number; reportHash: Uint8Array }): void {
    this.#write(() =>
      this.#put(
        placeOf(erasure),
        'UPDATE erasures SET done_at = ?3, report_hash = ?4 WHERE epoch = ?1 AND erasure = ?2',
        [erasure.epoch, erasure.erasureId, done.atMs, done.reportHash],
      ),
    )
  }

  // The names of the columns are said: one whose case has flipped is still the same to SQLite, and not to the row.

  persons(): number[] {
    return this.#database
      .all<{ person: number }>('SELECT person AS person FROM persons ORDER BY person')
      .map(({ person }) => person)
  }

  /** When the erasure of somebody was asked for. */
  askedAtOf(person: number): number | undefined {
    return this.#database.one<{ at: number }>(
      'SELECT asked_at AS at FROM erasures JOIN persons USING (epoch, erasure) WHERE person = ?1',
      person,
    )?.at
  }

  /** What was cut out of an entry, one list of paths for each time, in their order. */
  cutsOf(seq: number, tag: Uint8Array): (readonly (string | number)[])[][] {
    const row = this.#database.one<{ paths: string }>(
      'SELECT paths AS paths FROM cuts WHERE seq = ?1 AND tag = ?2',
      seq,
      tag,
    )
    return row ? (JSON.parse(row.paths) as (string | number)[][][]) : []
  }

  /** The sequences of all entries that were ever cut. */
  cutSeqs(): number[] {
    return this.#database
      .all<{ seq: number }>('SELECT DISTINCT seq AS seq FROM cuts ORDER BY seq')
      .map(({ seq }) => seq)
  }

  /** Takes in what another ledger of the house knows, and this one does not. */
  takeIn(path: string): void {
    const other = openWhole(path, { readonly: true })
    try {
      this.#write(() => {
        for (const { table, columns, key } of KNOWN) {
          const wanted = columns.map((column) => `${column} AS ${column}`).join(', ')
          for (const row of other.all<Record<string, Value>>(`SELECT ${wanted} FROM ${table}`)) {
            const values = columns.map((column) => row[column] ?? null)
            const places = columns.map((_, index) => `?${index + 1}`)
            const where = key.map((column, index) => `${column} = ?${index + 1}`).join(' AND ')
            this.#put(
              { table, where, values: values.slice(0, key.length) },
              `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')}) ON CONFLICT DO NOTHING`,
              values,
            )
          }
        }
      })
    } finally {
      other.close()
    }
  }

  close(): void {
    this.#database.close()
  }

  /** The log is emptied at once: one flipped bit in it would take all later commits away, and their sum with them. */
  #write(work: () => void): void {
    this.#database.transaction(work)
    this.#database.one('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** Writes a row and takes it into the sum, in the place of what stood there. */
  #put({ table, where, values }: Place, sql: string, written: readonly Value[]): void {
    const sumThere = () => sumOf(this.#database, `${ROWS[table]} WHERE ${where}`, values)
    const before = sumThere()
    this.#database.run(sql, ...written)
    writeSum(this.#database, (readSum(this.#database) ?? 0n) + sumThere() - before)
  }
}

/** Its tables, with their keys first. */
const KNOWN = [
  {
    table: 'erasures',
    columns: ['epoch', 'erasure', 'asked_at', 'asked_by', 'done_at', 'report_hash'],
    key: ['epoch', 'erasure'],
  },
  { table: 'persons', columns: ['person', 'epoch', 'erasure'], key: ['person'] },
  { table: 'cuts', columns: ['seq', 'tag', 'paths'], key: ['seq', 'tag'] },
] as const

const ROWS = {
  erasures: `SELECT concat_ws(' ', 'erasure', epoch, erasure, asked_at, asked_by, done_at, hex(report_hash)) AS row FROM erasures`,
  persons: `SELECT concat_ws(' ', 'person', person, epoch, erasure) AS row FROM persons`,
  cuts: `SELECT concat_ws(' ', 'cut', seq, hex(tag), paths) AS row FROM cuts`,
} as const

function placeOf({ epoch, erasureId }: LedgerErasure): Place {
  return { table: 'erasures', where: 'epoch = ?1 AND erasure = ?2', values: [epoch, erasureId] }
}

function openWhole(path: string, options: Pick<OpenOptions, 'readonly' | 'synchronous'>): Db {
  let database: Db | undefined
  try {
    database = new Db(path, { ...options, cacheKib: 512 })
    if (!options.readonly) migrate(database, LEDGER_FILE, MIGRATIONS)
    // One of an older form has no sum yet.
    if (versionOf(database) === MIGRATIONS.length) requireWhole(database, path, options)
    return database
  } catch (error) {
    database?.close()
    // A table or a column that is not called what it was is damage too.
    if (/^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(codeOf(error) ?? '')) throw new LedgerDamaged(path, { cause: error })
    throw error
  }
}

/** Its schema, the order of its pages, which a sum does not tell, and its rows. */
function requireWhole(database: Db, path: string, { readonly }: Pick<OpenOptions, 'readonly'>): void {
  try {
    requireSchema(database, LEDGER_FILE, MIGRATIONS)
  } catch (cause) {
    throw new LedgerDamaged(path, { cause })
  }
  const said = database.one<{ integrity_check: string }>('PRAGMA integrity_check(1)')?.integrity_check
  if (said !== 'ok') throw new LedgerDamaged(path, { cause: new Error(said) })
  const [known, found] = database.snapshot(() => [
    readSum(database),
    Object.values(ROWS).reduce((sum, rows) => sum + sumOf(database, rows, []), 0n),
  ])
  if (known === null && !readonly) database.transaction(() => writeSum(database, found))
  else if (known !== null && known !== BigInt.asUintN(64, found)) throw new LedgerDamaged(path)
}

/** The house's own. Where a loss is accepted a damaged one is put aside, and whoever asks makes it anew from the records. */
export function openLedger(folder: string, acceptLoss: boolean): ErasureLedger {
  const path = join(folder, LEDGER_FILE)
  try {
    return new ErasureLedger(path)
  } catch (error) {
    if (!(error instanceof LedgerDamaged)) throw error
    if (!acceptLoss) throw new Error(`${error.message}. ${WITHOUT_COPY}`, { cause: error })
    for (const ending of ['', '-wal', '-shm']) {
      if (existsSync(path + ending)) renameSync(path + ending, path + DAMAGED_ENDING + ending)
    }
    return new ErasureLedger(path)
  }
}

/** Of rows in any order. */
function sumOf(database: Db, rows: string, values: readonly Value[]): bigint {
  let sum = 0n
  for (const { row } of database.all<{ row: string }>(rows, ...values)) sum += Bun.hash.wyhash(row)
  return sum
}

/** Null where none was ever made. */
function readSum(database: Db): bigint | null {
  const row = database.one<{ value: string | null }>('SELECT value AS value FROM sum WHERE id = 1')
  if (row?.value === null) return null
  // One that is gone, or is no number, is none that anything adds up to.
  return row && /^[0-9a-f]{16}$/.test(row.value) ? BigInt(`0x${row.value}`) : -1n
}

function writeSum(database: Db, sum: bigint): void {
  const value = BigInt.asUintN(64, sum).toString(16).padStart(16, '0')
  database.run('INSERT OR REPLACE INTO sum (id, value) VALUES (1, ?1)', value)
}

/** How many persons a house has erased; none where it has no ledger. */
export function countErased(path: string): number {
  if (!existsSync(path)) return 0
  const ledger = new ErasureLedger(path, { readonly: true })
  try {
    return ledger.persons().length
  } finally {
    ledger.close()
  }
}
