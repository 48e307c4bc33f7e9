import type { Socket } from 'bun'
import { type Clock, pause, systemClock } from '../../core/clock.ts'
import { messageBody } from './bodies.ts'
import { type Hear, hearOrders } from './hear-orders.ts'
import { Histogram, type Latencies } from './histogram.ts'
import { countsOf, type StepPlan, TARGETS } from './plan.ts'

/** What the webhooks of a step came to. Only what was due after the warm-up counts. */
export interface LoadResult {
  /** From when each was due to its answer; refusals are no answers. */
  answer: Latencies
  refused: number
  unanswered: number
  /** Between due and really gone: this generator's own delay. */
  lateMs: number
  cpuSeconds: number
}

const CONNECTIONS = 96
/** The finest sleep that does not spin. */
const TICK_MS = 1
/** After the last request: how long answers are waited for. */
const DRAIN_MS_MAX = 5_000

interface Begin {
  url: string
  appSecret: string
}

/** The part of a storm that plays the platform's webhooks. Its requests are made before the first one leaves. */
export function runLoadPart(): Promise<number> {
  let begin: Begin = { url: '', appSecret: '' }
  let requests: Uint8Array[] = []
  let plan: StepPlan | undefined
  const hear: Hear = async (order) => {
    if (order['do'] === 'begin') {
      begin = order as unknown as Begin
      return { ready: true }
    }
    if (order['do'] === 'prepare') {
      plan = order['plan'] as StepPlan
      requests = requestsOf(plan, begin)
      return { ready: true }
    }
    if (order['do'] !== 'go' || !plan) return undefined
    const load = new WebhookLoad(systemClock, plan, requests)
    return await load.run(new URL(begin.url), order['atMs'] as number)
  }
  return hearOrders(hear)
}

function requestsOf(plan: StepPlan, { url, appSecret }: Begin): Uint8Array[] {
  const { pathname, host } = new URL(url)
  const encoder = new TextEncoder()
  const nowMs = systemClock.epochMs()
  return Array.from({ length: countsOf(plan).all }, (_, index) => {
    const body = encoder.encode(messageBody(plan.index, index, nowMs + (index / plan.load) * 1000))
    const signature = new Bun.CryptoHasher('sha256', appSecret).update(body).digest('hex')
    const head =
      `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\nContent-Type: application/json\r\n` +
      `X-Hub-Signature-256: sha256=${signature}\r\nContent-Length: ${body.length}\r\n\r\n`
    return Buffer.concat([encoder.encode(head), body])
  })
}

/** One connection, which carries one request at a time. */
interface Line {
  socket: Socket<Line> | undefined
  /** Which request it carries; -1 while idle. */
  index: number
  dueMs: number
  /** What a full send buffer did not take. */
  rest: Uint8Array | undefined
  /** An answer that came in pieces. */
  partial: string
  isOpen: boolean
}

/** An open load: a request is due when it is due, and its latency counts from then, so a stall cannot hide a queue. */
class WebhookLoad {
  readonly #clock: Clock
  readonly #plan: StepPlan
  readonly #requests: readonly Uint8Array[]
  readonly #warmUp: number
  readonly #idle: Line[] = []
  readonly #answer = new Histogram(TARGETS.answer)
  readonly #late = new Histogram(TARGETS.answer)
  #next = 0
  #startMs = 0
  #heard = 0
  #refused = 0
  #measured = 0
  #isOver = false

  constructor(clock: Clock, plan: StepPlan, requests: readonly Uint8Array[]) {
    this.#clock = clock
    this.#plan = plan
    this.#requests = requests
    this.#warmUp = countsOf(plan).warmUp
  }

  async run(url: URL, atMs: number): Promise<LoadResult> {
    await this.#connect(url)
    await pause(this.#clock, atMs - this.#clock.epochMs())
    // Due times are told to the others in wall time and kept here in monotonic time.
    this.#startMs = this.#clock.monoMs() + (atMs - this.#clock.epochMs())
    const before = process.cpuUsage()
    const endMs = this.#startMs + this.#plan.warmUpMs + this.#plan.measureMs + DRAIN_MS_MAX
    while (this.#heard < this.#requests.length && this.#clock.monoMs() < endMs) {
      this.#sendDue()
      await pause(this.#clock, TICK_MS)
    }
    this.#isOver = true
    for (const line of this.#idle) line.socket?.end()
    const used = process.cpuUsage(before)
    const askedFor = this.#requests.length - this.#warmUp
    return {
      answer: this.#answer.figures(askedFor),
      refused: this.#refused,
      unanswered: askedFor - this.#measured,
      lateMs: this.#late.figures(askedFor).p99,
      cpuSeconds: (used.user + used.system) / 1e6,
    }
  }

  async #connect({ hostname, port }: URL): Promise<void> {
    const handlers = {
      data: (socket: Socket<Line>, chunk: Buffer) => this.#hear(socket.data, chunk),
      drain: (socket: Socket<Line>) => this.#writeOn(socket.data),
      close: (socket: Socket<Line>) => {
        socket.data.isOpen = false
      },
      error: () => {},
    }
    for (let index = 0; index < CONNECTIONS; index++) {
      const line: Line = { socket: undefined, index: -1, dueMs: 0, rest: undefined, partial: '', isOpen: true }
      line.socket = await Bun.connect({ hostname, port: Number(port), socket: handlers, data: line })
      line.socket.setNoDelay(true)
      this.#idle.push(line)
    }
  }

  #sendDue(): void {
    const nowMs = this.#clock.monoMs()
    while (this.#next < this.#requests.length) {
      const dueMs = this.#startMs + (this.#next / this.#plan.load) * 1000
      if (dueMs > nowMs) return
      // In turn, so that none is idle long enough to be closed.
      const line = this.#idle.shift()
      if (!line) return
      if (line.isOpen) this.#send(line, dueMs, nowMs)
    }
  }

  #send(line: Line, dueMs: number, nowMs: number): void {
    const request = this.#requests[this.#next]
    if (!request || !line.socket) return
    line.index = this.#next++
    line.dueMs = dueMs
    if (line.index >= this.#warmUp) this.#late.add(nowMs - dueMs)
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
    this.#heard += 1
    if (line.index >= this.#warmUp) this.#count(text.slice(9, 12), this.#clock.monoMs() - line.dueMs)
    line.index = -1
    this.#idle.push(line)
    if (!this.#isOver) this.#sendDue()
  }

  #count(status: string, ms: number): void {
    this.#measured += 1
    if (status !== '200') {
      this.#refused += 1
      return
    }
    this.#answer.add(ms)
  }
}

/** Whether an answer's head and as much as it announces are here. */
export function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const length = /content-length: *(\d+)/i.exec(text)?.[1]
  return text.length >= headEnd + 4 + Number(length ?? 0)
}
