import { join } from 'node:path'
import { type Clock, HOUR_MS, pause } from '../core/clock.ts'
import { Failure, messageOf } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import { backupsIn, readManifest } from '../storage/backup-manifest.ts'
import { type BackupState, readBackupState, writeBackupState } from './backup-state.ts'
import type { BackupAsk, BackupDone } from './take-backup.ts'
import type { LedgerAsk } from './take-ledger.ts'
import { isOfOtherKey } from './vault-copy.ts'

/** Pause after a backup that failed. */
const RETRY_MS = 10 * 60_000
/** A stop does not wait longer for a backup: the next run takes its half away. */
const STOP_MS_MAX = 3_000
/** After a start the house catches up first. */
const FIRST_MS = 30_000

/** Where backups go, and how many stay; a command may name other folders. */
export interface BackupPlan extends Pick<BackupAsk, 'keep' | 'vaultKeep' | 'vaultBeside'> {
  folder: string | undefined
  vaultFolder: string | undefined
  /** Hours between two; undefined: only when asked for. */
  everyHours: number | undefined
}

export interface BackupsDependencies {
  take(ask: BackupAsk): Promise<BackupDone>
  takeLedger(ask: LedgerAsk): Promise<void>
  clock: Clock
  log: Log
  dataDir: string
  masterKey: Uint8Array
  program: string
  restShare: number
  metrics: {
    done(done: { atMs: number; seconds: number; bytes: number }): void
    failed(): void
  }
}

export interface BackupWish {
  to?: string | undefined
  vaultTo?: string | undefined
  vaultBeside?: boolean | undefined
}

/** Takes backups: by the clock, and when somebody asks. One at a time; one that fails stops nothing else. */
export class Backups {
  readonly #deps: BackupsDependencies
  readonly #planNow: () => BackupPlan
  #running: Promise<BackupDone> | undefined
  /** The ledger's own copies, one after the other: each backup takes it along too. */
  #ledger: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #isStopped = false
  #masterKey: Uint8Array
  /** The backups that are there open with another master key only. */
  #isOutdated = false

  /** `plan`: as the configuration has it now. */
  constructor(deps: BackupsDependencies, plan: () => BackupPlan) {
    this.#deps = deps
    this.#masterKey = deps.masterKey
    this.#planNow = plan
  }

  /** Begins to take them by the clock, if that is configured. */
  start(): void {
    const { dataDir, metrics } = this.#deps
    const { vaultFolder } = this.#planNow()
    this.#isOutdated = vaultFolder !== undefined && isOfOtherKey(vaultFolder, this.#masterKey)
    const { last_success } = readBackupState(dataDir)
    if (last_success) metrics.done({ atMs: last_success.at, seconds: last_success.seconds, bytes: last_success.bytes })
    this.follow()
  }

  /** The plan may be another one: waits for the next one that is due by it. */
  follow(): void {
    this.#cancel?.()
    this.#wait(FIRST_MS)
  }

