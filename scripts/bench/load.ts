/**
 * Sends signed webhooks and measures the answers, in a process of its own. Bodies, signatures and request heads are made
 * before the first one leaves; what is left is a write and a look at the answer, so that the one being measured keeps
 * the processors.
 *
 *   bun scripts/bench/load.ts '{"url":"http://127.0.0.1:8080/webhooks/whatsapp/bench","rate":2000,"seconds":10}'
 *
 * With a rate the load is open: a request is due when it is due, whatever became of those before, and its latency counts
 * from then. Without one every connection sends its next request as soon as it has its answer.
 */
import type { Socket } from 'bun'
import { Histogram, type Latencies } from '../../src/run/storm/histogram.ts'
import { isWhole } from '../../src/run/storm/load-part.ts'
import { APP_SECRET, Bodies } from './bodies.ts'

export interface LoadPlan {
  url: string
  /** Requests a second; null: as many as are answered. */
  rate: number | null
  seconds: number
  connections: number
  batch: number
  statusShare: number
  seed: number
  idPrefix: string
  /** Without a rate: requests to make ready. Where they run out, the first comes again if `repeat` is set. */
  requestsMax: number
  repeat: boolean
}

export const LOAD_DEFAULTS: LoadPlan = {
  url: '',
  rate: null,
  seconds: 5,
  connections: 128,
  batch: 1,
  statusShare: 0,
  seed: 1,
  idPrefix: 'x',
  requestsMax: 100_000,
  repeat: false,
}

export interface LoadResult {
  /** Wall time at which the first request was due. */
  startedAtMs: number
  seconds: number
  statuses: Record<string, number>
  /** Items in the bodies that were answered 200. */
  items: number
  /** From when a request was due to its answer. */
  latency: Latencies
  /** From when it really left: what is between the two is this process's own delay, or no connection was free. */
  service: Latencies
  /** Requests that were due and never left or never answered. */
  unanswered: number
  cpuSeconds: number
}

/** The finest sleep that does not spin. */
const TICK_MS = 1
/** After the last request: how long answers are waited for. */
const DRAIN_MS_MAX = 5_000

/** One connection, which carries one request at a time. */
interface Line {
  socket: Socket<Line> | undefined
  dueMs: number
  leftMs: number
  /** What a full send buffer did not take. */
  rest: Uint8Array | undefined
  /** An answer that came in pieces. */
  partial: string
  isOpen: boolean
}

class Load {
  readonly #plan: LoadPlan
  readonly #requests: Uint8Array[]
  readonly #idle: Line[] = []
  readonly #latency = new Histogram()
  readonly #service = new Histogram()
  readonly #statuses: Record<string, number> = {}
  #next = 0
  #startMs = 0
  #answered = 0
  #closed = false

  constructor(plan: LoadPlan) {
    this.#plan = plan
    this.#requests = makeRequests(plan)
  }

