import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Elysia } from 'elysia'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { MediaReader, ShownMedia } from '../records/media-reader.ts'
import { MediaFolder, thumbnailName } from '../relay/media-folder.ts'
import { ownerNamed } from '../testing/principals.ts'
import { type MediaRouteDependencies, mediaRoutes, type OpenFile } from './media.ts'

const KEY = new Uint8Array(32).fill(1)
const SIZE = 12 * 1024 * 1024 + 12_345

let path = ''
let file = ''
let sha256 = ''
let folder: MediaFolder
let url = ''
let server: { stop(force: boolean): unknown } | null = null
let shown: Partial<ShownMedia> | undefined = {}
let opened = 0
let closed = 0

/** Bytes that tell their place, so that a piece in a wrong place is seen. */
function contentOf(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at, 2_654_435_761)
  return new Uint8Array(words.buffer, 0, size)
}

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'gatehouse-http-media-'))
  folder = new MediaFolder(path, () => true)
  await folder.settle()
  const writer = await folder.create(KEY)
  await writer.write(contentOf(SIZE))
  sha256 = writer.sha256()
  file = writer.nameFor(sha256)
  await writer.end(file)
  await folder.place(file)
  const deps: MediaRouteDependencies = {
    clock: systemClock,
    log: silentLog,
    principalOf: () => ownerNamed('test'),
    admit: () => {},
    note: () => {},
    count: () => {},
    ask: () => Promise.reject(new Error('nothing is changed here')),
    reader: { shown: () => shown && media(shown) } as unknown as MediaReader,
    open: async (name) => counted(await folder.open(name, KEY)),
    thumbnailName,
  }
  const app = new Elysia().use(mediaRoutes(deps)).listen({ port: 0, hostname: '127.0.0.1' })
  server = app.server
  url = `http://127.0.0.1:${app.server?.port}/api/v1/media/med_1`
})
afterAll(() => {
  server?.stop(true)
  rmSync(path, { recursive: true })
})
afterEach(() => {
  shown = {}
  opened = 0
  closed = 0
})

function media(more: Partial<ShownMedia>): ShownMedia {
  return {
    id: 1,
    state: 'ready',
    file,
    person: 1,
    kind: 'video',
    fileName: null,
    mimeType: 'video/mp4',
    sizeBytes: SIZE,
    hasThumbnail: false,
    isHidden: false,
    ...more,
  }
}

function counted(inner: OpenFile): OpenFile {
  opened += 1
  let isOpen = true
  const close = async () => {
    if (isOpen) closed += 1
    isOpen = false
    await inner.close()
  }
  return {
    sizeBytes: inner.sizeBytes,
    async *read(first, last) {
      try {
        yield* inner.read(first, last)
      } finally {
        await close()
      }
    },
    close,
  }
}

async function allClosed(): Promise<void> {
  while (closed < opened) await new Promise((resolve) => setImmediate(resolve))
}

/** Reads an answer as slowly as it is told, and answers the sum of what came. */
async function sumOf(response: Response, everyTurns = 0): Promise<string> {
  const hash = createHash('sha256')
  let pieces = 0
  for await (const piece of response.body ?? []) {
    hash.update(piece)
    pieces += 1
    for (let turn = 0; turn < everyTurns && pieces % 7 === 0; turn++)
      await new Promise((resolve) => setImmediate(resolve))
  }
  return hash.digest('hex')
}

