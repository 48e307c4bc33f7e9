import { AuditNotes } from '../compliance/audit-notes.ts'
import { AuditWatch } from '../compliance/audit-watch.ts'
import { yieldToLoop } from '../core/clock.ts'
import { AuditReader } from '../records/audit-reader.ts'
import type { Wake } from '../records/tx.ts'
import type { Base } from './base.ts'

/** Who did and saw what: its reader, what is on its way into it, and what looks after it. */
export class AuditParts {
  readonly reader: AuditReader
  readonly notes: AuditNotes
  readonly #watch: AuditWatch
  readonly #base: Base

  constructor(base: Base) {
    const { house, options, metrics } = base
    this.#base = base
    this.reader = new AuditReader(house.records(), () => house.vault())
    this.notes = new AuditNotes({
      clock: options.clock,
      ask: house.book.ask,
      hasOpenMinutes: (nowMs) => this.reader.hasOpenMinutes(nowMs),
      overflow: (count) => metrics.overflows.add(count, { queue: 'audit' }),
    })
    this.#watch = new AuditWatch({
      clock: options.clock,
      log: options.log,
      reader: this.reader,
      vault: () => house.vault(),
      dataDir: options.config.dataDir,
      giveWay: yieldToLoop,
      chainIs: (ok) => metrics.auditChainOk.set(ok ? 1 : 0),
    })
  }

  start(): void {
    this.#base.metrics.auditChainOk.set(1)
    this.notes.start()
    this.#watch.start()
  }

  hear(wakes: readonly Wake[]): void {
    for (const wake of wakes) {
      if (wake.kind !== 'audited') continue
      for (const [action, count] of Object.entries(wake.counts)) this.#base.metrics.auditRows.add(count, { action })
    }
    this.#watch.hear(wakes)
  }

  /** What waits is written first. */
  async stop(): Promise<void> {
    await this.#watch.stop()
    await this.notes.stop()
  }
}
