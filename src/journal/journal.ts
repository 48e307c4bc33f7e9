import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { crashPoint } from '../core/crash-point.ts'
import type { OpenOptions } from '../storage/database.ts'
import { HighWaterMark, readMark } from '../storage/high-water.ts'
import { CHAIN_START, type ChainEnd, DayFile, daysIn, unlinkDay } from './day-file.ts'
import { dayOf, type NewEntry } from './entry.ts'

/** Entries that were committed once and are not there any more. The house does not start over such a hole unasked. */
export class JournalDamaged extends Error {
  constructor(head: number, expected: number) {
    const missing = expected - head
    super(
      `The journal ends at entry ${head}, but ${expected} was committed: ${missing} ${missing === 1 ? 'entry is' : 'entries are'} lost. ` +
        'Restore the journal, or start once with --accept-loss to go on without them',
    )
    this.name = 'JournalDamaged'
  }
}

export interface JournalOptions extends Pick<OpenOptions, 'synchronous'> {
  folder: string
  /** The keys of all days that have a file, and of today. */
  dayKeys: ReadonlyMap<string, Uint8Array>
  /** The last entry that the book has applied: the journal may not end before it. */
  appliedSeq: number
  acceptLoss?: boolean
  nowMs: number
}

/** The writing side: appends and syncs. One owner, the journal's thread. */
export class Journal {
  readonly #options: JournalOptions
  readonly #keys: Map<string, Uint8Array>
  readonly #mark: HighWaterMark
  #today: DayFile
  #end: ChainEnd

  constructor(options: JournalOptions) {
    this.#options = options
    this.#keys = new Map(options.dayKeys)
    const days = daysIn(options.folder)
    const newest = days.at(-1)
    const end = this.#endOf(days)
    // The next sequence is above everything that was ever given: head, applied and the mark.
    const expected = Math.max(options.appliedSeq, readMark(join(options.folder, 'high-water')))
    // Before anything is made: whoever puts the missing files back finds nothing in their place.
    if (expected > end.seq && !options.acceptLoss) throw new JournalDamaged(end.seq, expected)
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    this.#mark = new HighWaterMark(join(options.folder, 'high-water'))
    const today = dayOf(options.nowMs)
    // A clock that went back does not go back to an older file.
    this.#today = this.#openDay(newest !== undefined && newest > today ? newest : today, end)
    this.#end = this.#closeGap(end, expected)
  }

  /** The last entry's sequence. */
  head(): number {
    return this.#end.seq
  }

  /** Whether the key for this moment's file is here. */
  hasKeyFor(epochMs: number): boolean {
    const day = dayOf(epochMs)
    return day <= this.#today.day || this.#keys.has(day)
  }

  addKey(day: string, key: Uint8Array): void {
    this.#keys.set(day, key)
  }

  /** Opens this moment's file where the day has changed, bound to the end of the one before. */
  roll(nowMs: number): void {
    const day = dayOf(nowMs)
    if (day <= this.#today.day) return
    // In this order: where the new file cannot be made, the next attempt finds the old one open.
    const next = this.#openDay(day, this.#end)
    this.#today.close()
    this.#today = next
  }

  /**
   * Puts other bodies in the place of entries of a day; answers the tags by which the entries are known. Of a day whose
   * file is gone nothing is left to overwrite.
   */
  overwrite(day: string, bodies: readonly { seq: number; body: Uint8Array }[]): { seq: number; tag: Uint8Array }[] {
    if (day === this.#today.day) return this.#today.overwrite(bodies)
    if (!daysIn(this.#options.folder).includes(day)) return []
    const file = new DayFile({ ...this.#options, day, key: this.#keyOf(day) })
    try {
      return file.overwrite(bodies)
    } finally {
      file.close()
    }
  }

  /** Takes the files of days from the disk, whose keys are destroyed. The file that is written to stays. */
  unlink(days: readonly string[]): void {
    for (const day of days) {
      if (day === this.#today.day) continue
      unlinkDay(this.#options.folder, day)
      this.#keys.delete(day)
    }
  }

  /** Appends in one durable commit and answers the sequence of the first. */
  append(entries: readonly NewEntry[], nowMs: number): number {
    this.roll(nowMs)
    const first = this.#end.seq + 1
    this.#end = this.#today.append(entries, first, this.#end)
    crashPoint('journal.before_mark')
    this.#mark.write(this.#end.seq)
    return first
  }

  /** `PRAGMA synchronous` as it is in force. */
  synchronous(): number {
    return this.#today.synchronous()
  }

  close(): void {
    this.#today.close()
    this.#mark.close()
  }

  #openDay(day: string, previous: ChainEnd): DayFile {
    const file = new DayFile({ ...this.#options, day, key: this.#keyOf(day) })
    crashPoint('day.file_made')
    try {
      file.begin(previous)
    } catch (error) {
      file.close()
      throw error
    }
    return file
  }

  /** The chain's end: in the newest file, or in the one before where a crash came between making and binding it. */
  #endOf(days: readonly string[]): ChainEnd {
    for (const day of days.toReversed()) {
      const file = new DayFile({ ...this.#options, day, key: this.#keyOf(day) })
      try {
        const end = file.end()
        if (end) return end
      } finally {
        file.close()
      }
    }
    return CHAIN_START
  }

  #closeGap(end: ChainEnd, expected: number): ChainEnd {
    if (expected <= end.seq) return end
    this.#today.noteLoss(end.seq, expected + 1, this.#options.nowMs)
    return { seq: expected, tag: end.tag }
  }

  #keyOf(day: string): Uint8Array {
    const key = this.#keys.get(day)
    if (!key) throw new Error(`Cannot open journal/${day}.db: its key is not in the vault`)
    return key
  }
}
