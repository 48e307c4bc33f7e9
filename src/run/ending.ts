import { closeSync, openSync } from 'node:fs'
import { EXIT_FAILED, EXIT_OK } from '../cli/commands.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'

/** A stop that takes longer is cut off: 10 s for requests under way, the rest for files and sockets. */
const STOP_MS_MAX = 15_000

/** How the process is asked to end: by a signal, or because a part has failed. A second signal does not wait. */
export class Ending {
  readonly #clock: Clock
  readonly #code: Promise<number>
  end: (code: number) => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
    this.#code = new Promise((resolve) => {
      this.end = resolve
    })
    let asked = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(EXIT_FAILED)
        asked = true
        this.end(EXIT_OK)
      })
    }
  }

  wait(): Promise<number> {
    return this.#code
  }

  /** Whatever `work` does, the process may end after `STOP_MS_MAX`. */
  async within(work: () => Promise<void>): Promise<void> {
    const late = new Promise<void>((resolve) => this.#clock.after(STOP_MS_MAX, resolve))
    await Promise.race([work(), late])
  }
}

/**
 * SIGHUP asks for a reload. It also comes when the terminal goes that the program was started in: then nobody is there any
 * more who wanted it.
 */
export class HangUp {
  readonly #hadTerminal = hasTerminal()
  #reload: (() => Promise<unknown>) | undefined
  #asked = false

  constructor(end: () => void) {
    process.on('SIGHUP', () => {
      if (this.#hadTerminal && !hasTerminal()) return end()
      // Before the house serves, its file may have changed after it was read.
      this.#asked = true
      void this.#reload?.()
    })
  }

  /** From now on, and for what was asked before. */
  serve(reload: () => Promise<unknown>): void {
    this.#reload = reload
    if (this.#asked) void reload()
  }
}

/** Log rotation sends these to other programs. Unheard they would end this one. */
export function ignoreStraySignals(log: Log): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => log.warn('a signal that means nothing here', { code: signal }))
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
