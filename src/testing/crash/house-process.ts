import { closeSync, openSync, readFileSync } from 'node:fs'
import { pause, systemClock } from '../../core/clock.ts'
import { DIES_WITH_US } from '../program.ts'

/** How often a starting process is asked whether it is ready. */
const POLL_MS = 15
/** A start that takes longer hangs. */
const START_MS_MAX = 20_000
/** What a failing run shows of the process's own words. */
const TAIL_CHARACTERS = 3000

/** What stands between the kernel and the house: a tracer that breaks its calls, another clock, a limit. */
export interface Under {
  /** Program and arguments before the house's own: it has to become the house, so that signals and exit codes are its. */
  wrap?: readonly string[]
  env?: Readonly<Record<string, string>>
}

export interface ProcessOptions {
  /** Program and arguments before `serve`: Bun and its script, or the compiled binary alone. */
  command: readonly string[]
  /** Arguments after `serve`. */
  more?: readonly string[]
  configPath: string
  /** Where it will listen. */
  url: string
  /** Its standard output and error are added to this file. */
  outputPath: string
  /** `point:pass`, see src/core/crash-point.ts; null: it is not to kill itself. */
  crash: string | null
  under?: Under | undefined
}

export interface Exit {
  code: number | null
  signal: string | null
}

/** The real program as a process of its own, which dies when it is told to. */
export class HouseProcess {
  readonly exited: Promise<Exit>
  readonly #child: Bun.Subprocess
  readonly #options: ProcessOptions
  readonly #startedMs = systemClock.monoMs()
  #exit: Exit | null = null

  constructor(options: ProcessOptions) {
    this.#options = options
    const output = openSync(options.outputPath, 'a')
    this.#child = Bun.spawn(
      [...DIES_WITH_US, ...(options.under?.wrap ?? []), ...options.command, 'serve', ...(options.more ?? [])],
      {
        cwd: new URL('../../..', import.meta.url).pathname,
        env: {
          PATH: process.execPath.slice(0, process.execPath.lastIndexOf('/')),
          HOME: '/nonexistent',
          GATEHOUSE_CONFIG: options.configPath,
          ...(options.crash === null ? {} : { GATEHOUSE_TEST_CRASH: options.crash }),
          ...options.under?.env,
        },
        stdin: 'ignore',
        stdout: output,
        stderr: output,
      },
    )
    closeSync(output)
    this.exited = this.#child.exited.then(() => {
      const { signalCode } = this.#child
      const exit = { code: this.#child.exitCode, signal: signalCode === null ? null : String(signalCode) }
      this.#exit = exit
      return exit
    })
  }

  get pid(): number {
    return this.#child.pid
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#child.kill(name)
  }

  hasExited(): boolean {
    return this.#exit !== null
  }

  /** Milliseconds from the start until it was ready; null where it ended before. */
  async ready(): Promise<number | null> {
    while (systemClock.monoMs() - this.#startedMs < START_MS_MAX) {
      if (this.#exit) return null
      const response = await fetch(`${this.#options.url}/readyz`).catch(() => undefined)
      if (response?.status === 200) return systemClock.monoMs() - this.#startedMs
      await pause(systemClock, POLL_MS)
    }
    throw new Error(`The process was not ready after ${START_MS_MAX} ms:\n${this.tail()}`)
  }

  /** As a power switch would, but for the disk's caches. */
  async kill(): Promise<Exit> {
    this.#child.kill('SIGKILL')
    return await this.exited
  }

  /** As an operator would. */
  async stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return await this.exited
  }

  /** Waits for its end, at most so long; null where it lives on. */
  async endsWithin(delayMs: number): Promise<Exit | null> {
    const late = new AbortController()
    const exit = await Promise.race([this.exited, pause(systemClock, delayMs, late.signal).then(() => null)])
    late.abort()
    return exit
  }

  tail(): string {
    return readFileSync(this.#options.outputPath, 'utf8').slice(-TAIL_CHARACTERS)
  }
}
