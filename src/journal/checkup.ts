import { DayFile, daysIn } from './day-file.ts'

/** Entries that are opened at the end of the journal. */
const TAIL_ENTRIES = 500
const TAIL_BYTES_MAX = 16 * 1024 * 1024

/** The end of the journal as a doctor finds it. */
export interface JournalTail {
  head: number
  /** How many of the last entries were opened. */
  checked: number
  /** What was met; null: all open and hang together. */
  error: string | null
}

/** Opens the last entries of the newest day, each checked against the one before. Nothing is written. */
export function readJournalTail(folder: string, keyOf: (day: string) => Uint8Array | undefined): JournalTail {
  for (const day of daysIn(folder).toReversed()) {
    const key = keyOf(day)
    if (!key) return { head: 0, checked: 0, error: `The key of journal/${day}.db is not in the vault` }
    try {
      const tail = tailOf(folder, day, key)
      if (tail) return tail
    } catch (error) {
      return { head: 0, checked: 0, error: error instanceof Error ? error.message : 'unknown error' }
    }
  }
  return { head: 0, checked: 0, error: null }
}

/** Undefined of a file that a crash has left without its beginning. */
function tailOf(folder: string, day: string, key: Uint8Array): JournalTail | undefined {
  const file = new DayFile({ folder, day, key, readonly: true })
  try {
    const head = file.end()?.seq
    if (head === undefined) return undefined
    let after = Math.max(file.firstSeq() ?? 1, head - TAIL_ENTRIES + 1) - 1
    let checked = 0
    for (;;) {
      const entries = file.read(after, TAIL_ENTRIES, TAIL_BYTES_MAX)
      const last = entries.at(-1)
      if (!last) return { head: Math.max(head, after), checked, error: null }
      checked += entries.length
      after = last.seq
    }
  } finally {
    file.close()
  }
}

/** When the last entry of a source came, such as `whatsapp/main`; null where none is kept. */
export function lastEntryAtMs(
  folder: string,
  source: string,
  keyOf: (day: string) => Uint8Array | undefined,
): number | null {
  for (const day of daysIn(folder).toReversed()) {
    const key = keyOf(day)
    if (!key) continue
    const file = new DayFile({ folder, day, key, readonly: true })
    try {
      const atMs = file.lastAtMs(source)
      if (atMs !== undefined) return atMs
    } finally {
      file.close()
    }
  }
  return null
}
