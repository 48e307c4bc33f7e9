import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { RecordTime } from '../core/record-time.ts'
import { dayKeyName, KEPT_DAYS } from '../journal/entry.ts'
import { JournalClient } from '../journal/journal-client.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import type { Commit } from '../records/book.ts'
import { openRecordsReadonly } from '../records/open.ts'
import { giveBallastWhereFull } from '../storage/ballast.ts'
import { makeDataFolder } from '../storage/data-folder.ts'
import type { Db } from '../storage/database.ts'
import { FolderLock } from '../storage/lock.ts'
import { refusalOfUnfinished, type Unfinished } from '../storage/unfinished.ts'
import { type Watched, watchThreads } from '../storage/watchdog.ts'
import { Vault } from '../vault/vault.ts'
import { BookClient } from './book-client.ts'
import { Inbound } from './inbound.ts'
import { bringUp } from './upgrade.ts'

export interface HouseOptions {
  /** The programs of the two threads, and of the one that upgrades the folder before. */
  threads: { journal: URL; book: URL; upgrade: URL }
  clock: Clock
  folder: string
  masterKey: Uint8Array
  /** Go on although the journal or the records have lost what was committed. */
  acceptLoss: boolean
  webhookBacklogMs: number
  /** Days that the journal of a day is kept after its end; eight. */
  journalKeepDays?: number
  /** Leaves what was not applied of the journal to the next opening: the records stay as the folder has them. */
  leavesJournal?: boolean
  /** What whoever opens the folder is about to finish: nobody else may open it until then. */
  finishing?: Unfinished['kind'] | undefined
  /** Progress of an upgrade, a line at a time. */
  say?: ((line: string) => void) | undefined
  onCommit(commit: Commit): void
  /** `lastSeq`: the journal's head from then on. */
  onJournalCommit(commitMs: number, lastSeq: number): void
  onOverflow(queue: 'journal' | 'book'): void
  /** A thread failed or a disk broke: the process has to end. */
  onFailure(error: Error): void
}

type ForWork = Omit<HouseOptions, 'acceptLoss' | 'onCommit' | 'onJournalCommit' | 'onOverflow' | 'onFailure'>

/** A house for one piece of work on a folder where none runs: what fails ends the work. The caller opens and closes it. */
export function houseForWork(options: ForWork, onCommit: HouseOptions['onCommit'] = () => {}): House {
  return new House({
    ...options,
    acceptLoss: false,
    onCommit,
    onJournalCommit: () => {},
    onOverflow: () => {},
    onFailure: (error) => {
      throw error
    },
  })
}

/** The folder, open: journal and book in their threads, and this thread's reading connections. */
export class House {
  readonly book: BookClient
  readonly journal: JournalClient
  readonly inbound: Inbound
  /** The time that the records count in, as far as this thread has heard of it: no later than the book's own. */
  readonly time: RecordTime
  readonly #options: HouseOptions
  readonly #lock: FolderLock
  #records: Db | undefined
  #vault: Vault | undefined
  #appliedSeq = 0
  /** Up to here nothing of the journal is needed any more. */
  #doneSeq = 0
  #onCommit: (() => void)[] = []
  #paused = false
  #isLocked = false
  #rawRecords: number | undefined
  #isClosing = false

  /** Takes the lock. Throws where another process holds the folder. */
  constructor(options: HouseOptions) {
    this.#options = options
    this.time = new RecordTime(options.clock)
    makeDataFolder(options.folder)
    giveBallastWhereFull(options.folder)
    this.#lock = new FolderLock(join(options.folder, 'lock.db'))
    this.book = new BookClient({
      thread: options.threads.book,
      onCommit: (commit) => this.#committed(commit),
      onOverflow: () => options.onOverflow('book'),
      onFailure: options.onFailure,
    })
    this.journal = new JournalClient({
      thread: options.threads.journal,
      clock: options.clock,
      onAppended: (first, packed, commitMs) => {
        const lastSeq = first + packed.ends.length - 1
        this.inbound.noteAppended(lastSeq)
        options.onJournalCommit(commitMs, lastSeq)
        this.book.offer(first, packed)
      },
      onOverflow: () => options.onOverflow('journal'),
      dayKey: (nowMs) => this.book.dayKey(nowMs),
      onFailure: options.onFailure,
    })
    this.inbound = new Inbound(
      { clock: options.clock, append: (entry) => this.journal.append(entry) },
      options.webhookBacklogMs,
    )
  }

