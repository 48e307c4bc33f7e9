import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Under } from './house-process.ts'

export const STRACE = Bun.which('strace')
/** Debian: `apt-get install libfaketime`. */
const FAKETIME_LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
export const FAKETIME = existsSync(FAKETIME_LIBRARY) ? FAKETIME_LIBRARY : null

/** Which calls of the kernel are broken and how, in strace's words: `inject=fsync:error=EIO:when=3+`. */
export interface BrokenCalls {
  call: 'fsync' | 'pwrite64'
  /** `error=EIO`, `signal=SIGKILL`, `delay_enter=150000` (microseconds). */
  how: string
  /** The Nth call of each thread (strace counts by thread), `3+`: from the third on; undefined: all. */
  when?: string
  /** Where strace writes what it did. */
  logPath: string
}

/**
 * The house under strace. `-D` makes strace the grandchild, so that the house keeps its place: signals reach it and its
 * exit code is its own.
 */
export function underBrokenCalls({ call, how, when, logPath }: BrokenCalls): Under {
  const inject = `inject=${call}:${how}${when === undefined ? '' : `:when=${when}`}`
  return {
    wrap: [
      STRACE ?? 'strace',
      '-D',
      '-f',
      '--seccomp-bpf',
      '-qq',
      '-o',
      logPath,
      '-e',
      `trace=${call}`,
      '-e',
      inject,
      '--',
    ],
  }
}

/** How many calls strace has broken so far. */
export function brokenCount(logPath: string): number {
  if (!existsSync(logPath)) return 0
  return readFileSync(logPath, 'utf8').split(/\((?:INJECTED|DELAYED)\)/).length - 1
}

/** A wall clock that can be set while the house runs; durations and timers stay true. */
export class WrongClock {
  readonly #path: string
  readonly under: Under

  constructor(path: string) {
    this.#path = path
    this.set(0)
    this.under = {
      env: {
        LD_PRELOAD: FAKETIME ?? FAKETIME_LIBRARY,
        FAKETIME_TIMESTAMP_FILE: path,
        FAKETIME_NO_CACHE: '1',
        DONT_FAKE_MONOTONIC: '1',
      },
    }
  }

  /** From now on the wall clock is so much ahead of the true time; negative: behind. */
  set(offsetS: number): void {
    writeFileSync(this.#path, `${offsetS < 0 ? '' : '+'}${offsetS}s\n`)
  }
}
