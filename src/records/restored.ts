import { Db } from '../storage/database.ts'
import { UNFINISHED_DUTY } from './lost-commits.ts'

/**
 * Ids that the lost time may have given are not given again, since programs outside remember them: what 8,000 messages
 * a second take in four days.
 */
const ID_GAP = 2 ** 32

/**
 * The same backup may be restored twice, and the first time have given ids too: so ids go on behind all that a house could
 * have given until now, at 256 in a millisecond since this moment. They stay below 2^53 for a thousand years.
 */
const IDS_SINCE_MS = Date.UTC(2026, 0, 1)
const IDS_PER_MS = 256

/**
 * Tells records that are older than what happened since, before anybody else opens them: offsets may come to mean other
 * events, so the epoch changes; what waits to be sent may have gone out, so it is to be held. Told twice, it does no harm.
 */
export function markRestored(path: string, { epoch, nowMs }: { epoch: string; nowMs: number }): void {
  const database = new Db(path)
  try {
    database.transaction(() => {
      database.run(
        `UPDATE house SET next_id = iif(epoch = ?1, next_id, max(next_id + ${ID_GAP}, ?2)), epoch = ?1 WHERE id = 1`,
        epoch,
        (nowMs - IDS_SINCE_MS) * IDS_PER_MS,
      )
      database.run(
        'INSERT OR REPLACE INTO duties (kind, subject, term, due_at) VALUES (?1, 0, 0, ?2)',
        UNFINISHED_DUTY,
        nowMs,
      )
    })
    database.script('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}
