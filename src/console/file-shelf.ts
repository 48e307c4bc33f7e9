import { type Api, Problem } from './api.ts'

/** A file as the page has it: being fetched, there under an address of the page's own, or not to be had. */
export interface ShelvedFile {
  /** An address that only this page understands; null until the bytes are here. */
  readonly url: string | null
  readonly problem: string | null
}

interface Shelved extends ShelvedFile {
  bytes: number
  users: number
}

interface ShelfDeps {
  api: Pick<Api, 'file'>
  makeUrl: (blob: Blob) => string
  dropUrl: (url: string) => void
  onRefused: () => void
}

/** Files that nobody looks at any more are kept up to this, so that scrolling back does not fetch them again. */
const SPARE_FILES_MAX = 60
const SPARE_BYTES_MAX = 64 * 1024 * 1024

const WAITING: ShelvedFile = { url: null, problem: null }

/**
 * The files that the page shows. They are fetched with the key, which may not stand in an address, and shown by an
 * address of the page's own, which ends when nobody needs it.
 */
export class FileShelf {
  /** In the order of their last use. */
  readonly #files = new Map<string, Shelved>()
  readonly #listeners = new Set<() => void>()
  readonly #deps: ShelfDeps
  #isClosed = false

  constructor(deps: ShelfDeps) {
    this.#deps = deps
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The file at a path, as it is now. */
  look(path: string | null): ShelvedFile {
    return (path === null ? undefined : this.#files.get(path)) ?? WAITING
  }

  /** Wants a file until the answer is called. What could not be fetched is tried again. */
  want(path: string): () => void {
    const known = this.#files.get(path)
    const file = known !== undefined && known.problem === null ? known : { ...WAITING, bytes: 0, users: 0 }
    file.users += known === file ? 1 : 1 + (known?.users ?? 0)
    this.#files.delete(path)
    this.#files.set(path, file)
    if (file !== known) void this.#fetch(path)
    let isWanted = true
    return () => {
      if (!isWanted) return
      isWanted = false
      const now = this.#files.get(path)
      if (now !== undefined) now.users -= 1
      this.#tidy()
    }
  }

  /** Ends every address. */
  close(): void {
    this.#isClosed = true
    for (const { url } of this.#files.values()) if (url !== null) this.#deps.dropUrl(url)
    this.#files.clear()
  }

  async #fetch(path: string): Promise<void> {
    let became: Pick<Shelved, 'url' | 'problem' | 'bytes'>
    try {
      const blob = await this.#deps.api.file(path)
      if (this.#isClosed) return
      became = { url: this.#deps.makeUrl(blob), problem: null, bytes: blob.size }
    } catch (cause) {
      if (this.#isClosed) return
      if (cause instanceof Problem && cause.status === 401) return this.#deps.onRefused()
      const problem = cause instanceof Problem ? cause.message : 'Something went wrong here.'
      became = { url: null, problem, bytes: 0 }
    }
    const file = this.#files.get(path)
    if (file === undefined) {
      if (became.url !== null) this.#deps.dropUrl(became.url)
      return
    }
    this.#files.set(path, { ...file, ...became })
    this.#tidy()
    for (const listener of this.#listeners) listener()
  }

  #tidy(): void {
    const spare = [...this.#files].filter(([, file]) => file.users <= 0 && (file.url !== null || file.problem !== null))
    let bytes = spare.reduce((sum, [, file]) => sum + file.bytes, 0)
    let count = spare.length
    for (const [path, file] of spare) {
      if (count <= SPARE_FILES_MAX && bytes <= SPARE_BYTES_MAX) return
      if (file.url !== null) this.#deps.dropUrl(file.url)
      this.#files.delete(path)
      count -= 1
      bytes -= file.bytes
    }
  }
}
