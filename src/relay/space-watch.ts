import type { Clock } from '../core/clock.ts'
import { nameOfError } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import { BALLAST_BYTES, type Ballast, FREE_BYTES_MIN } from '../storage/ballast.ts'
import type { DiskHistory } from '../storage/disk-history.ts'
import { FOLDER_PARTS, type FolderSizes, LOGGED, type Logged, sumOf } from '../storage/folder-sizes.ts'
import type { Space } from '../storage/space.ts'

/** How often it is looked, and how often while the disk is full. */
const LOOK_MS = 5000
const FULL_LOOK_MS = 1000
/** From here on it is not full any more, and the ballast fits too. Where there never was one, an eighth of the disk is enough. */
const FREE_AGAIN_BYTES = BALLAST_BYTES + 2 * FREE_BYTES_MIN
/** Shares of the quota: from here on it is said, and from here on no more files are fetched. */
const QUOTA_WARNED = 0.85
const QUOTA_TIGHT = 0.95
/** A write-ahead log of this size is not emptied any more: somebody has been reading for a long time. */
const LOG_BYTES_MAX = 256 * 1024 * 1024

/**
 * `full`: nothing new is taken, erasure and settings go on with what the ballast gave back. `tight`: no files are
 * fetched. `short`: it is said.
 */
export type SpaceState = 'ok' | 'short' | 'tight' | 'full'

export interface SpaceFigures {
  state: SpaceState
  freeBytes: number
  totalBytes: number
  /** Seconds until the disk or the quota is full at the pace of the last days; null: not known, or never. */
  fullInSeconds: number | null
  parts: FolderSizes
  logs: Record<Logged, number>
  quotaBytes: number | null
}

export interface SpaceWatchDependencies {
  clock: Clock
  log: Log
  /** The most that the data folder may hold, as the configuration has it now; null: what the disk has. */
  quotaBytes(): number | null
  /** Whether journal and book can store; `locked`: another program holds a database of theirs, and the disk is not to blame. */
  storing(): 'yes' | 'full' | 'locked'
  readSpace(): Promise<Space>
  readSizes(): Promise<{ parts: FolderSizes; logs: Record<Logged, number> }>
  ballast: Pick<Ballast, 'isThere' | 'isGiven' | 'make' | 'free'>
  history: Pick<DiskHistory, 'load' | 'note' | 'save' | 'secondsUntilUsed'>
}

/** Knows how much room there is, says when it ends, and gives the ballast back while there is none. */
export class SpaceWatch {
  readonly #deps: SpaceWatchDependencies
  #figures: SpaceFigures
  #isDiskFull = false
  #cancelTimer: (() => void) | undefined
  #looking: Promise<void> | undefined
  #isStopped = false
  #hasLongLog = false
  #isLocked = false
  #hasNoRoomForBallast = false

