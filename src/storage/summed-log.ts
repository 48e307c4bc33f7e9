import { closeSync, existsSync, openSync } from 'node:fs'
import { must } from '../core/assert.ts'
import { codeOf } from '../core/failure.ts'
import { Db, storageFault } from './database.ts'
import { lookAtPages, whileNobodyWrites } from './page-look.ts'
import { isSameLog, type LogSalts, PageSums, readLogHead, SUMS_ENDING } from './page-sums.ts'
import { RawFile } from './raw-file.ts'

/** SQLite's own default: a log of so many pages is brought into the database. */
const CHECKPOINT_FRAMES = 1000
/** Where a reader keeps the log from starting over, it is tried again after so many more. */
const AGAIN_FRAMES = 500
/** How often what readers kept in the log is taken out of it by whoever kept it. */
const RELIEVED_MAX = 3
/** So many are looked at before any of them can be written anew: some ten milliseconds. */
const LOOKED_AT_START = 16_384

interface LogState {
  busy: number
  /** Frames in the log. */
  log: number
  /** Of these, in the database. */
  checkpointed: number
}

/**
 * The write-ahead log of a database with sums, for its only writer: it alone brings the log into the database, and only
 * what is in the sums already. `relieveLog` keeps to that too; after anybody else the sums are made anew.
 */
export class SummedLog {
  readonly #database: Db
  readonly #path: string
  readonly #raw: RawFile
  /** Pages that were not what was written before this began. */
  readonly damaged: readonly number[]
  #open: { sums: PageSums; file: number } | undefined
  /** The log as it was after the last commit. */
  #salts: LogSalts | undefined
  #frames = 0
  #tried = 0
  /** What the sums say does not count any more. */
  #isLost: boolean

  /** Changes nothing yet. Throws where the first page is damaged, unless the sums are to be made `anew`. */
  constructor(database: Db, path: string, { anew }: { anew: boolean }) {
    this.#database = database
    this.#path = path
    this.#raw = new RawFile(path)
    this.#raw.number()
    database.script('PRAGMA wal_autocheckpoint = 0')
    const { isKnown, damaged } = lookAtPages(database, path, { first: 1, count: LOOKED_AT_START })
    // SQLite itself needs the first.
    if (!anew && damaged.includes(1)) {
      throw new Error(`${path} is damaged: restore it from a backup, or start once with --accept-loss`)
    }
    this.#isLost = anew || !isKnown
    this.damaged = anew ? [] : damaged
  }

