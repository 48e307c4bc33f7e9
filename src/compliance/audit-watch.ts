import { join } from 'node:path'
import { must } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { AuditReader, AuditRoot } from '../records/audit-reader.ts'
import type { Wake } from '../records/tx.ts'
import type { Vault } from '../vault/vault.ts'
import { checkAudit } from './audit-check.ts'
import { AUDIT_ROOTS_FILE, appendRoots, readRoots } from './audit-roots.ts'
import { AUDIT_SIGNATURE_KEY, RootSigner } from './audit-signature.ts'

const CHECK_EVERY_MS = 10 * 60_000
/** The newest rows are looked at again and again; all of them by `gatehouse audit verify`. */
const NEWEST_ROWS = 2000

export interface AuditWatchDependencies {
  clock: Clock
  log: Log
  reader: AuditReader
  vault: () => Vault
  dataDir: string
  giveWay: () => Promise<void>
  /** Whether the newest rows hang together. */
  chainIs(ok: boolean): void
}

/** Keeps the roots of the days, and looks at the newest rows from time to time. */
export class AuditWatch {
  readonly #deps: AuditWatchDependencies
  readonly #path: string
  #lastRoot: AuditRoot | undefined
  #cancel: (() => void) | undefined
  #checking: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(deps: AuditWatchDependencies) {
    this.#deps = deps
    this.#path = join(deps.dataDir, AUDIT_ROOTS_FILE)
  }

  /** Roots of days that ended while no house ran are written now. */
  start(): void {
    this.#lastRoot = this.#rootsInFile().at(-1)
    this.#keepRoots()
    this.#cancel = this.#deps.clock.after(0, () => this.#check())
  }

  hear(wakes: readonly Wake[]): void {
    if (wakes.some((wake) => wake.kind === 'audited' && wake.firstOfDay)) this.#keepRoots()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#checking
  }

  #keepRoots(): void {
    const { reader, clock, log } = this.#deps
    const roots = reader.rootsAfter(this.#lastRoot, clock.epochMs())
    if (roots.length === 0) return
    try {
      const signer = new RootSigner(must(this.#deps.vault().findNamedKey(AUDIT_SIGNATURE_KEY), 'the key of the roots'))
      appendRoots(
        this.#path,
        roots.map((root) => signer.signed(root)),
      )
      this.#lastRoot = roots.at(-1)
    } catch {
      log.error('the roots of the audit cannot be written')
    }
    for (const { day, seq, hash } of roots) log.info('audit root', { day, seq, hash })
  }

  #check(): void {
    this.#checking = this.#checkNewest()
      .catch(() => this.#deps.log.error('the audit cannot be checked'))
      .then(() => {
        if (!this.#stopped) this.#cancel = this.#deps.clock.after(CHECK_EVERY_MS, () => this.#check())
      })
  }

  async #checkNewest(): Promise<void> {
    const { reader, vault, giveWay, log, chainIs } = this.#deps
    const roots = this.#rootsInFile()
    const { fault } = await checkAudit({ reader, vault: vault(), roots, newest: NEWEST_ROWS, giveWay })
    chainIs(fault === null)
    if (fault) log.error('the audit is not what it was', { seq: fault.seq, reason: fault.kind })
  }

  #rootsInFile(): AuditRoot[] {
    try {
      return readRoots(this.#path)
    } catch {
      this.#deps.log.error('the roots of the audit cannot be read')
      return []
    }
  }
}
