import { type Clock, MINUTE_MS } from '../core/clock.ts'
import { type Actor, MAIN_WORKSPACE } from '../core/principal.ts'
import type { AuditNote } from '../records/audit.ts'
import { noteAudit } from '../records/audit-acts.ts'
import type { Ask } from '../records/inputs.ts'

/** What was looked at is in the audit at the latest so long afterwards: a kill may lose this much of it. */
const FLUSH_MS = 500
const WAITING_MAX = 10_000
/** Notes of one commit. */
const BATCH_MAX = 1000
/** Who looked at what in this minute; beyond it some are noted again. */
const REMEMBERED_MAX = 50_000

/** What the house says of itself. */
const HOUSE: Actor = { id: 'house', by: 'command', workspaceId: MAIN_WORKSPACE, personId: null }

export interface AuditNotesDependencies {
  clock: Clock
  ask: Ask
  /** Whether something was counted in minutes that are over and is no row yet. */
  hasOpenMinutes(nowMs: number): boolean
  /** Notes were dropped because too many waited. */
  overflow(count: number): void
}

/**
 * Who looked at what, on its way into the audit: nobody waits for it. The same of the same is noted once a minute, and
 * what comes within half a second is one commit.
 */
export class AuditNotes {
  readonly #deps: AuditNotesDependencies
  #waiting: AuditNote[] = []
  #lost = 0
  #minute = 0
  readonly #known = new Set<string>()
  #cancel: (() => void) | undefined
  #cancelMinute: (() => void) | undefined
  #flushing: Promise<void> | undefined
  #stopped = false

  constructor(deps: AuditNotesDependencies) {
    this.#deps = deps
  }

  start(): void {
    this.#cancelMinute = this.#deps.clock.after(MINUTE_MS, () => {
      if (this.#deps.hasOpenMinutes(this.#deps.clock.epochMs()))
        this.#deps.ask(noteAudit, { notes: [] }).catch(() => {})
      this.start()
    })
  }

  /** Notes that somebody looked at something, took it out of the house, or was refused. */
  note(note: AuditNote): void {
    if (this.#stopped || this.#isKnown(note)) return
    if (this.#waiting.length >= WAITING_MAX) {
      this.#lost += 1
      this.#deps.overflow(1)
      return
    }
    this.#waiting.push(note)
    this.#cancel ??= this.#deps.clock.after(FLUSH_MS, () => void this.flush())
  }

  /** Gives what waits to the book; what it cannot take now waits on. */
  flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#waiting.length === 0 || this.#stopped) return
      this.#cancel ??= this.#deps.clock.after(FLUSH_MS, () => void this.flush())
    })
    return this.#flushing
  }

  /** Everything that waits is in the audit when this resolves, where the book takes it. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    this.#cancelMinute?.()
    await this.#flushing
    await this.#flush()
  }

  async #flush(): Promise<void> {
    this.#sayLost()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH_MAX)
      try {
        await this.#deps.ask(noteAudit, { notes: batch })
      } catch {
        return
      }
      this.#waiting.splice(0, batch.length)
    }
  }

  #sayLost(): void {
    if (this.#lost === 0) return
    const note = { by: HOUSE, action: 'audit.overflow', object: null, outcome: 'done', times: this.#lost }
    this.#waiting.splice(Math.min(this.#waiting.length, BATCH_MAX - 1), 0, note)
    this.#lost = 0
  }

  #isKnown({ by, action, object, outcome, detail }: AuditNote): boolean {
    const minute = Math.floor(this.#deps.clock.epochMs() / MINUTE_MS)
    if (minute !== this.#minute || this.#known.size >= REMEMBERED_MAX) this.#known.clear()
    this.#minute = minute
    const name = JSON.stringify([by.id, by.workspaceId, action, object, outcome, detail ?? null])
    if (this.#known.has(name)) return true
    this.#known.add(name)
    return false
  }
}
