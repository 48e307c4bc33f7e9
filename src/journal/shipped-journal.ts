import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { tagOf } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { endOfCopies } from './copy-day.ts'
import { type ChainEnd, MIGRATIONS, openEntry } from './day-file.ts'
import { dayKeyName } from './entry.ts'
import { insertLosses, insertRaw, type RawEntry, type RawLoss } from './raw-day.ts'
import { type Frame, readDayKey, readSegment, type Segment, segmentsIn } from './shipped-file.ts'

const BATCH_ENTRIES = 1000

export interface GoOnAsk {
  /** The second place, `[backup] ship_folder`. */
  shipFolder: string
  /** The folder `journal/` that goes on: restored, and opened by nobody else. */
  journalFolder: string
  masterKey: Uint8Array
  /** The restored vault, open for writing: it gets the keys of days that it does not know. */
  vault: Vault
}

export interface WentOn {
  /** Entries that were added. */
  entries: number
  /** The journal's head afterwards. */
  head: number
  /** The shipped copy ends in a frame that is not whole, as after a crash: what is before it was taken. */
  isTorn: boolean
}

/**
 * Goes on after the end of a restored journal with what was shipped: every entry is opened and has to follow the one
 * before. Throws, with nothing half-added of a day's batch, where one does not, or where entries between the two are gone.
 */
export function goOnFromShipped(ask: GoOnAsk): WentOn {
  return new GoingOn(ask).run()
}

class GoingOn {
  readonly #ask: GoOnAsk
  #end: ChainEnd
  #open: { day: string; key: Uint8Array; database: Db } | undefined
  #batch: RawEntry[] = []
  #losses: RawLoss[] = []
  #count = 0
  #isTorn = false

  constructor(ask: GoOnAsk) {
    this.#ask = ask
    this.#end = endOfCopies(ask.journalFolder)
  }

  run(): WentOn {
    mkdirSync(this.#ask.journalFolder, { recursive: true, mode: 0o700 })
    try {
      for (const segment of this.#segments()) this.#take(segment)
      this.#flush()
    } finally {
      this.#open?.database.close()
    }
    return { entries: this.#count, head: this.#end.seq, isTorn: this.#isTorn }
  }

  /** Those that hold anything behind the journal's end: the one that the end lies in, and all after it. */
  #segments(): Segment[] {
    const all = segmentsIn(this.#ask.shipFolder)
    return all.filter((_, index) => (all[index + 1]?.firstSeq ?? Number.POSITIVE_INFINITY) > this.#end.seq + 1)
  }

  #take(segment: Segment): void {
    const frames = readSegment(join(this.#ask.shipFolder, segment.file))
    for (;;) {
      const { value, done } = frames.next()
      if (done) {
        this.#isTorn = value.isTorn
        return
      }
      this.#takeFrame(segment.day, value)
    }
  }

  #takeFrame(day: string, frame: Frame): void {
    const { seq } = this.#end
    if (frame.kind === 'begin') {
      const { previous } = frame
      if (previous.seq > seq) throw missing(seq + 1, previous.seq)
      if (previous.seq === seq) this.#requireSame(previous.tag)
    } else if (frame.kind === 'loss') {
      this.#takeLoss(day, frame.loss)
    } else if (frame.entry.seq > seq) {
      this.#add(day, frame.entry)
    } else if (frame.entry.seq === seq) {
      this.#requireSame(tagOf(frame.entry.sealed))
    }
  }

  /** The entry that both have is known by the same tag, or they are not the same journal. */
  #requireSame(tag: Uint8Array): void {
    if (isSame(tag, this.#end.tag)) return
    throw new Error(`The shipped journal is another: its entry ${this.#end.seq} is not the one that was restored`)
  }

  #takeLoss(day: string, loss: RawLoss): void {
    const { seq, tag } = this.#end
    if (loss.nextSeq <= seq + 1) return
    if (loss.afterSeq > seq) throw missing(seq + 1, loss.afterSeq)
    this.#openDay(day)
    this.#losses.push(loss)
    this.#end = { seq: loss.nextSeq - 1, tag }
  }

  #add(day: string, entry: RawEntry): void {
    if (entry.seq !== this.#end.seq + 1) throw missing(this.#end.seq + 1, entry.seq - 1)
    const { key } = this.#openDay(day)
    requireFollows(entry, this.#end.tag, key)
    this.#batch.push(entry)
    this.#end = { seq: entry.seq, tag: tagOf(entry.sealed) }
    if (this.#batch.length >= BATCH_ENTRIES) this.#flush()
  }

  #flush(): void {
    if (!this.#open) return
    insertRaw(this.#open.database, this.#batch)
    insertLosses(this.#open.database, this.#losses)
    this.#count += this.#batch.length
    this.#batch = []
    this.#losses = []
  }

  #openDay(day: string): { key: Uint8Array } {
    if (this.#open?.day === day) return this.#open
    const { shipFolder, journalFolder, masterKey, vault } = this.#ask
    const previous = this.#end
    this.#flush()
    this.#open?.database.close()
    this.#open = undefined
    const name = dayKeyName(day)
    // A day that is over stays so.
    const shipped = vault.isDestroyed(name) ? undefined : readDayKey(shipFolder, masterKey, day)
    const key = vault.findNamedKey(name) ?? shipped
    if (!key)
      throw new Error(`The shipped journal of ${day} does not open: its key is not there, or of another master key`)
    if (!vault.findNamedKey(name)) {
      vault.keepNamedKey(name, key)
      vault.commit()
    }
    const database = new Db(join(journalFolder, `${day}.db`), { secureDelete: true })
    migrate(database, `journal/${day}.db`, MIGRATIONS)
    if (!database.one('SELECT previous_seq FROM chain')) {
      database.run('INSERT INTO chain (previous_seq, previous_tag) VALUES (?1, ?2)', previous.seq, previous.tag)
    }
    this.#open = { day, key, database }
    return this.#open
  }
}

/** Throws where an entry does not open or was not bound to the tag of the one before. */
function requireFollows(entry: RawEntry, previousTag: Uint8Array, key: Uint8Array): void {
  openEntry(key, { ...entry, at: entry.atMs }, previousTag)
}

function missing(first: number, last: number): Error {
  return new Error(`The shipped journal does not hold the entries ${first} to ${last}`)
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
