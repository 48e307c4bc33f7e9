import { type Clock, HOUR_MS } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import type { Log } from '../core/log.ts'
import type { RecordTime } from '../core/record-time.ts'
import { purgeEvents } from '../records/event-retention.ts'
import type { Ask } from '../records/inputs.ts'
import { purgeQuarantine } from '../records/quarantine.ts'
import { purgeIdempotency } from '../records/queue-message.ts'
import type { Duty, Reader } from '../records/reader.ts'
import { endDoubt } from '../records/send-message.ts'
import type { Wake } from '../records/tx.ts'

/** Duties fired at once; after a downtime the rest follows in due order, so that nothing else has to wait. */
const FIRED_MAX = 100
/** The longest sleep: the wall clock may be set while we sleep. */
const SLEEP_MS_MAX = 60_000
/** Pause after a duty that could not be fulfilled: it is still due. */
const AFTER_FAILURE_MS = 1000
const HOUSEKEEPING_MS = HOUR_MS
/** The first time comes sooner: a house that is restarted every hour keeps house too. */
const FIRST_HOUSEKEEPING_MS = 600_000
/** Rows that one purge takes: more rows, another input, so that nobody waits long. */
const PURGE_BATCH = 500

export interface DutiesDependencies {
  clock: Clock
  time: RecordTime
  log: Log
  ask: Ask
  reader: Reader
  /** Resolves once what the outside has said until now is applied. */
  caughtUp(): Promise<void>
  /** How long events can be resumed from, as the operator has it now. */
  eventsKeepMs(): number
  /** More that is done every hour. */
  keepHouse(): Promise<void>
}

/** Fires what is due. A firing carries its duty's term; the book drops it if the term has moved on. */
export class Duties {
  readonly #deps: DutiesDependencies
  #cancelTimer: (() => void) | undefined
  #cancelHousekeeping: (() => void) | undefined
  #firing = false
  #stopped = true

  constructor(deps: DutiesDependencies) {
    this.#deps = deps
  }

  start(): void {
    this.#stopped = false
    this.#schedule(0)
    this.#cancelHousekeeping = this.#deps.clock.after(FIRST_HOUSEKEEPING_MS, () => void this.#keepHouse())
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#cancelHousekeeping?.()
  }

  hear(wakes: readonly Wake[]): void {
    if (wakes.some((wake) => wake.kind === 'duty')) this.#schedule(this.#sleepMs())
  }

  #sleepMs(): number {
    const nextAtMs = this.#deps.reader.nextDutyAtMs()
    return nextAtMs === undefined ? SLEEP_MS_MAX : Math.max(0, this.#deps.time.untilMs(nextAtMs))
  }

  #schedule(delayMs: number): void {
    if (this.#stopped || this.#firing) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#deps.clock.after(Math.min(delayMs, SLEEP_MS_MAX), () => void this.#fire())
  }

  async #fire(): Promise<void> {
    this.#firing = true
    let hasFailed = false
    try {
      // What waits in the journal may settle a duty: a status that says a message has arrived, and it is not sent again.
      await this.#deps.caughtUp()
      if (this.#stopped) return
      for (const duty of this.#deps.reader.dutiesDue(this.#deps.time.nowMs(), FIRED_MAX)) {
        crashPoint('reaction.before')
        hasFailed = !(await this.#tryTo(duty)) || hasFailed
      }
    } catch (error) {
      this.#note(error)
      hasFailed = true
    }
    this.#firing = false
    this.#schedule(Math.max(this.#sleepMs(), hasFailed ? AFTER_FAILURE_MS : 0))
  }

  /** One that fails stays due and does not keep the others from being fulfilled. */
  async #tryTo(duty: Duty): Promise<boolean> {
    try {
      await this.#fulfil(duty)
      return true
    } catch (error) {
      this.#note(error)
      return false
    }
  }

  #note(error: unknown): void {
    this.#deps.log.error('duty failed', { error: error instanceof Error ? error.name : 'unknown' })
  }

  async #fulfil(duty: Duty): Promise<void> {
    // A kind of a later version stays due: this one cannot know what it means.
    if (duty.kind !== 'doubt.ends') throw new Error('A duty of an unknown kind')
    await this.#deps.ask(endDoubt, { messageId: duty.subject, term: duty.term })
  }

  async #keepHouse(): Promise<void> {
    const { ask, clock, eventsKeepMs } = this.#deps
    try {
      while (!this.#stopped && (await ask(purgeIdempotency, null)).purged === PURGE_BATCH);
      while (!this.#stopped && (await ask(purgeQuarantine, null)).purged === PURGE_BATCH);
      const beforeMs = clock.epochMs() - eventsKeepMs()
      while (!this.#stopped && (await ask(purgeEvents, { beforeMs })).purged === PURGE_BATCH);
      if (!this.#stopped) await this.#deps.keepHouse()
    } catch (error) {
      this.#deps.log.error('housekeeping failed', { error: error instanceof Error ? error.name : 'unknown' })
    }
    if (!this.#stopped) this.#cancelHousekeeping = clock.after(HOUSEKEEPING_MS, () => void this.#keepHouse())
  }
}