  constructor(deps: SpaceWatchDependencies) {
    this.#deps = deps
    const none = <K extends string>(names: readonly K[]) => Object.fromEntries(names.map((name) => [name, 0]))
    this.#figures = {
      state: 'ok',
      freeBytes: 0,
      totalBytes: 0,
      fullInSeconds: null,
      parts: none(FOLDER_PARTS) as FolderSizes,
      logs: none(LOGGED) as Record<Logged, number>,
      quotaBytes: null,
    }
  }

  /** What a start finds: a disk that is full, or one on which only what the ballast gave back is free. */
  async begin(): Promise<void> {
    await this.#deps.history.load(this.#deps.clock.epochMs())
    const { freeBytes, totalBytes } = await this.#deps.readSpace()
    this.#figures = { ...this.#figures, freeBytes, totalBytes, quotaBytes: this.#deps.quotaBytes() }
    if (freeBytes < FREE_BYTES_MIN || (await this.#isBelowReturn(freeBytes))) await this.#enterFull()
  }

  /** Looks every few seconds from now on. */
  start(): void {
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelTimer?.()
    await this.#looking
  }

  /** A commit found the disk full: looked at now, not in some seconds. */
  hear(isPaused: boolean): void {
    if (isPaused && !this.#isDiskFull && !this.#looking) void this.look()
  }

  figures(): SpaceFigures {
    return this.#figures
  }

  /** Nothing new is taken: no webhook, no message, no file. */
  isFull(): boolean {
    return this.#figures.state === 'full'
  }

  hasRoomForFiles(): boolean {
    return this.#figures.state === 'ok' || this.#figures.state === 'short'
  }

  /** One look; one at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => {
        this.#deps.log.error('the disk could not be looked at', { error: nameOfError(error) })
      })
      .then(() => {
        this.#looking = undefined
        this.#schedule()
      })
    return this.#looking
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#deps.clock.after(this.#isDiskFull ? FULL_LOOK_MS : LOOK_MS, () => void this.look())
  }

  async #look(): Promise<void> {
    const { clock, readSpace, readSizes, history } = this.#deps
    await this.#lookAtDisk(await readSpace())
    const { parts, logs } = await readSizes()
    // Again: the ballast may have been made or given back.
    const { freeBytes, totalBytes } = await readSpace()
    const now = { atMs: clock.epochMs(), freeBytes }
    if (history.note(now)) await history.save()
    const fullInSeconds = history.secondsUntilUsed(now, Math.max(0, Math.min(freeBytes, this.#quotaLeft(parts))))
    const quotaBytes = this.#deps.quotaBytes()
    this.#figures = { ...this.#figures, freeBytes, totalBytes, parts, logs, fullInSeconds, quotaBytes }
    this.#become(this.#isDiskFull ? 'full' : this.#quotaState(parts))
    this.#noteLogs(logs)
  }

  async #lookAtDisk({ freeBytes, totalBytes }: Space): Promise<void> {
    const { ballast, log } = this.#deps
    const storing = this.#deps.storing()
    this.#noteLock(storing === 'locked')
    if (!this.#isDiskFull) {
      if (freeBytes < FREE_BYTES_MIN || storing === 'full') await this.#enterFull()
    } else if (
      storing === 'yes' &&
      freeBytes >= Math.min(FREE_AGAIN_BYTES, totalBytes / 8) &&
      !(await this.#isBelowReturn(freeBytes))
    )
      this.#isDiskFull = false
    if (this.#isDiskFull || (await ballast.isThere())) return
    const isMade = freeBytes >= FREE_AGAIN_BYTES && (await ballast.make())
    if (!isMade && !this.#hasNoRoomForBallast) log.warn('there is no room to hold 16 MB back for a full disk')
    this.#hasNoRoomForBallast = !isMade
  }

  /** What the ballast gave back is for erasures and settings, not for what comes in. */
  async #isBelowReturn(freeBytes: number): Promise<boolean> {
    return freeBytes < FREE_AGAIN_BYTES && (await this.#deps.ballast.isGiven())
  }

  async #enterFull(): Promise<void> {
    this.#isDiskFull = true
    this.#become('full')
    await this.#deps.ballast.free()
  }

  #quotaLeft(parts: FolderSizes): number {
    const quotaBytes = this.#deps.quotaBytes()
    return quotaBytes === null ? Number.POSITIVE_INFINITY : quotaBytes - sumOf(parts)
  }

  #quotaState(parts: FolderSizes): SpaceState {
    const quotaBytes = this.#deps.quotaBytes()
    if (quotaBytes === null) return 'ok'
    const share = sumOf(parts) / quotaBytes
    if (share >= 1) return 'full'
    if (share >= QUOTA_TIGHT) return 'tight'
    return share >= QUOTA_WARNED ? 'short' : 'ok'
  }

  #become(state: SpaceState): void {
    const { log } = this.#deps
    const before = this.#figures.state
    if (before === state) return
    this.#figures = { ...this.#figures, state }
    const reason = this.#isDiskFull ? 'disk' : 'quota'
    if (state === 'full') log.error('no space is left: nothing new is taken', { reason })
    else if (state === 'ok') log.info('there is space again')
    else log.warn('the quota is nearly used up', { state })
  }

  #noteLock(isLocked: boolean): void {
    const { log } = this.#deps
    if (isLocked && !this.#isLocked)
      log.error('another program holds a database of the folder: nothing is stored until it ends')
    if (!isLocked && this.#isLocked) log.info('no other program holds the databases any more')
    this.#isLocked = isLocked
  }

  #noteLogs(logs: Record<Logged, number>): void {
    const long = LOGGED.find((name) => logs[name] > LOG_BYTES_MAX)
    if (long !== undefined && !this.#hasLongLog) {
      this.#deps.log.warn('a write-ahead log grows: somebody reads for a long time', { part: long })
    }
    this.#hasLongLog = long !== undefined
  }
}
