import type { Log } from '../core/log.ts'
import type { RecordTime } from '../core/record-time.ts'

/** How far the records' time may be ahead of the wall clock before it is said. */
const AHEAD_MS_SAID = 60_000

/** Says once when the wall clock is behind what was written last, and once when it has caught up. */
export class ClockWatch {
  readonly #time: RecordTime
  readonly #log: Log
  #hasSaid = false

  constructor(time: RecordTime, log: Log) {
    this.#time = time
    this.#log = log
  }

  /** Looked at after every commit. */
  look(): void {
    const aheadMs = this.#time.aheadMs()
    if (this.#hasSaid && aheadMs === 0) {
      this.#hasSaid = false
      this.#log.info('the clock has caught up with what was written')
    } else if (!this.#hasSaid && aheadMs > AHEAD_MS_SAID) {
      this.#hasSaid = true
      this.#log.warn('the clock is behind what was written last: set it right', { ms: aheadMs })
    }
  }
}
