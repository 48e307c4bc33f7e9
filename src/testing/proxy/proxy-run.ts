import { connect as connectHttp2 } from 'node:http2'
import { must } from '../../core/assert.ts'
import { pause, systemClock } from '../../core/clock.ts'
import { webhookOf } from '../../simulator/webhook-body.ts'
import type { HouseProcess } from '../crash/house-process.ts'
import { CRASH_NUMBERS, CrashStand } from '../crash/stand.ts'
import { CRASHABLE_PROGRAM } from '../program.ts'
import { seededRandom } from '../seeded-random.ts'
import { endOfDripping, refusedOfMany } from './dripping.ts'
import { makeProxy, type ProxyKind, type ReverseProxy } from './proxies.ts'
import { ProxySocket } from './proxy-socket.ts'

export const PROXY_FAULTS = ['proxy reloads', 'proxy restarts', 'house restarts', 'house is killed'] as const
export type ProxyFault = (typeof PROXY_FAULTS)[number]

const MESSAGE_PAUSE_MS = 25
const RETRY_MS = 50
const SETTLE_MS_MAX = 30_000
/** What the platform sends at most, and more than anybody may. */
const BODY_BYTES = 3_000_000
const BODY_BYTES_TOO_MANY = 5_000_000
/** The ways to write an address that is not for the world. */
const INSIDE_PATHS = ['/metrics', '/metrics/', '//metrics', '/%6Detrics', '/METRICS', '/metrics?x=1', '/version']
const FORGED = '192.0.2.66'
/** How Caddy and nginx write of a request, where they do. */
const REQUEST = /"request":\{"remote_ip"|\/webhooks\/whatsapp|, client: /
/** The shipped files give a head ten seconds, and nginx a pause in a body. */
const DRIPPING_MS_MAX = 20_000
/** Which parts of a request each proxy has to end: Caddy bounds a body as a whole, by ten minutes. */
const DRIPS = { caddy: ['head'], nginx: ['head', 'body'] } as const
/** Beyond what `limit_conn` lets one address have at once. */
const CONNECTIONS = 1100

export interface ProxyRunOptions {
  kind: ProxyKind
  seed: number
  sockets: number
  /** How often each fault happens. */
  rounds: number
  faults: readonly ProxyFault[]
  /** How long the sockets are left alone before the faults begin. */
  idleMs: number
  /** The program, before its arguments; `CRASHABLE_PROGRAM` by default. */
  command?: readonly string[] | undefined
}

export interface ProxyReport {
  kind: ProxyKind
  /** What is not as it has to be, in words; nothing is right. */
  wrong: string[]
  messages: number
  events: number
  /** From a socket's end until it was up to date again. */
  resumeMs: Map<ProxyFault, number[]>
  /** Sockets that a fault did not end. */
  survived: Map<ProxyFault, number>
  /** What webhooks were answered until they were answered 200, by fault and status. */
  refused: Map<string, number>
}

/** Puts a real proxy before a real house, looks at what it lets through, then hurts both while sockets watch. */
export async function runProxy(options: ProxyRunOptions): Promise<ProxyReport> {
  const program = options.command ?? CRASHABLE_PROGRAM
  const env = ['GATEHOUSE_TRUSTED_PROXIES=127.0.0.1,::1', 'GATEHOUSE_PUBLIC_URL=https://localhost']
  const random = seededRandom(options.seed)
  const stand = await CrashStand.build({ random, command: ['/usr/bin/env', ...env, ...program] })
  const proxy = makeProxy(options.kind, stand.folder, new URL(stand.url).host)
  stand.through = proxy.url
  const run = new ProxyRun(stand, proxy, options, random)
  try {
    return await run.run()
  } finally {
    run.end()
    await proxy.stop()
    await stand.close()
  }
}

class ProxyRun {
  readonly #stand: CrashStand
  readonly #proxy: ReverseProxy
  readonly #options: ProxyRunOptions
  readonly #random: () => number
  readonly #sockets: ProxySocket[] = []
  readonly #report: ProxyReport
  #house: HouseProcess | undefined
  #fault: ProxyFault | 'none' = 'none'
  #sent = 0
  #isWriting = false

  constructor(stand: CrashStand, proxy: ReverseProxy, options: ProxyRunOptions, random: () => number) {
    this.#stand = stand
    this.#proxy = proxy
    this.#options = options
    this.#random = random
    const { kind, faults } = options
    const empty = { wrong: [], messages: 0, events: 0, survived: new Map(), refused: new Map() }
    this.#report = { kind, ...empty, resumeMs: new Map(faults.map((fault) => [fault, []])) }
  }

  async run(): Promise<ProxyReport> {
    await Promise.all([this.#startHouse(), this.#proxy.start()])
    const dripping = this.#lookAtDripping()
    await this.#write()
    await this.#look()
    for (let index = 0; index < this.#options.sockets; index++) {
      const socket = new ProxySocket(this.#stand, this.#proxy.url, this.#random)
      socket.connect()
      this.#sockets.push(socket)
    }
    await this.#caughtUp()
    await dripping
    await this.#rest()
    const writing = this.#keepWriting()
    for (let round = 0; round < this.#options.rounds; round++) {
      for (const fault of this.#options.faults) await this.#hurt(fault)
    }
    this.#isWriting = false
    await writing
    await this.#caughtUp()
    this.#compare()
    const exit = await must(this.#house, 'the house').stop()
    if (exit.code !== 0) this.#report.wrong.push(`the house stopped with ${JSON.stringify(exit)}`)
    return this.#report
  }

  end(): void {
    this.#isWriting = false
    for (const socket of this.#sockets) socket.close()
  }

  async #startHouse(): Promise<void> {
    const house = this.#stand.start()
    this.#house = house
    if ((await house.ready()) === null) throw new Error(`The house did not start:\n${house.tail()}`)
  }

  /** A customer writes; repeated until it is answered 200, as the platform does. */
  async #write(padding = 0): Promise<void> {
    const id = `wamid.proxy.${++this.#sent}`
    const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
    const person = { phone: '447700900142', name: 'Amara Osei', userId: 'GB.142', identity: 'phone' as const }
    const message = { id, timestamp, type: 'text', text: { body: 'Hello' } }
    const body = webhookOf([{ kind: 'message', number: CRASH_NUMBERS[0], person, id, message }])
    const text = JSON.stringify(padding === 0 ? body : { ...body, padding: 'x'.repeat(padding) })
    const endMs = systemClock.monoMs() + SETTLE_MS_MAX
    for (;;) {
      const status = await this.#stand.postWebhook(text)
      if (status === 200) return
      const refusal = `${this.#fault}: ${status ?? 'no answer'}`
      this.#report.refused.set(refusal, (this.#report.refused.get(refusal) ?? 0) + 1)
      if (systemClock.monoMs() > endMs) throw new Error(`A webhook was not taken in ${SETTLE_MS_MAX} ms: ${refusal}`)
      await pause(systemClock, RETRY_MS)
    }
  }

  async #keepWriting(): Promise<void> {
    this.#isWriting = true
    while (this.#isWriting) {
      await this.#write()
      await pause(systemClock, MESSAGE_PAUSE_MS)
    }
  }

  /** What passes, what does not, and what the house is told of who asks. */
  async #look(): Promise<void> {
    await this.#write(BODY_BYTES)
    const tooLarge = await this.#stand.postWebhook('x'.repeat(BODY_BYTES_TOO_MANY))
    this.#expect('a webhook of 5 MB', tooLarge, 413)
    const forged = { 'X-Forwarded-For': FORGED, 'X-Real-IP': FORGED, Forwarded: `for=${FORGED}` }
    const answer = await this.#stand.api('/api/v1/me', { headers: forged })
    const me = (await answer?.json()) as { address: string }
    const secured = answer?.headers.get('strict-transport-security')
    this.#expect('what the house says of TLS, once', secured, 'max-age=31536000; includeSubDomains')
    this.#expect('the client’s address', ['127.0.0.1', '::1'].includes(me.address) ? 'its own' : me.address, 'its own')
    for (const path of INSIDE_PATHS) {
      const { status } = await fetch(`${this.#proxy.url}${path}`, { tls: { rejectUnauthorized: false } })
      this.#expect(path, status, 404)
    }
    this.#expect('the protocol spoken to browsers', await protocolOf(this.#proxy.url), 'h2')
    await this.#lookAtWaiting()
  }

  /** An answer that waits for news comes with the news, not when a buffer is full or a time is over. */
  async #lookAtWaiting(): Promise<void> {
    const startedMs = systemClock.monoMs()
    const waiting = this.#stand.api('/api/v1/events?wait=20')
    await pause(systemClock, 200)
    await this.#write()
    const answer = (await (await waiting)?.json()) as { events: unknown[] } | undefined
    const isPrompt = systemClock.monoMs() - startedMs < 10_000 && (answer?.events.length ?? 0) > 0
    this.#expect('an answer that waits for news', isPrompt, true)
  }

  /** Who sends so slowly that it only holds a connection is ended. */
  async #lookAtDripping(): Promise<void> {
    const { url } = this.#proxy
    const { kind } = this.#options
    const ends = DRIPS[kind].map(async (what) => ({ what, ms: await endOfDripping(url, what, DRIPPING_MS_MAX) }))
    for (const { what, ms } of await Promise.all(ends)) {
      this.#expect(`a client that drips its ${what} is ended`, ms !== null, true)
    }
  }

  /** Silent sockets have to live: what keeps them is the heartbeat. */
  async #rest(): Promise<void> {
    if (this.#options.idleMs === 0) return
    if (this.#options.kind === 'nginx') {
      const refused = await refusedOfMany(this.#proxy.url, CONNECTIONS, DRIPPING_MS_MAX)
      this.#expect('too many connections of one address are refused', refused > 0, true)
    }
    await pause(systemClock, this.#options.idleMs)
    const ended = this.#sockets.filter((socket) => socket.ends > 0).length
    this.#expect(`sockets that ended in ${this.#options.idleMs / 1000} s of silence`, ended, 0)
  }

  async #hurt(fault: ProxyFault): Promise<void> {
    this.#fault = fault
    const before = this.#sockets.map(({ ends }) => ends)
    for (const socket of this.#sockets) socket.resumeMs = []
    if (fault === 'proxy reloads') await this.#proxy.reload()
    else if (fault === 'proxy restarts') await this.#proxy.restart()
    else {
      const house = must(this.#house, 'the house')
      await (fault === 'house restarts' ? house.stop() : house.kill())
      await this.#startHouse()
    }
    await this.#caughtUp()
    const times = this.#report.resumeMs.get(fault)
    for (const socket of this.#sockets) times?.push(...socket.resumeMs)
    const survived = this.#sockets.filter((socket, index) => socket.ends === before[index]).length
    this.#report.survived.set(fault, (this.#report.survived.get(fault) ?? 0) + survived)
  }

  /** A message goes in, and everybody was told of it and of all before it. */
  async #caughtUp(): Promise<void> {
    await this.#write()
    const wanted = this.#sent
    const endMs = systemClock.monoMs() + SETTLE_MS_MAX
    while (this.#sockets.some((socket) => socket.messages.size < wanted || !socket.isLive)) {
      if (systemClock.monoMs() > endMs) throw new Error(`After "${this.#fault}" not all sockets came back`)
      await pause(systemClock, 5)
    }
  }

  #compare(): void {
    this.#report.messages = this.#sent
    this.#expect('the proxy writes down who asked for what', REQUEST.test(this.#proxy.written()), false)
    this.#report.events = Math.max(...this.#sockets.map(({ cursor }) => cursor))
    for (const [index, socket] of this.#sockets.entries()) {
      this.#report.wrong.push(...socket.problems.map((problem) => `socket ${index}: ${problem}`))
      this.#expect(`messages that socket ${index} was told of`, socket.messages.size, this.#sent)
    }
  }

  #expect(what: string, is: unknown, wanted: unknown): void {
    if (is !== wanted) this.#report.wrong.push(`${what}: ${String(is)} instead of ${String(wanted)}`)
  }
}

/** What was agreed on when the connection was made. */
function protocolOf(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url, { rejectUnauthorized: false })
    session.on('error', reject)
    const request = session.request({ ':path': '/healthz' })
    request.on('error', reject)
    request.on('response', ({ ':status': status }) => {
      resolve(status === 200 ? String(session.alpnProtocol) : `h2 with ${status}`)
      session.destroy()
    })
    request.end()
  })
}
