/**
 * What a delivered event costs: the hub against a bare loop of `ws.send` in the same run, with the same clients.
 *
 *   bun scripts/bench/fanout.ts [--clients 500] [--rate 50] [--seconds 5]
 *
 * Server and clients are processes of their own; the figures of CPU are the server's alone.
 */
import { randomBytes } from 'node:crypto'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { silentRealtimeMetrics } from '../../src/realtime/metrics.ts'
import { createRealtime } from '../../src/realtime/realtime.ts'
import type { SocketData } from '../../src/realtime/session.ts'
import { MemoryEventLog } from '../../src/testing/memory-event-log.ts'
import { ownerNamed } from '../../src/testing/principals.ts'

type Kind = 'hub' | 'bare'

interface Plan {
  kind: Kind
  clients: number
  rate: number
  seconds: number
}

/** Events are about 300 bytes, as a `message.state` is. */
const PAD = 'x'.repeat(180)

function eventData(): object {
  return { sent_ms: performance.timeOrigin + performance.now(), pad: PAD }
}

async function serveHub({ clients, rate, seconds }: Plan): Promise<void> {
  const log = new MemoryEventLog()
  const hub = createRealtime(
    {
      clock: systemClock,
      randomBytes: (size) => randomBytes(size),
      log: silentLog,
      eventLog: log,
      maySee: () => true,
      textOf: (_viewer, event) => event.json,
      renew: (viewer) => viewer,
      visibilityOf: (viewer) => viewer.role,
      metrics: silentRealtimeMetrics,
    },
    { origins: () => [] },
  )
  const server = Bun.serve<SocketData>({
    port: 0,
    fetch(request, self) {
      if (!request.url.endsWith('/ticket')) return hub.upgrade(request, self)
      const { ticket } = hub.tickets.issue({ viewer: ownerNamed('bench'), byApiKey: true, origin: null })
      return new Response(ticket)
    },
    websocket: hub.websocket,
  })
  console.log(server.port)
  while (hub.stats().subscribed < clients) await Bun.sleep(20)
  await publish(rate, seconds, () => {
    log.add({ data: eventData() })
    hub.wake()
  })
  await hub.drain()
}

async function serveBare({ clients, rate, seconds }: Plan): Promise<void> {
  const sockets = new Set<{ send(text: string): unknown }>()
  const server = Bun.serve<{ n: number }>({
    port: 0,
    fetch(request, self) {
      if (request.url.endsWith('/ticket')) return new Response('none')
      const headers = { 'Sec-WebSocket-Protocol': 'gatehouse.v1' }
      return self.upgrade(request, { data: { n: 0 }, headers }) ? undefined : new Response(null, { status: 400 })
    },
    websocket: {
      open: (socket) => {
        socket.send('{"type":"hello","head":0}')
      },
      message: (socket) => {
        sockets.add(socket)
      },
    },
  })
  console.log(server.port)
  while (sockets.size < clients) await Bun.sleep(20)
  let offset = 0
  await publish(rate, seconds, () => {
    const event = JSON.stringify({ offset: ++offset, type: 'x.y', at: '', data: eventData() })
    const frame = `{"type":"events","after":${offset - 1},"upto":${offset},"events":[${event}]}`
    for (const socket of sockets) socket.send(frame)
  })
}

/** Publishes at an even rate and prints the CPU seconds it took. */
async function publish(rate: number, seconds: number, one: () => void): Promise<void> {
  await Bun.sleep(300)
  const before = process.cpuUsage()
  const startMs = performance.now()
  for (let count = 0; count < rate * seconds; ) {
    const dueCount = Math.min(rate * seconds, Math.floor(((performance.now() - startMs) / 1000) * rate) + 1)
    for (; count < dueCount; count++) one()
    // Rounded up: a timer that fires early would make this loop spin, and be charged to the hub.
    await Bun.sleep(Math.max(1, Math.ceil(startMs + (count / rate) * 1000 - performance.now())))
  }
  await Bun.sleep(500)
  const used = process.cpuUsage(before)
  console.log(JSON.stringify({ cpuSeconds: (used.user + used.system) / 1e6 }))
}

