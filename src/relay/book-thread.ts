import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { pause, systemClock, yieldToLoop } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import type { InboundItem } from '../core/inbound.ts'
import { RecordTime } from '../core/record-time.ts'
import { daysIn, unlinkDay } from '../journal/day-file.ts'
import { dayKeyName, dayOf, type Entry, lastDeadDay } from '../journal/entry.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import { type Packed, unpack } from '../journal/packed.ts'
import { Book, type Command, type Commit } from '../records/book.ts'
import { destroyedKeys } from '../records/erasure-reader.ts'
import {
  requireAccounts,
  requireAllCommits,
  requireFiles,
  requireOwnVault,
  requireWholeVault,
} from '../records/lost-commits.ts'
import { openRecords } from '../records/open.ts'
import type { Db } from '../storage/database.ts'
import { HighWaterMark } from '../storage/high-water.ts'
import { failThread, serveThread } from '../storage/serve-thread.ts'
import { SummedLog } from '../storage/summed-log.ts'
import { removeBeforeCopies } from '../storage/upgrade.ts'
import { type ErasureLedger, type LedgerCut, openLedger } from '../vault/erasure-ledger.ts'
import { prepareVault, Vault } from '../vault/vault.ts'
import { houseMarkOf } from './house-places.ts'

/** Pause before a full disk is tried again. */
const FULL_RETRY_MS = 1000
/** Keys that are wrapped anew at a time: two or three milliseconds. */
const ROTATED_MAX = 200

/**
 * Journal entries are applied at most this often, so that a commit and its fsync are shared by what comes in meanwhile:
 * at 2,000 webhooks a second two commits for every three messages took half a processor (measured). The first after a
 * pause is applied at once, a command never waits, and sockets are served no more often than this either.
 */
const GATHER_MS = 4

export interface OpenBook {
  folder: string
  masterKey: Uint8Array
  /** For a new folder. */
  epoch: string
  nowMs: number
  /** Go on although the records have lost commits. */
  acceptLoss: boolean
  /** Whether it is as a backup had it. */
  isRestoring: boolean
}

export interface OpenedBook {
  appliedSeq: number
  /** Up to here nothing of the journal is needed any more. */
  doneSeq: number
  head: number
  epoch: string
  /** Pages of the records that are not what was written. */
  damagedPages: readonly number[]
  /** The descriptor that all threads read the bytes of the records through. */
  rawRecords: number
  /** The moment of the last input; 0 for a new folder. */
  lastInputAtMs: number
  /** The keys of the days that have a file, and of today. */
  dayKeys: Map<string, Uint8Array>
}

export interface DestroyDays {
  nowMs: number
  /** Up to here nothing of the journal is needed any more. */
  appliedSeq: number
  keptDays: number
}

export interface DestroyPersons {
  erasureId: number
  asked: { atMs: number; by: string }
  persons: readonly number[]
}

export type BookNotice = { kind: 'commit'; commit: Commit } | { kind: 'refused'; id: number }

declare const self: Worker

/** The body of an entry as items. A body that is no JSON throws; the book quarantines it whole. */
export function parseEntry(entry: Entry): Iterable<InboundItem> {
  // All that was in it named somebody who is erased.
  if (entry.timesCut !== undefined && entry.body.length === 0) return []
  const channel = channelNamed(entry.source.split('/')[0] ?? '')
  if (!channel) throw new Error('Assertion failed: no channel has this name')
  return channel.parse(JSON.parse(new TextDecoder().decode(entry.body)), entry.atMs)
}

/** A random positive integer below 2^53. */
export function randomId(): number {
  return Number(randomBytes(8).readBigUInt64BE() >> 11n) || 1
}

class BookThread {
  readonly #database: Db
  readonly #log: SummedLog
  readonly #vault: Vault
  readonly #mark: HighWaterMark
  readonly #folder: string
  readonly #journalFolder: string
  readonly #journal: JournalReader
  readonly #book: Book
  readonly #ledger: ErasureLedger
  /** What waits for the moment between two commits. */
  #between: (() => void)[] = []
  #working = false
  #hurry: (() => void) | undefined
  #cancelWake: (() => void) | undefined
  #closing = false

