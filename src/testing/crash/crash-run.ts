import { type Clock, pause, systemClock } from '../../core/clock.ts'
import { CRASH_POINTS } from '../../core/crash-point.ts'
import { seededRandom } from '../seeded-random.ts'
import { EventRecord, PollWatch, SocketWatch } from './event-watch.ts'
import type { HouseProcess, Under } from './house-process.ts'
import { type Kill, planKills, TRIES_MAX } from './kill-plan.ts'
import { type Findings, Oracle } from './oracle.ts'
import { SendProducer } from './send-producer.ts'
import { CrashStand } from './stand.ts'
import { makeCustomers, WebhookProducer } from './webhook-producer.ts'

const CUSTOMERS = 60
const WEBHOOK_WORKERS = 3
const SEND_WORKERS = 2
/** Until a named point has to be passed; a started house sends nothing for its first second. */
const POINT_MS_MAX = 5000
const FAULT_PAUSE_MS_MAX = 500
/** Faults that wait for something to strike: a house that is down sends nothing. */
const FAULTS_MAX = 8
/** After the last kill everything is to settle in this time. */
const DRAIN_MS_MAX = 60_000
const SETTLED = new Set(['read', 'delivered', 'failed', 'held', 'expired', 'cancelled'])
const STOPPED_CODE = 0

/** What the platform does wrong now and then, each for one or two sends. */
const FAULTS: readonly object[] = [
  { kind: 'reset' },
  { kind: 'reset' },
  { kind: 'refuse' },
  { kind: 'throttle_429' },
  { kind: 'accept_then_500' },
  { kind: 'accept_then_silence', ms: 400 },
  { kind: 'reset_after_accept' },
  { kind: 'slow', ms: 300 },
  { kind: 'status_before_answer', ms: 200 },
  { kind: 'statuses_doubled' },
  { kind: 'statuses_reordered' },
  { kind: 'statuses_late', ms: 1500 },
  { kind: 'webhook_bad_signature' },
]

/** Where the data folder lies, on a disk that forgets what was not synced. */
export interface CutDisk {
  dataFolder: string
  /** Cuts the power: nothing reaches the disk any more. */
  cut(): Promise<void>
  /** After the process has died: the disk as it comes back. */
  comeBack(): Promise<void>
}

/** What a fault is given: the house under load, to be started, hurt and ended. */
export interface Struck {
  stand: CrashStand
  random: () => number
  /** Starts the house; it is watched as soon as it is ready. The fault sees to its end, unless it ends by itself. */
  start(under?: Under, crash?: string | null): HouseProcess
  /** A start that has to come to its end. */
  startWell(under?: Under): Promise<HouseProcess>
  /** When the last webhook was answered 200, and how many events the socket has brought. */
  progress(): { answeredAtMs: number; socketEvents: number; shed: number; tookMs: readonly number[] }
  /** A message that the platform's own customer has written. */
  offered(id: string): void
  /** Something that must not be. */
  wrong(text: string): void
  /** A sample of something worth a figure. */
  figure(name: string, value: number): void
}

export interface Fault {
  name: string
  strike(struck: Struck): Promise<void>
}

export interface CrashRunOptions {
  seed: number
  /** After the kills: each once, in this order. */
  faults?: readonly Fault[]
  /** The house may answer 5xx while it fails. */
  mayFail?: boolean
  /** Kills at each named point. */
  perPoint: number
  /** Kills from outside at random moments. */
  random: number
  /** The program, before its arguments; `CRASHABLE_PROGRAM` by default. */
  command?: readonly string[] | undefined
  /** A disk whose power can be cut: then every kill from outside is such a cut. */
  disk?: CutDisk
  /** Called after each kill. */
  onKill?: (done: number, of: number) => void
}

export interface CrashReport {
  seed: number
  /** Kills by named point, and `random`. */
  histogram: Map<string, number>
  findings: Findings
  /** The first findings of each kind in words. */
  details: string[]
  readyMs: number[]
  /** Samples by name. */
  figures: Map<string, number[]>
  webhooks: number
  messagesIn: number
  sends: number
  events: number
  socketEvents: number
  /** Where the folder was left, if something was found. */
  folder: string | null
}