  async run(): Promise<LoadResult> {
    await this.#connect()
    const startedAtMs = performance.timeOrigin + performance.now()
    this.#startMs = performance.now()
    const before = process.cpuUsage()
    if (this.#plan.rate === null) this.#floodAll()
    else await this.#pace(this.#plan.rate)
    const endMs = this.#startMs + this.#plan.seconds * 1000
    await Bun.sleep(Math.max(0, endMs - performance.now()))
    const drainEndMs = performance.now() + DRAIN_MS_MAX
    while (this.#answered < this.#next && performance.now() < drainEndMs) await Bun.sleep(5)
    this.#closed = true
    const used = process.cpuUsage(before)
    return {
      startedAtMs,
      seconds: this.#plan.seconds,
      statuses: this.#statuses,
      items: (this.#statuses['200'] ?? 0) * this.#plan.batch,
      latency: this.#latency.figures(),
      service: this.#service.figures(),
      unanswered: this.#due() - this.#answered,
      cpuSeconds: (used.user + used.system) / 1e6,
    }
  }

  #due(): number {
    return this.#plan.rate === null ? this.#next : this.#requests.length
  }

  async #connect(): Promise<void> {
    const { hostname, port } = new URL(this.#plan.url)
    const handlers = {
      data: (socket: Socket<Line>, chunk: Buffer) => this.#hear(socket.data, chunk),
      drain: (socket: Socket<Line>) => this.#writeOn(socket.data),
      close: (socket: Socket<Line>) => {
        socket.data.isOpen = false
        if (!this.#closed) this.#count('closed')
      },
      error: () => {},
    }
    for (let index = 0; index < this.#plan.connections; index++) {
      const line: Line = { socket: undefined, dueMs: 0, leftMs: 0, rest: undefined, partial: '', isOpen: true }
      line.socket = await Bun.connect({ hostname, port: Number(port), socket: handlers, data: line })
      line.socket.setNoDelay(true)
      this.#idle.push(line)
    }
  }

  #floodAll(): void {
    for (const line of this.#idle.splice(0)) this.#send(line, performance.now())
  }

  /** Lets go whatever is due and has a free connection. */
  async #pace(rate: number): Promise<void> {
    while (this.#next < this.#requests.length) {
      this.#sendDue(rate)
      await Bun.sleep(TICK_MS)
      if (performance.now() > this.#startMs + this.#plan.seconds * 1000 + DRAIN_MS_MAX) return
    }
  }

  #sendDue(rate: number): void {
    const nowMs = performance.now()
    while (this.#next < this.#requests.length) {
      const dueMs = this.#startMs + (this.#next / rate) * 1000
      if (dueMs > nowMs) return
      // In turn, so that none is idle long enough to be closed.
      const line = this.#idle.shift()
      if (!line) return
      if (!line.isOpen) continue
      this.#send(line, dueMs)
    }
  }

  #send(line: Line, dueMs: number): void {
    const index = this.#plan.repeat ? this.#next % this.#requests.length : this.#next
    const request = this.#requests[index]
    if (!request || !line.socket) return
    this.#next += 1
    line.dueMs = dueMs
    line.leftMs = performance.now()
    const written = line.socket.write(request)
    if (written < request.length) line.rest = request.subarray(Math.max(0, written))
  }

  #writeOn(line: Line): void {
    if (!line.rest || !line.socket) return
    const written = line.socket.write(line.rest)
    line.rest = written < line.rest.length ? line.rest.subarray(Math.max(0, written)) : undefined
  }

  #hear(line: Line, chunk: Buffer): void {
    const text = line.partial + chunk.toString('latin1')
    if (!isWhole(text)) {
      line.partial = text
      return
    }
    line.partial = ''
    const nowMs = performance.now()
    const status = text.slice(9, 12)
    this.#count(status)
    this.#answered += 1
    this.#latency.add(nowMs - line.dueMs)
    this.#service.add(nowMs - line.leftMs)
    const isOver = nowMs > this.#startMs + this.#plan.seconds * 1000
    const { rate } = this.#plan
    if (rate === null) {
      if (!isOver) this.#send(line, nowMs)
      return
    }
    this.#idle.push(line)
    this.#sendDue(rate)
  }

  #count(status: string): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
  }
}

function makeRequests(plan: LoadPlan): Uint8Array[] {
  const count = plan.rate === null ? plan.requestsMax : Math.round(plan.rate * plan.seconds)
  const bodies = new Bodies(plan)
  const { pathname, host } = new URL(plan.url)
  const encoder = new TextEncoder()
  const startMs = Date.now()
  return Array.from({ length: count }, (_, index) => {
    const atMs = plan.rate === null ? startMs : startMs + (index / plan.rate) * 1000
    const body = encoder.encode(bodies.next(atMs))
    const signature = new Bun.CryptoHasher('sha256', APP_SECRET).update(body).digest('hex')
    const head =
      `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n` +
      `Content-Type: application/json\r\nX-Hub-Signature-256: sha256=${signature}\r\nContent-Length: ${body.length}\r\n\r\n`
    return Buffer.concat([encoder.encode(head), body])
  })
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2] ?? '{}') as LoadPlan
  console.log(JSON.stringify(await new Load({ ...LOAD_DEFAULTS, ...plan }).run()))
  process.exit(0)
}
