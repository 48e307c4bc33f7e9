import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { Thread } from '../storage/thread.ts'
import type { OpenShip, ShipAnswers, ShipNotice } from './ship-thread.ts'

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
  dataDir: string
  masterKey: Uint8Array
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
  #masterKey: Uint8Array
  #headSeq = 0
  #folder: string | undefined
  /** There while the journal has a second place, unless it has failed. */
  #thread: Thread<ShipAnswers> | undefined
  #marks: { seq: number; atMs: number }[] = []
  #shippedSeq = 0
  #fault: string | null = null
  #saidAtMs = Number.NEGATIVE_INFINITY
  #cancelWake: (() => void) | undefined
  #isClosed = false
  /** Changes of the place, one after the other. */
  #last: Promise<void> = Promise.resolve()

  constructor(options: JournalShippingOptions) {
    this.#options = options
    this.#masterKey = options.masterKey
  }

  /**
   * Ships to this folder from now on, or, where it is undefined, to none. What the journal has and the folder has not is
   * shipped first; the one before gets what there is, as far as it takes it.
   */
  follow(folder: string | undefined): Promise<void> {
    this.#last = this.#last.then(() => this.#move(folder))
    return this.#last
  }

  /** After a commit of the journal, and once for what it has at the start. */
  noteAppended(lastSeq: number): void {
    this.#headSeq = Math.max(this.#headSeq, lastSeq)
    if (this.#folder === undefined) return
    this.#mark(lastSeq)
    if (!this.#thread) return
    this.#cancelWake ??= this.#options.clock.after(WAKE_MS, () => {
      this.#cancelWake = undefined
      this.#thread?.tell('wake')
    })
  }

  /** Null where the journal has no second place. */
  state(): ShippingState | null {
    if (this.#folder === undefined) return null
    const oldest = this.#marks[0]
    const lagMs = oldest ? this.#options.clock.monoMs() - oldest.atMs : 0
    return { lagMs, shippedSeq: this.#shippedSeq, fault: this.#fault }
  }

  /** Days whose keys are destroyed in the house die in the second place too. */
  async endDays(days: readonly string[]): Promise<void> {
    if (days.length > 0) await this.#thread?.ask('endDays', days).catch(() => {})
  }

  async learnMaster(next: Uint8Array): Promise<void> {
    this.#masterKey = next
    await this.#thread?.ask('learnMaster', next).catch(() => {})
  }

  /** Ships what there is, as far as the second place takes it. */
  async close(): Promise<void> {
    const left = this.follow(undefined)
    this.#isClosed = true
    await left
  }

  async #move(folder: string | undefined): Promise<void> {
    if (folder === this.#folder || (this.#isClosed && folder !== undefined)) return
    await this.#leave()
    this.#folder = folder
    if (folder === undefined) return
    this.#mark(this.#headSeq)
    const { dataDir } = this.#options
    const thread = this.#begin()
    const ask: OpenShip = { dataDir, folder, masterKey: this.#masterKey }
    try {
      await thread.ask('open', ask)
    } catch (error) {
      thread.tell('close')
      this.#lose(thread, error instanceof Error ? error.name : 'open')
    }
  }

  #begin(): Thread<ShipAnswers> {
    const thread = new Thread<ShipAnswers>(new Worker(this.#options.thread), {
      onNotice: (notice) => this.#hear(notice as ShipNotice),
      onFailure: () => this.#lose(thread, 'thread'),
    })
    this.#thread = thread
    return thread
  }

  /** Without its thread the second place only falls behind, until the next start or another place. */
  #lose(thread: Thread<ShipAnswers>, fault: string): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    this.#note(fault)
  }

  async #leave(): Promise<void> {
    this.#cancelWake?.()
    this.#cancelWake = undefined
    const thread = this.#thread
    if (thread) {
      thread.tell('wake')
      await thread.ask('close').then(
        () => thread.closed(),
        () => {},
      )
    }
    this.#thread = undefined
    this.#folder = undefined
    this.#marks = []
    this.#shippedSeq = 0
    this.#fault = null
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