/** Kills the house again and again under load, then compares what everybody knows. */
export async function runCrashes(options: CrashRunOptions): Promise<CrashReport> {
  const random = seededRandom(options.seed)
  const stand = await CrashStand.build({
    random,
    command: options.command,
    dataFolder: options.disk?.dataFolder,
    mayFail: options.mayFail,
  })
  const run = new CrashRun(stand, options, random)
  let isRight = false
  try {
    const report = await run.run()
    isRight = wrongOf(report).length === 0
    return { ...report, folder: isRight ? null : stand.folder }
  } finally {
    await run.end()
    await stand.close(!isRight)
  }
}

/** The counts that are not zero and have to be. */
export function wrongOf({ findings }: Pick<CrashReport, 'findings'>): string[] {
  const { inDoubtAtEnd, resent, expired, ...zero } = findings
  return Object.entries(zero).flatMap(([name, count]) => (count === 0 ? [] : [`${name} ${count}`]))
}

class CrashRun {
  readonly #stand: CrashStand
  readonly #options: CrashRunOptions
  readonly #random: () => number
  readonly #clock: Clock = systemClock
  readonly #webhooks: WebhookProducer
  readonly #sends: SendProducer
  readonly #record = new EventRecord()
  readonly #poll: PollWatch
  readonly #socket: SocketWatch
  readonly #oracle: Oracle
  readonly #histogram = new Map<string, number>([...CRASH_POINTS, 'random'].map((point) => [point, 0]))
  readonly #readyMs: number[] = []
  readonly #figures = new Map<string, number[]>()
  #work: Promise<void>[] = []
  #house: HouseProcess | undefined
  #makingFaults = true

  constructor(stand: CrashStand, options: CrashRunOptions, random: () => number) {
    this.#stand = stand
    this.#options = options
    this.#random = random
    const customers = makeCustomers(CUSTOMERS)
    this.#webhooks = new WebhookProducer(stand, customers, random)
    this.#sends = new SendProducer(stand, customers, random)
    this.#poll = new PollWatch(stand, this.#record)
    this.#socket = new SocketWatch(stand, this.#record, random)
    this.#oracle = new Oracle({ stand, webhooks: this.#webhooks, sends: this.#sends, record: this.#record })
  }

  async run(): Promise<CrashReport> {
    await this.#begin()
    await this.#killAll()
    await this.#strikeAll()
    await this.#drain()
    await this.#oracle.askHouse()
    await this.#stop()
    await this.#oracle.readFolder()
    return {
      seed: this.#options.seed,
      histogram: this.#histogram,
      findings: this.#oracle.findings,
      details: this.#oracle.details,
      readyMs: this.#readyMs,
      figures: this.#figures,
      webhooks: this.#webhooks.bodies,
      messagesIn: this.#webhooks.acknowledged.size,
      sends: this.#sends.asked.size,
      events: this.#record.seen.size,
      socketEvents: this.#socket.events,
      folder: null,
    }
  }

  /** Leaves nothing running, also where the run itself broke. */
  async end(): Promise<void> {
    this.#makingFaults = false
    this.#webhooks.abandon()
    this.#sends.abandon()
    this.#poll.stop()
    this.#socket.close()
    await this.#house?.kill()
  }

  /** A start that is not disturbed. */
  async #startWell(under?: Under): Promise<HouseProcess> {
    const house = this.#stand.start(null, [], under)
    this.#house = house
    const readyMs = await house.ready()
    if (readyMs === null) throw new Error(this.#said('the process did not start', house))
    this.#readyMs.push(readyMs)
    this.#socket.connect()
    return house
  }

  async #strikeAll(): Promise<void> {
    const faults = this.#options.faults ?? []
    for (const [index, fault] of faults.entries()) {
      await fault.strike(this.#struck())
      await this.#house?.kill()
      this.#histogram.set(fault.name, (this.#histogram.get(fault.name) ?? 0) + 1)
      this.#options.onKill?.(index + 1, faults.length)
    }
  }

  #struck(): Struck {
    return {
      stand: this.#stand,
      random: this.#random,
      start: (under, crash = null) => {
        const house = this.#stand.start(crash, [], under)
        this.#house = house
        void house.ready().then(
          (readyMs) => {
            if (readyMs === null) return
            this.#readyMs.push(readyMs)
            this.#socket.connect()
          },
          // Not ready in time: the fault sees it in what it waits for.
          () => {},
        )
        return house
      },
      startWell: (under) => this.#startWell(under),
      progress: () => {
        const { answeredAtMs, shed, tookMs } = this.#webhooks
        return { answeredAtMs, socketEvents: this.#socket.events, shed, tookMs }
      },
      offered: (id) => this.#webhooks.offered.add(id),
      wrong: (text) => this.#oracle.find('others', text),
      figure: (name, value) => {
        const samples = this.#figures.get(name) ?? []
        samples.push(value)
        this.#figures.set(name, samples)
      },
    }
  }

