import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FuzzBody, fuzzBodies } from '../../src/testing/every-body/fuzz.ts'
import { APP_SECRET } from './bodies.ts'
import { optionsOf } from './options.ts'
import { OWNER_KEY, type RunningServer, removeFolder, startServer } from './servers.ts'

/*
 * Spoilt bodies over HTTP against a house in a process of its own: no answer that is not documented, no end of the process,
 * memory flat. Prints a line for each step and ends with 1 at the first finding.
 */

const AT_ONCE = 16
const STEPS = 10
const options = optionsOf(process.argv.slice(2), {
  bodies: '100000',
  seed: '1',
  port: '18095',
  folder: '/var/tmp/gatehouse-fuzz',
})
const count = Number(options.bodies)
const answers = new Map<number, number>()
let repeats = 0

async function post(server: RunningServer, { bytes, isSigned, status: wanted }: FuzzBody): Promise<void> {
  const digest = isSigned ? createHmac('sha256', APP_SECRET).update(bytes).digest('hex') : '0'.repeat(64)
  const headers = { 'Content-Type': 'application/json', 'X-Hub-Signature-256': `sha256=${digest}` }
  for (;;) {
    const response = await fetch(server.url, { method: 'POST', body: bytes as BodyInit, headers })
    await response.arrayBuffer()
    answers.set(response.status, (answers.get(response.status) ?? 0) + 1)
    if (response.status === wanted) return
    // Behind: the platform is to come again, and does.
    if (response.status !== 503) throw new Error(`A body was answered with ${response.status}, not ${wanted}`)
    repeats += 1
    await Bun.sleep(20)
  }
}

function residentMiB(server: RunningServer): number {
  const status = readFileSync(`/proc/${server.process.pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}

async function list(server: RunningServer, path: string): Promise<number> {
  let items = 0
  for (let cursor: string | null = null; ; ) {
    const query = `?limit=200${cursor === null ? '' : `&cursor=${cursor}`}`
    const response = await fetch(`${server.origin}${path}${query}`, {
      headers: { Authorization: `Bearer ${OWNER_KEY}` },
    })
    if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}`)
    const page = (await response.json()) as { items: { id: string }[]; next: string | null }
    items += page.items.length
    cursor = page.next
    if (cursor === null) return items
  }
}

async function quarantined(server: RunningServer): Promise<number> {
  const text = await (await fetch(`${server.origin}/metrics`)).text()
  return Number(/^gatehouse_quarantined_items (\d+)/m.exec(text)?.[1] ?? 0)
}

async function run(server: RunningServer): Promise<void> {
  const bodies = fuzzBodies(Number(options.seed), count)
  const startedMs = performance.now()
  let junk = 0
  let given = 0
  const worker = async (until: number) => {
    while (given < until) {
      given += 1
      const { value: body } = bodies.next()
      if (!body) return
      if (body.isJunk) junk += 1
      await post(server, body)
    }
  }
  for (let step = 1; step <= STEPS; step++) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => worker(Math.round((count * step) / STEPS))))
    const seconds = (performance.now() - startedMs) / 1000
    console.log(`${given} bodies, ${Math.round(given / seconds)} a second, ${residentMiB(server)} MiB resident`)
  }
  while (!(await (await fetch(`${server.origin}/metrics`)).text()).includes('gatehouse_apply_lag_seconds 0\n'))
    await Bun.sleep(500)
  const asideCount = await quarantined(server)
  if (asideCount !== junk) throw new Error(`${asideCount} items are in quarantine, and ${junk} bodies were no JSON`)
  const paths = ['conversations', 'contacts', 'notices', 'templates', 'numbers']
  for (const path of paths) console.log(`${path}: ${await list(server, `/api/v1/${path}`)} listed`)
  console.log(
    `answers: ${[...answers].map(([status, times]) => `${status} ${times} times`).join(', ')}; ${repeats} repeated`,
  )
  console.log(`in quarantine: ${asideCount}, all of them no JSON; ${residentMiB(server)} MiB resident after listing`)
}

removeFolder(options.folder)
const server = await startServer('gatehouse', {
  folder: join(options.folder, 'house'),
  port: Number(options.port),
  logLevel: 'warn',
})
try {
  await run(server)
} finally {
  await server.stop()
  removeFolder(options.folder)
}
