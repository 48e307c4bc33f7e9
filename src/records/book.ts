import { must } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { Failure, type FailureData, failureData, nameOfError } from '../core/failure.ts'
import type { InboundItem } from '../core/inbound.ts'
import type { Actor } from '../core/principal.ts'
import type { RecordTime } from '../core/record-time.ts'
import type { Entry } from '../journal/entry.ts'
import type { JournalReader } from '../journal/journal-reader.ts'
import { type Db, storageFault } from '../storage/database.ts'
import type { HighWaterMark } from '../storage/high-water.ts'
import type { Vault } from '../vault/vault.ts'
import { auditDone, auditRefused } from './audit-acts.ts'
import { COMMANDS } from './inputs.ts'
import { ItemCursor } from './item-cursor.ts'
import { inputOf } from './items.ts'
import { isLater, LATER_SHARE, LaterLane } from './later-lane.ts'
import { progressOf } from './lost-commits.ts'
import { setAside, WHOLE_BODY } from './quarantine.ts'
import { type Ids, type Input, type InputContext, Tx, type Wake } from './tx.ts'

/** No slice keeps the thread longer: between slices it hears new commands, which go first. */
const SLICE_MS = 5
/**
 * With a backlog, a commit gathers work for at most this long: what came in just after it began waits for two of them,
 * and an entry may wait for 500 ms in all.
 */
const COMMIT_MS_MAX = 200
/** With a backlog, work per commit as a multiple of what the last commit took: the disk is waited for a twelfth of the time. */
const WORK_PER_COMMIT = 12
/** Entries kept in memory on their way from the journal; what is beyond is read from its files. */
const TAIL_BYTES_MAX = 32 * 1024 * 1024
const READ_ENTRIES_MAX = 512
/** Commands that may wait; beyond it the caller is told to come again. */
const COMMANDS_MAX = 20_000
const WAITS: Readonly<Record<string, string>> = {
  full: 'The disk is full: try again when there is space',
  busy: 'Another program holds the database: try again when it has let go',
}
const waitsFor = (fault: string | null) =>
  failureData(new Failure('unavailable', WAITS[fault ?? ''] ?? 'The disk has failed'))

export interface Command {
  id: number
  name: string
  args: unknown
  /** Who asks for it; absent: the house itself, of which the audit says nothing. */
  by?: Actor
}

export type Answer = { id: number; value: unknown } | { id: number; failure: FailureData }

/** What leaves the book after a commit, and only then. */
export interface Commit {
  answers: Answer[]
  wakes: Wake[]
  /** The last event's offset. */
  head: number
  /** The last journal entry wholly applied. */
  appliedSeq: number
  /** Up to here nothing of the journal is needed any more: what is applied later is behind it. */
  doneSeq: number
  /** Inputs in this commit. */
  inputs: number
  /** How long the fsyncs took. */
  commitMs: number
  /** The moment of the last input. */
  lastInputAtMs: number
  /** Set where the disk is full or the database held by another: nothing was committed, and it is to be tried again later. */
  paused: boolean
  /** What is waited for is not space: another program holds the database. */
  isLocked: boolean
}

export interface BookDependencies {
  database: Db
  vault: Vault
  journal: JournalReader
  /** Told after each commit how far the records have come. */
  mark: Pick<HighWaterMark, 'write'>
  clock: Clock
  /** What it says is the moment of an input; learns of the last one of the process before. */
  time: RecordTime
  /** A random positive integer below 2^53. */
  randomId: () => number
  /** Understands a body of a source such as `whatsapp/main`; throws where it is no message of that channel at all. */
  parse: (entry: Entry) => Iterable<InboundItem>
  /** Lets the thread hear what was said to it meanwhile. */
  yieldToLoop: () => Promise<void>
  /** Of the thread's time for what the platform brings of the past; 1: all that is left over. */
  laterShare?: number
}

/** The entry that is being applied. */
interface Current {
  entry: Entry
  cursor: ItemCursor
  /** Whether what was come to has something for the later lane. */
  hasLater: boolean
}

interface House {
  epoch: string
  next_id: number
  event_offset: number
  applied_seq: number
  applied_items: number
  last_input_at: number
}

/** The only writer of the records: applies inputs one after the other, many to a commit. */
export class Book {
  readonly #deps: BookDependencies
  readonly #tx: Tx
  readonly #commands: ReadonlyMap<string, Input<unknown, unknown>>
  #house: House
  #waiting: Command[] = []
  #tail: Entry[] = []
  #tailBytes = 0
  #journalHead = 0
  readonly #later: LaterLane
  #current: Current | undefined
  #lastCommitMs = 0
  #answers: Answer[] = []
  #inputs = 0
  #paused = false

