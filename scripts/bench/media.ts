/**
 * What serving a large sealed file costs in memory: a process with one sealed file, asked for ranges and for the whole.
 *
 *   bun scripts/bench/media.ts [--megabytes 100] [--readers 4]
 *
 * The server is a process of its own whose resident memory is read by this one, every 2 ms while it is asked. Each
 * question goes to a server of its own that was warmed with small ranges, and is put twice: the first time the server
 * also grows by what it keeps for later (the heap's room for garbage, compiled code).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Elysia } from 'elysia'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { mediaRoutes } from '../../src/http/media.ts'
import { MediaFolder, thumbnailName } from '../../src/relay/media-folder.ts'
import { ownerNamed } from '../../src/testing/principals.ts'

const KEY = new Uint8Array(32).fill(1)
const MIB = 1024 * 1024

interface Served {
  folder: string
  file: string
  sizeBytes: number
}

async function store(path: string, megabytes: number): Promise<Served> {
  const folder = new MediaFolder(path, () => true)
  await folder.settle()
  const writer = await folder.create(KEY)
  const piece = new Uint8Array(MIB)
  for (let index = 0; index < megabytes; index++) {
    crypto.getRandomValues(piece.subarray(0, 65_536))
    await writer.write(piece)
  }
  const file = writer.nameFor(writer.sha256())
  await writer.end(file)
  await folder.place(file)
  return { folder: path, file, sizeBytes: megabytes * MIB }
}

/** The house's own route over the one file. */
function serve({ folder, file, sizeBytes }: Served): void {
  const files = new MediaFolder(folder, () => true)
  const shown = {
    id: 1,
    state: 'ready',
    file,
    person: 1,
    kind: 'video',
    fileName: null,
    mimeType: 'video/mp4',
  } as const
  const routes = mediaRoutes({
    clock: systemClock,
    log: silentLog,
    principalOf: () => ownerNamed('bench'),
    admit: () => {},
    note: () => {},
    count: () => {},
    ask: () => Promise.reject(new Error('nothing is changed here')),
    reader: { shown: () => ({ ...shown, sizeBytes, hasThumbnail: false, isHidden: false }) } as never,
    open: (name) => files.open(name, KEY),
    thumbnailName,
  })
  const app = new Elysia().use(routes).listen({ port: 0, hostname: '127.0.0.1' })
  console.log(app.server?.port)
}

class Server {
  readonly #process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>
  url = ''

  constructor(served: Served) {
    const command = [process.execPath, import.meta.path, '--serve', JSON.stringify(served)]
    this.#process = Bun.spawn(command, { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
  }

  async start(): Promise<void> {
    const { value } = await this.#process.stdout.getReader().read()
    this.url = `http://127.0.0.1:${Number(new TextDecoder().decode(value))}/api/v1/media/med_1`
    for (let index = 0; index < 200; index++) await drain(this.url, `bytes=${index * 65_536}-${index * 65_536 + 1}`)
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
  }

  stop(): void {
    this.#process.kill()
  }
}

async function drain(url: string, range: string | null, pauseMs = 0): Promise<number> {
  const response = await fetch(url, { headers: range === null ? {} : { range } })
  let bytes = 0
  for await (const piece of response.body ?? []) {
    bytes += piece.length
    if (pauseMs > 0) await Bun.sleep(pauseMs)
  }
  return bytes
}

type Question = (url: string) => Promise<number>

/** What the server's memory grows by, at its highest, while it answers. */
async function grown(server: Server, ask: Question): Promise<{ bytes: number; ms: number; addedMb: number }> {
  await Bun.sleep(200)
  const before = server.residentBytes()
  let highest = before
  let isDone = false
  const watch = (async () => {
    while (!isDone) {
      highest = Math.max(highest, server.residentBytes())
      await Bun.sleep(2)
    }
  })()
  const startedMs = performance.now()
  const bytes = await ask(server.url)
  const ms = Math.round(performance.now() - startedMs)
  isDone = true
  await watch
  return { bytes, ms, addedMb: Number(((highest - before) / MIB).toFixed(1)) }
}

async function measure(served: Served, name: string, ask: Question): Promise<void> {
  const server = new Server(served)
  try {
    await server.start()
    const first = await grown(server, ask)
    const again = await grown(server, ask)
    const megabytes = Number((first.bytes / MIB).toFixed(2))
    const line = { name, megabytes, ms: first.ms, added_first_mb: first.addedMb, added_again_mb: again.addedMb }
    console.log(JSON.stringify(line))
  } finally {
    server.stop()
  }
}

async function bench(megabytes: number, readers: number): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'gatehouse-bench-media-'))
  try {
    const served = await store(path, megabytes)
    const last = served.sizeBytes - 1
    const middle = Math.floor(served.sizeBytes / 2)
    await measure(served, 'one byte in the middle', (url) => drain(url, `bytes=${middle}-${middle}`))
    await measure(served, '1 MB in the middle', (url) => drain(url, `bytes=${middle}-${middle + MIB - 1}`))
    await measure(served, 'the last half', (url) => drain(url, `bytes=${middle}-${last}`))
    await measure(served, 'all of it, as a range', (url) => drain(url, `bytes=0-${last}`))
    await measure(served, 'the whole', (url) => drain(url, null))
    await measure(served, 'a slow reader of the whole, left after 2 MB', (url) => leaveAfter(url, 2 * MIB))
    await measure(served, `${readers} readers of the whole at once`, async (url) => {
      const sizes = await Promise.all(Array.from({ length: readers }, () => drain(url, null)))
      return sizes.reduce((sum, size) => sum + size, 0)
    })
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

async function leaveAfter(url: string, bytesMax: number): Promise<number> {
  const abort = new AbortController()
  const response = await fetch(url, { signal: abort.signal })
  let bytes = 0
  try {
    for await (const piece of response.body ?? []) {
      bytes += piece.length
      if (bytes >= bytesMax) abort.abort()
      await Bun.sleep(20)
    }
  } catch {
    // It was left: that is what is measured.
  }
  await Bun.sleep(300)
  return bytes
}

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '100' },
    readers: { type: 'string', default: '4' },
    serve: { type: 'string' },
  },
})
if (values.serve !== undefined) serve(JSON.parse(values.serve) as Served)
else await bench(Number(values.megabytes), Number(values.readers))
