import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tagOf } from '../vault/sealing.ts'
import { CHAIN_START, type ChainEnd, daysIn } from './day-file.ts'
import { RawDay, type RawLoss } from './raw-day.ts'
import {
  endOfSegment,
  type Frame,
  readDayKey,
  removeShippedDay,
  SegmentWriter,
  segmentsIn,
  shippedKeysIn,
  writeDayKey,
} from './shipped-file.ts'

/** Entries of one step: a read, an append, a sync. */
const STEP_ENTRIES = 500
/** A segment's end is looked for at every start, by reading it. */
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024

export interface ShipperOptions {
  journalFolder: string
  /** The second place. */
  folder: string
  master: Uint8Array
  keyOf(day: string): Uint8Array | undefined
  isDestroyed(day: string): boolean
  /** What a line of entries is called that is not this journal's any more. */
  setAsideName(): string
}

/** Copies entries of the journal to a second place, as they are, in their order. Any error leaves it to be opened anew. */
export class JournalShipper {
  readonly #options: ShipperOptions
  #master: Uint8Array
  #end: ChainEnd
  #segment: SegmentWriter | undefined
  #day: RawDay | undefined
  #losses: RawLoss[] = []

  constructor(options: ShipperOptions) {
    this.#options = options
    this.#master = options.master
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    for (const day of this.#days()) if (options.isDestroyed(day)) removeShippedDay(options.folder, day)
    this.#end = this.#takeUp()
    for (const day of new Set(segmentsIn(options.folder).map((segment) => segment.day))) this.#keepKey(day)
  }

  /** The last sequence that is durable in the second place. */
  shippedSeq(): number {
    return this.#end.seq
  }

  /** Ships some entries; true where there is nothing more for now. */
  step(): boolean {
    const day = this.#openDay()
    if (!day) return true
    const losses = this.#newLosses()
    if (losses.length > 0) {
      this.#writer(day.day).add(losses.map((loss): Frame => ({ kind: 'loss', loss })))
      this.#end = { seq: Math.max(...losses.map((loss) => loss.nextSeq - 1)), tag: this.#end.tag }
      return false
    }
    const entries = day.entriesAfter(this.#end.seq, STEP_ENTRIES)
    const newest = entries.at(-1)
    if (!newest) return !this.#nextDay(day.day)
    this.#writer(day.day).add(entries.map((entry): Frame => ({ kind: 'entry', entry })))
    this.#end = { seq: newest.seq, tag: tagOf(newest.sealed) }
    return false
  }

  /** Days that are over: their keys are destroyed in the house, so they are here too. */
  endDays(days: readonly string[]): void {
    for (const day of days) {
      if (this.#segment?.day === day) this.#closeSegment()
      if (this.#day?.day === day) this.#closeDay()
      removeShippedDay(this.#options.folder, day)
    }
  }

  /** From now on the keys of the days are wrapped by this one. */
  learnMaster(next: Uint8Array): void {
    this.#master = next
    for (const day of shippedKeysIn(this.#options.folder)) this.#keepKey(day)
  }

  close(): void {
    this.#closeSegment()
    this.#closeDay()
  }

  /** Goes on behind what is there, if that is this journal's; else puts it aside and begins anew. */
  #takeUp(): ChainEnd {
    const { folder } = this.#options
    const segments = segmentsIn(folder)
    for (const segment of segments.toReversed()) {
      const path = join(folder, segment.file)
      const found = endOfSegment(path)
      if (!found) {
        // A crash came before it was begun.
        rmSync(path)
        continue
      }
      if (!this.#isOurs(segment.day, found.end)) {
        this.#setAside()
        return this.#beginning()
      }
      this.#segment = SegmentWriter.goOn(folder, segment, found.wholeBytes)
      return found.end
    }
    return this.#beginning()
  }

  /** Whether the journal has this entry too: after a restore it may go on from before it. */
  #isOurs(day: string, end: ChainEnd): boolean {
    const { journalFolder } = this.#options
    if (!daysIn(journalFolder).includes(day)) return false
    const file = new RawDay(journalFolder, day)
    try {
      const tag = file.tagOf(end.seq)
      if (tag) return Buffer.compare(tag, end.tag) === 0
      const binding = file.binding()
      const isAtStart = binding?.seq === end.seq && Buffer.compare(binding.tag, end.tag) === 0
      return isAtStart || file.losses().some((loss) => loss.nextSeq - 1 === end.seq)
    } finally {
      file.close()
    }
  }

  #setAside(): void {
    const { folder, setAsideName } = this.#options
    const aside = join(folder, setAsideName())
    mkdirSync(aside, { recursive: true, mode: 0o700 })
    for (const { file } of segmentsIn(folder)) renameSync(join(folder, file), join(aside, file))
    for (const day of shippedKeysIn(folder)) renameSync(join(folder, `${day}.key`), join(aside, `${day}.key`))
  }

  /** What the oldest day that is there is bound to. */
  #beginning(): ChainEnd {
    for (const day of this.#livingDays()) {
      const file = new RawDay(this.#options.journalFolder, day)
      try {
        const binding = file.binding()
        if (binding) return binding
      } finally {
        file.close()
      }
    }
    return CHAIN_START
  }

  #openDay(): RawDay | undefined {
    if (this.#day) return this.#day
    // The newest day that begins at or before what is shipped already.
    const days = this.#livingDays()
    for (const day of days.toReversed()) {
      const file = new RawDay(this.#options.journalFolder, day)
      const binding = file.binding()
      if (binding && binding.seq <= this.#end.seq) {
        this.#setDay(file)
        return file
      }
      file.close()
    }
    return undefined
  }

  /** Opens the day after one, where it is begun; the day before is written to no more. */
  #nextDay(day: string): boolean {
    const next = this.#livingDays().find((one) => one > day)
    if (next === undefined) return false
    const file = new RawDay(this.#options.journalFolder, next)
    const binding = file.binding()
    // What came to the old file between the two looks is shipped first.
    if (!binding || binding.seq > this.#end.seq) {
      file.close()
      return binding !== undefined && (this.#day?.entriesAfter(this.#end.seq, 1).length ?? 0) > 0
    }
    this.#closeDay()
    this.#setDay(file)
    return true
  }

  #setDay(file: RawDay): void {
    this.#day = file
    // Only an operator's word at a start makes one: the file's are all there when it is opened.
    this.#losses = file.losses()
  }

  /** What an operator accepted as lost right behind the end. */
  #newLosses(): RawLoss[] {
    const { seq } = this.#end
    return this.#losses.filter((loss) => loss.afterSeq <= seq && loss.nextSeq > seq + 1)
  }

  #writer(day: string): SegmentWriter {
    const open = this.#segment
    if (open && open.day === day && open.sizeBytes < SEGMENT_BYTES_MAX) return open
    this.#closeSegment()
    this.#keepKey(day)
    this.#segment = SegmentWriter.begin(this.#options.folder, day, this.#end)
    return this.#segment
  }

  /** Writes the key of a day where it is not there, or is wrapped by another master key. */
  #keepKey(day: string): void {
    const { folder, keyOf } = this.#options
    if (readDayKey(folder, this.#master, day)) return
    const key = keyOf(day)
    if (key) writeDayKey(folder, this.#master, { day, key })
  }

  #livingDays(): string[] {
    const { journalFolder, keyOf } = this.#options
    return daysIn(journalFolder).filter((day) => keyOf(day) !== undefined)
  }

  #days(): Set<string> {
    const { folder } = this.#options
    return new Set([...segmentsIn(folder).map(({ day }) => day), ...shippedKeysIn(folder)])
  }

  #closeSegment(): void {
    this.#segment?.close()
    this.#segment = undefined
  }

  #closeDay(): void {
    this.#day?.close()
    this.#day = undefined
  }
}