  /** To be called before the first commit. */
  begin(): void {
    if (this.#open !== undefined) return
    // The log stays the same file for as long as the database is open.
    const sums = new PageSums(this.#path)
    this.#open = { sums, file: openSync(`${this.#path}-wal`, 'r') }
    if (this.#isLost) sums.disown()
    this.#bind()
  }

  /** To be called after every commit, and before the next one. */
  afterCommit(): void {
    const { log } = logState(this.#database)
    this.#noteRestart()
    this.#frames = log
    if (log < this.#tried) this.#tried = 0
    if (log < CHECKPOINT_FRAMES || log < this.#tried + AGAIN_FRAMES) return
    this.#tried = log
    this.#checkpoint('PASSIVE')
  }

  /** Brings all of the log into the database, and empties it. False where a reader is in the way, or no room is left. */
  truncate(): boolean {
    this.begin()
    const isDone = this.#checkpoint('TRUNCATE')
    this.#bind()
    return isDone
  }

  /** For other threads that read the bytes of the database: see `RawFile`. */
  rawFile(): number {
    return this.#raw.number()
  }

  /** Before the connection is closed. */
  close(): void {
    if (this.#open !== undefined) {
      this.#checkpoint('TRUNCATE')
      this.#open.sums.close()
      closeSync(this.#open.file)
    }
    this.#raw.close()
  }

  /** From here on the sums are bound to a log that is there: one that vanishes was brought in by somebody else. */
  #bind(): void {
    const isBound = whereItCan(() => {
      this.#database.countCommit(this.#database.commitCount())
      this.#cover(false)
      return true
    })
    if (isBound) return
    // Without room, what says that nothing is written any more may not stay.
    this.#opened().sums.disown()
    this.#isLost = true
  }

  /** Where somebody else has brought the log in, it may have started over before its pages were in the sums. */
  #noteRestart(): void {
    const { sums, file } = this.#opened()
    const log = readLogHead(file)
    if (isSameLog(log, this.#salts)) return
    if (this.#salts && !sums.hasCovered(this.#salts, this.#frames)) {
      sums.disown()
      this.#isLost = true
    }
    this.#salts = log
    this.#frames = 0
  }

  #cover(isClosed: boolean): void {
    this.#noteRestart()
    const { log } = logState(this.#database)
    whileNobodyWrites(this.#database, () => {
      const { sums } = this.#opened()
      if (this.#isLost) sums.clear()
      this.#isLost = false
      sums.cover(log, isClosed)
    })
    this.#frames = log
  }

  #opened(): { sums: PageSums; file: number } {
    return must(this.#open, 'a log that was begun')
  }

  /** Where the log cannot be taken in now, it stays as it is, and grows. */
  #checkpoint(mode: 'PASSIVE' | 'TRUNCATE'): boolean {
    const isDone = whereItCan(() => {
      this.#cover(mode === 'TRUNCATE')
      const { busy, checkpointed } = logState(this.#database, mode)
      // Somebody with a shell has committed between the two.
      if (checkpointed > this.#frames) this.#cover(false)
      return busy === 0
    })
    return isDone ?? false
  }
}

/**
 * While a long reader was there, the log could not start over. Brings what it holds into the database from this thread,
 * so that the writer does not find all of it to do between two commits. The log is kept from starting over, by a reader
 * and then by the write lock, until its pages are in the sums.
 */
export function relieveLog(path: string): void {
  if (!existsSync(`${path}-wal`)) return
  using closing = new DisposableStack()
  // It is closed last, and brings nothing in by that.
  const reader = closing.adopt(new Db(path, { readonly: true, cacheKib: 64 }), (one) => one.close())
  const database = closing.adopt(new Db(path, { cacheKib: 2048, checkpointPages: 0 }), (one) => one.close())
  const sums = existsSync(path + SUMS_ENDING) ? closing.adopt(new PageSums(path), (one) => one.close()) : undefined
  whereItCan(() => {
    for (let count = 0; count < RELIEVED_MAX; count++) {
      if (!relieveOnce(reader, database, sums)) return
    }
  })
}

/** False where nothing is left to do. */
function relieveOnce(reader: Db, database: Db, sums: PageSums | undefined): boolean {
  reader.run('BEGIN')
  try {
    reader.one('SELECT count(*) AS tables FROM sqlite_schema')
    const before = logState(database)
    // One that is in the database wholly may start over beside a reader.
    if (before.log === before.checkpointed) return false
    const { busy, log, checkpointed } = logState(database, 'PASSIVE')
    sums?.take(checkpointed)
    whileNobodyWrites(database, () => {
      reader.rollback()
      if (sums?.belong()) sums.cover(logState(reader).log)
    })
    return busy === 0 && log > checkpointed
  } finally {
    reader.rollback()
  }
}

function logState(database: Db, mode: 'NOOP' | 'PASSIVE' | 'TRUNCATE' = 'NOOP'): LogState {
  return database.one<LogState>(`PRAGMA wal_checkpoint(${mode})`) ?? { busy: 1, log: 0, checkpointed: 0 }
}

/** Undefined where no room is left, or somebody holds the database: what was wanted can be done later. */
function whereItCan<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOSPC' || code === 'EDQUOT' || ['full', 'busy'].includes(String(storageFault(error))))
      return undefined
    throw error
  }
}
