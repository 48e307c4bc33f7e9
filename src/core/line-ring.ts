import type { LogDestination } from './pino-log.ts'

/** Lines that are kept of any level, and of warnings and errors apart: ordinary lines come too fast to wait for those. */
const LINES_MAX = 300
const TROUBLE_LINES_MAX = 100
const LINE_CHARS_MAX = 2_000

/** How a line of the log begins, after which comes its level. */
const HEAD = '{"level":"'

/** The last lines of the log, in memory. Keeping one costs putting it into an array. */
export class LineRing {
  readonly #lines = new Ring(LINES_MAX)
  readonly #trouble = new Ring(TROUBLE_LINES_MAX)

  keep(line: string): void {
    const letter = line.charAt(HEAD.length)
    this.#lines.put(line)
    if (letter === 'w' || letter === 'e') this.#trouble.put(line)
  }

  /** Oldest first. */
  recent(): { lines: string[]; trouble: string[] } {
    return { lines: this.#lines.all(), trouble: this.#trouble.all() }
  }
}

class Ring {
  readonly #max: number
  readonly #lines: string[] = []
  #next = 0

  constructor(max: number) {
    this.#max = max
  }

  put(line: string): void {
    this.#lines[this.#next] = line.length > LINE_CHARS_MAX ? line.slice(0, LINE_CHARS_MAX) : line
    this.#next = (this.#next + 1) % this.#max
  }

  all(): string[] {
    const from = this.#lines.length < this.#max ? 0 : this.#next
    return [...this.#lines.slice(from), ...this.#lines.slice(0, from)].map((line) => line.trimEnd())
  }
}

/** A destination whose lines are also kept. */
export function alsoKept(destination: LogDestination, ring: LineRing): LogDestination {
  return {
    write: (line) => {
      ring.keep(line)
      destination.write(line)
    },
    flushSync: () => destination.flushSync?.(),
  }
}
