import { type Clock, pause } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import { ErasureReader } from '../records/erasure-reader.ts'
import type { ClockTrust } from './clock-trust.ts'
import { Eraser } from './erasure.ts'
import type { House } from './house.ts'
import type { SearchClient } from './search-client.ts'

/** How often it is looked whether files are out of the folder. */
const FILES_POLL_MS = 50

export interface DestructionDependencies {
  house: House
  clock: Clock
  log: Log
  clockTrust: ClockTrust
  scanThread: URL
  search(): SearchClient | undefined
  /** The copies that are kept elsewhere. */
  copies: {
    endDays(days: readonly string[]): Promise<void>
    learnMaster(next: Uint8Array): Promise<void>
    /** Somebody was erased. */
    keepLedger(): Promise<void>
  }
  /** Whoever keeps events in memory forgets them. */
  forgetEvents(): void
  /** Whether files are being removed: not while the house ends. */
  isServing(): boolean
  metrics: { erasure(state: 'begun' | 'done'): void; daysEnded(count: number): void }
}

/** What is taken away for good: people, and the journal of days whose time is over. */
export class Destruction {
  readonly eraser: Eraser
  readonly #deps: DestructionDependencies
  #isChangingKey = false

  constructor(deps: DestructionDependencies) {
    this.#deps = deps
    const { house, clock, log, scanThread, forgetEvents, metrics } = deps
    const erasures = new ErasureReader(house.records())
    this.eraser = new Eraser({
      house,
      clock,
      log,
      scanThread,
      forget: forgetEvents,
      eraseFromSearch: async (task) => {
        const { contactIds, conversationIds, persons } = task
        await deps.search()?.erasePerson({ contactIds, conversationIds, messageIds: [], persons })
      },
      filesRemoved: async () => {
        if (erasures.hasFilesToRemove()) log.debug('an erasure waits for its files to be removed')
        while (erasures.hasFilesToRemove() && deps.isServing()) await pause(clock, FILES_POLL_MS)
        return !erasures.hasFilesToRemove()
      },
      onState: (state) => {
        metrics.erasure(state)
        if (state === 'done') void deps.copies.keepLedger()
      },
    })
  }

  /** What is destroyed by date waits for a clock that can be believed. */
  async endJournalDays(): Promise<void> {
    const { house, log, clockTrust, metrics } = this.#deps
    if (!clockTrust.isTrusted()) {
      log.warn('journal days are kept: the clock is not confirmed')
      return
    }
    const days = await house.endJournalDays()
    if (days.length === 0) return
    await this.#deps.copies.endDays(days)
    metrics.daysEnded(days.length)
    log.info('journal days ended', { count: days.length })
  }

  /** One at a time: of two, each would be told that its key holds, and the vault would open with one of them. */
  async changeMasterKey(next: Uint8Array): Promise<void> {
    const { house, search, copies } = this.#deps
    if (this.#isChangingKey) throw new Failure('conflict', 'The master key is being changed already: wait for its end')
    this.#isChangingKey = true
    try {
      await house.changeMasterKey(next, async (key) => await search()?.learnMaster(key))
      await copies.learnMaster(next)
    } finally {
      this.#isChangingKey = false
    }
    this.#deps.log.info('master key changed')
  }
}
