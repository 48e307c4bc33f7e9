import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { type FailureData, failureFrom } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import type { InboundItem } from '../core/inbound.ts'
import { type Actor, MAIN_WORKSPACE } from '../core/principal.ts'
import { RecordTime } from '../core/record-time.ts'
import { daysIn } from '../journal/day-file.ts'
import { dayKeyName, dayOf, type Entry } from '../journal/entry.ts'
import { Journal } from '../journal/journal.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import { Book, type Commit } from '../records/book.ts'
import { RecordedEvents } from '../records/event-log.ts'
import { requireAllCommits, requireWholeVault } from '../records/lost-commits.ts'
import { MediaReader } from '../records/media-reader.ts'
import { declareApp, declareNumber } from '../records/number.ts'
import { openRecords, openRecordsReadonly } from '../records/open.ts'
import { seeing } from '../records/page.ts'
import { Reader } from '../records/reader.ts'
import type { Input, Wake } from '../records/tx.ts'
import { type View, Views } from '../records/views.ts'
import type { Db } from '../storage/database.ts'
import { HighWaterMark } from '../storage/high-water.ts'
import { prepareVault, Vault } from '../vault/vault.ts'
import { FakeClock } from './fake-clock.ts'
import { seededRandom } from './seeded-random.ts'
import { declared } from './test-items.ts'

const TEST_SOURCE = 'whatsapp/main'
export const TEST_MASTER_KEY = new Uint8Array(32).fill(7)
/** Who may see everything. */
export const SEES_ALL = seeing(MAIN_WORKSPACE, () => true)

export interface TestBookOptions {
  /** A folder that another test book has left; without it a new one is made and removed at the end. */
  folder?: string
  /** What the book measures its slices by; the fake clock unless a test needs time to pass. */
  bookClock?: Clock
  /** Understands a body; as it is, a body is the JSON of its items. */
  parse?: (entry: Entry) => Iterable<InboundItem>
  acceptLoss?: boolean
}

/** An event as it leaves the house. */
export interface Told {
  offset: number
  type: string
  at: string
  data: View
}

interface Parts {
  database: Db
  vault: Vault
  journal: Journal
  journalReader: JournalReader
  mark: HighWaterMark
  book: Book
  readingDatabase: Db
  readingVault: Vault
}

/** A book with its vault and journal in a temporary folder, driven by hand: nothing runs between two calls. */
export class TestBook {
  readonly folder: string
  readonly clock: FakeClock
  /** Everything the reactors were told, in order. */
  readonly wakes: Wake[] = []
  readonly commits: Commit[] = []
  #parts: Parts
  #isClosed = false
  readonly #options: TestBookOptions
  readonly #random = seededRandom(1)
  #nextId = 1

