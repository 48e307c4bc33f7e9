import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs'

const RECORD_BYTES = 16
/** Made when missing, never truncated: no letter form of open() says that. */
const READ_WRITE_CREATE = constants.O_RDWR | constants.O_CREAT

/**
 * How far a database has ever come, as a number that only rises, kept outside it: one flipped bit in SQLite's WAL
 * silently drops every later commit (measured), and only a mark elsewhere tells. It is written after each commit and
 * not synced: after a power cut it may lag behind, which proves nothing, but it is never ahead of the disk.
 */
export class HighWaterMark {
  readonly #file: number
  readonly #record = new DataView(new ArrayBuffer(RECORD_BYTES))

  constructor(path: string) {
    this.#file = openSync(path, READ_WRITE_CREATE, 0o600)
  }

  /** 0 where nothing was written yet or the record is torn. */
  read(): number {
    return readRecord(this.#file)
  }

  write(mark: number): void {
    this.#record.setBigUint64(0, BigInt(mark))
    this.#record.setBigUint64(8, checksum(new Uint8Array(this.#record.buffer)))
    writeSync(this.#file, new Uint8Array(this.#record.buffer), 0, RECORD_BYTES, 0)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** The mark of somebody else's file, read only; 0 where there is none. */
export function readMark(path: string): number {
  if (!existsSync(path)) return 0
  const file = openSync(path, 'r')
  try {
    return readRecord(file)
  } finally {
    closeSync(file)
  }
}

function readRecord(file: number): number {
  const found = new Uint8Array(RECORD_BYTES)
  if (readSync(file, found, 0, RECORD_BYTES, 0) < RECORD_BYTES) return 0
  const view = new DataView(found.buffer)
  return view.getBigUint64(8) === checksum(found) ? Number(view.getBigUint64(0)) : 0
}

function checksum(record: Uint8Array): bigint {
  return Bun.hash.wyhash(record.subarray(0, 8))
}