  async #begin(): Promise<void> {
    await this.#startWell()
    await this.#webhooks.greet()
    this.#socket.close()
    await this.#house?.kill()
    this.#work = [
      ...Array.from({ length: WEBHOOK_WORKERS }, () => this.#webhooks.run(60)),
      ...Array.from({ length: SEND_WORKERS }, () => this.#sends.run(120)),
      this.#makeFaults(),
    ]
    for (const work of this.#work) work.catch((error: Error) => this.#oracle.find('others', `the load: ${error.stack}`))
  }

  async #killAll(): Promise<void> {
    const kills = planKills(this.#random, this.#options)
    const planned = kills.length
    const watching = this.#poll.run()
    this.#work.push(watching)
    for (let kill = kills.shift(); kill; kill = kills.shift()) {
      const again = await this.#killOnce(kill)
      if (again) kills.push(again)
      this.#options.onKill?.(planned - kills.length, planned)
    }
  }

  /** Answers the kill again where its point was not passed in time. */
  async #killOnce(kill: Kill): Promise<Kill | null> {
    const house = this.#stand.start(kill.point === 'random' ? null : `${kill.point}:${kill.pass}`)
    this.#house = house
    const ready = house.ready().then((readyMs) => {
      if (readyMs === null) return
      this.#readyMs.push(readyMs)
      this.#socket.connect()
    })
    if (kill.point === 'random' && kill.from === 'ready') await ready
    const exit = await house.endsWithin(kill.point === 'random' ? kill.afterMs : POINT_MS_MAX)
    if (exit && (kill.point === 'random' || exit.signal !== 'SIGKILL')) {
      throw new Error(this.#said(`the process ended by itself, ${JSON.stringify({ kill, exit })}`, house))
    }
    const disk = exit ? undefined : this.#options.disk
    await disk?.cut()
    await house.kill()
    await ready
    await disk?.comeBack()
    const killedBy = exit ? kill.point : 'random'
    this.#histogram.set(killedBy, (this.#histogram.get(killedBy) ?? 0) + 1)
    if (exit || kill.point === 'random') return null
    return kill.tries < TRIES_MAX ? { ...kill, pass: 1, tries: kill.tries + 1 } : null
  }

  async #makeFaults(): Promise<void> {
    while (this.#makingFaults) {
      const { items } = await this.#stand.platform<{ items: unknown[] }>('GET', 'faults')
      const fault = FAULTS[Math.floor(this.#random() * FAULTS.length)]
      const count = 1 + Math.floor(this.#random() * 2)
      if (items.length < FAULTS_MAX) await this.#stand.platform('POST', 'faults', { ...fault, count })
      await pause(this.#clock, this.#random() * FAULT_PAUSE_MS_MAX)
    }
  }

  /** Nobody kills any more: what is owed is done now. */
  async #drain(): Promise<void> {
    await this.#startWell()
    this.#makingFaults = false
    this.#webhooks.stop()
    this.#sends.stop()
    await this.#stand.platform('DELETE', 'faults')
    const endMs = this.#clock.monoMs() + DRAIN_MS_MAX
    while (!(await this.#isSettled()) && this.#clock.monoMs() < endMs) await pause(this.#clock, 100)
    this.#poll.stop()
    await Promise.all(this.#work)
  }

  async #isSettled(): Promise<boolean> {
    const { webhooks } = await this.#stand.platform<{ webhooks: { pending: number } }>('GET', 'health')
    if (webhooks.pending > 0) return false
    for (const { id } of this.#sends.asked.values()) {
      if (id === null || !SETTLED.has(this.#record.states.get(id) ?? '')) return false
    }
    const me = (await (await this.#stand.api('/api/v1/me'))?.json()) as { head: number } | undefined
    return me !== undefined && this.#record.seen.size >= me.head && this.#socket.cursor() >= me.head
  }

  #said(what: string, house: HouseProcess): string {
    return `seed ${this.#options.seed}: ${what}; it said:\n${house.tail()}`
  }

  async #stop(): Promise<void> {
    this.#socket.close()
    const house = this.#house
    if (!house) return
    const exit = await house.stop()
    if (exit.code !== STOPPED_CODE)
      this.#oracle.find('others', `stopped with ${JSON.stringify(exit)}:\n${house.tail()}`)
  }
}
