/**
 * A house at half of what the machine carries, for an hour, with everything coming and going: webhooks, sends and their
 * statuses, sockets, searches, lists, reloads. Looks at memory and file descriptors each minute and says how they rise.
 *
 *   bun scripts/faults/soak.ts --minutes 60 --rate 400
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Gauges } from '../../src/run/storm/gauges.ts'
import { NUMBER_ID } from '../bench/bodies.ts'
import type { LoadResult } from '../bench/load.ts'
import { optionsOf } from '../bench/options.ts'
import { OWNER_KEY, prepareHouse } from '../bench/servers.ts'

/** Each load run makes its bodies first: short ones keep that small. */
const PIECE_SECONDS = 30
const SOCKETS = 20
const SOCKET_MS_MAX = 20_000
const RELOAD_MS = 60_000
const READ_MS = 250
const SEND_MS = 40
const CUSTOMERS = 1_000
const ANSWERS = 3
/** What a start makes is not what an hour makes. */
const WARM_UP_SHARE = 1 / 6

const options = optionsOf(process.argv.slice(2), {
  minutes: '60',
  rate: '400',
  folder: '/var/tmp/gatehouse-soak',
  port: '19340',
})
const root = join(import.meta.dir, '../..')
const port = Number(options.port)
const origin = `http://127.0.0.1:${port}`
const simulatorOrigin = `http://127.0.0.1:${port + 1}`
const endMs = Date.now() + Number(options.minutes) * 60_000

interface Sample {
  minute: number
  residentMb: number
  anonymousMb: number
  descriptors: number
}

async function main(): Promise<void> {
  rmSync(options.folder, { recursive: true, force: true })
  const { configPath } = prepareHouse(options.folder)
  const environment = {
    ...process.env,
    GATEHOUSE_CONFIG: configPath,
    GATEHOUSE_HTTP_PORT: String(port),
    GATEHOUSE_SIMULATOR_PORT: String(port + 1),
    GATEHOUSE_GRAPH_URL: simulatorOrigin,
    GATEHOUSE_LOG_LEVEL: 'warn',
  }
  const start = (command: string) =>
    Bun.spawn([process.execPath, 'src/main.ts', command], {
      cwd: root,
      env: environment,
      stdout: 'ignore',
      stderr: 'inherit',
    })
  const simulator = start('simulate')
  const house = start('serve')
  process.once('exit', () => {
    house.kill()
    simulator.kill()
  })
  await untilReady()
  const samples: Sample[] = []
  const counts: Record<string, number> = {}
  await Promise.all([
    load(counts),
    churn(counts),
    reads(counts),
    sends(counts),
    reloads(house.pid, counts),
    watch(house.pid, samples),
  ])
  report(samples, counts, await Gauges.read(origin))
  house.kill('SIGTERM')
  console.log(`exit code ${await house.exited}`)
  simulator.kill()
  await simulator.exited
  rmSync(options.folder, { recursive: true, force: true })
}

const isOver = () => Date.now() >= endMs

function add(counts: Record<string, number>, name: string, count = 1): void {
  counts[name] = (counts[name] ?? 0) + count
}

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${origin}${path}`, { ...init, headers: { Authorization: `Bearer ${OWNER_KEY}` } })
}

async function untilReady(): Promise<void> {
  for (;;) {
    const isReady = await fetch(`${origin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await Bun.sleep(100)
  }
}

async function load(counts: Record<string, number>): Promise<void> {
  for (let piece = 0; !isOver(); piece++) {
    const plan = {
      url: `${origin}/webhooks/whatsapp/bench`,
      rate: Number(options.rate),
      seconds: PIECE_SECONDS,
      connections: 32,
      seed: piece + 1,
      idPrefix: `soak${piece}`,
    }
    const child = Bun.spawn([process.execPath, join(import.meta.dir, '../bench/load.ts'), JSON.stringify(plan)], {
      stdout: 'pipe',
    })
    const result = JSON.parse(await new Response(child.stdout).text()) as LoadResult
    for (const [status, count] of Object.entries(result.statuses)) add(counts, `webhooks ${status}`, count)
  }
}

/** Sockets come, follow the events, and go, some of them without a word. */
async function churn(counts: Record<string, number>): Promise<void> {
  await Promise.all(
    Array.from({ length: SOCKETS }, async () => {
      while (!isOver()) await oneSocket(counts)
    }),
  )
}

