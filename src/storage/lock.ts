import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf } from '../core/failure.ts'
import { requireWritableDisk } from './data-folder.ts'
import { Db } from './database.ts'

const REFUSAL = 'Another Gatehouse is using this data folder: stop it first, or choose another folder'

/** Whoever only asks whether the folder is held holds it for a moment: no start fails for that. */
const BUSY_MS = 100

/**
 * The data folder's lock: an exclusive transaction held for as long as the house serves. The kernel frees it when the
 * process dies, however it dies; a file with a process number would stay behind.
 */
export class FolderLock {
  readonly #database: Db

  /** Throws, with these words, where another process holds the folder. */
  constructor(path: string, refusal = REFUSAL) {
    requireWritableDisk(dirname(path))
    this.#database = open(path)
    try {
      this.#database.script(`PRAGMA busy_timeout = ${BUSY_MS}`)
      // In WAL mode readers pass an exclusive transaction, a second writer does not: that is what is wanted.
      this.#database.script('BEGIN EXCLUSIVE')
    } catch (cause) {
      this.#database.close()
      if (codeOf(cause) !== 'SQLITE_BUSY') throw cause
      throw new Error(refusal, { cause })
    }
  }

  release(): void {
    this.#database.script('ROLLBACK')
    this.#database.close()
  }
}

/** Whether a process holds the data folder. Throws where the lock is damaged. */
export function isFolderHeld(folder: string): boolean {
  const path = join(folder, 'lock.db')
  if (!existsSync(path)) return false
  try {
    new FolderLock(path).release()
    return false
  } catch (error) {
    if (codeOf((error as Error).cause) === 'SQLITE_BUSY') return true
    throw error
  }
}

function open(path: string): Db {
  try {
    return new Db(path)
  } catch (cause) {
    const code = codeOf(cause)
    if (!/^SQLITE_(NOTADB|CORRUPT)/.test(String(code))) throw cause
    const error = new Error(`${path} is damaged. It holds nothing: delete it, and start again`, { cause })
    throw Object.assign(error, { code })
  }
}
