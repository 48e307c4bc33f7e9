import { toTime } from '../core/clock.ts'
import { showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import { ERASURE_STATE } from './erasure-codes.ts'
import { noConversation, type Page, type PageAsk, readPage, type See } from './page.ts'
import type { View } from './views.ts'

interface Row {
  id: number
  requested_at: number
  requested_by: string
  state: number
  done_at: number | null
  report: string | null
  report_hash: Uint8Array | null
  staff_id: number | null
}

const ROW = 'SELECT id, requested_at, requested_by, state, done_at, report, report_hash, staff_id FROM erasures'

/** Erasures as the API shows them: who was erased is only told by ids that lead nowhere any more. */
export class ErasureReader {
  readonly #database: Db

  constructor(database: Db) {
    this.#database = database
  }

  /** Newest first. */
  list(ask: PageAsk, see: See): Page {
    return readPage(this.#database, ask, see, (_at, id, limit) =>
      this.#database
        .all<Row>(`${ROW} WHERE workspace_id = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2`, id, limit, see.workspaceId)
        .map((row) => ({
          at: row.requested_at,
          id: row.id,
          seen: noConversation(see.workspaceId),
          view: () => this.#view(row),
        })),
    )
  }

  /** Null: of whichever workspace, for the command line. */
  one(id: number, workspaceId: number | null): View | undefined {
    return this.#database.snapshot(() => {
      const row = this.#database.one<Row>(
        `${ROW} WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)`,
        id,
        workspaceId,
      )
      return row && this.#view(row)
    })
  }

  /** The erasure that a contact, or somebody who worked here, was part of. */
  ofContact(contactId: number): number | undefined {
    return this.#database.one<{ erasure_id: number }>(
      'SELECT erasure_id FROM erased_contacts WHERE contact_id = ?1',
      contactId,
    )?.erasure_id
  }

  /** Whether files are still to be removed from the folder. */
  hasFilesToRemove(): boolean {
    return this.#database.one('SELECT file FROM media_removals LIMIT 1') !== undefined
  }

  #view(row: Row): View {
    const contacts = this.#database.all<{ contact_id: number }>(
      'SELECT contact_id FROM erased_contacts WHERE erasure_id = ?1 ORDER BY contact_id',
      row.id,
    )
    const state = ERASURE_STATE.word(row.state)
    return {
      id: showId('erasure', row.id),
      state: state === 'done' ? 'done' : 'running',
      ...(row.staff_id === null
        ? { contact_ids: contacts.map(({ contact_id }) => showId('contact', contact_id)) }
        : { contact_ids: [], person_id: showId('person', row.staff_id) }),
      requested_at: toTime(row.requested_at),
      requested_by: row.requested_by,
      done_at: row.done_at === null ? null : toTime(row.done_at),
      report: row.report === null ? null : (JSON.parse(row.report) as View),
      // Over the report's text as it was made; JSON.stringify of `report` gives the same text.
      report_sha256: row.report_hash === null ? null : row.report_hash.toHex(),
    }
  }
}

/** An erasure whose keys are destroyed, as the ledger notes it. */
export interface DestroyedKeys {
  erasureId: number
  asked: { atMs: number; by: string }
  persons: number[]
}

/** Whose keys were destroyed, as the records tell it. */
export function destroyedKeys(database: Db): DestroyedKeys[] {
  const rows = database.all<{ id: number; requested_at: number; requested_by: string; persons: string }>(
    `SELECT e.id, e.requested_at, e.requested_by, json_group_array(c.person) AS persons
     FROM erasures e JOIN erased_contacts c ON c.erasure_id = e.id
     WHERE e.keys_destroyed_at IS NOT NULL GROUP BY e.id ORDER BY e.id`,
  )
  return rows.map(({ id, requested_at: atMs, requested_by: by, persons }) => ({
    erasureId: id,
    asked: { atMs, by },
    persons: JSON.parse(persons) as number[],
  }))
}
