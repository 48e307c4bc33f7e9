import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../core/failure.ts'
import {
  CHUNK_BYTES,
  ChunkOpener,
  ChunkSealer,
  chunkSpan,
  HEADER_BYTES,
  releaseChunk,
  sealedFileName,
} from '../vault/chunks.ts'

/** Between its row and its move a file is still where it came in. */
export const INCOMING = 'incoming'
const PART = '.part'
/** Opened chunks that a reader of a file may still look at. */
const PIECES_HELD = 2
const NAME = /^[0-9a-f]{32}(\.thumbnail)?$/

/** What the thumbnail of a file is called. */
export function thumbnailName(file: string): string {
  return `${file}.thumbnail`
}

/**
 * The folder `media/`: sealed files, each under the first two letters of its name. A new file is whole and synced in
 * `incoming/` before a row names it, and moved to its place after: whatever moment the process dies at, `settle` can
 * tell a file that a row names from one that nobody will ever name.
 */
export class MediaFolder {
  readonly #path: string
  readonly #isNamed: (file: string) => boolean
  /** Moving and removing one after the other: a file that comes again must not be taken for the one that goes. */
  #last: Promise<unknown> = Promise.resolve()

  /** `isNamed`: whether a row names the file. */
  constructor(path: string, isNamed: (file: string) => boolean) {
    this.#path = path
    this.#isNamed = isNamed
  }

