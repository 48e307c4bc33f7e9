import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import { isObject, parseJson } from './json.ts'

/** A send that was carried out, whatever the caller was told. */
export interface Send {
  /** From 1, without gaps. */
  index: number
  /** RFC 3339, UTC. */
  at: string
  /** Id of the firm's number. */
  number: string
  /** The recipient: digits of the phone, or the user id if it was sent to that. */
  to: string
  type: string
  text?: string
  wamid: string
  /** `biz_opaque_callback_data` of the send. */
  correlation: string | null
  template?: string
  /** What the caller was told: answered, late, held, server_error, silence or reset. */
  outcome: string
}

/** Which sends to answer with. */
export interface SendQuery {
  number: string | null
  correlation: string | null
  /** Only sends with a larger index. */
  after: number
  limit: number
}

/** Sends in one packed chunk. */
const CHUNK_SENDS = 1000

/** The bounds of the log: packed sends and bytes kept; the oldest chunk goes first. */
const CHUNKS_MAX = 1000
const BYTES_MAX = 256 * 1024 * 1024

interface Chunk {
  firstIndex: number
  packed: Uint8Array<ArrayBuffer>
}

/**
 * Every send that was carried out. Kept in memory as packed chunks, the last million of them; with a file also there,
 * one JSON line each, written before the send is answered, so that they outlive the simulator's own death.
 */
export class SendLog {
  #open: Send[] = []
  #chunks: Chunk[] = []
  #bytes = 0
  #total = 0
  #dropped = 0
  #file: number | null = null

  /** Opens the log; sends that the file already has are read in. */
  constructor(storePath: string | null = null) {
    if (storePath === null) return
    if (existsSync(storePath)) this.#load(storePath)
    this.#file = openSync(storePath, 'a')
  }

  get total(): number {
    return this.#total
  }

  /** Sends that are no longer kept in memory. */
  get dropped(): number {
    return this.#dropped
  }

  /** Notes a send and gives it its index. */
  add(send: Omit<Send, 'index'>): Send {
    const numbered = { index: this.#total + 1, ...send }
    if (this.#file !== null) writeSync(this.#file, `${JSON.stringify(numbered)}\n`)
    this.#keep(numbered)
    return numbered
  }

  /** Sends in their order, those after an index first. */
  list(query: SendQuery): Send[] {
    const found: Send[] = []
    for (const chunk of this.#chunks) {
      if (chunk.firstIndex + CHUNK_SENDS - 1 <= query.after) continue
      if (collect(found, unpack(chunk), query)) return found
    }
    collect(found, this.#open, query)
    return found
  }

  close(): void {
    if (this.#file === null) return
    closeSync(this.#file)
    this.#file = null
  }

  #keep(send: Send): void {
    this.#total = send.index
    this.#open.push(send)
    if (this.#open.length < CHUNK_SENDS) return
    const packed = Bun.deflateSync(new TextEncoder().encode(JSON.stringify(this.#open)))
    this.#chunks.push({ firstIndex: this.#open[0]?.index ?? 0, packed })
    this.#bytes += packed.byteLength
    this.#open = []
    while (this.#chunks.length > CHUNKS_MAX || this.#bytes > BYTES_MAX) {
      const oldest = this.#chunks.shift()
      if (!oldest) break
      this.#bytes -= oldest.packed.byteLength
      this.#dropped += CHUNK_SENDS
    }
  }

  /** Reads the file in; a last line that a crash cut short is cut off. */
  #load(storePath: string): void {
    const text = readFileSync(storePath, 'utf8')
    const end = text.lastIndexOf('\n') + 1
    if (end < text.length) truncateSync(storePath, Buffer.byteLength(text.slice(0, end)))
    for (const line of text.slice(0, end).split('\n')) {
      if (line === '') continue
      const send = parseJson(line)
      if (!isObject(send) || send['index'] !== this.#total + 1) {
        throw new Error(`Cannot read the sends of "${storePath}": line ${this.#total + 1} is not the send it should be`)
      }
      this.#keep(send as unknown as Send)
    }
  }
}

function unpack(chunk: Chunk): Send[] {
  return JSON.parse(new TextDecoder().decode(Bun.inflateSync(chunk.packed)))
}

/** Adds what fits the query; true once there is enough. */
function collect(found: Send[], sends: readonly Send[], query: SendQuery): boolean {
  for (const send of sends) {
    if (found.length >= query.limit) return true
    if (send.index <= query.after) continue
    if (query.number !== null && send.number !== query.number) continue
    if (query.correlation !== null && send.correlation !== query.correlation) continue
    found.push(send)
  }
  return found.length >= query.limit
}
