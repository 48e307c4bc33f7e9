import { randomBytes } from 'node:crypto'
import { existsSync, statfsSync, truncateSync } from 'node:fs'
import { open, rename, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'

/** What is held back for erasures and settings on a disk that is full. */
export const BALLAST_BYTES = 16 * 1024 * 1024
const PIECE_BYTES = 1024 * 1024
const BALLAST_FILE = 'ballast'
/** Below this a disk counts as full: a commit and a checkpoint still fit. */
export const FREE_BYTES_MIN = 4 * 1024 * 1024

/** A file of 16 MB in the data folder that takes up room so that it can be given back when there is no other. */
export class Ballast {
  readonly #path: string

  constructor(folder: string) {
    this.#path = join(folder, BALLAST_FILE)
  }

  async isThere(): Promise<boolean> {
    const found = await stat(this.#path).catch(() => undefined)
    return found !== undefined && found.size >= BALLAST_BYTES
  }

  /** Whether it was there and its room was given back: an empty file says so, also to the next process. */
  async isGiven(): Promise<boolean> {
    const found = await stat(this.#path).catch(() => undefined)
    return found !== undefined && found.size < BALLAST_BYTES
  }

  /** Makes it where it is missing. False where there is no room for it. */
  async make(): Promise<boolean> {
    if (await this.isThere()) return true
    const part = `${this.#path}.part`
    try {
      // Noise: a file system that packs or leaves out zeroes would keep nothing back.
      const piece = randomBytes(PIECE_BYTES)
      const file = await open(part, 'w', 0o600)
      try {
        for (let bytes = 0; bytes < BALLAST_BYTES; bytes += PIECE_BYTES) await file.writeFile(piece)
      } finally {
        await file.close()
      }
      await rename(part, this.#path)
      return true
    } catch {
      await rm(part, { force: true })
      return false
    }
  }

  /** Gives its room back. */
  async free(): Promise<void> {
    await rm(`${this.#path}.part`, { force: true })
    await truncate(this.#path).catch(() => {})
  }
}

/** Before a folder is opened: on a full disk nothing could be, not even its lock. */
export function giveBallastWhereFull(folder: string): void {
  const path = join(folder, BALLAST_FILE)
  if (!existsSync(path)) return
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize < FREE_BYTES_MIN) truncateSync(path)
}