  /** At a start: whole files that a row names go to their places, everything else that was under way is thrown away. */
  async settle(): Promise<void> {
    await mkdir(join(this.#path, INCOMING), { recursive: true, mode: 0o700 })
    for (const name of await readdir(join(this.#path, INCOMING))) {
      if (NAME.test(name)) await this.place(name)
      else await rm(join(this.#path, INCOMING, name), { force: true })
    }
  }

  /** Begins a file that is sealed with a person's key. */
  async create(key: Uint8Array): Promise<SealedWriter> {
    const path = join(this.#path, INCOMING, randomUUID() + PART)
    const handle = await open(path, 'wx', 0o600)
    // The header is written last, in this place.
    await handle.write(new Uint8Array(HEADER_BYTES), 0, HEADER_BYTES, 0)
    return new SealedWriter({ handle, path, folder: join(this.#path, INCOMING), key })
  }

  /** Moves a whole file to its place, if a row names it by now; else throws it away. */
  place(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const from = join(this.#path, INCOMING, name)
      if (!this.#isNamed(fileOf(name))) return await rm(from, { force: true })
      await mkdir(this.#folderOf(name), { recursive: true, mode: 0o700 })
      await rename(from, this.#pathOf(name)).catch(ignoreMissing)
      await syncFolder(this.#folderOf(name))
    })
  }

  /** Removes a file and its thumbnail, unless a row names it by now. */
  remove(file: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isNamed(file)) return
      for (const name of [file, thumbnailName(file)]) {
        // Bun's `rm` gives the kernel's reason as EFAULT.
        await unlink(this.#pathOf(name)).catch(ignoreMissing)
        await unlink(join(this.#path, INCOMING, name)).catch(ignoreMissing)
      }
    })
  }

  /** Opens a file for reading. Throws where it is not there or is not what it is said to be. */
  async open(name: string, key: Uint8Array): Promise<SealedReader> {
    if (!NAME.test(name)) throw new Error('Assertion failed: no name of a sealed file')
    const handle = await this.#openAnywhere(name)
    try {
      const header = new Uint8Array(HEADER_BYTES)
      const { bytesRead } = await handle.read(header, 0, HEADER_BYTES, 0)
      const { size } = await handle.stat()
      return new SealedReader(
        handle,
        new ChunkOpener(key, { name, header: header.subarray(0, bytesRead), lengthBytes: size }),
      )
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Between its row and its move a file is still where it came in. */
  async #openAnywhere(name: string): Promise<FileHandle> {
    const places = [this.#pathOf(name), join(this.#path, INCOMING, name), this.#pathOf(name)]
    for (const place of places) {
      const handle = await open(place, 'r').catch(ignoreMissing)
      if (handle) return handle
    }
    throw new Error('The file is not in the folder')
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  #folderOf(name: string): string {
    return join(this.#path, name.slice(0, 2))
  }

  #pathOf(name: string): string {
    return join(this.#folderOf(name), name)
  }
}

interface WriterParts {
  handle: FileHandle
  path: string
  folder: string
  key: Uint8Array
}

/** A file on its way in: hashed, sealed and written piece by piece, never held whole. */
export class SealedWriter {
  readonly #parts: WriterParts
  readonly #sealer: ChunkSealer
  readonly #hasher = new Bun.CryptoHasher('sha256')
  #offset = HEADER_BYTES
  #isDone = false

  constructor(parts: WriterParts) {
    this.#parts = parts
    this.#sealer = new ChunkSealer(parts.key)
  }

  get sizeBytes(): number {
    return this.#sealer.sizeBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hasher.update(bytes)
    for (const chunk of this.#sealer.push(bytes)) await this.#append(chunk)
  }

  /** SHA-256 of everything, as hexadecimal digits. Ends the hash: nothing can be written after it. */
  sha256(): string {
    return this.#hasher.digest('hex')
  }

  /** Ends a file under a name and makes it durable. What was there under the same name has the same content. */
  async end(name: string): Promise<void> {
    const { handle, path, folder } = this.#parts
    const { chunk, header } = this.#sealer.end(name)
    await this.#append(chunk)
    await handle.write(header, 0, header.length, 0)
    await handle.sync()
    await handle.close()
    this.#isDone = true
    await rename(path, join(folder, name))
    await syncFolder(folder)
  }

  /** Throws the file away; nothing where it is done. */
  async abandon(): Promise<void> {
    if (this.#isDone) return
    this.#isDone = true
    await this.#parts.handle.close().catch(() => {})
    await rm(this.#parts.path, { force: true })
  }

  /** The name for what was written. */
  nameFor(sha256Hex: string): string {
    return sealedFileName(this.#parts.key, sha256Hex)
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const { bytesWritten } = await this.#parts.handle.write(bytes, from, bytes.length - from, this.#offset)
      from += bytesWritten
      this.#offset += bytesWritten
    }
  }
}

/** A sealed file, open for reading: one chunk at a time is in memory. */
export class SealedReader {
  readonly #handle: FileHandle
  readonly #opener: ChunkOpener
  readonly #sealed = new Uint8Array(CHUNK_BYTES + 64)

  constructor(handle: FileHandle, opener: ChunkOpener) {
    this.#handle = handle
    this.#opener = opener
  }

  get sizeBytes(): number {
    return this.#opener.sizeBytes
  }

  /**
   * The bytes from `first` to `last`, both included, as they are asked for. A piece holds until the one after the next is
   * asked for. Closes the file at its end, however it ends.
   */
  async *read(first: number, last: number): AsyncGenerator<Uint8Array> {
    const given: Uint8Array[] = []
    try {
      for (let at = first; at <= last; ) {
        const index = Math.floor(at / CHUNK_BYTES)
        const chunk = await this.#chunk(index)
        given.push(chunk)
        if (given.length > PIECES_HELD) releaseChunk(given.shift())
        const start = index * CHUNK_BYTES
        yield chunk.subarray(at - start, Math.min(chunk.length, last + 1 - start))
        at = start + CHUNK_BYTES
      }
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => {})
  }

  async #chunk(index: number): Promise<Uint8Array> {
    const { offset, length } = chunkSpan(this.#opener.sizeBytes, index)
    for (let from = 0; from < length; ) {
      const { bytesRead } = await this.#handle.read(this.#sealed, from, length - from, offset + from)
      if (bytesRead === 0) throw new Error('The sealed file ends too early')
      from += bytesRead
    }
    return this.#opener.open(index, this.#sealed.subarray(0, length))
  }
}

/** The file that a name belongs to: its own, or that of a thumbnail. */
function fileOf(name: string): string {
  return name.slice(0, 32)
}

function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
  return undefined
}

/** A rename is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
