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

  /** The next entries after a sequence, in order; none at the journal's end. Throws where one is missing. */
  read(after: number, limit: number): Entry[] {
    const entries = this.#open?.read(after, limit, READ_BYTES_MAX) ?? []
    if (entries.length > 0 && entries[0]?.seq === after + 1) return entries
    for (const day of daysIn(this.#folder)) {
      const found = this.#readDay(day, after, limit)
      if (!found[0]) continue
      if (found[0].seq !== after + 1) this.#requireKnownLoss(after, found[0].seq)
      return found
    }
    return []
  }

  /** The sequence that a day's file begins with; undefined where it is not there or is not begun. */
  firstSeq(day: string): number | undefined {
    return daysIn(this.#folder).includes(day) ? this.#withDay(day, (file) => file.firstSeq()) : undefined
  }

  /** How far nothing has to be there behind a sequence: itself, or the end of the losses an operator accepted. */
  accountedAfter(seq: number): number {
    let last = seq
    for (const day of daysIn(this.#folder)) {
      last = this.#withDay(day, (file) => file.accountedAfter(last)) ?? last
    }
    return last
  }

  close(): void {
    this.#open?.close()
    this.#open = undefined
  }

  /** A file's own chain does not tell that the end of the file before it is gone. */
  #requireKnownLoss(after: number, found: number): void {
    const accounted = this.accountedAfter(after)
    if (accounted + 1 === found) return
    // Of days that have died nothing can be read, also where a file is still there.
    const oldest = daysIn(this.#folder).find((day) => this.#keyOf(day) !== undefined)
    const firstSeq = oldest === undefined ? undefined : this.#withDay(oldest, (file) => file.firstSeq())
    if (firstSeq !== undefined && accounted + 1 < firstSeq) {
      throw new Error(`The journal does not hold entry ${accounted + 1} any more: it begins with ${firstSeq}`)
    }
    throw new Error(`The journal is damaged: entry ${accounted + 1} is missing`)
  }

  #withDay<T>(day: string, look: (file: DayFile) => T): T | undefined {
    const key = this.#keyOf(day)
    if (!key) return undefined
    const file = new DayFile({ folder: this.#folder, day, key, readonly: true })
    try {
      return look(file)
    } finally {
      file.close()
    }
  }

  #readDay(day: string, after: number, limit: number): Entry[] {
    const key = this.#keyOf(day)
    if (!key) return []
    const file = new DayFile({ folder: this.#folder, day, key, readonly: true })
    let entries: Entry[] = []
    try {
      entries = file.read(after, limit, READ_BYTES_MAX)
    } finally {
      if (entries.length === 0) file.close()
    }
    if (entries.length === 0) return entries
    this.close()
    this.#open = file
    return entries
  }
}