async function oneSocket(counts: Record<string, number>): Promise<void> {
  const { ticket } = (await (await ask('/api/v1/realtime/tickets', { method: 'POST' })).json()) as { ticket: string }
  const socket = new WebSocket(`ws://127.0.0.1:${port}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as { type: string; head?: number; epoch?: string; events?: unknown[] }
    if (frame.type === 'hello') {
      socket.send(JSON.stringify({ type: 'subscribe', id: 1, after: frame.head, epoch: frame.epoch }))
    }
    if (frame.type === 'events') add(counts, 'events', frame.events?.length ?? 0)
    if (frame.type === 'ping') socket.send('{"type":"pong"}')
  })
  await Bun.sleep(Math.random() * SOCKET_MS_MAX)
  add(counts, 'sockets')
  if (Math.random() < 0.5) socket.close()
  else (socket as unknown as { terminate(): void }).terminate()
}

async function reads(counts: Record<string, number>): Promise<void> {
  const paths = [
    '/api/v1/conversations?limit=50',
    '/api/v1/search?q=order',
    '/api/v1/events?after=0&limit=100',
    '/metrics',
  ]
  for (let index = 0; !isOver(); index++) {
    const response = await ask(paths[index % paths.length] ?? '/')
    await response.arrayBuffer()
    add(counts, `reads ${response.status}`)
    await Bun.sleep(READ_MS)
  }
}

/** Answers to the latest conversation. */
/** Somebody writes at their phone, and is answered; statuses come back. */
async function sends(counts: Record<string, number>): Promise<void> {
  for (let index = 0; !isOver(); index++) {
    const phone = `+4477009${String(Math.floor(index / ANSWERS) % CUSTOMERS).padStart(5, '0')}`
    if (index % ANSWERS === 0) {
      const body = JSON.stringify({ number: NUMBER_ID, text: 'a question' })
      const written = await fetch(`${simulatorOrigin}/_/customers/${phone}/messages?wait=1`, { method: 'POST', body })
      add(counts, `written ${written.status}`)
    }
    const body = JSON.stringify({ to: phone, type: 'text', text: { body: `answer ${index}` } })
    add(counts, `sends ${(await ask('/api/v1/messages', { method: 'POST', body })).status}`)
    await Bun.sleep(SEND_MS)
  }
}

async function reloads(pid: number, counts: Record<string, number>): Promise<void> {
  while (!isOver()) {
    await Bun.sleep(RELOAD_MS)
    process.kill(pid, 'SIGHUP')
    add(counts, 'reloads')
  }
}

async function watch(pid: number, samples: Sample[]): Promise<void> {
  const startedMs = Date.now()
  while (!isOver()) {
    await Bun.sleep(10_000)
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
    const minute = (Date.now() - startedMs) / 60_000
    const sample = {
      minute,
      residentMb: mb('VmRSS'),
      anonymousMb: mb('RssAnon'),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
    }
    samples.push(sample)
    if (samples.length % 6 === 0) {
      const { residentMb, anonymousMb, descriptors } = sample
      console.log(
        `${minute.toFixed(0)} min  ${residentMb.toFixed(0)} MB, ${anonymousMb.toFixed(0)} of them its own, ${descriptors} descriptors`,
      )
    }
  }
}

/** Least squares, in units an hour. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / samples.length
  const meanY = samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const above = samples.reduce((sum, sample) => sum + (sample.minute - meanX) * (of(sample) - meanY), 0)
  const below = samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0)
  return (above / below) * 60
}

function report(samples: readonly Sample[], counts: Record<string, number>, gauges: Gauges): void {
  const late = samples.slice(Math.floor(samples.length * WARM_UP_SHARE))
  const halves = [late.slice(0, late.length / 2), late.slice(late.length / 2)]
  const line = (name: string, of: (sample: Sample) => number) => {
    const per = [late, ...halves].map((part) => slope(part, of).toFixed(1))
    console.log(
      `${name}: ${per[0]} an hour after the first ${Math.round(WARM_UP_SHARE * 100)} % (first half ${per[1]}, second ${per[2]})`,
    )
  }
  line('resident MB', ({ residentMb }) => residentMb)
  line('own MB', ({ anonymousMb }) => anonymousMb)
  line('descriptors', ({ descriptors }) => descriptors)
  console.log(
    `most: ${Math.max(...samples.map(({ residentMb }) => residentMb)).toFixed(0)} MB, ${Math.max(...samples.map(({ descriptors }) => descriptors))} descriptors`,
  )
  console.log(JSON.stringify(counts))
  console.log(`apply lag ${gauges.value('apply_lag_seconds')} s, quarantined ${gauges.value('quarantined_items')}`)
}

await main()
process.exit(0)
