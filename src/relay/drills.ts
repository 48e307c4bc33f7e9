import { type Clock, HOUR_MS } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { readDrill } from './drill-result.ts'

/** How often it is looked whether the hour has come. */
const LOOK_MS = 600_000
/** The same night tries none twice, also after a restart and where the clock is set back for the winter. */
const APART_MS_MIN = 12 * HOUR_MS

/** A drill that is under way, in a process of its own. */
export interface RunningDrill {
  /** Whether the backup restores; an error where none could be tried. */
  done: Promise<boolean>
  cancel(): void
}

export interface DrillsDependencies {
  clock: Clock
  log: Log
  dataDir: string
  /** Of this machine's clock, as the configuration has it now; undefined: only when somebody asks. */
  hour(): number | undefined
  begin(): RunningDrill
}

/** Tries the newest backup every night. How it ended is written down by the drill itself, for `doctor` and the metrics. */
export class Drills {
  readonly #deps: DrillsDependencies
  #cancelTimer: (() => void) | undefined
  #running: RunningDrill | undefined
  #begunAtMs = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(deps: DrillsDependencies) {
    this.#deps = deps
  }

  start(): void {
    this.#cancelTimer = this.#deps.clock.after(LOOK_MS, () => {
      this.start()
      void this.look()
    })
  }

  /** What a drill that is cut off has left is removed by the next. */
  stop(): void {
    this.#isStopped = true
    this.#cancelTimer?.()
    this.#running?.cancel()
  }

  /** Begins one if it is time. Resolves when it has ended; never throws. */
  async look(): Promise<void> {
    if (this.#running !== undefined || !this.#isDue()) return
    const { clock, log, begin } = this.#deps
    this.#begunAtMs = clock.epochMs()
    const startedMs = clock.monoMs()
    try {
      this.#running = begin()
      const isGood = await this.#running.done
      if (this.#isStopped) return
      const fields = { ms: Math.round(clock.monoMs() - startedMs) }
      if (isGood) log.info('the newest backup was tried and restores', fields)
      else log.error('the newest backup was tried and does not restore: see gatehouse doctor', fields)
    } catch (error) {
      if (!this.#isStopped)
        log.error('no backup could be tried', { error: error instanceof Error ? error.name : 'unknown' })
    } finally {
      this.#running = undefined
    }
  }

  #isDue(): boolean {
    const { clock, dataDir, hour } = this.#deps
    const nowMs = clock.epochMs()
    if (new Date(nowMs).getHours() !== hour()) return false
    const lastMs = Math.max(this.#begunAtMs, readDrill(dataDir)?.at ?? Number.NEGATIVE_INFINITY)
    // One that lies in the future is of a clock that was wrong.
    return lastMs > nowMs || nowMs - lastMs >= APART_MS_MIN
  }
}
