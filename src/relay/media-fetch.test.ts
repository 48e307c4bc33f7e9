import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { FileLocation } from '../channels/channel.ts'
import type { AttachmentContent } from '../core/content.ts'
import type { FetchOutcome } from '../records/media.ts'
import type { FetchTask } from '../records/media-reader.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { GuardedFetch } from './guarded-fetch.ts'
import { MediaFetch, type MediaFetchDependencies } from './media-fetch.ts'
import { MediaFolder, thumbnailName } from './media-folder.ts'

const KEY = new Uint8Array(32).fill(5)
const SIZE_MAX = 1_000_000
const CONTENT = Buffer.from('%PDF-1.7 what is in the file '.repeat(5000))
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')

/** What the stand-in answers to the next request; a socket may be written to as badly as one likes. */
type Behave = (socket: Socket) => void

let server: Server
let port = 0
const sockets = new Set<Socket>()
const heads: string[] = []
let behaviours: Behave[] = []
let folderPath = ''
let clock: FakeClock

beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', (bytes) => {
      heads.push(bytes.toString())
      behaviours.shift()?.(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
})
afterAll(() => {
  server.close()
})
beforeEach(() => {
  folderPath = mkdtempSync(join(tmpdir(), 'gatehouse-fetch-'))
  clock = new FakeClock()
  heads.length = 0
  behaviours = []
})
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  rmSync(folderPath, { recursive: true })
})