  /** Opens the book, then the journal from where the book is; what was not applied is applied from now on. */
  async open(): Promise<{ appliedSeq: number; journalHead: number; damagedPages: readonly number[] }> {
    const { folder, masterKey, clock, acceptLoss, finishing, leavesJournal, threads, say = () => {} } = this.#options
    const nowMs = clock.epochMs()
    const refusal = refusalOfUnfinished(folder, finishing)
    if (refusal) throw new Error(refusal)
    // A folder that was restored just now is a copy already.
    const isRestoring = finishing === 'restore'
    await bringUp({ thread: threads.upgrade, folder, nowMs, say, withoutCopy: isRestoring })
    const opened = await this.book.open({ folder, masterKey, epoch: randomUUID(), nowMs, acceptLoss, isRestoring })
    this.time.note(opened.lastInputAtMs)
    crashPoint('start.before_journal')
    const journalHead = await this.journal.open({
      folder: join(folder, 'journal'),
      dayKeys: opened.dayKeys,
      appliedSeq: opened.appliedSeq,
      acceptLoss,
      nowMs,
    })
    if (!leavesJournal) {
      if (journalHead > opened.appliedSeq) this.inbound.noteAppended(journalHead)
      this.book.noteJournalHead(journalHead)
    }
    this.#rawRecords = opened.rawRecords
    this.#appliedSeq = opened.appliedSeq
    this.#doneSeq = opened.doneSeq
    return { appliedSeq: opened.appliedSeq, journalHead, damagedPages: opened.damagedPages }
  }

  /** This thread's connection for short reads. */
  records(): Db {
    this.#records ??= openRecordsReadonly(join(this.#options.folder, 'records.db'))
    return this.#records
  }

  /** The descriptor that every thread reads the bytes of the records through; undefined before they are open. */
  rawRecords(): number | undefined {
    return this.#rawRecords
  }

  /** This thread's keys, for opening what is read. */
  vault(): Vault {
    this.#vault ??= new Vault(join(this.#options.folder, 'vault.db'), this.#options.masterKey, { readonly: true })
    return this.#vault
  }

  journalReader(): JournalReader {
    return new JournalReader(join(this.#options.folder, 'journal'), (day) => this.vault().findNamedKey(dayKeyName(day)))
  }

  /** Lets the journal's days die whose time is over: first the key, then the file. Answers which. Wants a trusted clock. */
  async endJournalDays(): Promise<string[]> {
    // The file that is written to may not die: where nothing has come in for days, it is an old one.
    await this.journal.roll()
    const nowMs = this.#options.clock.epochMs()
    const dead = await this.book.destroyDays({ nowMs, appliedSeq: this.#doneSeq, keptDays: this.journalKeepDays() })
    this.vault().forget({ persons: [], names: dead.map(dayKeyName) })
    await this.journal.unlink(dead)
    return dead
  }

  /**
   * Changes the master key: from the moment this resolves only the new one opens the folder. `tellReaders` is told first,
   * since from then on keys may be wrapped by either.
   */
  async changeMasterKey(next: Uint8Array, tellReaders: (next: Uint8Array) => Promise<void>): Promise<void> {
    this.vault().learnMaster(next)
    await tellReaders(next)
    await this.book.rotateMasterKey(next)
  }

  /** Up to here nothing of the journal is needed any more, as far as it is durable. */
  doneSeq(): number {
    return this.#doneSeq
  }

  /** Once everything that has come in is applied and durable, also what is applied beside the rest. */
  async caughtUp(): Promise<void> {
    await this.inbound.caughtUp()
    while (this.#doneSeq < this.#appliedSeq) await new Promise<void>((resolve) => this.#onCommit.push(resolve))
  }

  /** Days that a day of the journal is kept after its end. */
  journalKeepDays(): number {
    return this.#options.journalKeepDays ?? KEPT_DAYS
  }

  /** The folder of the journal's days. */
  journalFolder(): string {
    return join(this.#options.folder, 'journal')
  }

  /** Whether what is written is stored, and if not, whether another program holds a database: then it is not the disk. */
  isStoring(): { journal: boolean; book: boolean; isLocked: boolean } {
    const { journal } = this
    return { journal: !journal.isWaiting(), book: !this.#paused, isLocked: this.#isLocked || journal.isLocked() }
  }

  /** Ends the process where one of the threads hangs, these two and others, until the answer is called. */
  watch(others: readonly Watched[]): () => void {
    const { clock, onFailure } = this.#options
    const { journal, book } = this
    return watchThreads(clock, [
      { name: 'journal', ping: () => journal.ping(), beat: () => journal.beat(), onHang: onFailure },
      { name: 'book', ping: () => book.ping(), onHang: onFailure },
      ...others,
    ])
  }

  /** Of each database its writer's `PRAGMA synchronous`. */
  async synchronous(): Promise<Record<string, number>> {
    return { journal: await this.journal.synchronous(), ...(await this.book.synchronous()) }
  }

  /** Stores what is under way and closes everything. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#records?.close()
    this.#vault?.close()
    await this.journal.close()
    await this.book.close()
    this.#lock.release()
  }

  /** Where opening failed half-way: lets the folder go. */
  abandon(): void {
    this.#lock.release()
  }

  #committed(commit: Commit): void {
    this.#paused = commit.paused
    this.#isLocked = commit.isLocked
    this.time.note(commit.lastInputAtMs)
    this.#appliedSeq = commit.appliedSeq
    this.#doneSeq = commit.doneSeq
    for (const resolve of this.#onCommit.splice(0)) resolve()
    this.inbound.noteApplied(commit.appliedSeq)
    // Whoever hears of it would read from connections that are closed by now.
    if (!this.#isClosing) this.#options.onCommit(commit)
  }
}
