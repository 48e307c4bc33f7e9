import type { Db } from '../storage/database.ts'
import { unseal } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { bodyPlace } from './sent-message.ts'

/** A house that is read: restored, or alive. */
export interface ReadHouse {
  records: Db
  vault: Vault
}

/** The living house, for ids up to the last that the copy had given: those that the copy gave since are its own. */
export interface LivingHouse {
  records: Db
  lastId: number
}

/** What became of sealed cells of a copy, and of the same cells in the living house. */
export interface ComparedCells {
  opened: number
  /** Of people whose keys are destroyed. */
  erased: number
  broken: number
  /** Of those that opened: the living house has the same. */
  same: number
  /** Taken back by its sender, or cut, since. */
  changed: number
  /** Not in the living house any more. */
  gone: number
  /** The living house has something else under the same id. */
  other: number
}

interface CellRow {
  id: number
  person: number
  body: Uint8Array | null
  conversation: number
  arrivedAt: number
}

const CELL = `SELECT m.id, k.person, m.body, m.conversation_id AS conversation, m.arrived_at AS arrivedAt FROM messages m
  JOIN conversations c ON c.id = m.conversation_id JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)
  WHERE m.id = ?1`

/**
 * Opens the bodies of messages that chance picks from a copy, each message as likely as the next, and looks for the same
 * in the living house, where one is given. It goes through an index whole: for a copy that nobody waits for.
 */
export function compareRandomCells(
  copy: ReadHouse,
  live: LivingHouse | null,
  ask: { count: number; random: () => number },
): ComparedCells {
  const found: ComparedCells = { opened: 0, erased: 0, broken: 0, same: 0, changed: 0, gone: 0, other: 0 }
  for (const id of randomMessages(copy.records, ask)) {
    const row = copy.records.one<CellRow>(CELL, id)
    if (row?.body && row.body.length > 0) compare(found, { copy, live, row, body: row.body })
  }
  return found
}

/** Not by a random id: ids have holes, of 2^32 behind a restore, and who stands behind a hole would be picked each time. */
export function randomMessages(records: Db, ask: { count: number; random: () => number }): number[] {
  // The order that a random factor gives, modulo a prime.
  const factor = 1 + Math.floor(ask.random() * 2_147_483_645)
  return records
    .all<{ id: number }>(
      'SELECT id FROM messages ORDER BY (id % 2147483647) * ?1 % 2147483647 LIMIT ?2',
      factor,
      ask.count,
    )
    .map(({ id }) => id)
}

function compare(
  found: ComparedCells,
  { copy, live, row, body }: { copy: ReadHouse; live: LivingHouse | null; row: CellRow; body: Uint8Array },
): void {
  try {
    const key = copy.vault.personKey(row.person)
    if (!key) {
      found.erased++
      return
    }
    unseal(key, bodyPlace(row.id), body)
  } catch {
    found.broken++
    return
  }
  found.opened++
  if (!live || row.id > live.lastId) return
  const alive = live.records.one<CellRow>(CELL, row.id)
  if (!alive?.body || alive.body.length === 0) found.gone++
  else if (alive.conversation !== row.conversation || alive.arrivedAt !== row.arrivedAt) found.other++
  else if (Buffer.compare(alive.body, body) === 0) found.same++
  else found.changed++
}