function answer(
  body: Uint8Array | string,
  more: { status?: number; headers?: Record<string, string | number> } = {},
): Behave {
  const { status = 200, headers = {} } = more
  const bytes = Buffer.from(body)
  const all = { 'Content-Length': bytes.length, Connection: 'close', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return (socket) => {
    socket.write(`HTTP/1.1 ${status} X\r\n${lines.join('')}\r\n`)
    socket.end(bytes)
  }
}

const address = () => `http://127.0.0.1:${port}/file`

function task(more: Partial<AttachmentContent> = {}, attempt = 0): FetchTask {
  return {
    mediaId: 1,
    messageId: 2,
    attempt,
    person: 7,
    saidAtMs: clock.epochMs(),
    attachment: {
      kind: 'document',
      upstreamId: '99',
      url: address(),
      mimeType: 'application/pdf',
      sha256: SHA256,
      fileName: null,
      voice: false,
      animated: false,
      ...more,
    },
    channel: 'whatsapp',
    app: 'main',
    account: '106540352242922',
  }
}

let folder: MediaFolder
const located: FetchTask[] = []

async function attempt(
  what: FetchTask = task(),
  more: Partial<MediaFetchDependencies> = {},
  stop = new AbortController().signal,
): Promise<FetchOutcome> {
  located.length = 0
  folder = new MediaFolder(folderPath, () => true)
  await folder.settle()
  const found: FileLocation = { kind: 'found', url: address(), sha256: SHA256, sizeBytes: CONTENT.length }
  const fetcher = new MediaFetch({
    clock,
    random: seededRandom(1),
    folder,
    guard: new GuardedFetch({
      trustedUrl: () => `http://127.0.0.1:${port}`,
      allowed: () => ({ hosts: [], allowPrivate: [] }),
      resolve: async () => [],
      refused: () => {},
    }),
    appOf: (app) => (app === 'main' ? { accessToken: 'the-token' } : undefined),
    locate: async (asked) => {
      located.push(asked)
      return found
    },
    personKey: () => KEY,
    known: () => undefined,
    sizeBytesMax: () => SIZE_MAX,
    proxyFor: () => undefined,
    received: () => {},
    ...more,
  })
  return await fetcher.fetch(what, stop)
}

function files(): string[] {
  return readdirSync(folderPath, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}

async function contentOf(file: string): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const reader = await folder.open(file, KEY)
  for await (const part of reader.read(0, reader.sizeBytes - 1)) parts.push(new Uint8Array(part))
  return Buffer.concat(parts)
}

/** Moves the clock on as soon as something waits for it, so that nothing has to be waited for in earnest. */
async function whileTimePasses<T>(work: Promise<T>, byMs: number, isTime: () => boolean): Promise<T> {
  while (!isTime()) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(byMs)
  return await work
}

describe('an attempt to fetch', () => {
  test('seals what came, with the token of the application and no more', async () => {
    behaviours = [answer(CONTENT)]
    const outcome = await attempt()
    expect(outcome).toMatchObject({ kind: 'ready', sizeBytes: CONTENT.length, mimeType: 'application/pdf' })
    if (outcome.kind !== 'ready') throw new Error('not ready')
    expect((await contentOf(outcome.file)).equals(CONTENT)).toBe(true)
    expect(heads[0]).toContain('uthorization: Bearer the-token')
    expect(located).toEqual([])
  })

  test('believes no address that is older than the platform says it holds', async () => {
    behaviours = [answer(CONTENT)]
    const asked = task({ url: 'http://127.0.0.1:1/old' })
    clock.advance(300_000)
    expect(await attempt(asked)).toMatchObject({ kind: 'ready' })
    expect(located).toHaveLength(1)
  })

  test.each([404, 410])('asks for another address where the first one is answered with %d', async (status) => {
    behaviours = [answer('no', { status }), answer(CONTENT)]
    expect(await attempt()).toMatchObject({ kind: 'ready' })
    expect(located).toHaveLength(1)
  })

  test('says that a file has gone when a new address finds nothing either', async () => {
    behaviours = [answer('no', { status: 404 }), answer('no', { status: 404 })]
    expect(await attempt()).toEqual({ kind: 'gone', reason: 'vanished' })
  })

  test('says that a file has gone when the platform does not know its id', async () => {
    behaviours = [answer('no', { status: 404 })]
    expect(await attempt(task(), { locate: async () => ({ kind: 'gone' }) })).toEqual({
      kind: 'gone',
      reason: 'vanished',
    })
  })

  test.each([
    [500, 'platform_error'],
    [503, 'platform_error'],
    [401, 'token_refused'],
    [403, 'refused_by_platform'],
    [429, 'throttled'],
  ])('comes again after %d', async (status, reason) => {
    behaviours = [answer('no', { status })]
    expect(await attempt()).toMatchObject({ kind: 'later', reason })
  })

  test('comes again when the platform said so', async () => {
    behaviours = [answer('no', { status: 429, headers: { 'Retry-After': 77 } })]
    expect(await attempt()).toEqual({ kind: 'later', reason: 'throttled', delayMs: 77_000 })
  })

  test('waits longer from attempt to attempt, never longer than an hour', async () => {
    const delays: number[] = []
    for (const number of [0, 1, 2, 3, 4, 5, 50]) {
      behaviours = [answer('no', { status: 500 })]
      const outcome = await attempt(task({}, number))
      delays.push(outcome.kind === 'later' ? outcome.delayMs : -1)
    }
    const bounds = [2_000, 10_000, 60_000, 300_000, 1_800_000, 3_600_000, 3_600_000]
    for (const [index, delay] of delays.entries()) {
      expect(delay).toBeWithin((bounds[index] ?? 0) / 2, (bounds[index] ?? 0) + 1)
    }
  })

  test.each<[string, Behave]>([
    ['resets before an answer', (socket) => void socket.resetAndDestroy()],
    [
      'resets in the middle',
      (socket) => socket.write('HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\nabc', () => socket.resetAndDestroy()),
    ],
    ['says more than it sends', answer(CONTENT.subarray(0, 100), { headers: { 'Content-Length': 5000 } })],
    ['packs in a way that is not known', answer(CONTENT, { headers: { 'Content-Encoding': 'zstd2' } })],
    ['says it is packed, and it is not', answer(CONTENT, { headers: { 'Content-Encoding': 'gzip' } })],
  ])('comes again where the platform %s, and leaves nothing', async (_, behaviour) => {
    behaviours = [behaviour]
    expect(await attempt()).toMatchObject({ kind: 'later', reason: 'connection_lost' })
    expect(files()).toEqual([])
  })

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('unpacks %s although nobody asked for it', async (encoding, pack) => {
    behaviours = [answer(pack(CONTENT), { headers: { 'Content-Encoding': encoding } })]
    const outcome = await attempt()
    expect(outcome).toMatchObject({ kind: 'ready', sizeBytes: CONTENT.length })
    expect(heads[0]?.toLowerCase()).toContain('accept-encoding: identity')
  })

  test('of bytes that are not those that were signed for comes again, and in the end fails', async () => {
    behaviours = [answer('something else')]
    expect(await attempt()).toMatchObject({ kind: 'later', reason: 'hash_mismatch' })
    behaviours = [answer('something else')]
    expect(await attempt(task({}, 3))).toEqual({ kind: 'failed', reason: 'hash_mismatch' })
    expect(files()).toEqual([])
  })

  test('takes a file whose sum nobody says', async () => {
    behaviours = [answer('plain words')]
    const locate = async (): Promise<FileLocation> => ({ kind: 'found', url: address(), sha256: null, sizeBytes: null })
    expect(await attempt(task({ sha256: null }), { locate })).toMatchObject({
      kind: 'ready',
      mimeType: null,
      sizeBytes: 11,
    })
  })
})

describe('a file that is too large', () => {
  test('is not begun where the platform says so', async () => {
    const locate = async (): Promise<FileLocation> => ({
      kind: 'found',
      url: address(),
      sha256: null,
      sizeBytes: SIZE_MAX + 1,
    })
    expect(await attempt(task({ url: null }), { locate })).toMatchObject({ kind: 'too_large' })
    expect(heads).toEqual([])
  })

  test('is not read where its length says so', async () => {
    behaviours = [(socket) => void socket.write('HTTP/1.1 200 X\r\nContent-Length: 10000000000000\r\n\r\nabc')]
    expect(await attempt()).toEqual({ kind: 'too_large', reason: 'size_bytes_max' })
    expect(files()).toEqual([])
  })

  test('is ended where it grows beyond what was said', async () => {
    behaviours = [
      (socket) => {
        socket.write('HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n')
        const piece = Buffer.alloc(100_000, 'x')
        for (let sent = 0; sent <= SIZE_MAX; sent += piece.length) {
          socket.write(`${piece.length.toString(16)}\r\n`)
          socket.write(piece)
          socket.write('\r\n')
        }
      },
    ]
    expect(await attempt()).toEqual({ kind: 'too_large', reason: 'size_bytes_max' })
    expect(files()).toEqual([])
  })

  test('is ended where little was packed and much comes out', async () => {
    behaviours = [answer(gzipSync(Buffer.alloc(200_000_000)), { headers: { 'Content-Encoding': 'gzip' } })]
    const before = process.memoryUsage.rss()
    expect(await attempt()).toEqual({ kind: 'too_large', reason: 'size_bytes_max' })
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('a slow platform', () => {
  const silence: Behave = () => {}
  const half: Behave = (socket) => void socket.write('HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\nabc')

  test('that does not begin to answer is left after ten seconds', async () => {
    behaviours = [silence]
    const work = attempt()
    expect(await whileTimePasses(work, 10_000, () => heads.length > 0)).toMatchObject({
      kind: 'later',
      reason: 'too_slow',
    })
  })

  test('that stalls is left after thirty', async () => {
    behaviours = [half]
    let received = 0
    const work = attempt(task(), {
      received: (bytes) => {
        received += bytes
      },
    })
    expect(await whileTimePasses(work, 30_000, () => received > 0)).toMatchObject({ kind: 'later', reason: 'too_slow' })
    expect(files()).toEqual([])
  })

  test('that trickles is left after a quarter of an hour, however often something comes', async () => {
    let dripping: Socket | undefined
    behaviours = [
      (socket) => {
        dripping = socket
        half(socket)
      },
    ]
    let pieces = 0
    let isDone = false
    const work = attempt(task(), {
      received: () => {
        pieces += 1
      },
    }).finally(() => {
      isDone = true
    })
    for (let seen = 0, passedMs = 0; !isDone && passedMs < 20 * 60_000; ) {
      await new Promise((resolve) => setImmediate(resolve))
      if (pieces === seen) continue
      seen = pieces
      passedMs += 20_000
      clock.advance(20_000)
      dripping?.write('x')
    }
    expect(await work).toMatchObject({ kind: 'later', reason: 'too_slow' })
    expect(pieces).toBeWithin(40, 50)
  })

  test('is not waited for when the house stops', async () => {
    behaviours = [half]
    const stop = new AbortController()
    let received = 0
    const work = attempt(
      task(),
      {
        received: (bytes) => {
          received += bytes
        },
      },
      stop.signal,
    )
    while (received === 0) await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    expect(await work).toMatchObject({ kind: 'later', reason: 'stopped' })
    expect(files()).toEqual([])
  })
})

describe('what is not fetched', () => {
  test('from a host that nobody allowed', async () => {
    expect(await attempt(task({ url: 'https://evil.example.test/file' }))).toEqual({
      kind: 'refused',
      reason: 'host_not_allowed',
    })
    expect(heads).toEqual([])
  })

  test('by a redirect', async () => {
    behaviours = [answer('', { status: 302, headers: { Location: 'http://169.254.169.254/' } })]
    expect(await attempt()).toEqual({ kind: 'refused', reason: 'redirected' })
  })

  test('for somebody who was erased', async () => {
    expect(await attempt(task(), { personKey: () => undefined })).toEqual({ kind: 'gone', reason: 'erased' })
  })

  test('for an application that is not configured any more', async () => {
    expect(await attempt({ ...task(), app: 'former' })).toMatchObject({ kind: 'later', reason: 'app_not_configured' })
  })

  test('although it is here already', async () => {
    behaviours = [answer(CONTENT)]
    const ready = await attempt()
    if (ready.kind !== 'ready') throw new Error('not ready')
    const facts = { sizeBytes: ready.sizeBytes, mimeType: ready.mimeType, hasThumbnail: false }
    const known = (file: string) => (file === ready.file ? facts : undefined)
    expect(await attempt(task(), { known })).toEqual(ready)
    expect(heads).toHaveLength(1)
  })

  test('but is, where a row names it and the folder does not have it', async () => {
    behaviours = [answer(CONTENT)]
    const facts = { sizeBytes: 1, mimeType: null, hasThumbnail: false }
    expect(await attempt(task(), { known: () => facts })).toMatchObject({ kind: 'ready', sizeBytes: CONTENT.length })
  })
})

describe('a full disk', () => {
  test('is waited for', async () => {
    behaviours = [answer(CONTENT)]
    class FullFolder extends MediaFolder {
      override create(): never {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      }
    }
    const outcome = await attempt(task(), { folder: new FullFolder(folderPath, () => true) })
    expect(outcome).toEqual({ kind: 'later', reason: 'disk_full', delayMs: 30_000 })
  })
})

describe('a picture', () => {
  /** A picture of one colour, made by what makes thumbnails. */
  async function picture(width: number, height: number): Promise<Buffer> {
    const pixel = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    )
    return Buffer.from(await new Bun.Image(new Uint8Array(pixel)).resize(width, height).jpeg().bytes())
  }

  test('has a thumbnail of at most 320 pixels a side', async () => {
    const bytes = await picture(1000, 500)
    behaviours = [answer(bytes)]
    const outcome = await attempt(task({ kind: 'image', sha256: null }), {
      locate: async () => ({ kind: 'found', url: address(), sha256: null, sizeBytes: null }),
    })
    expect(outcome).toMatchObject({ kind: 'ready', mimeType: 'image/jpeg', hasThumbnail: true })
    if (outcome.kind !== 'ready') throw new Error('not ready')
    const thumbnail = new Uint8Array(await contentOf(thumbnailName(outcome.file)))
    expect(await new Bun.Image(thumbnail).metadata()).toEqual({ width: 320, height: 160, format: 'webp' })
  })

  test('of too many pixels, or a broken one, is a file without a thumbnail', async () => {
    const huge = await picture(6000, 5000)
    for (const bytes of [huge, (await picture(100, 100)).subarray(0, 60)]) {
      behaviours = [answer(bytes)]
      const outcome = await attempt(task({ kind: 'image', sha256: null }))
      expect(outcome).toMatchObject({ kind: 'ready', mimeType: 'image/jpeg', hasThumbnail: false })
    }
    expect(files().filter((name) => name.endsWith('.thumbnail'))).toEqual([])
  })
})