  /** Takes one now. Throws where one is under way. */
  async take(wish: BackupWish = {}): Promise<BackupDone> {
    if (this.#running !== undefined) throw new Failure('conflict', 'A backup is being taken already: wait for its end')
    this.#running = this.#take(this.#askOf(wish))
    try {
      return await this.#running
    } finally {
      this.#running = undefined
    }
  }

  /**
   * The master key was changed: from now on copies of the vault open with this one. By the clock one is due at once: with
   * the key of before a backup opens, and the shipped journal of later days does not.
   */
  learnMaster(next: Uint8Array): void {
    this.#masterKey = next
    this.#isOutdated = true
    this.#wait(0)
  }

  /**
   * Somebody was erased: the ledger of that goes where the copies of the keys are, at once. A disk that is lost before
   * the next backup would bring them back with the last. What fails here the next backup does.
   */
  keepLedger(): Promise<void> {
    const before = Promise.allSettled([this.#running, this.#ledger])
    this.#ledger = before.then(() => this.#takeLedger())
    return this.#ledger
  }

  async #takeLedger(): Promise<void> {
    const { dataDir, log } = this.#deps
    const { vaultFolder } = this.#planNow()
    if (vaultFolder === undefined || this.#isStopped) return
    try {
      await this.#deps.takeLedger({ dataDir, vaultFolder, masterKey: this.#masterKey })
    } catch (error) {
      log.warn('the ledger of erasures was not copied, the next backup takes it', { reason: messageOf(error) })
    }
  }

  /** Takes none any more, and waits a little for the one under way: the end of the process cuts it off. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel?.()
    if (this.#running === undefined) return
    const waited = new AbortController()
    const ended = this.#running.then(
      () => {},
      () => {},
    )
    await Promise.race([ended, pause(this.#deps.clock, STOP_MS_MAX, waited.signal)])
    waited.abort()
  }

  #askOf({ to, vaultTo, vaultBeside }: BackupWish): BackupAsk {
    const { dataDir, program, restShare } = this.#deps
    const { keep, vaultKeep, ...plan } = this.#planNow()
    const folder = to ?? plan.folder
    const vaultFolder = vaultTo ?? plan.vaultFolder
    if (folder === undefined)
      throw new Failure('invalid', 'Say where: --to FOLDER, or backup.folder in the configuration')
    if (vaultFolder === undefined) {
      throw new Failure('invalid', "Say where the vault's copy goes: --vault-to FOLDER, or backup.vault_folder")
    }
    const beside = vaultBeside ?? plan.vaultBeside
    return {
      dataDir,
      folder,
      vaultFolder,
      vaultBeside: beside,
      keep,
      vaultKeep,
      masterKey: this.#masterKey,
      program,
      restShare,
    }
  }

  async #take(ask: BackupAsk): Promise<BackupDone> {
    const { clock, log, metrics } = this.#deps
    try {
      if (this.#ledger !== undefined) await this.#ledger
      const done = await this.#deps.take(ask)
      const { name, seconds, bytes } = done
      const atMs = clock.epochMs()
      this.#note({ last_success: { name, at: atMs, seconds, bytes, folder: ask.folder }, last_failure: null })
      metrics.done({ atMs, seconds, bytes })
      // Another master key may have come meanwhile.
      if (ask.masterKey === this.#masterKey) this.#isOutdated = false
      log.info('backup taken', { ms: Math.round(seconds * 1000), seq: done.head_seq, count: done.counts.messages })
      if (done.media.missing > 0) log.warn('files of messages are not in the folder', { count: done.media.missing })
      return done
    } catch (error) {
      this.#noteFailure(error)
      throw error
    }
  }

  #noteFailure(error: unknown): void {
    const { clock, log, dataDir, metrics } = this.#deps
    const reason = messageOf(error)
    metrics.failed()
    log.error('backup failed', { reason })
    this.#note({ ...readBackupState(dataDir), last_failure: { at: clock.epochMs(), reason } })
  }

  #note(state: BackupState): void {
    try {
      writeBackupState(this.#deps.dataDir, state)
    } catch {
      // The data folder is full: the log and the figures have said it.
    }
  }

  /** Until the next one is due, and at least so long. */
  #wait(leastMs: number): void {
    const { clock } = this.#deps
    const plan = this.#planNow()
    if (this.#isStopped || !isPlanned(plan)) return
    this.#cancel?.()
    const delayMs = Math.max(leastMs, this.#dueAtMs(plan) - clock.epochMs())
    this.#cancel = clock.after(delayMs, () => void this.#onTime())
  }

  /** After the newest whole backup that is there, wherever it came from; at once where none can be found. */
  #dueAtMs({ folder, everyHours }: Planned): number {
    try {
      const newest = backupsIn(folder).at(-1)
      if (this.#isOutdated || newest === undefined) return 0
      const madeAtMs = readManifest(join(folder, newest)).made_at
      // One that lies in the future is of a clock that was wrong.
      return madeAtMs > this.#deps.clock.epochMs() ? 0 : madeAtMs + everyHours * HOUR_MS
    } catch {
      return 0
    }
  }

  async #onTime(): Promise<void> {
    const plan = this.#planNow()
    if (!isPlanned(plan)) return
    // Somebody has asked for one meanwhile, or the wall clock was set.
    if (this.#dueAtMs(plan) > this.#deps.clock.epochMs()) return this.#wait(0)
    const everyMs = plan.everyHours * HOUR_MS
    try {
      await this.take()
      this.#wait(everyMs)
    } catch {
      this.#wait(Math.min(RETRY_MS, everyMs))
    }
  }
}

type Planned = BackupPlan & { folder: string; everyHours: number }

function isPlanned(plan: BackupPlan): plan is Planned {
  return plan.everyHours !== undefined && plan.folder !== undefined
}
