import { crashPoint } from '../core/crash-point.ts'
import { Failure, failureFrom } from '../core/failure.ts'
import { type Actor, actorOf } from '../core/principal.ts'
import { dayOf } from '../journal/entry.ts'
import type { Packed } from '../journal/packed.ts'
import type { Answer, Commit } from '../records/book.ts'
import type { Ask } from '../records/inputs.ts'
import type { Input } from '../records/tx.ts'
import { Thread } from '../storage/thread.ts'
import type { LedgerCut } from '../vault/erasure-ledger.ts'
import type { BookAnswers, BookNotice, DestroyDays, DestroyPersons, OpenBook, OpenedBook } from './book-thread.ts'

interface Waiter {
  resolve(value: unknown): void
  reject(error: unknown): void
}

export interface BookClientOptions {
  /** The program of the thread. */
  thread: URL
  /** Called after each commit, before the answers of its commands are given: reactors hear first. */
  onCommit(commit: Commit): void
  /** A command was refused because too many wait. */
  onOverflow(): void
  onFailure(error: Error): void
}

/** The main thread's side of the book. Nothing it answers or tells was not durable before. */
export class BookClient {
  readonly #options: BookClientOptions
  readonly #thread: Thread<BookAnswers>
  readonly #waiting = new Map<number, Waiter>()
  #nextId = 1
  #failed: Error | undefined

  constructor(options: BookClientOptions) {
    this.#options = options
    this.#thread = new Thread<BookAnswers>(new Worker(options.thread), {
      onNotice: (notice) => this.#hear(notice as BookNotice),
      onFailure: (error) => this.#fail(error),
    })
  }

  async open(ask: OpenBook): Promise<OpenedBook> {
    return await this.#thread.ask('open', ask).catch((message: unknown) => {
      throw new Error(String(message))
    })
  }

  /** Asks for a change. Resolves after the commit; rejects with the `Failure` that refused it. */
  readonly ask: Ask = <Args, Result>(command: Input<Args, Result>, args: Args, by?: Actor): Promise<Result> => {
    if (this.#failed) return Promise.reject(this.#failed)
    const id = this.#nextId++
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#thread.tell('command', { id, name: command.name, args, ...(by ? { by: actorOf(by) } : {}) })
    })
  }

  /** Hands over what the journal has committed. */
  offer(first: number, packed: Packed): void {
    this.#thread.tell('entries', { first, packed }, [packed.bytes.buffer])
  }

  noteJournalHead(seq: number): void {
    this.#thread.tell('journalHead', seq)
  }

  async dayKey(nowMs: number): Promise<{ day: string; key: Uint8Array }> {
    const day = dayOf(nowMs)
    return { day, key: await this.#thread.ask('dayKey', day) }
  }

  /** `PRAGMA synchronous` of what its thread writes. */
  synchronous(): Promise<{ records: number; vault: number }> {
    return this.#thread.ask('synchronous')
  }

  /** Destroys the keys of the journal's days whose time is over; answers which days. */
  destroyDays(ask: DestroyDays): Promise<string[]> {
    return this.#thread.ask('destroyDays', ask)
  }

  /** Notes persons in the ledger and destroys their keys; durable when this resolves. */
  destroyPersons(ask: DestroyPersons): Promise<void> {
    return this.#thread.ask('destroyPersons', ask)
  }

  /** Notes in the ledger what is about to be cut out of the journal. */
  noteCuts(cuts: readonly LedgerCut[]): Promise<void> {
    return this.#thread.ask('noteCuts', cuts)
  }

  /** Notes in the ledger that an erasure is done. */
  noteErased(done: { erasureId: number; atMs: number; reportHash: Uint8Array }): Promise<void> {
    return this.#thread.ask('noteErased', done)
  }

  /** Takes old pages out of the logs of the records and the vault; false where a reader was in the way. */
  truncateLogs(): Promise<boolean> {
    return this.#thread.ask('truncateLogs')
  }

  /** Wraps every key by another master key, in pieces between which everything else goes on. */
  async rotateMasterKey(next: Uint8Array): Promise<void> {
    await this.#rotate(next).catch(async (message: unknown) => {
      await this.#thread.ask('cancelRotation').catch(() => {})
      return Promise.reject(new Failure('conflict', String(message)))
    })
  }

  async #rotate(next: Uint8Array): Promise<void> {
    await this.#thread.ask('beginRotation', next)
    while (!(await this.#thread.ask('rotateSome')));
    await this.#thread.ask('finishRotation')
  }

  /** Whether the thread is there. */
  ping(): Promise<number | null> {
    return this.#thread.ping()
  }

  async close(): Promise<void> {
    if (this.#failed) return
    await this.#thread.ask('close')
    await this.#thread.closed()
  }

  #hear(notice: BookNotice): void {
    if (notice.kind === 'refused') {
      this.#options.onOverflow()
      this.#take(notice.id)?.reject(new Failure('unavailable', 'Too many commands wait: try again later'))
      return
    }
    crashPoint('book.before_hearing')
    this.#options.onCommit(notice.commit)
    crashPoint('book.before_answers')
    for (const answer of notice.commit.answers) this.#give(answer)
  }

  #give(answer: Answer): void {
    const waiter = this.#take(answer.id)
    if ('failure' in answer) waiter?.reject(failureFrom(answer.failure))
    else waiter?.resolve(answer.value)
  }

  #take(id: number): Waiter | undefined {
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiter
  }

  #fail(error: Error): void {
    this.#failed = error
    for (const waiter of this.#waiting.values()) waiter.reject(new Failure('unavailable', 'The book has stopped'))
    this.#waiting.clear()
    this.#options.onFailure(error)
  }
}