describe('a large file', () => {
  test('comes whole, to many readers at once, fast and slow ones', async () => {
    const sums = await Promise.all([0, 0, 20, 200, 0, 500].map(async (turns) => await sumOf(await fetch(url), turns)))
    expect(new Set(sums)).toEqual(new Set([sha256]))
    await allClosed()
    expect(opened).toBe(6)
  })

  test('comes in parts that are those of the whole', async () => {
    const content = contentOf(SIZE)
    const ranges = [
      [1, 5_000_000],
      [65_535, 65_537],
      [SIZE - 100_000, SIZE - 1],
    ] as const
    await Promise.all(
      ranges.map(async ([from, to]) => {
        const response = await fetch(url, { headers: { Range: `bytes=${from}-${to}` } })
        expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to}/${SIZE}`)
        const sum = createHash('sha256')
          .update(content.subarray(from, to + 1))
          .digest('hex')
        expect(await sumOf(response, 50)).toBe(sum)
      }),
    )
  })

  test('says its length where a part is short, and is closed then too', async () => {
    const response = await fetch(url, { headers: { Range: 'bytes=70000-79999' } })
    expect(response.headers.get('content-length')).toBe('10000')
    expect(
      Buffer.from(await response.arrayBuffer()).equals(Buffer.from(contentOf(SIZE).subarray(70_000, 80_000))),
    ).toBe(true)
    expect([opened, closed]).toEqual([1, 1])
  })

  test('is closed when its reader goes away in the middle', async () => {
    const abort = new AbortController()
    const response = await fetch(url, { signal: abort.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    expect(closed).toBe(0)
    abort.abort()
    await allClosed()
    expect([opened, closed]).toEqual([1, 1])
  })

  test('is closed where the part that is asked for lies outside, and not opened for who has it', async () => {
    expect((await fetch(url, { headers: { Range: `bytes=${SIZE}-` } })).status).toBe(416)
    await allClosed()
    expect([opened, closed]).toEqual([1, 1])
    expect((await fetch(url, { headers: { 'If-None-Match': `"${file}"` } })).status).toBe(304)
    expect(opened).toBe(1)
  })
})

test('a file that was changed on the disk breaks off, and the next one is served', async () => {
  const stored = join(path, file.slice(0, 2), file)
  const bytes = readFileSync(stored)
  const changed = Buffer.from(bytes)
  changed[6_000_000] = (changed[6_000_000] ?? 0) ^ 1
  writeFileSync(stored, changed)
  await expect(fetch(url).then((response) => response.arrayBuffer())).rejects.toThrow()
  const part = await fetch(url, { headers: { Range: 'bytes=6000000-6000001' } })
  expect(part.status).toBe(500)
  await allClosed()
  writeFileSync(stored, bytes)
  expect(await sumOf(await fetch(url))).toBe(sha256)
})

describe('what is not served', () => {
  test.each<[string, Partial<ShownMedia> | undefined]>([
    ['what is not there for whoever asks', undefined],
    ['a file that waits', { file: null, state: 'waiting' }],
    ['a file of a message that its author took back', { isHidden: true }],
    ['a file that is not in the folder', { file: '0'.repeat(32) }],
  ])('%s', async (_, what) => {
    shown = what
    const response = await fetch(url)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  test('a hidden file is there for whoever may see it and asks', async () => {
    shown = { isHidden: true }
    const response = await fetch(`${url}?revoked=show`)
    expect(response.status).toBe(200)
    await response.body?.cancel()
    const misspelt = await fetch(`${url}?revoked=yes`)
    expect({ status: misspelt.status, body: await misspelt.json() }).toMatchObject({
      status: 400,
      body: { code: 'invalid', path: '?revoked' },
    })
  })
})

describe('how a file is served', () => {
  test.each([
    ['image/jpeg', 'image/jpeg', 'inline'],
    ['image/webp', 'image/webp', 'inline'],
    ['audio/ogg; codecs=opus', 'audio/ogg', 'inline'],
    ['audio/amr', 'audio/amr', 'inline'],
    ['video/3gpp', 'video/3gpp', 'inline'],
    ['application/pdf', 'application/pdf', 'inline'],
    ['image/svg+xml', 'application/octet-stream', 'attachment'],
    ['image/tiff', 'application/octet-stream', 'attachment'],
    ['text/html', 'application/octet-stream', 'attachment'],
    ['application/xml', 'application/octet-stream', 'attachment'],
    ['application/xhtml+xml', 'application/octet-stream', 'attachment'],
    ['application/x-shockwave-flash', 'application/octet-stream', 'attachment'],
    ['application/zip', 'application/zip', 'attachment'],
    [
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'attachment',
    ],
    [null, 'application/octet-stream', 'attachment'],
  ])('%p as %p, %s', async (mimeType, type, disposition) => {
    shown = { mimeType }
    const response = await fetch(url, { headers: { Range: 'bytes=0-0' } })
    await response.arrayBuffer()
    expect([response.headers.get('content-type'), response.headers.get('content-disposition')]).toEqual([
      type,
      disposition,
    ])
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
  })

  test.each([
    ['photo.jpg', `inline; filename="photo.jpg"; filename*=UTF-8''photo.jpg`],
    ['Fêtes "1" 100%.jpg', `inline; filename="F_tes _1_ 100_.jpg"; filename*=UTF-8''F%C3%AAtes%20%221%22%20100%25.jpg`],
    ['../../etc/passwd', `inline; filename=".._.._etc_passwd"; filename*=UTF-8''.._.._etc_passwd`],
    ['a\r\nSet-Cookie: b=c', `inline; filename="a__Set-Cookie: b=c"; filename*=UTF-8''a__Set-Cookie%3A%20b%3Dc`],
    ["it's (1)*.pdf", `inline; filename="it's (1)*.pdf"; filename*=UTF-8''it%27s%20%281%29%2A.pdf`],
    ['写真.jpg', `inline; filename="__.jpg"; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg`],
    ['\ud800.jpg', `inline; filename="_.jpg"; filename*=UTF-8''%EF%BF%BD.jpg`],
    ['', 'inline'],
  ])('under the name %p', async (fileName, disposition) => {
    shown = { fileName }
    const response = await fetch(url, { headers: { Range: 'bytes=0-0' } })
    await response.arrayBuffer()
    expect(response.headers.get('content-disposition')).toBe(disposition)
    expect(response.headers.get('set-cookie')).toBeNull()
  })
})
