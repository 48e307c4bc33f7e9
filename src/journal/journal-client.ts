import type { Clock } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { Failure } from '../core/failure.ts'
import { Thread } from '../storage/thread.ts'
import { dayOf, type NewEntry } from './entry.ts'
import type { JournalOptions } from './journal.ts'
import type { JournalAnswers, JournalRefusal, Overwrite } from './journal-thread.ts'
import { type Packed, pack } from './packed.ts'

/** One group commit: large enough that the fsync is shared widely, small enough to be answered soon. */
const BATCH_ENTRIES_MAX = 2048
const BATCH_BYTES_MAX = 8 * 1024 * 1024
/** What may wait for the next commit. Beyond it the platform is asked to come again (503). */
const WAITING_ENTRIES_MAX = 20_000
const WAITING_BYTES_MAX = 64 * 1024 * 1024
/** Pause before a full disk is tried again. */
const FULL_RETRY_MS = 1000

interface Waiting {
  entry: NewEntry
  resolve(seq: number): void
  reject(error: unknown): void
}

export interface JournalClientOptions {
  /** The program of the thread. */
  thread: URL
  clock: Clock
  /** Called after each commit with what is now durable. */
  onAppended(first: number, packed: Packed, commitMs: number): void
  /** Called where an entry was refused because too much waits already. */
  onOverflow(): void
  /** The key of a day that has begun. */
  dayKey(nowMs: number): Promise<{ day: string; key: Uint8Array }>
  onFailure(error: Error): void
}

/**
 * The main thread's side of the journal. One commit is under way at a time; what arrives meanwhile is the next batch,
 * so the batch size follows the disk's speed by itself.
 */
export class JournalClient {
  readonly #options: JournalClientOptions
  readonly #thread: Thread<JournalAnswers>
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #scheduled = false
  #busy = false
  #waitUntilMs = 0
  #isLocked = false
  #failed = false
  #keyDay = ''
  #idle: (() => void)[] = []

  constructor(options: JournalClientOptions) {
    this.#options = options
    this.#thread = new Thread<JournalAnswers>(new Worker(options.thread), {
      onNotice: () => {},
      onFailure: options.onFailure,
    })
  }

  /** Opens the journal and answers its head. Throws `JournalDamaged`'s message where entries are missing. */
  async open(options: JournalOptions): Promise<number> {
    this.#keyDay = dayOf(options.nowMs)
    return await this.#thread.ask('open', options).catch((refusal: JournalRefusal) => {
      throw new Error(refusal.message)
    })
  }

  /** Whether the last commit was refused for want of space, or because another program holds the database. */
  isWaiting(): boolean {
    return this.#options.clock.monoMs() < this.#waitUntilMs
  }

  /** Whether it is not space that is waited for. */
  isLocked(): boolean {
    return this.isWaiting() && this.#isLocked
  }

  /** Resolves with the entry's sequence once it is on stable storage. */
  append(entry: NewEntry): Promise<number> {
    const isOver =
      this.#waiting.length >= WAITING_ENTRIES_MAX || this.#waitingBytes + entry.body.length > WAITING_BYTES_MAX
    if (isOver) this.#options.onOverflow()
    if (isOver || this.#failed || this.isWaiting()) {
      return Promise.reject(new Failure('unavailable', 'The journal cannot take more now: send again later'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject })
      this.#waitingBytes += entry.body.length
      this.#schedule()
    })
  }

  /** Opens the file of this moment's day where it has changed: the day before is written to no more. */
  async roll(): Promise<void> {
    const nowMs = this.#options.clock.epochMs()
    await this.#bringKey(nowMs)
    await this.#answered(this.#thread.ask('roll', nowMs))
  }

  /** Puts other bodies in the place of entries that are applied; answers the tags by which those are known. */
  overwrite(overwrite: Overwrite): Promise<{ seq: number; tag: Uint8Array }[]> {
    return this.#answered(this.#thread.ask('overwrite', overwrite))
  }

  /** Takes the files of days from the disk, whose keys are destroyed. */
  unlink(days: readonly string[]): Promise<void> {
    return this.#answered(this.#thread.ask('unlink', days))
  }

  /** Whether the thread is there; it learns that this one is. */
  ping(): Promise<number | null> {
    return this.#thread.ping()
  }

  beat(): void {
    this.#thread.beat()
  }

  /** `PRAGMA synchronous` of the day's file. */
  synchronous(): Promise<number> {
    return this.#answered(this.#thread.ask('synchronous'))
  }

  /** Waits for what was appended, then closes the file and the thread. */
  async close(): Promise<void> {
    if (this.#busy || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    await this.#thread.ask('close')
    await this.#thread.closed()
  }

  /** What came in during one turn of the loop goes into one commit. */
  #schedule(): void {
    if (this.#scheduled || this.#busy) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#commit()
    })
  }

  async #commit(): Promise<void> {
    this.#busy = true
    const batch = this.#nextBatch()
    try {
      const nowMs = this.#options.clock.epochMs()
      await this.#bringKey(nowMs)
      const packed = pack(batch.map(({ entry }) => entry))
      const done = await this.#thread.ask('append', { packed, nowMs }, [packed.bytes.buffer])
      crashPoint('journal.before_answers')
      for (const [index, waiting] of batch.entries()) waiting.resolve(done.first + index)
      this.#options.onAppended(done.first, done.packed, done.commitMs)
    } catch (refusal) {
      this.#refuse(batch, refusal as JournalRefusal)
    }
    this.#busy = false
    if (this.#waiting.length > 0) this.#schedule()
    else for (const resolve of this.#idle.splice(0)) resolve()
  }

  #nextBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { entry } of this.#waiting) {
      if (count > 0 && (count >= BATCH_ENTRIES_MAX || bytes + entry.body.length > BATCH_BYTES_MAX)) break
      bytes += entry.body.length
      count++
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }

  async #bringKey(nowMs: number): Promise<void> {
    const day = dayOf(nowMs)
    if (day <= this.#keyDay) return
    this.#thread.tell('addKey', await this.#options.dayKey(nowMs))
    this.#keyDay = day
  }

  async #answered<T>(answer: Promise<T>): Promise<T> {
    return await answer.catch((refusal: unknown) => {
      this.#refuse([], refusal as JournalRefusal)
      return Promise.reject(new Failure('unavailable', 'The journal could not be changed: try again later'))
    })
  }

  /** A full disk is waited for; any other failed commit ends the process, since a failed fsync may not be repeated. */
  #refuse(batch: Waiting[], refusal: JournalRefusal): void {
    for (const { reject } of batch)
      reject(new Failure('unavailable', 'The journal could not store it: send again later'))
    if (refusal.kind === 'full' || refusal.kind === 'busy') {
      this.#waitUntilMs = this.#options.clock.monoMs() + FULL_RETRY_MS
      this.#isLocked = refusal.kind === 'busy'
    } else this.#fail(new Error(`The journal failed: ${refusal.message ?? String(refusal)}`))
  }

  /** Nothing is committed any more, not even what waits: a failed fsync may have lost it, and the process ends. */
  #fail(error: Error): void {
    this.#failed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new Failure('unavailable', 'The journal has failed'))
    this.#waitingBytes = 0
    this.#options.onFailure(error)
  }
}
