import { existsSync } from 'node:fs'
import createLedger from '../../migrations/ledger/0001_create_ledger.sql' with { type: 'text' }
import { Db, type OpenOptions } from '../storage/database.ts'
import { type Migration, migrate } from '../storage/migrate.ts'

export const MIGRATIONS: readonly Migration[] = [{ name: '0001_create_ledger.sql', sql: createLedger }]

/** Its name in the data folder. No backup takes it along. */
export const LEDGER_FILE = 'erasure-ledger.db'

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

/** Whom the house has erased, for the day on which an older copy is restored. It holds nothing personal. */
export class ErasureLedger {
  readonly #database: Db

  constructor(path: string, options: Pick<OpenOptions, 'readonly' | 'synchronous'> = {}) {
    this.#database = new Db(path, { ...options, cacheKib: 512 })
    if (!options.readonly) migrate(this.#database, LEDGER_FILE, MIGRATIONS)
  }

  /** Writes down whose keys are about to be destroyed; durable when this returns. */
  note(erasure: LedgerErasure, asked: { atMs: number; by: string }, persons: readonly number[]): void {
    const { epoch, erasureId } = erasure
    this.#database.transaction(() => {
      this.#database.run(
        'INSERT INTO erasures (epoch, erasure, asked_at, asked_by) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING',
        epoch,
        erasureId,
        asked.atMs,
        asked.by,
      )
      for (const person of persons) {
        this.#database.run(
          'INSERT INTO persons (person, epoch, erasure) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING',
          person,
          epoch,
          erasureId,
        )
      }
    })
  }

  /** Writes down what is about to be cut out of the journal; durable when this returns. */
  noteCuts(cuts: readonly LedgerCut[]): void {
    this.#database.transaction(() => {
      for (const { seq, tag, timesCut, paths } of cuts) {
        // What a stop kept from being cut is found, and noted, once more.
        const known = this.cutsOf(seq, tag).slice(0, timesCut)
        this.#database.run(
          'INSERT OR REPLACE INTO cuts (seq, tag, paths) VALUES (?1, ?2, ?3)',
          seq,
          tag,
          JSON.stringify([...known, paths]),
        )
      }
    })
  }

  noteDone(erasure: LedgerErasure, done: { atMs: number; reportHash: Uint8Array }): void {
    this.#database.run(
      'UPDATE erasures SET done_at = ?3, report_hash = ?4 WHERE epoch = ?1 AND erasure = ?2',
      erasure.epoch,
      erasure.erasureId,
      done.atMs,
      done.reportHash,
    )
  }

  persons(): number[] {
    return this.#database
      .all<{ person: number }>('SELECT person FROM persons ORDER BY person')
      .map(({ person }) => person)
  }

  /** What was cut out of an entry, one list of paths for each time, in their order. */
  cutsOf(seq: number, tag: Uint8Array): (readonly (string | number)[])[][] {
    const row = this.#database.one<{ paths: string }>('SELECT paths FROM cuts WHERE seq = ?1 AND tag = ?2', seq, tag)
    return row ? (JSON.parse(row.paths) as (string | number)[][][]) : []
  }

  /** The sequences of all entries that were ever cut. */
  cutSeqs(): number[] {
    return this.#database.all<{ seq: number }>('SELECT DISTINCT seq FROM cuts ORDER BY seq').map(({ seq }) => seq)
  }

  close(): void {
    this.#database.close()
  }
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
