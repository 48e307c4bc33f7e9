import { pipeline, Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { FileLocation } from '../channels/channel.ts'
import type { Clock } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { codeOf } from '../core/failure.ts'
import type { FetchOutcome } from '../records/media.ts'
import type { FetchTask } from '../records/media-reader.ts'
import { sealedFileName } from '../vault/chunks.ts'
import { AddressRefused, type GuardedFetch } from './guarded-fetch.ts'
import { type MediaFolder, type SealedWriter, thumbnailName } from './media-folder.ts'
import { isPicture, mediaTypeOf, SNIFFED_BYTES, thumbnailOf } from './media-picture.ts'

/** The platform's rule: an address of a file holds five minutes. Less what a request may take to get there. */
const ADDRESS_MS = 5 * 60_000 - 10_000
const CONNECT_MS_MAX = 10_000
const STALL_MS_MAX = 30_000
/** A file that trickles keeps a place from others: 100 MB take this long at 120 kB a second. */
const WHOLE_MS_MAX = 15 * 60_000
/** Full delays of one attempt after the other, halved at random; then the last one until the platform forgets the file. */
const DELAYS_MS = [2_000, 10_000, 60_000, 300_000, 1_800_000, 3_600_000]
const DISK_FULL_MS = 30_000
/** Bytes that are not those that were signed for: after so many attempts they never will be. */
const HASH_ATTEMPTS_MAX = 4

/** Whose token opens the files of an application. */
export interface MediaApp {
  accessToken: string
}

export interface MediaFetchDependencies {
  clock: Clock
  random: () => number
  folder: MediaFolder
  guard: GuardedFetch
  appOf(app: string): MediaApp | undefined
  /** Asks the platform where a file lies. */
  locate(task: FetchTask): Promise<FileLocation>
  personKey(person: number): Uint8Array | undefined
  /** A file that is in the folder already, by its name. */
  known(file: string): { sizeBytes: number; mimeType: string | null; hasThumbnail: boolean } | undefined
  /** What the operator allows now. */
  sizeBytesMax: () => number
  /** The proxy of a number's requests to an address, if any. */
  proxyFor(account: string, url: string): string | undefined
  /** Bytes that came, for the metrics. */
  received(bytes: number): void
}

/** Why an attempt ends without a file; what it says goes into the row. */
class Ended extends Error {
  readonly outcome: FetchOutcome

  constructor(outcome: FetchOutcome) {
    super('An attempt to fetch has ended')
    this.outcome = outcome
  }
}

/** One attempt to fetch a file, seal it and put it into the folder. */
export class MediaFetch {
  readonly #deps: MediaFetchDependencies
  /** One picture at a time is open: it is the only thing that is held whole. */
  #lastPicture: Promise<unknown> = Promise.resolve()

  constructor(deps: MediaFetchDependencies) {
    this.#deps = deps
  }

  /** Never throws; a stop by the signal reads as `stopped`. */
  async fetch(task: FetchTask, stop: AbortSignal): Promise<FetchOutcome> {
    try {
      return await this.#fetch(task, stop)
    } catch (error) {
      return this.#outcomeOf(error, task, stop)
    }
  }

  async #fetch(task: FetchTask, stop: AbortSignal): Promise<FetchOutcome> {
    const key = this.#deps.personKey(task.person)
    if (!key) throw new Ended({ kind: 'gone', reason: 'erased' })
    const app = this.#deps.appOf(task.app)
    if (!app) throw this.#later(task, 'app_not_configured')
    const known = await this.#known(task, key)
    if (known) return known
    const { url, sha256 } = await this.#addressOf(task)
    const download = { url, accessToken: app.accessToken, sha256, key, stop }
    const first = await this.#download(task, download)
    if (first !== 'address_dead') return first
    // The address of the webhook, or one that has just been given, has died: another one is asked for, once.
    const again = await this.#locate(task)
    const second = await this.#download(task, { ...download, url: again.url, sha256: sha256 ?? again.sha256 })
    if (second === 'address_dead') throw new Ended({ kind: 'gone', reason: 'vanished' })
    return second
  }

  /** The same content from the same person, such as a sticker: the sum in the webhook is the platform's word. */
  async #known(task: FetchTask, key: Uint8Array): Promise<FetchOutcome | undefined> {
    const { sha256 } = task.attachment
    if (sha256 === null) return undefined
    const file = sealedFileName(key, sha256)
    const facts = this.#deps.known(file)
    if (!facts) return undefined
    const opened = await this.#deps.folder.open(file, key).catch(() => undefined)
    await opened?.close()
    return opened && { kind: 'ready', file, ...facts }
  }

  async #addressOf(task: FetchTask): Promise<{ url: string; sha256: string | null }> {
    const { url, upstreamId, sha256 } = task.attachment
    const isFresh = this.#deps.clock.epochMs() - task.saidAtMs < ADDRESS_MS
    if (url !== null && (isFresh || upstreamId === null) && task.attempt === 0) return { url, sha256 }
    const located = await this.#locate(task)
    return { url: located.url, sha256: sha256 ?? located.sha256 }
  }

  async #locate(task: FetchTask): Promise<Extract<FileLocation, { kind: 'found' }>> {
    const { upstreamId, url } = task.attachment
    if (upstreamId === null) {
      if (url === null || task.attempt > 0) throw new Ended({ kind: 'gone', reason: 'vanished' })
      return { kind: 'found', url, sha256: null, sizeBytes: null }
    }
    const location = await this.#deps.locate(task)
    if (location.kind === 'gone') throw new Ended({ kind: 'gone', reason: 'vanished' })
    if (location.kind === 'later') throw this.#later(task, location.reason, location.afterMs)
    if ((location.sizeBytes ?? 0) > this.#deps.sizeBytesMax()) throw TOO_LARGE
    return location
  }

  async #download(
    task: FetchTask,
    download: { url: string; accessToken: string; sha256: string | null; key: Uint8Array; stop: AbortSignal },
  ): Promise<FetchOutcome | 'address_dead'> {
    const { url, accessToken, sha256, key, stop } = download
    const watch = new Watch(this.#deps.clock, stop)
    try {
      const headers = {
        authorization: `Bearer ${accessToken}`,
        'user-agent': 'gatehouse',
        accept: '*/*',
        'accept-encoding': 'identity',
      }
      const proxy = this.#deps.proxyFor(task.account, url)
      const response = await this.#deps.guard.get(url, { headers, signal: watch.signal, proxy })
      if (!response.ok) {
        await response.body?.cancel()
        return this.#refusalOf(response, task)
      }
      if (Number(response.headers.get('content-length') ?? 0) > this.#deps.sizeBytesMax()) {
        await response.body?.cancel()
        throw TOO_LARGE
      }
      return await this.#store(task, { bytes: bytesOf(response), sha256, key, watch })
    } finally {
      watch.end()
    }
  }

  #refusalOf(response: Response, task: FetchTask): 'address_dead' {
    const { status, headers } = response
    if (status === 404 || status === 410) return 'address_dead'
    const seconds = Number(headers.get('retry-after') ?? Number.NaN)
    const afterMs = Number.isFinite(seconds) ? Math.min(seconds * 1000, 3_600_000) : null
    if (status === 401) throw this.#later(task, 'token_refused', afterMs)
    if (status === 429) throw this.#later(task, 'throttled', afterMs)
    throw this.#later(task, status >= 500 ? 'platform_error' : 'refused_by_platform', afterMs)
  }

  async #store(
    task: FetchTask,
    from: { bytes: AsyncIterable<Uint8Array>; sha256: string | null; key: Uint8Array; watch: Watch },
  ): Promise<FetchOutcome> {
    const writer = await this.#deps.folder.create(from.key)
    try {
      const head = await this.#copy(writer, from)
      const { sizeBytes } = writer
      const sha256 = writer.sha256()
      if (from.sha256 !== null && sha256 !== from.sha256) {
        if (task.attempt + 1 >= HASH_ATTEMPTS_MAX) throw new Ended({ kind: 'failed', reason: 'hash_mismatch' })
        throw this.#later(task, 'hash_mismatch')
      }
      const file = sealedFileName(from.key, sha256)
      await writer.end(file)
      crashPoint('media.whole')
      const mimeType = await mediaTypeOf(head)
      const hasThumbnail = isPicture(mimeType, sizeBytes) && (await this.#addThumbnail(file, from.key))
      return { kind: 'ready', file, sizeBytes, mimeType, hasThumbnail }
    } finally {
      await writer.abandon()
    }
  }

  /** Seals piece by piece as it comes; answers the first bytes. */
  async #copy(
    writer: SealedWriter,
    { bytes, watch }: { bytes: AsyncIterable<Uint8Array>; watch: Watch },
  ): Promise<Uint8Array> {
    const head = new Uint8Array(SNIFFED_BYTES)
    let headBytes = 0
    for await (const piece of bytes) {
      watch.touch()
      this.#deps.received(piece.length)
      if (writer.sizeBytes + piece.length > this.#deps.sizeBytesMax()) throw TOO_LARGE
      const taken = piece.subarray(0, SNIFFED_BYTES - headBytes)
      head.set(taken, headBytes)
      headBytes += taken.length
      await writer.write(piece)
      crashPoint('media.begun')
    }
    return head.subarray(0, headBytes)
  }

  /** Whether the picture has one now. A picture that cannot be opened is shown as a file like any other. */
  #addThumbnail(file: string, key: Uint8Array): Promise<boolean> {
    const done = this.#lastPicture.then(async () => {
      const { folder } = this.#deps
      const reader = await folder.open(file, key)
      const picture = new Uint8Array(reader.sizeBytes)
      let at = 0
      for await (const piece of reader.read(0, reader.sizeBytes - 1)) {
        picture.set(piece, at)
        at += piece.length
      }
      const thumbnail = await thumbnailOf(picture)
      if (!thumbnail) return false
      const writer = await folder.create(key)
      try {
        await writer.write(thumbnail)
        await writer.end(thumbnailName(file))
        return true
      } finally {
        await writer.abandon()
      }
    })
    this.#lastPicture = done.catch(() => {})
    return done
  }

  #later(task: FetchTask, reason: string, afterMs: number | null = null): Ended {
    const full = DELAYS_MS[Math.min(task.attempt, DELAYS_MS.length - 1)] ?? 0
    const delayMs = Math.round(full / 2 + (this.#deps.random() * full) / 2)
    return new Ended({ kind: 'later', reason, delayMs: Math.max(delayMs, afterMs ?? 0) })
  }

  #outcomeOf(error: unknown, task: FetchTask, stop: AbortSignal): FetchOutcome {
    if (error instanceof Ended) return error.outcome
    if (stop.aborted) return { kind: 'later', reason: 'stopped', delayMs: 0 }
    if (error instanceof AddressRefused) return { kind: 'refused', reason: error.reason }
    const code = codeOf(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'later', reason: 'disk_full', delayMs: DISK_FULL_MS }
    return this.#later(task, (error as Error).name === 'AbortError' ? 'too_slow' : 'connection_lost').outcome
  }
}

