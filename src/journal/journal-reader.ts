import { DayFile, daysIn } from './day-file.ts'
import type { Entry } from './entry.ts'

/** Bytes of entries that one read may bring into memory. */
const READ_BYTES_MAX = 4 * 1024 * 1024

/** The reading side: whatever the book has not applied is read from here, also after a crash. */
export class JournalReader {
  readonly #folder: string
  readonly #keyOf: (day: string) => Uint8Array | undefined
  #open: DayFile | undefined

  constructor(folder: string, keyOf: (day: string) => Uint8Array | undefined) {
    this.#folder = folder
    this.#keyOf = keyOf
  }

  /** The next entries after a sequence, in order; none at the journal's end. */
  read(after: number, limit: number): Entry[] {
    const entries = this.#open?.read(after, limit, READ_BYTES_MAX) ?? []
    if (entries.length > 0 && entries[0]?.seq === after + 1) return entries
    for (const day of daysIn(this.#folder)) {
      const found = this.#readDay(day, after, limit)
      if (found.length > 0) return found
    }
    return []
  }

  close(): void {
    this.#open?.close()
    this.#open = undefined
  }

  #readDay(day: string, after: number, limit: number): Entry[] {
    const key = this.#keyOf(day)
    if (!key) return []
    const file = new DayFile({ folder: this.#folder, day, key, readonly: true })
    const entries = file.read(after, limit, READ_BYTES_MAX)
    if (entries.length === 0) {
      file.close()
      return entries
    }
    this.close()
    this.#open = file
    return entries
  }
}
