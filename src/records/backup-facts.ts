import { must } from '../core/assert.ts'
import type { Db } from '../storage/database.ts'

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
