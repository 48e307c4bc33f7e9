import createSearch from '../../migrations/search/0001_create_search.sql' with { type: 'text' }
import askForPairs from '../../migrations/search/0002_ask_for_pairs.sql' with { type: 'text' }
import { must } from '../core/assert.ts'
import { Db, type OpenOptions } from '../storage/database.ts'
import { type Migration, migrate } from '../storage/migrate.ts'

export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_create_search.sql', sql: createSearch },
  { name: '0002_ask_for_pairs.sql', sql: askForPairs },
]

/** How far the index has come. Messages and contacts from low to high are in it; a low of 0 means all older ones too. */
export interface Progress {
  lowMessageId: number
  highMessageId: number
  lowContactId: number
  highContactId: number
  eventOffset: number
}

/** The terms of a message or a contact. */
export interface Entry {
  id: number
  terms: string
}

/** What changes in one of the two tables. */
export interface Rows {
  /** That were not there before. */
  added: readonly Entry[]
  /** That may be there, and are not any more what they were. */
  replaced: readonly Entry[]
  /** Ids of rows that may be there, and must not. */
  removed: readonly number[]
}

const SQL = {
  messages: {
    insert: 'INSERT INTO message_terms (rowid, terms) VALUES (?1, ?2)',
    replace: 'INSERT OR REPLACE INTO message_terms (rowid, terms) VALUES (?1, ?2)',
    remove: 'DELETE FROM message_terms WHERE rowid = ?1',
  },
  people: {
    insert: 'INSERT INTO person_terms (rowid, terms) VALUES (?1, ?2)',
    replace: 'INSERT OR REPLACE INTO person_terms (rowid, terms) VALUES (?1, ?2)',
    remove: 'DELETE FROM person_terms WHERE rowid = ?1',
  },
} as const

/** Merging is done in steps of so many pages: each takes some milliseconds. */
const MERGE_PAGES = 500

/** `search.db`: written by the search thread alone, and read on a connection of its own. */
export class SearchIndex {
  readonly #writer: Db
  readonly #reader: Db

