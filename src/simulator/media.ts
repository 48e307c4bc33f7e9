import { createHash } from 'node:crypto'
import { DAY_MS } from '../core/clock.ts'
import type { JsonObject } from './json.ts'

/** A stored file. */
export interface MediaFile {
  id: string
  bytes: Uint8Array<ArrayBuffer>
  mimeType: string
  /** Base64, as in webhooks. */
  sha256: string
  /** When its id ends to hold. */
  untilMs: number
}

/** The platform's rule: an address of a file holds 5 minutes. */
const ADDRESS_MS = 5 * 60_000

/** The platform's rule: the id of a file that the firm uploaded holds 30 days. */
const UPLOADED_MS = 30 * DAY_MS

/** The platform's rule: the id of a file that a customer sent holds 7 days. */
export const RECEIVED_MS = 7 * DAY_MS

const BYTES_MAX = 64 * 1024 * 1024
const FILES_MAX = 1000
const ADDRESSES_MAX = 10_000

/** The files of the platform, in memory and bounded: the oldest go first. */
export class Media {
  #files = new Map<string, MediaFile>()
  #addresses = new Map<string, { id: string; untilMs: number }>()
  #bytes = 0
  #nextId: number
  readonly #random: () => number
  #forgotten = 0

  constructor(random: () => number) {
    this.#random = random
    this.#nextId = 1_000_000_000_000_000 + Math.floor(random() * 1e14)
  }

  /** Files kept now, and those that had to go. */
  get counts(): { kept: number; bytes: number; forgotten: number } {
    return { kept: this.#files.size, bytes: this.#bytes, forgotten: this.#forgotten }
  }

  /** Keeps a file as long as its id holds; undefined if it is larger than all there is room for. */
  add(
    bytes: Uint8Array<ArrayBuffer>,
    mimeType: string,
    nowMs: number,
    holdsMs: number = UPLOADED_MS,
  ): MediaFile | undefined {
    if (bytes.byteLength > BYTES_MAX) return undefined
    const id = String(this.#nextId++)
    const sha256 = createHash('sha256').update(bytes).digest('base64')
    const file = { id, bytes, mimeType, sha256, untilMs: nowMs + holdsMs }
    this.#files.set(id, file)
    this.#bytes += bytes.byteLength
    for (const oldest of this.#files.values()) {
      if (this.#bytes <= BYTES_MAX && this.#files.size <= FILES_MAX) break
      this.remove(oldest.id)
      this.#forgotten += 1
    }
    return file
  }

  find(id: string, nowMs: number): MediaFile | undefined {
    const file = this.#files.get(id)
    return file && nowMs < file.untilMs ? file : undefined
  }

  remove(id: string): boolean {
    const file = this.#files.get(id)
    if (!file) return false
    this.#bytes -= file.bytes.byteLength
    return this.#files.delete(id)
  }

  /** Ends all addresses, as five minutes do; answers how many there were. */
  endAddresses(): number {
    const count = this.#addresses.size
    this.#addresses.clear()
    return count
  }

  /** A fresh address under which the bytes can be fetched for a while. */
  address(id: string, baseUrl: string, nowMs: number): string {
    const token = Array.from({ length: 24 }, () => Math.floor(this.#random() * 36).toString(36)).join('')
    this.#addresses.set(token, { id, untilMs: nowMs + ADDRESS_MS })
    for (const oldest of this.#addresses.keys()) {
      if (this.#addresses.size <= ADDRESSES_MAX) break
      this.#addresses.delete(oldest)
    }
    return `${baseUrl}/_media/${token}`
  }

  /** The file behind an address, while the address holds. */
  open(token: string, nowMs: number): MediaFile | undefined {
    const address = this.#addresses.get(token)
    return address && nowMs < address.untilMs ? this.find(address.id, nowMs) : undefined
  }

  /** A file in the platform's form. */
  show(file: MediaFile, baseUrl: string, nowMs: number): JsonObject {
    return {
      messaging_product: 'whatsapp',
      url: this.address(file.id, baseUrl, nowMs),
      mime_type: file.mimeType,
      sha256: file.sha256,
      file_size: file.bytes.byteLength,
      id: file.id,
    }
  }
}
