import { type DestinationStream, pino, destination as pinoDestination } from 'pino'
import { type Clock, systemClock, toTime } from './clock.ts'
import { LOG_FIELDS, type Log, type LogFields } from './log.ts'

/** The least that is written. */
export type LogLevel = Exclude<keyof Log, 'together'>

/** A longer text is cut: a log line is no place for a document. */
const TEXT_LENGTH_MAX = 500

export interface LogOptions {
  readonly clock?: Clock
  /** Called with the name of every field that was held back: a mistake of ours, to be counted. */
  readonly fieldDropped?: (name: string) => void
}

/** So many warnings or errors of one phrase are written in one stretch; the others are counted, and told when it is over. */
const REPEATS_MAX = 50
const STRETCH_MS = 10_000

/** Where a log's lines go, on this thread; what it holds back for a moment is written by `flushSync`. */
export type LogDestination = DestinationStream & { flushSync?(): void }

/** Lines that are written together hold no more than this in memory. */
const TOGETHER_CHARS_MAX = 8 * 1024
/** What is held for a disk that is full; what comes after that is dropped, until it takes lines again. */
const UNWRITTEN_CHARS_MAX = 64 * 1024

/** Standard output. Not one of pino's transports: they are threads of their own, and write nothing in a compiled binary. */
export function standardOutput(dest: number | string = 1): LogDestination {
  const output = pinoDestination({ dest, sync: true, maxLength: UNWRITTEN_CHARS_MAX })
  // Where the log's disk is full, lines are lost and nothing else: the house goes on.
  output.on('error', () => {})
  // What is dropped is not tried: what is held is, so that a disk with space again is noticed.
  output.on('drop', () => output.write(''))
  let held = ''
  // Not pino's own flushSync: it also syncs the file, and the main thread would wait for the disk.
  const flushSync = () => {
    const text = held
    held = ''
    if (text !== '') output.write(text)
  }
  return {
    write: (line) => {
      held += line
      if (held.length >= TOGETHER_CHARS_MAX) flushSync()
    },
    flushSync,
  }
}

/** A log of JSON lines: `level`, `time` (RFC 3339), `msg` and the allowed fields. The level may change while it runs. */
export function createLog(
  level: LogLevel | (() => LogLevel),
  destination: LogDestination,
  options: LogOptions = {},
): Log {
  const { clock = systemClock, fieldDropped = () => {} } = options
  const levelNow = typeof level === 'function' ? level : () => level
  const logger = pino(
    {
      level: levelNow(),
      // Neither process id nor host name: there is one process, and who gathers the lines knows the host.
      base: null,
      timestamp: () => `,"time":"${toTime(clock.epochMs())}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  const repeats = new Repeats(clock)
  let isTogether = false
  const write = (at: LogLevel, phrase: string, fields: LogFields | undefined) => {
    if (logger.level !== levelNow()) logger.level = levelNow()
    if (!logger.isLevelEnabled(at)) return
    for (const { event, count } of repeats.over()) logger.warn({ event, count }, 'more lines like these were left out')
    if ((at === 'warn' || at === 'error') && !repeats.take(phrase)) return
    logger[at](fields === undefined ? {} : allowed(fields, fieldDropped), phrase)
    // A line is out before anything else happens: a process that dies has said why.
    if (!isTogether) destination.flushSync?.()
  }
  return {
    together: (work) => {
      isTogether = true
      try {
        work()
      } finally {
        isTogether = false
        destination.flushSync?.()
      }
    },
    debug: (phrase, fields) => write('debug', phrase, fields),
    info: (phrase, fields) => write('info', phrase, fields),
    warn: (phrase, fields) => write('warn', phrase, fields),
    error: (phrase, fields) => write('error', phrase, fields),
  }
}

/**
 * A fault that repeats itself, or somebody who asks for one again and again, must not fill the disk with lines. Phrases
 * are constants of the code, so there are few.
 */
class Repeats {
  readonly #clock: Clock
  #counts = new Map<string, number>()
  #endMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether one more line of the phrase may be written. */
  take(phrase: string): boolean {
    if (this.#counts.size === 0) this.#endMs = this.#clock.monoMs() + STRETCH_MS
    const count = (this.#counts.get(phrase) ?? 0) + 1
    this.#counts.set(phrase, count)
    return count <= REPEATS_MAX
  }

  /** What was left out of a stretch that is over, once. */
  over(): { event: string; count: number }[] {
    if (this.#counts.size === 0 || this.#clock.monoMs() < this.#endMs) return []
    const left = [...this.#counts].map(([event, count]) => ({ event, count: count - REPEATS_MAX }))
    this.#counts = new Map()
    return left.filter(({ count }) => count > 0)
  }
}

function allowed(fields: LogFields, fieldDropped: (name: string) => void): Record<string, string | number> {
  const kept: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (value === undefined) continue
    if (isAllowed(name, value)) kept[name] = typeof value === 'string' ? value.slice(0, TEXT_LENGTH_MAX) : value
    else fieldDropped(name)
  }
  return kept
}

/** Objects never get out: nobody knows what is in them. */
function isAllowed(name: string, value: unknown): value is string | number {
  if (!Object.hasOwn(LOG_FIELDS, name)) return false
  const wanted = LOG_FIELDS[name as keyof LogFields]
  const type = typeof value
  return wanted === 'any' ? type === 'string' || type === 'number' : type === wanted
}
