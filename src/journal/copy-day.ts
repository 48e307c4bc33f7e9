import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { CHAIN_START, type ChainEnd, DayFile, daysIn, MIGRATIONS } from './day-file.ts'
import { insertLosses, insertRaw, RawDay } from './raw-day.ts'

/** Rows of one read: a day's log starts over only between reads, and the journal's commits must not wait for that. */
const ROWS_MAX = 400
/** The end of a chain is read without opening anything. */
const NO_KEY = new Uint8Array(32)

/**
 * Copies a day of the journal beside its writer, in many short reads: rows are only ever added, so what was there when the
 * copy began is in it whole, and what came meanwhile may be. Answers how many rows; undefined where the day is not begun.
 * Not synced.
 */
export async function copyDay(
  folders: { from: string; to: string },
  day: string,
  rest: () => Promise<void>,
): Promise<number | undefined> {
  const source = new RawDay(folders.from, day)
  try {
    const binding = source.binding()
    if (!binding) return undefined
    const copy = new Db(join(folders.to, `${day}.db`), { synchronous: 'OFF', cacheKib: 4096 })
    try {
      copy.script('PRAGMA journal_mode = OFF')
      migrate(copy, `journal/${day}.db`, MIGRATIONS)
      copy.run('INSERT INTO chain (previous_seq, previous_tag) VALUES (?1, ?2)', binding.seq, binding.tag)
      const rows = await copyRows(source, copy, rest)
      insertLosses(copy, source.losses())
      copy.script('PRAGMA journal_mode = DELETE')
      return rows
    } finally {
      copy.close()
    }
  } finally {
    source.close()
  }
}

/** The end of the chain in a folder whose files nobody writes to: what was lost behind the last entry is counted. */
export function endOfCopies(folder: string): ChainEnd {
  for (const day of daysIn(folder).toReversed()) {
    const file = new DayFile({ folder, day, key: NO_KEY, readonly: true })
    try {
      const end = file.end()
      if (end) return end
    } finally {
      file.close()
    }
  }
  return CHAIN_START
}

async function copyRows(source: RawDay, copy: Db, rest: () => Promise<void>): Promise<number> {
  let after = 0
  let count = 0
  for (;;) {
    const rows = source.entriesAfter(after, ROWS_MAX)
    insertRaw(copy, rows)
    count += rows.length
    after = rows.at(-1)?.seq ?? after
    if (rows.length < ROWS_MAX) return count
    await rest()
  }
}
