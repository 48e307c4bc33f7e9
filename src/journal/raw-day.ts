import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { tagOf } from '../vault/sealing.ts'
import type { ChainEnd } from './day-file.ts'

/** An entry as it lies in its file: sealed. */
export interface RawEntry {
  seq: number
  atMs: number
  source: string
  sealed: Uint8Array
}

/** That the entries after one and before another are known to be lost. */
export interface RawLoss {
  afterSeq: number
  nextSeq: number
  atMs: number
}

/** A day of the journal read beside its writer, without its key: for copies. Every read is short. */
export class RawDay {
  readonly day: string
  readonly #database: Db

  constructor(folder: string, day: string) {
    this.day = day
    this.#database = new Db(join(folder, `${day}.db`), { readonly: true, cacheKib: 2048 })
  }

  /** What its first entry is bound to; undefined where it is not begun. */
  binding(): ChainEnd | undefined {
    // A crash, or a reader at midnight, meets a file without its tables or its row.
    if (!this.#database.one("SELECT name FROM sqlite_schema WHERE name = 'losses'")) return undefined
    return this.#database.one<ChainEnd>('SELECT previous_seq AS seq, previous_tag AS tag FROM chain')
  }

  entriesAfter(seq: number, limit: number): RawEntry[] {
    return this.#database.all<RawEntry>(
      'SELECT seq, at AS atMs, source, sealed FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2',
      seq,
      limit,
    )
  }

  losses(): RawLoss[] {
    return this.#database.all<RawLoss>(
      'SELECT after_seq AS afterSeq, next_seq AS nextSeq, at AS atMs FROM losses ORDER BY after_seq',
    )
  }

  /** By what an entry is known; undefined where it is not in this file. */
  tagOf(seq: number): Uint8Array | undefined {
    const row = this.#database.one<{ sealed: Uint8Array }>('SELECT sealed FROM entries WHERE seq = ?1', seq)
    return row && tagOf(row.sealed)
  }

  close(): void {
    this.#database.close()
  }
}

/** Writes entries as they are, in one commit. */
export function insertRaw(database: Db, entries: readonly RawEntry[]): void {
  database.transaction(() => {
    for (const { seq, atMs, source, sealed } of entries) {
      database.run('INSERT INTO entries (seq, at, source, sealed) VALUES (?1, ?2, ?3, ?4)', seq, atMs, source, sealed)
    }
  })
}

export function insertLosses(database: Db, losses: readonly RawLoss[]): void {
  for (const { afterSeq, nextSeq, atMs } of losses) {
    database.run('INSERT OR REPLACE INTO losses (after_seq, next_seq, at) VALUES (?1, ?2, ?3)', afterSeq, nextSeq, atMs)
  }
}
