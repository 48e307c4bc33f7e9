import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DAY_MS, HOUR_MS } from '../core/clock.ts'

/** One look at the disk. */
export interface DiskSample {
  atMs: number
  freeBytes: number
}

const HISTORY_FILE = 'disk-history.json'
const SAMPLE_EVERY_MS = HOUR_MS
const KEPT_MS = 8 * DAY_MS
/** Less than this says nothing: a backup that was just written would look like the end. */
const SPAN_MS_MIN = 6 * HOUR_MS

/** What the disk had free in the last eight days, hour by hour, and what follows from it. */
export class DiskHistory {
  readonly #path: string
  #samples: DiskSample[] = []

  constructor(folder: string) {
    this.#path = join(folder, HISTORY_FILE)
  }

  /** Reads what a process before has kept. A file that says something else is begun anew. */
  async load(nowMs: number): Promise<void> {
    const found: unknown = await readFile(this.#path, 'utf8')
      .then(JSON.parse)
      .catch(() => [])
    this.#samples = Array.isArray(found) ? found.filter(isSample).filter(({ atMs }) => isKept(atMs, nowMs)) : []
  }

  /** Takes a sample in, one an hour. True where it was one to keep. */
  note(sample: DiskSample): boolean {
    const last = this.#samples.at(-1)
    if (last && sample.atMs - last.atMs < SAMPLE_EVERY_MS && sample.atMs >= last.atMs) return false
    this.#samples = [...this.#samples.filter(({ atMs }) => isKept(atMs, sample.atMs)), sample]
    return true
  }

  /** Keeps it for the next process. On a full disk that is left to the next hour. */
  async save(): Promise<void> {
    const part = `${this.#path}.part`
    await writeFile(part, JSON.stringify(this.#samples), { mode: 0o600 })
      .then(() => rename(part, this.#path))
      .catch(() => {})
  }

  /** Seconds until so many bytes are used up, at the pace of the last days; null where that is not known or never. */
  secondsUntilUsed(now: DiskSample, leftBytes: number): number | null {
    const first = this.#samples[0]
    if (!first || now.atMs - first.atMs < SPAN_MS_MIN) return null
    const bytesPerMs = usedPerMs([...this.#samples, now])
    if (bytesPerMs <= 0) return null
    return Math.max(0, Math.round(leftBytes / bytesPerMs / 1000))
  }
}

/** The slope of the line that lies nearest to all samples: one day of clearing up does not turn it round. */
function usedPerMs(samples: readonly DiskSample[]): number {
  const meanAt = mean(samples.map(({ atMs }) => atMs))
  const meanFree = mean(samples.map(({ freeBytes }) => freeBytes))
  let both = 0
  let spread = 0
  for (const { atMs, freeBytes } of samples) {
    both += (atMs - meanAt) * (freeBytes - meanFree)
    spread += (atMs - meanAt) ** 2
  }
  return spread === 0 ? 0 : -both / spread
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** A sample from the future is of a clock that was wrong. */
function isKept(atMs: number, nowMs: number): boolean {
  return atMs <= nowMs && nowMs - atMs <= KEPT_MS
}

function isSample(value: unknown): value is DiskSample {
  const { atMs, freeBytes } = (value ?? {}) as Partial<DiskSample>
  return typeof atMs === 'number' && typeof freeBytes === 'number' && freeBytes >= 0
}
