import { closeSync, openSync } from 'node:fs'
import { resolve } from 'node:path'

/*
 * The trap of POSIX's locks: a process that closes any descriptor of a file loses all its locks on it (fcntl(2)), those of
 * SQLite's connections too. Whoever then opens the database from another process and closes it again is the last one, as
 * SQLite sees it, and removes the log that this process still writes to: what comes after that is gone with the process.
 * So the bytes of a database that is served are read through one descriptor that stays open for as long as it is served.
 */

/** Of this thread, by path. */
const kept = new Map<string, number>()

/** Reads the bytes of a database past SQLite. */
export function withRawFile<T>(path: string, work: (file: number) => T): T {
  const file = kept.get(resolve(path))
  if (file !== undefined) return work(file)
  const opened = openSync(path, 'r')
  try {
    return work(opened)
  } finally {
    closeSync(opened)
  }
}

/** Has this thread read a file through a descriptor that was opened for all threads. */
export function readThrough(path: string, file: number): void {
  kept.set(resolve(path), file)
}

/** The one descriptor of a database that is served. It is closed once no connection is left. */
export class RawFile {
  readonly path: string
  #file: number | undefined

  constructor(path: string) {
    this.path = path
  }

  /** For threads: `readThrough` takes it. */
  number(): number {
    if (this.#file === undefined) {
      this.#file = openSync(this.path, 'r')
      readThrough(this.path, this.#file)
    }
    return this.#file
  }

  close(): void {
    if (this.#file === undefined) return
    if (kept.get(resolve(this.path)) === this.#file) kept.delete(resolve(this.path))
    closeSync(this.#file)
    this.#file = undefined
  }
}
