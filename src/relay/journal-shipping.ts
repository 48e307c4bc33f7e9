import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { Thread } from '../storage/thread.ts'
import type { OpenShip, ShipNotice } from './ship-thread.ts'

/** After commits the thread is woken at most this often: what comes in meanwhile is shipped together. */
const WAKE_MS = 100
/** Commits that are remembered one by one while the second place is behind; newer ones are joined. */
const MARKS_MAX = 1_000
/** The same fault is said again after this long. */
const SAID_AGAIN_MS = 60_000

export interface JournalShippingOptions {
  thread: URL
  clock: Clock
  log: Log
  onFault(): void
}

/** How far the second place is. */
export interface ShippingState {
  /** Age of the oldest entry that is not there. */
  lagMs: number
  /** The last sequence that is there. */
  shippedSeq: number
  /** What is in the way, as the name of an error; null where nothing is. */
  fault: string | null
}

/**
 * The main thread's side of the journal's second place. Nothing that happens to it stops what comes in: it is behind then,
 * and says so.
 */
export class JournalShipping {
  readonly #options: JournalShippingOptions
  readonly #thread: Thread
  #marks: { seq: number; atMs: number }[] = []
  #shippedSeq = 0
  #fault: string | null = null
  #saidAtMs = Number.NEGATIVE_INFINITY
  #cancelWake: (() => void) | undefined
  #hasFailed = false
  #isOpen = false

  constructor(options: JournalShippingOptions) {
    this.#options = options
    this.#thread = new Thread(new Worker(options.thread), {
      onNotice: (notice) => this.#hear(notice as ShipNotice),
      onFailure: () => {
        this.#hasFailed = true
        this.#note('thread')
      },
    })
  }

  /** `headSeq`: the journal's end, up to which everything is to be shipped. */
  async open(ask: OpenShip, headSeq: number): Promise<void> {
    this.#mark(headSeq)
    try {
      await this.#thread.ask('open', ask)
      this.#isOpen = true
    } catch (error) {
      this.#hasFailed = true
      this.#note(error instanceof Error ? error.name : 'open')
      this.#thread.tell('close', null)
    }
  }

  /** After a commit of the journal. */
  noteAppended(lastSeq: number): void {
    this.#mark(lastSeq)
    if (this.#hasFailed || !this.#isOpen) return
    this.#cancelWake ??= this.#options.clock.after(WAKE_MS, () => {
      this.#cancelWake = undefined
      this.#thread.tell('wake', null)
    })
  }

  state(): ShippingState {
    const oldest = this.#marks[0]
    const lagMs = oldest ? this.#options.clock.monoMs() - oldest.atMs : 0
    return { lagMs, shippedSeq: this.#shippedSeq, fault: this.#fault }
  }

  /** Days whose keys are destroyed in the house die in the second place too. */
  async endDays(days: readonly string[]): Promise<void> {
    if (days.length > 0 && this.#canAsk()) await this.#thread.ask('end_days', days).catch(() => {})
  }

  async learnMaster(next: Uint8Array): Promise<void> {
    if (this.#canAsk()) await this.#thread.ask('learn_master', next).catch(() => {})
  }

  /** Ships what there is, as far as the second place takes it. */
  async close(): Promise<void> {
    this.#cancelWake?.()
    if (!this.#canAsk()) return
    this.#thread.tell('wake', null)
    await this.#thread.ask('close', null).catch(() => {})
    if (!this.#hasFailed) await this.#thread.closed()
  }

  #canAsk(): boolean {
    return this.#isOpen && !this.#hasFailed
  }

  #mark(seq: number): void {
    const newest = this.#marks.at(-1)
    if (seq <= this.#shippedSeq || seq === newest?.seq) return
    if (newest && this.#marks.length >= MARKS_MAX) newest.seq = seq
    else this.#marks.push({ seq, atMs: this.#options.clock.monoMs() })
  }

  #hear(notice: ShipNotice): void {
    if (notice.kind === 'fault') return this.#note(notice.fault)
    if (this.#fault !== null) this.#options.log.info('journal is shipped again', { seq: notice.seq })
    this.#fault = null
    this.#shippedSeq = notice.seq
    const left = this.#marks.findIndex((mark) => mark.seq > notice.seq)
    this.#marks.splice(0, left === -1 ? this.#marks.length : left)
  }

  #note(fault: string): void {
    const { clock, log, onFault } = this.#options
    const isNew = this.#fault !== fault || clock.monoMs() - this.#saidAtMs >= SAID_AGAIN_MS
    this.#fault = fault
    onFault()
    if (!isNew) return
    this.#saidAtMs = clock.monoMs()
    log.error('journal is not shipped', { error: fault.slice(0, 50) })
  }
}
