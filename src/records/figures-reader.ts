import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import type { Db } from '../storage/database.ts'
import { CLASS, STATE } from './codes.ts'
import { ERASURE_STATE } from './erasure-codes.ts'

/** More are not counted: a figure for alarms, asked for every few seconds. */
const COUNTED_MAX = 100_000

/** Figures of the records for metrics. Each read follows an index: none gets slower with the messages that are kept. */
export class FiguresReader {
  readonly #database: Db

  constructor(database: Db) {
    this.#database = database
  }

  /** When the oldest message of each class that still waits to be sent was accepted; absent where none waits. */
  oldestWaitingAtMs(): Partial<Record<MessageClass, number>> {
    const rows = this.#database.all<{ class: number; at: number }>(
      `SELECT c.value AS class, min(m.arrived_at) AS at FROM numbers n, json_each(?1) c
       JOIN messages m ON m.id = (
         SELECT o.message_id FROM outbound o JOIN messages q ON q.id = o.message_id
         WHERE o.owed = 1 AND o.number_id = n.id AND o.class = c.value AND q.state = ?2 ORDER BY o.message_id LIMIT 1
       ) GROUP BY c.value`,
      JSON.stringify(MESSAGE_CLASSES.map((messageClass) => CLASS.code(messageClass))),
      STATE.code('queued'),
    )
    return Object.fromEntries(rows.map((row) => [CLASS.word(row.class), row.at]))
  }

  /** Messages of which nobody knows whether they went out. */
  inDoubtCount(): number {
    return this.#count("SELECT count(*) AS count FROM duties WHERE kind = 'doubt.ends'")
  }

  /** Messages that wait for a person. The state stands in the text: only so the small index is used. */
  heldCount(): number {
    return this.#count(
      `SELECT count(*) AS count FROM (SELECT id FROM messages WHERE state = ${STATE.code('held')} LIMIT ${COUNTED_MAX})`,
    )
  }

  /** When the oldest erasure that is not done was asked for. */
  oldestErasureAtMs(): number | undefined {
    const row = this.#database.one<{ at: number | null }>(
      'SELECT min(requested_at) AS at FROM erasures WHERE state <> ?1',
      ERASURE_STATE.code('done'),
    )
    return row?.at ?? undefined
  }

  /** Why items were set aside, the most frequent reason first. Reasons name errors, never what they failed on. */
  quarantineReasons(): { reason: string; count: number }[] {
    return this.#database.all(
      `SELECT reason, count(*) AS count FROM quarantine WHERE replayed_at IS NULL
       GROUP BY reason ORDER BY count DESC LIMIT 50`,
    )
  }

  #count(sql: string): number {
    return this.#database.one<{ count: number }>(sql)?.count ?? 0
  }
}