/** Connects all, counts what comes, and prints the latencies from publishing to arrival. */
async function listen(port: string, clients: number, events: number): Promise<void> {
  const latencies: number[] = []
  let received = 0
  const done = Promise.withResolvers<void>()
  for (let index = 0; index < clients; index++) {
    const ticket = await (await fetch(`http://localhost:${port}/ticket`)).text()
    const socket = new WebSocket(`ws://localhost:${port}/realtime`, ['gatehouse.v1', `ticket.${ticket}`])
    socket.onmessage = ({ data }) => {
      const text = String(data)
      if (text.startsWith('{"type":"hello"')) return socket.send('{"type":"subscribe","id":1}')
      // One client in ten reads the times; all count. The rest would only measure JSON.parse of this process.
      const nowMs = performance.timeOrigin + performance.now()
      const found = text.split('"sent_ms":')
      received += found.length - 1
      if (index % 10 === 0) for (const piece of found.slice(1)) latencies.push(nowMs - Number.parseFloat(piece))
      if (received === clients * events) done.resolve()
    }
  }
  await Promise.race([done.promise, Bun.sleep(60_000)])
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  console.log(JSON.stringify({ received, p50: at(0.5), p99: at(0.99), max: at(0.9999) }))
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<{ line: string; rest: Promise<string> }> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes('\n')) text += decoder.decode((await reader.read()).value)
  const [line = '', ...more] = text.split('\n')
  const rest = (async () => {
    let tail = more.join('\n')
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) tail += decoder.decode(piece.value)
    return tail
  })()
  return { line, rest }
}

async function measure(plan: Plan): Promise<number> {
  const { kind, clients, rate, seconds } = plan
  const self = import.meta.path
  const spawn = (...words: (string | number)[]) =>
    Bun.spawn([process.execPath, self, ...words.map(String)], { stdout: 'pipe', stderr: 'inherit' })
  const server = spawn('serve', kind, clients, rate, seconds)
  const { line: port, rest } = await firstLine(server.stdout)
  const client = spawn('listen', port, clients, rate * seconds)
  const [heard, served] = await Promise.all([new Response(client.stdout).text(), rest])
  server.kill()
  client.kill()
  const { received, p50, p99, max } = JSON.parse(heard) as Record<'received' | 'p50' | 'p99' | 'max', number>
  const { cpuSeconds } = JSON.parse(served) as { cpuSeconds: number }
  const expected = clients * rate * seconds
  const perEvent = (cpuSeconds / received) * 1e6
  console.log(
    `${kind.padEnd(5)} ${clients} x ${rate}/s: ${received}/${expected} delivered, ` +
      `${(cpuSeconds / seconds).toFixed(3)} core, ${perEvent.toFixed(2)} us per event, ` +
      `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} max ${max.toFixed(1)} ms`,
  )
  if (received !== expected) throw new Error('Events are missing')
  return perEvent
}

function option(name: string, fallback: number): number {
  const index = process.argv.indexOf(`--${name}`)
  return index < 0 ? fallback : Number(process.argv[index + 1])
}

const [mode, ...words] = process.argv.slice(2)
if (mode === 'serve') {
  const [kind, clients, rate, seconds] = words
  const plan = { kind: kind as Kind, clients: Number(clients), rate: Number(rate), seconds: Number(seconds) }
  await (plan.kind === 'hub' ? serveHub(plan) : serveBare(plan))
  process.exit(0)
} else if (mode === 'listen') {
  await listen(words[0] ?? '', Number(words[1]), Number(words[2]))
  process.exit(0)
} else {
  const clients = option('clients', 500)
  const seconds = option('seconds', 5)
  for (const rate of process.argv.includes('--rate') ? [option('rate', 50)] : [50, 500]) {
    const bare = await measure({ kind: 'bare', clients, rate, seconds })
    const hub = await measure({ kind: 'hub', clients, rate, seconds })
    console.log(`hub / bare at ${rate}/s: ${(hub / bare).toFixed(2)}`)
  }
}