const TOO_LARGE = new Ended({ kind: 'too_large', reason: 'size_bytes_max' })

/** Ends a request that does not begin to be answered, stalls, or takes for ever. */
class Watch {
  readonly #clock: Clock
  readonly #controller = new AbortController()
  readonly #cancelWhole: () => void
  readonly #unhear: () => void
  #cancelStall: () => void

  constructor(clock: Clock, stop: AbortSignal) {
    this.#clock = clock
    const abort = () => this.#controller.abort()
    stop.addEventListener('abort', abort, { once: true })
    if (stop.aborted) abort()
    this.#unhear = () => stop.removeEventListener('abort', abort)
    this.#cancelWhole = clock.after(WHOLE_MS_MAX, abort)
    this.#cancelStall = clock.after(CONNECT_MS_MAX, abort)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Something has come. */
  touch(): void {
    this.#cancelStall()
    this.#cancelStall = this.#clock.after(STALL_MS_MAX, () => this.#controller.abort())
  }

  end(): void {
    this.#cancelStall()
    this.#cancelWhole()
    this.#unhear()
  }
}

/** The content of an answer as it was meant. Unpacked in small pieces, so that a little cannot become very much at once. */
function bytesOf(response: Response): AsyncIterable<Uint8Array> {
  if (!response.body) return Readable.from([])
  const encoding = response.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  const body = response.body as unknown as AsyncIterable<Uint8Array>
  if (encoding === 'identity' || encoding === '') return body
  const unpack = UNPACKERS[encoding]
  if (!unpack) throw new Error('The answer is packed in a way that is not known')
  const unpacked = unpack()
  // A fault on either side is met by whoever reads; nobody else has to hear of it.
  pipeline(Readable.from(body), unpacked, () => {})
  return unpacked as unknown as AsyncIterable<Uint8Array>
}

const UNPACKERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
}