  /** `madeOf` names the records and the version of the terms: an index that was made of anything else is emptied. */
  constructor(path: string, madeOf: string, options: Pick<OpenOptions, 'synchronous' | 'cacheKib'> = {}) {
    this.#writer = new Db(path, { synchronous: 'NORMAL', secureDelete: true, cacheKib: 16_384, ...options })
    try {
      migrate(this.#writer, 'search.db', MIGRATIONS)
      if (this.#madeOf() !== madeOf) this.#empty(madeOf)
      this.#reader = new Db(path, { readonly: true, cacheKib: 32_768 })
    } catch (error) {
      this.#writer.close()
      throw error
    }
  }

  /** Undefined while nothing is in it, not even where it begins. */
  progress(): Progress | undefined {
    return this.#writer.one<Progress>(
      `SELECT low_message_id AS lowMessageId, high_message_id AS highMessageId, low_contact_id AS lowContactId,
       high_contact_id AS highContactId, event_offset AS eventOffset FROM progress WHERE event_offset >= 0`,
    )
  }

  /** Since when terms of rows that were taken out are in the file, which only a whole merge takes out too; null: none are. */
  residueSinceMs(): number | null {
    return this.#writer.one<{ since: number | null }>('SELECT residue_since AS since FROM progress')?.since ?? null
  }

  /** Takes everything out, to be made anew. */
  clear(): void {
    this.#empty(must(this.#madeOf(), 'what the index is made of'))
  }

  /** Writes rows, and how far they bring the index, in one commit. */
  write(change: { messages: Rows; people: Rows; progress: Progress }, nowMs: number): void {
    this.#writer.transaction(() => {
      this.#put(SQL.messages, change.messages)
      this.#put(SQL.people, change.people)
      // Taken back by who wrote it: its terms are not to stay in the file either.
      if (change.messages.removed.length > 0) this.#noteResidue(nowMs)
      const { progress } = change
      this.#writer.run(
        `UPDATE progress SET low_message_id = ?1, high_message_id = ?2, low_contact_id = ?3, high_contact_id = ?4,
         event_offset = ?5`,
        progress.lowMessageId,
        progress.highMessageId,
        progress.lowContactId,
        progress.highContactId,
        progress.eventOffset,
      )
    })
  }

  /**
   * Takes out the rows of erased messages and contacts, and every message that has one of the terms. They are not found
   * any more; what the file still says of them goes with the next whole merge.
   */
  erase(
    what: { messageIds: readonly number[]; contactIds: readonly number[]; terms: readonly string[] },
    nowMs: number,
  ): void {
    this.#writer.transaction(() => {
      const ids = new Set(what.messageIds)
      for (const term of what.terms) {
        const rows = this.#writer.all<{ id: number }>(
          'SELECT rowid AS id FROM message_terms WHERE message_terms MATCH ?1',
          `"${term}"`,
        )
        for (const { id } of rows) ids.add(id)
      }
      for (const id of ids) this.#writer.run(SQL.messages.remove, id)
      for (const id of what.contactIds) this.#writer.run(SQL.people.remove, id)
      this.#noteResidue(nowMs)
    })
  }

  /**
   * One step of the whole merge, at whose end no term of a row that was taken out is left; true at the end. The first
   * step puts all parts of the index on one level, those after it merge them.
   */
  mergeStep(isFirst: boolean): boolean {
    const before = this.#changes()
    this.#writer.run(
      "INSERT INTO message_terms (message_terms, rank) VALUES ('merge', ?1)",
      isFirst ? -MERGE_PAGES : MERGE_PAGES,
    )
    // FTS5's own sign: a step that wrote fewer than two rows had nothing left to do.
    if (isFirst || this.#changes() - before >= 2) return false
    this.#writer.run("INSERT INTO person_terms (person_terms) VALUES ('optimize')")
    this.#writer.run('UPDATE progress SET residue_since = NULL')
    this.#writer.script('PRAGMA wal_checkpoint(TRUNCATE)')
    return true
  }

  /** The messages that fit, as far as the index can tell, one after another. Upwards it goes twice as fast (measured). */
  messages(expression: string, below: number, order: 'up' | 'down'): Iterable<{ id: number }> {
    return this.#reader.each<{ id: number }>(
      `SELECT rowid AS id FROM message_terms WHERE message_terms MATCH ?1 AND rowid < ?2
       ORDER BY rowid ${order === 'up' ? 'ASC' : 'DESC'}`,
      expression,
      below,
    )
  }

  /** The newest contacts that fit. */
  people(expression: string, limit: number): number[] {
    return this.#reader
      .all<{ id: number }>(
        'SELECT rowid AS id FROM person_terms WHERE person_terms MATCH ?1 ORDER BY rowid DESC LIMIT ?2',
        expression,
        limit,
      )
      .map(({ id }) => id)
  }

  close(): void {
    this.#reader.close()
    this.#writer.script('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#writer.close()
  }

  /** FTS5 begins a new part of its index whenever an id is not above the one before: they come in order. */
  #put(sql: (typeof SQL)[keyof typeof SQL], { added, replaced, removed }: Rows): void {
    for (const id of removed) this.#writer.run(sql.remove, id)
    for (const { id, terms } of inOrder(added)) this.#writer.run(sql.insert, id, terms)
    for (const { id, terms } of inOrder(replaced)) this.#writer.run(sql.replace, id, terms)
  }

  #noteResidue(nowMs: number): void {
    this.#writer.run('UPDATE progress SET residue_since = ?1 WHERE residue_since IS NULL', nowMs)
  }

  #madeOf(): string | undefined {
    return this.#writer.one<{ made_of: string }>('SELECT made_of FROM progress')?.made_of
  }

  #empty(madeOf: string): void {
    this.#writer.transaction(() => {
      this.#writer.run("INSERT INTO message_terms (message_terms) VALUES ('delete-all')")
      this.#writer.run("INSERT INTO person_terms (person_terms) VALUES ('delete-all')")
      this.#writer.run('DELETE FROM progress')
      this.#writer.run(
        `INSERT INTO progress (id, made_of, low_message_id, high_message_id, low_contact_id, high_contact_id, event_offset)
         VALUES (1, ?1, 0, 0, 0, 0, -1)`,
        madeOf,
      )
    })
  }

  #changes(): number {
    return this.#writer.one<{ count: number }>('SELECT total_changes() AS count')?.count ?? 0
  }
}

function inOrder(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((one, other) => one.id - other.id)
}