  constructor(deps: BookDependencies) {
    this.#deps = deps
    this.#tx = new Tx(deps.database, deps.vault)
    this.#commands = new Map(COMMANDS.map((command) => [command.name, command as Input<unknown, unknown>]))
    this.#house = readHouse(deps.database)
    deps.time.note(this.#house.last_input_at)
    this.#later = new LaterLane({ ...deps, share: deps.laterShare ?? LATER_SHARE })
  }

  appliedSeq(): number {
    return this.#house.applied_seq
  }

  /** Up to here nothing of the journal is needed any more. */
  doneSeq(): number {
    return Math.min(this.#house.applied_seq, (this.#later.oldestSeq() ?? Number.MAX_SAFE_INTEGER) - 1)
  }

  head(): number {
    return this.#house.event_offset
  }

  epoch(): string {
    return this.#house.epoch
  }

  /** The moment of the last input; 0: there was none. */
  lastInputAtMs(): number {
    return this.#house.last_input_at
  }

  /** Takes a command in; false where too many wait. */
  submit(command: Command): boolean {
    if (this.#waiting.length >= COMMANDS_MAX) return false
    this.#waiting.push(command)
    return true
  }

  /** Takes in what the journal has just committed, so that it need not be read back. */
  offer(entries: Entry[]): void {
    for (const entry of entries) {
      this.#journalHead = Math.max(this.#journalHead, entry.seq)
      if (this.#tailBytes + entry.body.length > TAIL_BYTES_MAX) continue
      const previous = this.#tail.at(-1)
      // A hole behind an overflow: the files have what is missing, and it is read from there.
      if (previous && previous.seq + 1 !== entry.seq) continue
      this.#tail.push(entry)
      this.#tailBytes += entry.body.length
    }
  }

  /** Says how far the journal reaches. */
  noteJournalHead(seq: number): void {
    this.#journalHead = Math.max(this.#journalHead, seq)
  }

  /** A person's key was destroyed: who is remembered may be nobody any more. */
  forgetContacts(): void {
    this.#tx.spoil('contacts')
  }

  hasCommands(): boolean {
    return this.#waiting.length > 0
  }

  /** While the disk is full there is work too: to find out whether it takes a commit again. */
  hasWork(): boolean {
    return this.#paused || this.#hasInputs() || this.#later.isDue()
  }

  /** When there will be work by itself, if nothing comes in; null: there will be none. */
  workInMs(): number | null {
    return this.#later.dueInMs()
  }

  /** Applies what waits and commits it. */
  async work(): Promise<Commit> {
    const before = { ...this.#house }
    const startedMs = this.#deps.clock.monoMs()
    try {
      this.#deps.database.run('BEGIN IMMEDIATE')
      do {
        await this.#slice()
        await this.#deps.yieldToLoop()
      } while (this.#isBusy() && this.#waiting.length === 0 && this.#elapsed(startedMs) < this.#budgetMs())
      await this.#applyCommands(this.#deps.clock.monoMs() + SLICE_MS)
      return this.#commit()
    } catch (error) {
      return this.#takeBack(error, before)
    }
  }

  #hasInputs(): boolean {
    return this.#waiting.length > 0 || this.#house.applied_seq < this.#journalHead
  }

  #isBusy(): boolean {
    return this.#hasInputs() || this.#later.isDue()
  }

  #elapsed(sinceMs: number): number {
    return this.#deps.clock.monoMs() - sinceMs
  }

  /**
   * With a backlog a commit carries more where the disk is slow: otherwise five milliseconds of work would wait for each
   * long fsync, and every commit writes the same busy pages again (measured at 15,000 a second: a tenth less work in all
   * than with a factor of 4, and no refusals).
   */
  #budgetMs(): number {
    return Math.min(COMMIT_MS_MAX, Math.max(SLICE_MS, WORK_PER_COMMIT * this.#lastCommitMs))
  }

  async #slice(): Promise<void> {
    const endMs = this.#deps.clock.monoMs() + SLICE_MS
    await this.#applyCommands(endMs)
    while (this.#deps.clock.monoMs() < endMs && this.#waiting.length === 0) {
      if (!(await this.#applyNextItem())) break
    }
    if (this.#waiting.length > 0 || this.#hasInputs()) return
    await this.#later.apply(endMs, (entry, item, index) => this.#applyItem(entry, item, index))
  }

  async #applyCommands(endMs: number): Promise<void> {
    while (this.#waiting.length > 0) {
      const command = must(this.#waiting.shift(), 'the waiting command')
      this.#answers.push(await this.#answer(command))
      if (this.#deps.clock.monoMs() >= endMs) return
    }
  }

  async #answer(command: Command): Promise<Answer> {
    const known = this.#commands.get(command.name)
    if (!known) return { id: command.id, failure: failureData(new Failure('internal', 'No such command')) }
    try {
      return { id: command.id, value: await this.#apply(known, command.args, command.by) }
    } catch (error) {
      if (storageFault(error)) {
        this.#answers.push({ id: command.id, failure: waitsFor(storageFault(error)) })
        throw error
      }
      const failure =
        error instanceof Failure ? error : new Failure('internal', `${command.name} failed: ${kindOf(error)}`)
      if (command.by) await this.#noteRefusal(known, command, failure.code)
      return { id: command.id, failure: failureData(failure) }
    }
  }

  async #noteRefusal(known: Input<unknown, unknown>, { id, args, by }: Command, code: string): Promise<void> {
    try {
      if (by) await auditRefused(this.#tx, known, { args, by, code })
    } catch (error) {
      this.#answers.push({ id, failure: waitsFor(storageFault(error)) })
      throw error
    }
  }

  /** Applies one input between savepoints: a failing one leaves nothing behind. */
  async #apply<Args, Result>(command: Input<Args, Result>, args: Args, by?: Actor): Promise<Result> {
    const { database } = this.#deps
    const mark = this.#tx.mark()
    const context = this.#beginInput(by)
    database.run('SAVEPOINT input')
    try {
      const result = await command.apply(this.#tx, args, context)
      if (by) await auditDone(this.#tx, command, { args, result, by })
      database.run('RELEASE input')
      this.#house.event_offset = this.#tx.offset()
      return result
    } catch (error) {
      if (!storageFault(error)) {
        database.run('ROLLBACK TO input')
        database.run('RELEASE input')
      }
      this.#tx.forget(mark)
      throw error
    }
  }

  #beginInput(by: Actor | null = null): InputContext {
    this.#inputs += 1
    const now = this.#deps.time.nowMs()
    this.#deps.time.note(now)
    this.#house.last_input_at = now
    this.#tx.begin(now, this.#house.event_offset, by)
    return { now, wallMs: this.#deps.time.wallMs(), ids: this.#ids }
  }

  readonly #ids: Ids = {
    next: () => {
      this.#house.next_id += 1
      return this.#house.next_id
    },
    random: () => this.#deps.randomId(),
  }

  /** Applies the next item of the journal; false at its end. */
  async #applyNextItem(): Promise<boolean> {
    this.#current ??= await this.#open()
    if (!this.#current) return false
    const { entry, cursor } = this.#current
    const { item, index } = cursor
    if (item && isLater(item)) this.#current.hasLater = true
    // What is before was applied before a stop.
    if (item && index >= this.#house.applied_items) {
      if (!isLater(item)) await this.#applyItem(entry, item, index)
      this.#house.applied_items = index + 1
    }
    await this.#advance(entry, cursor)
    if (!cursor.item) {
      if (this.#current.hasLater) this.#later.add(entry.seq)
      this.#house.applied_seq = entry.seq
      this.#house.applied_items = 0
      this.#current = undefined
    }
    return true
  }

  /** Where the rest of a body cannot be read, what was read of it stays. */
  async #advance(entry: Entry, cursor: ItemCursor): Promise<void> {
    if (!cursor.item) return
    try {
      cursor.advance()
    } catch (error) {
      await this.#quarantine(entry, WHOLE_BODY, error)
    }
  }

  async #open(): Promise<Current | undefined> {
    const entry = this.#nextEntry()
    if (!entry) return undefined
    try {
      return { entry, cursor: new ItemCursor(this.#deps.parse(entry)), hasLater: false }
    } catch (error) {
      await this.#quarantine(entry, WHOLE_BODY, error)
      return { entry, cursor: new ItemCursor([]), hasLater: false }
    }
  }

  #nextEntry(): Entry | undefined {
    if (this.#house.applied_seq >= this.#journalHead) return undefined
    const wanted = this.#house.applied_seq + 1
    const first = this.#tail[0]
    if (first === undefined || first.seq > wanted) this.#readTail()
    for (;;) {
      const entry = this.#tail.shift()
      if (!entry) return undefined
      this.#tailBytes -= entry.body.length
      if (entry.seq < wanted) continue
      // Behind a loss: the items that were applied belong to an entry that is gone.
      if (entry.seq > wanted) this.#house.applied_items = 0
      return entry
    }
  }

  /** What is read reaches up to the journal's end, so it takes the tail's place. */
  #readTail(): void {
    const { journal } = this.#deps
    this.#tail = journal.read(this.#house.applied_seq, READ_ENTRIES_MAX)
    this.#tailBytes = this.#tail.reduce((sum, entry) => sum + entry.body.length, 0)
    if (this.#tail.length > 0) return
    const accounted = journal.accountedAfter(this.#house.applied_seq)
    if (accounted === this.#house.applied_seq) {
      throw new Error(`The journal is damaged: entry ${accounted + 1} is missing`)
    }
    // An accepted loss at the journal's end: there is nothing to wait for.
    this.#house.applied_seq = accounted
    this.#house.applied_items = 0
  }

  async #applyItem(entry: Entry, item: InboundItem, index: number): Promise<void> {
    try {
      await this.#apply(inputOf(item.kind), { source: entry.source, item, arrivedAtMs: entry.atMs })
    } catch (error) {
      if (storageFault(error)) throw error
      await this.#quarantine(entry, index, error)
    }
  }

  async #quarantine(entry: Entry, item: number, error: unknown): Promise<void> {
    await setAside(this.#tx, { entry, item, reason: kindOf(error) }, this.#beginInput())
  }

  /** The vault first: no row is durable before the key that opens it. */
  #commit(): Commit {
    const { database, vault, clock } = this.#deps
    // The mark beside the records has to rise with every commit that says who did or saw something.
    if (this.#tx.commitAudit()) this.#house.next_id += 1
    writeHouse(database, this.#house)
    const startedMs = clock.monoMs()
    crashPoint('book.before_commit')
    vault.commit()
    crashPoint('book.between_commits')
    if (vault.commits() !== database.commitCount()) database.countCommit(vault.commits())
    database.run('COMMIT')
    crashPoint('book.after_commit')
    this.#deps.mark.write(progressOf(this.#house))
    this.#lastCommitMs = clock.monoMs() - startedMs
    return this.#report(false)
  }

  #report(paused: boolean, isLocked = false): Commit {
    this.#paused = paused
    const commit = {
      answers: this.#answers,
      wakes: this.#tx.takeWakes(),
      head: this.#house.event_offset,
      appliedSeq: this.#house.applied_seq,
      doneSeq: this.doneSeq(),
      inputs: this.#inputs,
      commitMs: this.#lastCommitMs,
      lastInputAtMs: this.#house.last_input_at,
      paused,
      isLocked,
    }
    this.#answers = []
    this.#inputs = 0
    return commit
  }

  /**
   * A full disk and a lock that another program holds are no poison: nothing happened, commands are told, the journal's
   * entries wait. Anything else ends the process.
   */
  #takeBack(error: unknown, before: House): Commit {
    const fault = storageFault(error)
    if (fault !== 'full' && fault !== 'busy') throw error
    this.#deps.database.rollback()
    this.#deps.vault.rollback()
    this.#house = before
    this.#current = undefined
    this.#later.forget()
    this.#tail = []
    this.#tailBytes = 0
    this.#tx.forget({ offset: before.event_offset, wakes: 0 })
    this.#answers = this.#answers.map(({ id }) => ({ id, failure: waitsFor(fault) }))
    return this.#report(true, fault === 'busy')
  }
}

/** What went wrong, in words that hold no data: an error's message may quote what it failed on. */
function kindOf(error: unknown): string {
  const isAssertion = error instanceof Error && error.message.startsWith('Assertion failed: ')
  return isAssertion ? error.message : nameOfError(error)
}

const HOUSE_COLUMNS = 'epoch, next_id, event_offset, applied_seq, applied_items, last_input_at'

function readHouse(database: Db): House {
  return must(database.one<House>(`SELECT ${HOUSE_COLUMNS} FROM house WHERE id = 1`), 'the row of the house')
}

function writeHouse(database: Db, house: House): void {
  database.run(
    `UPDATE house SET next_id = ?1, event_offset = ?2, applied_seq = ?3, applied_items = ?4, last_input_at = ?5 WHERE id = 1`,
    house.next_id,
    house.event_offset,
    house.applied_seq,
    house.applied_items,
    house.last_input_at,
  )
}
