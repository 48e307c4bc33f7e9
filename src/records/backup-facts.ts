import { must } from '../core/assert.ts'
import type { Db } from '../storage/database.ts'
import { unseal } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { bodyPlace } from './sent-message.ts'

/** What a copy of the records says of itself. */
export interface RecordsFacts {
  version: number
  epoch: string
  eventOffset: number
  appliedSeq: number
  nextId: number
  counts: { messages: number; conversations: number; contacts: number; events: number }
}

/** Looks through whole tables: of a copy, not of the live records. */
export function recordsFacts(database: Db): RecordsFacts {
  const house = must(
    database.one<{ epoch: string; event_offset: number; applied_seq: number; next_id: number }>(
      'SELECT epoch, event_offset, applied_seq, next_id FROM house WHERE id = 1',
    ),
    'the row of the house',
  )
  const counts = must(
    database.one<RecordsFacts['counts']>(
      `SELECT (SELECT count(*) FROM messages) AS messages, (SELECT count(*) FROM conversations) AS conversations,
       (SELECT count(*) FROM contacts) AS contacts, (SELECT count(*) FROM events) AS events`,
    ),
    'the counts',
  )
  return {
    version: database.one<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0,
    epoch: house.epoch,
    eventOffset: house.event_offset,
    appliedSeq: house.applied_seq,
    nextId: house.next_id,
    counts,
  }
}

/** The next files that rows name, after a name, in the order of their names. */
export function filesNamed(database: Db, after: string, limit: number): { file: string; hasThumbnail: boolean }[] {
  return database
    .all<{ file: string; has_thumbnail: number }>(
      `SELECT file, max(has_thumbnail) AS has_thumbnail FROM media WHERE file > ?1
       GROUP BY file ORDER BY file LIMIT ?2`,
      after,
      limit,
    )
    .map((row) => ({ file: row.file, hasThumbnail: row.has_thumbnail === 1 }))
}

export interface OpenedCells {
  opened: number
  /** Of people whose keys are destroyed. */
  erased: number
  /** By the ids of the messages that do not open. */
  broken: number[]
}

/** Opens the bodies of messages at random places with the keys of a vault. */
export function openRandomCells(database: Db, vault: Vault, ask: { count: number; random: () => number }): OpenedCells {
  const span = database.one<{ first: number | null; last: number | null }>(
    'SELECT (SELECT min(id) FROM messages) AS first, (SELECT max(id) FROM messages) AS last',
  )
  const found: OpenedCells = { opened: 0, erased: 0, broken: [] }
  if (!span || span.first === null || span.last === null) return found
  for (let index = 0; index < ask.count; index++) {
    const from = span.first + Math.floor(ask.random() * (span.last - span.first + 1))
    const cell = database.one<{ id: number; person: number; body: Uint8Array | null }>(
      `SELECT m.id, k.person, m.body FROM messages m JOIN conversations c ON c.id = m.conversation_id
       JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id) WHERE m.id >= ?1 ORDER BY m.id LIMIT 1`,
      from,
    )
    if (cell) open(cell, vault, found)
  }
  return found
}

function open(cell: { id: number; person: number; body: Uint8Array | null }, vault: Vault, found: OpenedCells): void {
  if (!cell.body || cell.body.length === 0) return
  try {
    const key = vault.personKey(cell.person)
    if (!key) {
      found.erased++
      return
    }
    unseal(key, bodyPlace(cell.id), cell.body)
    found.opened++
  } catch {
    found.broken.push(cell.id)
  }
}