  constructor(open: OpenBook) {
    requireFiles(open.folder, open.acceptLoss)
    this.#vault = new Vault(join(open.folder, 'vault.db'), open.masterKey)
    prepareVault(this.#vault)
    const records = join(open.folder, 'records.db')
    this.#database = openRecords(records, open.epoch)
    this.#mark = new HighWaterMark(join(open.folder, 'records-high-water'))
    requireAllCommits(this.#database, this.#mark, open)
    requireWholeVault(this.#database, this.#vault, open.acceptLoss)
    requireOwnVault(this.#database, houseMarkOf(this.#vault), open.acceptLoss)
    requireAccounts(this.#database, open.folder, open.acceptLoss || open.isRestoring)
    this.#log = new SummedLog(this.#database, records, { anew: open.acceptLoss })
    const vault = this.#vault
    this.#folder = open.folder
    this.#journalFolder = join(open.folder, 'journal')
    this.#journal = new JournalReader(this.#journalFolder, (day) => vault.findNamedKey(dayKeyName(day)))
    this.#ledger = openLedger(open.folder, open.acceptLoss)
    if (open.acceptLoss) this.#destroyErased()
    this.#book = new Book({
      database: this.#database,
      vault,
      journal: this.#journal,
      mark: this.#mark,
      clock: systemClock,
      time: new RecordTime(systemClock),
      randomId,
      parse: parseEntry,
      yieldToLoop,
    })
    this.#completeLedger()
  }

  /** One that was lost, or is an older copy, learns of the records whom they have erased. Only what was cut is forgotten. */
  #completeLedger(): void {
    const known = new Set(this.#ledger.persons())
    for (const { erasureId, asked, persons } of destroyedKeys(this.#database)) {
      const missing = persons.filter((person) => !known.has(person))
      if (missing.length > 0) this.#ledger.note({ epoch: this.#book.epoch(), erasureId }, asked, missing)
    }
  }

  /** An older copy of the vault may stand in its place: it has the keys of who was erased since. */
  #destroyErased(): void {
    const back = this.#ledger.persons().filter((person) => this.#vault.personKey(person) !== undefined)
    for (const person of back) this.#vault.destroyPerson(person)
    if (back.length > 0) this.#vault.commit()
  }

  opened(folder: string, nowMs: number): OpenedBook {
    const journal = join(folder, 'journal')
    const today = dayOf(nowMs)
    const dayKeys = new Map<string, Uint8Array>()
    for (const day of daysIn(journal)) {
      // Its key was destroyed and then the power went: the file has outlived it.
      if (day !== today && this.#vault.isDestroyed(dayKeyName(day))) unlinkDay(journal, day)
      const key = this.#vault.findNamedKey(dayKeyName(day))
      if (key) dayKeys.set(day, key)
    }
    dayKeys.set(today, this.dayKey(today))
    const book = this.#book
    return {
      appliedSeq: book.appliedSeq(),
      doneSeq: book.doneSeq(),
      head: book.head(),
      epoch: book.epoch(),
      damagedPages: this.#log.damaged,
      rawRecords: this.#log.rawFile(),
      lastInputAtMs: book.lastInputAtMs(),
      dayKeys,
    }
  }

  /** The key of a day, durable before anything is sealed with it. */
  dayKey(day: string): Uint8Array {
    const key = this.#vault.namedKey(dayKeyName(day))
    // While a commit is being gathered the vault may hold keys of persons: they become durable a little earlier.
    this.#vault.commit()
    crashPoint('day.key_made')
    return key
  }

  /**
   * Destroys the keys of the days whose time is over, and answers which. A day stays until all of it is applied, and the
   * newest file in any case. What is applied is told, not asked: what this thread applies right now may not be durable.
   */
  destroyDays({ nowMs, appliedSeq, keptDays }: DestroyDays): string[] {
    const last = lastDeadDay(nowMs, keptDays)
    const files = daysIn(this.#journalFolder)
    const dead = this.#vault
      .namesOf(dayKeyName(''))
      .map((name) => name.slice(dayKeyName('').length))
      .filter((day) => {
        const next = files.find((file) => file > day)
        const firstSeq = next === undefined ? undefined : this.#journal.firstSeq(next)
        return day <= last && firstSeq !== undefined && firstSeq - 1 <= appliedSeq
      })
    if (dead.length === 0) return []
    removeBeforeCopies(this.#folder, 'vault.db')
    for (const day of dead) this.#vault.destroyNamedKey(dayKeyName(day))
    this.#vault.commit()
    crashPoint('day.key_destroyed')
    // It may hold one of them open, with its key.
    this.#journal.close()
    return dead
  }

  /** Writes down whose keys are to be destroyed, and destroys them. Whoever comes with their phone is somebody new. */
  destroyPersons({ erasureId, asked, persons }: DestroyPersons): void {
    this.#ledger.note({ epoch: this.#book.epoch(), erasureId }, asked, persons)
    crashPoint('erasure.noted')
    removeBeforeCopies(this.#folder, 'vault.db')
    for (const person of persons) this.#vault.destroyPerson(person)
    this.#vault.commit()
    this.#book.forgetContacts()
    crashPoint('erasure.keys_destroyed')
  }

  noteCuts(cuts: readonly LedgerCut[]): void {
    this.#ledger.noteCuts(cuts)
  }

  noteErased({ erasureId, atMs, reportHash }: { erasureId: number; atMs: number; reportHash: Uint8Array }): void {
    this.#ledger.noteDone({ epoch: this.#book.epoch(), erasureId }, { atMs, reportHash })
  }

  /** Takes old pages out of the logs of the records and the vault. False where a reader is in the way. */
  truncateLogs(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#between.push(() => {
        const isEmpty = this.#log.truncate()
        resolve(this.#vault.truncateLog() && isEmpty)
      })
      if (!this.#working) this.#runBetween()
    })
  }

  beginRotation(next: Uint8Array): void {
    this.#vault.beginRotation(next)
  }

  /** Some milliseconds of work, durable when this returns; true when no key is left. */
  rotateSome(): boolean {
    const isDone = this.#vault.rotateSome(ROTATED_MAX)
    this.#vault.commit()
    return isDone
  }

  finishRotation(): void {
    this.#vault.finishRotation()
  }

  cancelRotation(): void {
    this.#vault.cancelRotation()
  }

  /** `PRAGMA synchronous` of what this thread writes. */
  synchronous(): { records: number; vault: number } {
    return { records: this.#database.synchronous(), vault: this.#vault.synchronous() }
  }

  submit(command: Command): void {
    this.#hurry?.()
    if (!this.#book.submit(command)) self.postMessage({ notice: { kind: 'refused', id: command.id } })
    this.wake()
  }

  offer(first: number, packed: Packed): void {
    this.#book.offer(unpack(packed, first))
    this.wake()
  }

  noteJournalHead(seq: number): void {
    this.#book.noteJournalHead(seq)
    this.wake()
  }

  wake(): void {
    if (this.#working) return
    this.#working = true
    this.#log.begin()
    this.#work().catch(failThread)
  }

  /** Applies the commands that wait and ends the commit under way; the journal keeps what is not applied. */
  async close(): Promise<void> {
    this.#closing = true
    this.#cancelWake?.()
    this.#hurry?.()
    while (this.#working) await yieldToLoop()
    this.#journal.close()
    this.#log.close()
    this.#database.close()
    this.#mark.close()
    this.#vault.close()
    this.#ledger.close()
  }

  async #work(): Promise<void> {
    while (this.#book.hasWork() && (this.#book.hasCommands() || !this.#closing)) {
      const startedMs = systemClock.monoMs()
      const commit = await this.#book.work()
      self.postMessage({ notice: { kind: 'commit', commit } })
      this.#log.afterCommit()
      this.#runBetween()
      if (commit.paused && this.#closing) break
      if (commit.paused) await pause(systemClock, FULL_RETRY_MS)
      else await this.#gather(startedMs + GATHER_MS - systemClock.monoMs())
    }
    this.#working = false
    // What came since the last commit has no other moment.
    this.#runBetween()
    this.#wakeInTime()
  }

  /** What the platform brings of the past goes on when its share of the time has come. */
  #wakeInTime(): void {
    this.#cancelWake?.()
    const waitMs = this.#closing ? null : this.#book.workInMs()
    this.#cancelWake = waitMs === null ? undefined : systemClock.after(Math.ceil(waitMs), () => this.wake())
  }

  #runBetween(): void {
    for (const run of this.#between.splice(0)) run()
  }

  async #gather(pauseMs: number): Promise<void> {
    if (pauseMs <= 0 || this.#closing || this.#book.hasCommands()) return
    await new Promise<void>((resolve) => {
      const cancel = systemClock.after(pauseMs, resolve)
      this.#hurry = () => {
        cancel()
        resolve()
      }
    })
    this.#hurry = undefined
  }
}

let thread: BookThread | undefined

const opened = () => must(thread, 'the book, which is open')

const answers = {
  open(ask: OpenBook): OpenedBook {
    thread = new BookThread(ask)
    return thread.opened(ask.folder, ask.nowMs)
  },
  command: (command: Command) => opened().submit(command),
  entries: ({ first, packed }: { first: number; packed: Packed }) => opened().offer(first, packed),
  journalHead: (seq: number) => opened().noteJournalHead(seq),
  dayKey: (day: string) => opened().dayKey(day),
  destroyPersons: (ask: DestroyPersons) => opened().destroyPersons(ask),
  noteCuts: (cuts: readonly LedgerCut[]) => opened().noteCuts(cuts),
  noteErased: (done: { erasureId: number; atMs: number; reportHash: Uint8Array }) => opened().noteErased(done),
  truncateLogs: () => opened().truncateLogs(),
  beginRotation: (next: Uint8Array) => opened().beginRotation(next),
  rotateSome: () => opened().rotateSome(),
  finishRotation: () => opened().finishRotation(),
  cancelRotation: () => opened().cancelRotation(),
  destroyDays: (ask: DestroyDays) => opened().destroyDays(ask),
  synchronous: () => opened().synchronous(),
  close: () => opened().close(),
}

export type BookAnswers = typeof answers

serveThread({ answers })