  constructor(clock: FakeClock, options: TestBookOptions = {}) {
    this.clock = clock
    this.#options = options
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), 'gatehouse-book-'))
    this.#parts = this.#open(options.acceptLoss ?? false)
  }

  get database(): Db {
    return this.#parts.database
  }

  get vault(): Vault {
    return this.#parts.vault
  }

  get journal(): Journal {
    return this.#parts.journal
  }

  get book(): Book {
    return this.#parts.book
  }

  /** Reads beside the writer, as the main thread does. */
  get reader(): Reader {
    return new Reader(this.#parts.readingDatabase, this.#views())
  }

  get media(): MediaReader {
    return new MediaReader(this.#parts.readingDatabase, this.#parts.readingVault)
  }

  get events(): RecordedEvents {
    return new RecordedEvents(this.#parts.readingDatabase, this.#views())
  }

  /** The same events, read by somebody who lets others have their turn in between. */
  eventsGivingWay(giveWay: () => Promise<void>): RecordedEvents {
    return new RecordedEvents(this.#parts.readingDatabase, this.#views(), giveWay)
  }

  /** Runs one command to its commit. Throws the book's refusal. */
  async ask<Args, Result>(command: Input<Args, Result>, args: Args, by?: Actor): Promise<Result> {
    const id = this.submit(command, args, by)
    await this.settle()
    const answer = this.commits.flatMap(({ answers }) => answers).find((one) => one.id === id)
    if (!answer) throw new Error(`${command.name} was not answered`)
    if ('failure' in answer) throw failureFrom(answer.failure)
    return answer.value as Result
  }

  /** Gives a command to the book without letting it work; answers the command's id. */
  submit<Args, Result>(command: Pick<Input<Args, Result>, 'name'>, args: Args, by?: Actor): number {
    const id = this.#nextId++
    const who = by ? { by } : {}
    if (!this.book.submit({ id, name: command.name, args, ...who })) throw new Error('The book takes no more commands')
    return id
  }

  /** The refusal of a command, or undefined if it was not refused. */
  async refusalOf<Args, Result>(command: Input<Args, Result>, args: Args): Promise<FailureData | undefined> {
    const id = this.submit(command, args)
    await this.settle()
    const answer = this.commits.flatMap(({ answers }) => answers).find((one) => one.id === id)
    return answer && 'failure' in answer ? answer.failure : undefined
  }

  /** One body with these items: into the journal, then into the book, until all is applied. */
  async give(...items: InboundItem[]): Promise<number> {
    const seq = this.append(items)
    await this.settle()
    return seq
  }

  /** Into the journal and, unless told otherwise, into the book's memory; nothing is applied yet. */
  append(items: InboundItem[] | string, to: 'memory' | 'file' = 'memory'): number {
    const body = new TextEncoder().encode(typeof items === 'string' ? items : JSON.stringify(items))
    const atMs = this.clock.epochMs()
    this.#bringDayKey(atMs)
    const entry = { atMs, source: TEST_SOURCE, body }
    const seq = this.journal.append([entry], atMs)
    if (to === 'memory') this.book.offer([{ ...entry, seq }])
    else this.book.noteJournalHead(seq)
    return seq
  }

  /** Lets the book work until nothing waits, or the disk is full. */
  async settle(): Promise<void> {
    while (this.book.hasWork()) if ((await this.work()).paused) return
  }

  /** One commit. */
  async work(): Promise<Commit> {
    const commit = await this.book.work()
    this.commits.push(commit)
    this.wakes.push(...commit.wakes)
    return commit
  }

  /** Declares the app and the number that most tests use; answers the number's id. */
  async declare(): Promise<number> {
    await this.ask(declareApp, { id: TEST_SOURCE, portfolio: 'acme' })
    return (await this.ask(declareNumber, declared())).id
  }

  /** As somebody who may see everything is shown them, the newest activity first. */
  async conversations(): Promise<View[]> {
    return (await this.reader.conversations({ limit: 500, cursor: null }, SEES_ALL)).items
  }

  /** Of a conversation as it is shown, the newest first. */
  async messagesOf(conversation: View | undefined): Promise<View[]> {
    const id = readId('conversation', String(conversation?.['id'])) ?? 0
    return (await this.reader.messages(id, { limit: 500, cursor: null }, SEES_ALL))?.items ?? []
  }

  /** The events since an offset. */
  async told(after = 0): Promise<Told[]> {
    return (await this.eventsAfter(after)).map((text) => JSON.parse(text) as Told)
  }

  /** Everything since an offset, as the texts that leave the house. */
  async eventsAfter(offset: number): Promise<string[]> {
    const texts: string[] = []
    for (let after = offset; ; ) {
      const { events, upto } = await this.events.read(after, 500)
      texts.push(...events.map(({ json }) => json))
      if (upto <= after) return texts
      after = upto
    }
  }

  /** Ends without a commit, as a killed process does, and starts again on the same folder. */
  restart(): void {
    this.#close()
    this.#parts = this.#open(false)
    this.#isClosed = false
  }

  /** Closes everything; removes the folder if it was made here. */
  close(): void {
    this.#close()
    if (this.#options.folder === undefined) rmSync(this.folder, { recursive: true, force: true })
  }

  #open(acceptLoss: boolean): Parts {
    const { folder } = this
    const nowMs = this.clock.epochMs()
    mkdirSync(folder, { recursive: true })
    const vaultPath = join(folder, 'vault.db')
    const vault = new Vault(vaultPath, TEST_MASTER_KEY, { synchronous: 'OFF' })
    prepareVault(vault)
    const journalFolder = join(folder, 'journal')
    const days = new Set([...daysIn(journalFolder), dayOf(nowMs)])
    const dayKeys = new Map([...days].map((day) => [day, vault.namedKey(dayKeyName(day))]))
    vault.commit()
    const database = openRecords(join(folder, 'records.db'), 'test-epoch', { synchronous: 'OFF' })
    const mark = new HighWaterMark(join(folder, 'records-high-water'))
    requireAllCommits(database, mark, { acceptLoss, epoch: 'accepted-loss', nowMs })
    requireWholeVault(database, vault, acceptLoss)
    const journalReader = new JournalReader(journalFolder, (day) => vault.findNamedKey(dayKeyName(day)))
    const book = new Book({
      database,
      vault,
      journal: journalReader,
      mark,
      clock: this.#options.bookClock ?? this.clock,
      time: new RecordTime(this.clock),
      randomId: () => 1 + Math.floor(this.#random() * 2 ** 52),
      parse: this.#options.parse ?? parseItems,
      yieldToLoop: () => Promise.resolve(),
    })
    const journal = new Journal({
      folder: journalFolder,
      dayKeys,
      appliedSeq: book.appliedSeq(),
      acceptLoss,
      nowMs,
      synchronous: 'OFF',
    })
    book.noteJournalHead(journal.head())
    const readingDatabase = openRecordsReadonly(join(folder, 'records.db'))
    const readingVault = new Vault(vaultPath, TEST_MASTER_KEY, { readonly: true })
    return { database, vault, journal, journalReader, mark, book, readingDatabase, readingVault }
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { database, vault, journal, journalReader, mark, readingDatabase, readingVault } = this.#parts
    readingDatabase.close()
    readingVault.close()
    journalReader.close()
    journal.close()
    database.rollback()
    database.close()
    mark.close()
    vault.close()
  }

  #views(): Views {
    const { readingDatabase, readingVault } = this.#parts
    return new Views(readingDatabase, readingVault, (_channel, type, raw) => ({ [type]: raw[type] }))
  }

  #bringDayKey(atMs: number): void {
    if (this.journal.hasKeyFor(atMs)) return
    const day = dayOf(atMs)
    this.journal.addKey(day, this.vault.namedKey(dayKeyName(day)))
    this.vault.commit()
  }
}

export function openTestBook(options: TestBookOptions = {}): TestBook {
  return new TestBook(new FakeClock(), options)
}

function parseItems(entry: Entry): InboundItem[] {
  const items: unknown = JSON.parse(new TextDecoder().decode(entry.body))
  if (!Array.isArray(items)) throw new Error('No list of items')
  return items as InboundItem[]
}
