import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs'
import { codeOf } from '../core/failure.ts'
import { withRawFile } from './raw-file.ts'

/** The sums of a database lie beside it: `records.db-sums`. */
export const SUMS_ENDING = '-sums'

/** Of each block the last eight bytes are its own sum: one that is torn or damaged knows nothing, and accuses nobody. */
const BLOCK_BYTES = 4096
const SUM_BYTES = 8
export const SUMS_PER_BLOCK = BLOCK_BYTES / SUM_BYTES - 1
const BODY_BYTES = BLOCK_BYTES - SUM_BYTES
const MAGIC = 0x47485331

/** SQLite's format of a write-ahead log (sqlite.org/fileformat2.html, section 4): numbers are big-endian. */
const LOG_HEAD_BYTES = 32
const FRAME_HEAD_BYTES = 24
/** Little enough to stay in the processor's cache. */
const PIECE_FRAMES = 32
/** Where a database says how often its first page was written. */
const COUNTER_AT = 24

/** Made when missing, never truncated: no letter form of open() says that. */
const READ_WRITE_CREATE = constants.O_RDWR | constants.O_CREAT

/** Which log it is: the salts change whenever it starts over, the first of them by one. */
export interface LogSalts {
  salt1: number
  salt2: number
}

interface Log extends LogSalts {
  pageBytes: number
  /** How often it started over since its file was made. */
  restarts: number
}

/** Its salts are of the log that was taken in last; everything before it has been. */
interface Head extends LogSalts {
  /** So many frames of it are taken in. */
  frames: number
  /** All of it is, and nothing is written after: it may be gone. */
  isClosed: boolean
  /** What the database's first page counts, at that moment. */
  counter: number
}

/**
 * One sum of each page of a database file, in a file beside it; 0 is a page that is not known yet. A page that is in the
 * write-ahead log is not compared, so its sum may be ahead of the file. One thing may not be: a log that starts over
 * before the sums of its pages are durable. Whoever writes here holds the database's write lock.
 */
export class PageSums {
  readonly #path: string
  readonly #file: number | undefined
  /** Of the log, by page, not written yet. */
  readonly #taken = new Map<number, bigint>()
  /** The log that they are of, and how far it was read. */
  #log: Log | undefined
  #read = 0
  #counter: number | undefined

  /** @param path of the database. */
  constructor(path: string, { readonly = false } = {}) {
    this.#path = path
    const file = path + SUMS_ENDING
    if (!readonly) this.#file = openSync(file, READ_WRITE_CREATE, 0o600)
    else if (existsSync(file)) this.#file = openSync(file, 'r')
  }

