import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { crashPoint } from '../../core/crash-point.ts'
import { RecordTime } from '../../core/record-time.ts'
import { daysIn } from '../../journal/day-file.ts'
import { dayKeyName, dayOf, type Entry, type NewEntry } from '../../journal/entry.ts'
import { Journal } from '../../journal/journal.ts'
import { JournalReader } from '../../journal/journal-reader.ts'
import { Book, type Command, type Commit } from '../../records/book.ts'
import { requireAllCommits, requireWholeVault } from '../../records/lost-commits.ts'
import { openRecords } from '../../records/open.ts'
import { parseEntry } from '../../relay/book-thread.ts'
import type { Db } from '../../storage/database.ts'
import { HighWaterMark } from '../../storage/high-water.ts'
import { prepareVault, Vault } from '../../vault/vault.ts'
import type { Chance } from './chance.ts'
import { WorkingClock } from './process-clock.ts'
import type { Step } from './trace.ts'

/** Nobody cuts the power here: what a commit wrote survives the death of a process also without the disk's sync. */
const SYNCHRONOUS = 'OFF'
/** How long one look of the book at its clock takes at most: a slice of 5 ms then ends after a few items. */
const LOOK_MS_MAX = 2.5

/** Pause of the book's thread before a full disk is tried again. */
const FULL_RETRY_MS = 1000
/** SQLite's own bound on a database, as it is where nobody says otherwise. */
const PAGES_MAX = 4_294_967_294

export const MASTER_KEY = new Uint8Array(32).fill(7)

export interface StorageOptions {
  folder: string
  epoch: string
  clock: Clock
  chance: Chance
  /** Hears of each commit, as the book's thread tells it. */
  onCommit(commit: Commit): void
  /** Hears what became durable in the journal; `answer` gives the appenders their answers. */
  onAppended(entries: Entry[], answer: () => void): void
  /** A part of the book threw. */
  onFailure(error: unknown): void
}

interface Appending {
  entry: NewEntry
  resolve(seq: number): void
}

/** What the journal's and the book's threads are in production, as steps: the real classes over real files. */
export class StorageSide {
  readonly book: Book
  readonly journalHead: number
  readonly reader: JournalReader
  readonly #options: StorageOptions
  readonly #vault: Vault
  readonly #records: Db
  readonly #mark: HighWaterMark
  readonly #journal: Journal
  #appending: Appending[] = []
  #isWorking = false
  #isPaused = false
  #resumeBook: (() => void) | null = null

  constructor(options: StorageOptions) {
    this.#options = options
    const { folder, clock, chance } = options
    const nowMs = clock.epochMs()
    this.#vault = new Vault(join(folder, 'vault.db'), MASTER_KEY, { synchronous: SYNCHRONOUS })
    prepareVault(this.#vault)
    this.#records = openRecords(join(folder, 'records.db'), options.epoch, { synchronous: SYNCHRONOUS })
    this.#mark = new HighWaterMark(join(folder, 'records-high-water'))
    requireAllCommits(this.#records, this.#mark, { acceptLoss: false, epoch: options.epoch, nowMs })
    requireWholeVault(this.#records, this.#vault, false)
    const journalFolder = join(folder, 'journal')
    this.reader = new JournalReader(journalFolder, (day) => this.#vault.findNamedKey(dayKeyName(day)))
    this.book = new Book({
      database: this.#records,
      vault: this.#vault,
      journal: this.reader,
      mark: this.#mark,
      clock: new WorkingClock(clock, chance.random, LOOK_MS_MAX),
      time: new RecordTime(clock),
      randomId: () => chance.between(1, Number.MAX_SAFE_INTEGER - 1),
      parse: parseEntry,
      yieldToLoop: () => new Promise((resolve) => (this.#resumeBook = resolve)),
      laterShare: 1,
    })
    const days = new Set([...daysIn(journalFolder), dayOf(nowMs)])
    this.#journal = new Journal({
      folder: journalFolder,
      dayKeys: new Map([...days].map((day) => [day, this.#dayKey(day)])),
      appliedSeq: this.book.appliedSeq(),
      synchronous: SYNCHRONOUS,
      nowMs,
    })
    this.journalHead = this.#journal.head()
    this.book.noteJournalHead(this.journalHead)
  }

  submit(command: Command): boolean {
    return this.book.submit(command)
  }

  append(entry: NewEntry): Promise<number> {
    return new Promise((resolve) => this.#appending.push({ entry, resolve }))
  }

  isIdle(): boolean {
    return !this.#isWorking && !this.book.hasWork() && this.#appending.length === 0
  }

  steps(): Step[] {
    const steps: Step[] = []
    const resume = this.#resumeBook
    if (resume) {
      steps.push({ name: 'the book goes on', weight: 10, run: () => this.#goOn(resume) })
    } else if (!this.#isWorking && !this.#isPaused && this.book.hasWork()) {
      steps.push({ name: 'the book begins a commit', weight: 10, run: () => this.#work() })
    }
    if (this.#appending.length > 0) {
      steps.push({ name: 'the journal commits', weight: 10, run: () => this.#commitJournal() })
    }
    return steps
  }

  /** Closes the connections. Open transactions are rolled back by that, as by the death of a process. */
  close(): void {
    this.reader.close()
    this.#journal.close()
    this.#records.close()
    this.#mark.close()
    this.#vault.close()
  }

  /** The records take no page more: SQLite says that the disk is full. */
  fillDisk(): void {
    const pages = this.#records.one<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 1
    this.#records.script(`PRAGMA max_page_count = ${pages}`)
  }

  freeDisk(): void {
    this.#records.script(`PRAGMA max_page_count = ${PAGES_MAX}`)
  }

  #pause(): void {
    this.#isPaused = true
    this.#options.clock.after(FULL_RETRY_MS, () => {
      this.#isPaused = false
    })
  }

  #dayKey(day: string): Uint8Array {
    const key = this.#vault.namedKey(dayKeyName(day))
    this.#vault.commit()
    crashPoint('day.key_made')
    return key
  }

  #goOn(resume: () => void): void {
    this.#resumeBook = null
    resume()
  }

  #work(): void {
    this.#isWorking = true
    this.book.work().then(
      (commit) => {
        this.#isWorking = false
        if (commit.paused) this.#pause()
        this.#options.onCommit(commit)
      },
      (error: unknown) => this.#options.onFailure(error),
    )
  }

  #commitJournal(): void {
    const { clock, chance } = this.#options
    const batch = this.#appending.splice(0, chance.between(1, this.#appending.length))
    const nowMs = clock.epochMs()
    if (!this.#journal.hasKeyFor(nowMs)) this.#journal.addKey(dayOf(nowMs), this.#dayKey(dayOf(nowMs)))
    crashPoint('journal.before_commit')
    const first = this.#journal.append(
      batch.map(({ entry }) => entry),
      nowMs,
    )
    crashPoint('journal.after_commit')
    const entries = batch.map(({ entry }, index) => ({ ...entry, seq: first + index }))
    this.#options.onAppended(entries, () => {
      for (const [index, { resolve }] of batch.entries()) resolve(first + index)
    })
  }
}
