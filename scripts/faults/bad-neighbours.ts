/**
 * What good clients notice of bad ones. Webhooks come at a steady rate, first alone and then beside
 *
 *   slow    clients that send their requests a byte at a time and never end them (slowloris), to the webhook, the API and the page
 *   flood   an API key that asks as fast as it can
 *   reads   four readers of everything there is, in the largest pages, and searches, over 100,000 messages
 *
 *   bun scripts/faults/bad-neighbours.ts [--only slow,flood,reads] [--clients 1500] [--seconds 15] [--rate 200]
 *
 * `--readers 1` reads by that one alone: 0 conversations, 1 events, 2 messages, 3 searches.
 */
import { existsSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Gauges } from '../../src/run/storm/gauges.ts'
import { LOAD_DEFAULTS, type LoadPlan, type LoadResult } from '../bench/load.ts'
import { OWNER_KEY, type RunningServer, startServer } from '../bench/servers.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'slow,flood,reads' },
    clients: { type: 'string', default: '1500' },
    seconds: { type: 'string', default: '15' },
    rate: { type: 'string', default: '200' },
    readers: { type: 'string', default: '0,1,2,3' },
    folder: { type: 'string', default: '/var/tmp/gatehouse-bad-neighbours' },
    port: { type: 'string', default: '18480' },
    keep: { type: 'boolean', default: false },
  },
})
const ROOT = join(import.meta.dir, '../..')
const AUTHORIZATION = { Authorization: `Bearer ${OWNER_KEY}`, 'Content-Type': 'application/json' }
const FLOODS_AT_ONCE = 64
const MESSAGES = 100_000
let runs = 0

/** Steady webhooks from a process of their own, while `beside` runs. */
async function withWebhooks(server: RunningServer, beside: (isOver: () => boolean) => Promise<void>) {
  const plan: LoadPlan = {
    ...LOAD_DEFAULTS,
    url: server.url,
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    connections: 32,
    idPrefix: `run-${Date.now()}-${runs++}`,
  }
  const before = await Gauges.read(server.origin)
  const load = Bun.spawn([process.execPath, 'scripts/bench/load.ts', JSON.stringify(plan)], {
    cwd: ROOT,
    stdout: 'pipe',
  })
  let isOver = false
  const besides = beside(() => isOver)
  const result = JSON.parse(await new Response(load.stdout).text()) as LoadResult
  isOver = true
  const after = await Gauges.read(server.origin)
  await besides
  return {
    p50: result.latency.p50,
    p99: result.latency.p99,
    answers: JSON.stringify(result.statuses),
    loopLagP99Ms: after.percentileSince(before, 'loop_lag_seconds', 0.99) * 1000,
    rssMiB: Math.round(after.value('process_resident_memory_bytes') / 1024 / 1024),
  }
}

const nothing = async () => {}

/** Requests that never end: half of them stay in their head, half in a body of which a megabyte is promised. */
function openSlow(port: number, count: number): { sockets: Socket[]; closedCount: () => number; stop: () => void } {
  let closed = 0
  const paths = ['/webhooks/whatsapp/bench', '/api/v1/messages', '/']
  const sockets = Array.from({ length: count }, (_, index) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).on('close', () => closed++)
    const head = `POST ${paths[index % paths.length]} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${OWNER_KEY}\r\n`
    socket.write(index % 2 === 0 ? head : `${head}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{`)
    return socket
  })
  let tick = 0
  const timer = setInterval(() => {
    tick += 1
    for (const [index, socket] of sockets.entries()) {
      if (socket.writable) socket.write(index % 2 === 0 ? `X-${tick}: a\r\n` : ' ')
    }
  }, 2000)
  return {
    sockets,
    closedCount: () => closed,
    stop: () => {
      clearInterval(timer)
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function slow(server: RunningServer): Promise<string> {
  const slowOnes = openSlow(Number(values.port), Number(values.clients))
  await Bun.sleep(1000)
  const figures = await withWebhooks(server, nothing)
  const closed = slowOnes.closedCount()
  slowOnes.stop()
  return `${JSON.stringify(figures)}; ${values.clients} slow clients, ${closed} of them closed meanwhile`
}

async function flood(server: RunningServer): Promise<string> {
  const statuses = new Map<number, number>()
  const figures = await withWebhooks(server, async (isOver) => {
    const one = async () => {
      while (!isOver()) {
        const answer = await fetch(`${server.origin}/api/v1/conversations?limit=1`, { headers: AUTHORIZATION })
        await answer.arrayBuffer()
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: FLOODS_AT_ONCE }, one))
  })
  return `${JSON.stringify(figures)}; the key's answers ${JSON.stringify(Object.fromEntries(statuses))}`
}

async function reads(server: RunningServer): Promise<string> {
  let pages = 0
  const get = async (path: string) => {
    const answer = await fetch(server.origin + path, { headers: AUTHORIZATION })
    pages += 1
    return (await answer.json()) as {
      items?: { id: string }[]
      next?: string | null
      upto?: number
      events?: unknown[]
    }
  }
  const readers: ((isOver: () => boolean) => Promise<void>)[] = [
    async (isOver) => {
      for (let cursor: string | null = ''; cursor !== null && !isOver(); ) {
        const page = await get(`/api/v1/conversations?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`)
        cursor = page.next ?? ''
      }
    },
    async (isOver) => {
      for (let after = 0; !isOver(); ) {
        const page = await get(`/api/v1/events?limit=500&after=${after}`)
        after = page.events?.length ? (page.upto ?? 0) : 0
      }
    },
    async (isOver) => {
      const { items = [] } = await get('/api/v1/conversations?limit=200')
      for (let index = 0; !isOver(); index++) {
        await get(`/api/v1/conversations/${items[index % items.length]?.id}/messages?limit=200`)
      }
    },
    async (isOver) => {
      const questions = ['order number', 'a', 'bestellung', '订单', '"is this still available"', 'e e e e e e e e']
      for (let index = 0; !isOver(); index++) {
        await get(`/api/v1/search?q=${encodeURIComponent(questions[index % questions.length] ?? '')}`)
      }
    },
  ]
  const figures = await withWebhooks(server, async (isOver) => {
    await Promise.all(values.readers.split(',').map((index) => readers[Number(index)]?.(isOver)))
  })
  return `${JSON.stringify(figures)}; ${pages} pages read`
}

const TRIALS = { slow, flood, reads }

if (!existsSync(join(values.folder, 'data'))) {
  const fill = ['scripts/bench/generate.ts', '--folder', values.folder, '--messages', String(MESSAGES)]
  const { exitCode } = Bun.spawnSync([process.execPath, ...fill], { cwd: ROOT, stdout: 'ignore', stderr: 'inherit' })
  if (exitCode !== 0) throw new Error('Cannot fill the folder')
}
// The default is meant for a whole firm behind one key, and this machine drives the flood as well.
process.env['GATEHOUSE_LIMITS_REQUESTS_PER_SECOND'] = '1000'
const server = await startServer('gatehouse', { folder: values.folder, port: Number(values.port), logLevel: 'warn' })
try {
  await withWebhooks(server, nothing)
  console.log(`alone  ${JSON.stringify(await withWebhooks(server, nothing))}`)
  for (const name of values.only.split(',') as (keyof typeof TRIALS)[]) {
    console.log(`${name.padEnd(6)} ${await TRIALS[name](server)}`)
  }
} finally {
  await server.stop()
  if (!values.keep) rmSync(values.folder, { recursive: true, force: true })
}
process.exit(0)