  /** Forgets all of them, durably: they are learned anew. */
  clear(): void {
    ftruncateSync(this.#open(), 0)
    fsyncSync(this.#open())
  }

  /** Takes in the pages of the log up to a frame. Nothing is written yet. */
  take(frames: number): void {
    const log = readLog(this.#path)
    if (!isSameLog(log, this.#log) || frames < this.#read) {
      this.#taken.clear()
      this.#read = 0
      this.#counter = undefined
    }
    this.#log = log
    if (log === undefined || frames === this.#read) return
    eachFrame(this.#path, log, { from: this.#read, to: frames }, (page, content) => {
      this.#taken.set(page, sumOf(page, content))
      if (page === 1) this.#counter = content.readUInt32BE(COUNTER_AT)
    })
    this.#read = frames
  }

  /** Makes the log up to a frame part of the sums, durably. `isClosed`: nothing is written after it. */
  cover(frames: number, isClosed = false): void {
    const before = this.#head()
    this.take(frames)
    this.write(this.#taken)
    this.#taken.clear()
    const { salt1, salt2 } = this.#log ?? before ?? { salt1: 0, salt2: 0 }
    const counter = this.#counter ?? counterOf(this.#path) ?? 0
    this.#writeHead({ salt1, salt2, frames, isClosed, counter })
    fdatasyncSync(this.#open())
  }

  /** Whether all of a log that has started over since was taken in. */
  hasCovered(log: LogSalts, frames: number): boolean {
    const head = this.#head()
    return head !== undefined && isSameLog(head, log) && head.frames >= frames
  }

  /** Says at once that the sums are of another file, until they are cleared. */
  disown(): void {
    this.#writeHead({ salt1: 0, salt2: 0, frames: 0, isClosed: false, counter: 0 })
  }

  /**
   * Whether the sums are of this file. They are not where somebody else has brought a log into it, or put another file in
   * its place: then nothing is known of its pages.
   */
  belong(): boolean {
    const head = this.#head()
    if (head === undefined) return false
    const isUnchanged = head.isClosed && counterOf(this.#path) === head.counter
    const log = readLog(this.#path)
    if (log === undefined) return isUnchanged
    if (isSameLog(log, head)) return true
    if (log.restarts === 0) return isUnchanged
    return log.salt1 === (head.salt1 + 1) >>> 0
  }

  /** The sums of so many pages from one on; 0 where none is known. */
  read(first: number, count: number): BigUint64Array {
    const sums = new BigUint64Array(count)
    if (this.#file === undefined) return sums
    let block = -1
    let body: DataView | undefined
    for (let index = 0; index < count; index++) {
      const at = placeOf(first + index)
      if (at.block !== block) {
        block = at.block
        body = readBlock(this.#file, block)
      }
      sums[index] = body?.getBigUint64(at.offset) ?? 0n
    }
    return sums
  }

  /** Writes some; they are durable with the next that are covered. */
  write(sums: ReadonlyMap<number, bigint>): void {
    let block = -1
    let body: DataView | undefined
    const end = () => body && writeBlock(this.#open(), block, body)
    for (const page of Uint32Array.from(sums.keys()).sort()) {
      const at = placeOf(page)
      if (at.block !== block) {
        end()
        block = at.block
        body = readBlock(this.#open(), block) ?? emptyBlock()
      }
      body?.setBigUint64(at.offset, sums.get(page) ?? 0n)
    }
    end()
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }

  #open(): number {
    if (this.#file === undefined) throw new Error('Assertion failed: the sums were opened for reading')
    return this.#file
  }

  #head(): Head | undefined {
    const view = this.#file === undefined ? undefined : readBlock(this.#file, 0)
    if (view?.getUint32(0) !== MAGIC) return undefined
    const [salt1, salt2, frames, closed, counter] = [4, 8, 12, 16, 20].map((at) => view.getUint32(at))
    return { salt1, salt2, frames, isClosed: closed === 1, counter } as Head
  }

  #writeHead({ salt1, salt2, frames, isClosed, counter }: Head): void {
    const view = emptyBlock()
    for (const [index, value] of [MAGIC, salt1, salt2, frames, isClosed ? 1 : 0, counter].entries()) {
      view.setUint32(4 * index, value)
    }
    writeBlock(this.#open(), 0, view)
  }
}

/** Never 0. XXH3 is a published function: another version of Bun gives the same. */
export function sumOf(page: number, content: Uint8Array): bigint {
  return Bun.hash.xxHash3(content, BigInt(page)) || 1n
}

/** Every page that the log has, whether its frame is in force or not. */
export function pagesInLog(path: string): Set<number> {
  const pages = new Set<number>()
  const log = readLog(path)
  if (log) eachFrame(path, log, { from: 0, to: Number.POSITIVE_INFINITY }, (page) => pages.add(page))
  return pages
}

/** Undefined where there is none, or nothing was written to it. */
function readLog(path: string): Log | undefined {
  const file = openIfThere(`${path}-wal`)
  if (file === undefined) return undefined
  try {
    return readLogHead(file)
  } finally {
    closeSync(file)
  }
}

export function readLogHead(file: number): Log | undefined {
  const head = Buffer.alloc(LOG_HEAD_BYTES)
  if (readSync(file, head, 0, LOG_HEAD_BYTES, 0) < LOG_HEAD_BYTES) return undefined
  const [pageBytes = 0, restarts = 0, salt1 = 0, salt2 = 0] = [8, 12, 16, 20].map((at) => head.readUInt32BE(at))
  return { pageBytes, restarts, salt1, salt2 }
}

/** Visits the frames of one log in their order; what is left of older ones is passed over. */
function eachFrame(
  path: string,
  log: Log,
  range: { from: number; to: number },
  visit: (page: number, content: Buffer) => void,
): void {
  const file = openSync(`${path}-wal`, 'r')
  try {
    const frameBytes = FRAME_HEAD_BYTES + log.pageBytes
    const to = Math.min(range.to, Math.floor((fstatSync(file).size - LOG_HEAD_BYTES) / frameBytes))
    const piece = Buffer.allocUnsafeSlow(PIECE_FRAMES * frameBytes)
    for (let index = range.from; index < to; index += PIECE_FRAMES) {
      const wanted = Math.min(PIECE_FRAMES, to - index) * frameBytes
      const bytes = readSync(file, piece, 0, wanted, LOG_HEAD_BYTES + index * frameBytes)
      for (let at = 0; at + frameBytes <= bytes; at += frameBytes) {
        if (piece.readUInt32BE(at + 8) !== log.salt1 || piece.readUInt32BE(at + 12) !== log.salt2) continue
        visit(piece.readUInt32BE(at), piece.subarray(at + FRAME_HEAD_BYTES, at + frameBytes))
      }
    }
  } finally {
    closeSync(file)
  }
}

export function isSameLog(one: LogSalts | undefined, other: LogSalts | undefined): boolean {
  return one?.salt1 === other?.salt1 && one?.salt2 === other?.salt2
}

function counterOf(path: string): number | undefined {
  try {
    return withRawFile(path, (file) => {
      const found = Buffer.alloc(4)
      return readSync(file, found, 0, 4, COUNTER_AT) === 4 ? found.readUInt32BE(0) : undefined
    })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The first block is the head. */
function placeOf(page: number): { block: number; offset: number } {
  const index = page - 1
  return { block: 1 + Math.floor(index / SUMS_PER_BLOCK), offset: (index % SUMS_PER_BLOCK) * SUM_BYTES }
}

function emptyBlock(): DataView {
  return new DataView(new ArrayBuffer(BLOCK_BYTES))
}

/** Undefined where it was never written, is torn or damaged. */
function readBlock(file: number, block: number): DataView | undefined {
  const view = emptyBlock()
  if (readSync(file, new Uint8Array(view.buffer), 0, BLOCK_BYTES, block * BLOCK_BYTES) < BLOCK_BYTES) return undefined
  return view.getBigUint64(BODY_BYTES) === sumOfBlock(block, view) ? view : undefined
}

function writeBlock(file: number, block: number, view: DataView): void {
  view.setBigUint64(BODY_BYTES, sumOfBlock(block, view))
  writeSync(file, new Uint8Array(view.buffer), 0, BLOCK_BYTES, block * BLOCK_BYTES)
}

function sumOfBlock(block: number, view: DataView): bigint {
  return sumOf(block, new Uint8Array(view.buffer, 0, BODY_BYTES))
}
