/** What must hold did not: the run ends here. */
export class HouseFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'HouseFault'
  }
}

/** The simulated process dies here. Whoever catches it by mistake belongs to the dead process and reaches nothing more. */
export class Crash extends Error {
  constructor(where: string) {
    super(`The simulated process died at ${where}`)
    this.name = 'Crash'
  }
}

const LINES_KEPT = 400

/** The steps of a run. Two runs of a seed have the same digest, or the simulation has a source of chance of its own. */
export class Trace {
  #lines: string[] = []
  #digest = 2_166_136_261
  readonly #onLine: ((line: string) => void) | undefined
  stepCount = 0

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine
  }

  step(atMs: number, what: string): void {
    this.stepCount += 1
    this.#write(`${this.stepCount} at ${atMs.toFixed(0)} ms: ${what}`)
  }

  /** Something that a step did. */
  note(what: string): void {
    this.#write(`      ${what}`)
  }

  digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, '0')
  }

  last(count: number): string[] {
    return this.#lines.slice(-count)
  }

  #write(line: string): void {
    // FNV-1a.
    for (let index = 0; index < line.length; index++) {
      this.#digest = Math.imul(this.#digest ^ line.charCodeAt(index), 16_777_619)
    }
    this.#lines.push(line)
    this.#onLine?.(line)
    if (this.#lines.length > 2 * LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT)
  }
}

/** One thing that may happen next. The seed chooses among those that are ready, by weight. */
export interface Step {
  name: string
  weight: number
  run(): void
}
