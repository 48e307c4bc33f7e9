import { depthExceeds } from '../../channels/depth.ts'
import { whatsapp } from '../../channels/whatsapp/whatsapp.ts'
import { must } from '../../core/assert.ts'
import { Failure } from '../../core/failure.ts'
import { DEPTH_MAX } from '../../http/body.ts'
import type { Delivery } from '../../simulator/outbox.ts'
import type { Platform } from '../../simulator/platform.ts'
import { signatureOf, type Update } from '../../simulator/webhook-body.ts'
import type { FakeClock } from '../fake-clock.ts'
import type { Chance } from './chance.ts'
import { SEND_TIMEOUT_MS, type SimulatedProcess } from './simulated-process.ts'
import type { Step } from './trace.ts'

export const APP_SECRET = 'simulated-app-secret'

/**
 * How much later than another a request may arrive, in milliseconds: the fence is that much wider than the platform's
 * second. A road that differs more can pass the limit; no sender can know.
 */
const ROAD_MS_MAX = 14
const ANSWER_MS_MAX = 400
const WEBHOOKS_UNDER_WAY_MAX = 8

interface Exchange {
  process: SimulatedProcess
  url: string
  init: RequestInit
  resolve(response: Response): void
  reject(error: unknown): void
}

interface Due {
  dueMs: number
  what: string
  run(): void
}

interface Carried {
  delivery: Delivery
  process: SimulatedProcess | null
  startedMs: number
  status: number | null
}

export interface NetworkOptions {
  world: FakeClock
  chance: Chance
  platform: Platform
  /** The process that has the port now. */
  process(): SimulatedProcess | null
  /** The platform was told 200 for these. */
  onAcknowledged(updates: readonly Update[]): void
  /** A body that is no message was answered 200. */
  onNonsense(body: string): void
  note(what: string): void
}

/** The road between the house and the platform, in both directions. It outlives the process: what was sent still arrives. */
export class Network {
  /** Trouble of the road itself; the platform's own is in its faults. */
  isRough = true
  readonly #options: NetworkOptions
  #arrivals: Due[] = []
  #answers: Due[] = []
  /** Webhooks that left the platform and did not reach the house yet. */
  #road: Delivery[] = []
  #carried = new Set<Carried>()

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  fetch(process: SimulatedProcess, url: string, init: RequestInit): Promise<Response> {
    const { chance, world } = this.#options
    return new Promise((resolve, reject) => {
      if (!process.isAlive) return
      const exchange = { process, url, init, resolve, reject }
      const nowMs = world.monoMs()
      if (this.isRough && chance.is(0.01)) {
        this.#answerAt(nowMs + 1, exchange, 'no connection', () => reject(errorOf('Error', 'ECONNREFUSED')))
        return
      }
      const dueMs = nowMs + chance.random() * ROAD_MS_MAX
      this.#arrivals.push({ dueMs, what: 'a send arrives', run: () => this.#arrive(exchange) })
      this.#answerAt(nowMs + SEND_TIMEOUT_MS, exchange, 'a time-out', () => reject(errorOf('TimeoutError', '')))
    })
  }

  /** Time may not pass this moment before it has been dealt with; undefined: it may pass as it likes. */
  barrierMs(): number | undefined {
    return this.#arrivals.length === 0 ? undefined : Math.min(...this.#arrivals.map(({ dueMs }) => dueMs))
  }

  /** When something is next due. */
  nextDueMs(): number | undefined {
    const webhooks = this.#carried.size + this.#road.length < WEBHOOKS_UNDER_WAY_MAX
    const times = [...this.#arrivals, ...this.#answers].map(({ dueMs }) => dueMs)
    const outboxDueMs = webhooks ? this.#options.platform.outbox.nextDueMs() : undefined
    if (outboxDueMs !== undefined) times.push(outboxDueMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  steps(): Step[] {
    const { world, platform } = this.#options
    const nowMs = world.monoMs()
    const steps: Step[] = []
    // The order of arrival is the order of the road.
    const arrival = earliest(this.#arrivals)
    if (arrival && arrival.dueMs <= nowMs) {
      steps.push({ name: arrival.what, weight: 40, run: () => this.#take(this.#arrivals, arrival) })
    }
    const answer = earliest(this.#answers)
    if (answer && answer.dueMs <= nowMs) {
      steps.push({ name: answer.what, weight: 10, run: () => this.#take(this.#answers, answer) })
    }
    const isRoom = this.#carried.size + this.#road.length < WEBHOOKS_UNDER_WAY_MAX
    if (isRoom && (platform.outbox.nextDueMs() ?? Number.POSITIVE_INFINITY) <= nowMs) {
      steps.push({ name: 'a webhook leaves', weight: 10, run: () => this.#setOut() })
    }
    if (this.#road.length > 0) steps.push({ name: 'a webhook arrives', weight: 10, run: () => this.#carry() })
    const done = [...this.#carried].find((carried) => this.#isOver(carried))
    if (done) steps.push({ name: 'a webhook is answered', weight: 10, run: () => this.#settle(done) })
    return steps
  }

  /** A signed body that is no message of the platform: it is kept, set aside and answered 200. Not tried again. */
  sendNonsense(body: string): void {
    const process = this.#options.process()
    if (!process) return
    const signature = signatureOf(body, APP_SECRET)
    void takeWebhook(process, { body, signature }).then((status) => {
      if (status === 200 && process.isAlive) this.#options.onNonsense(body)
    })
  }

  /** Whether nothing is on its way, and the platform owes nothing. */
  isQuiet(): boolean {
    const { outbox } = this.#options.platform
    return this.#arrivals.length + this.#answers.length + this.#road.length + this.#carried.size + outbox.pending === 0
  }

  #take(list: Due[], due: Due): void {
    list.splice(list.indexOf(due), 1)
    due.run()
  }

  #arrive(exchange: Exchange): void {
    const { chance, platform, world } = this.#options
    const phoneNumberId = exchange.url.split('/').at(-2) ?? ''
    const authorization = new Headers(exchange.init.headers).get('authorization')
    const answer = platform.handleSend(phoneNumberId, authorization, String(exchange.init.body))
    this.#options.note(`answered with ${answer.kind} ${answer.kind === 'answer' ? answer.status : ''}`)
    const backMs = world.monoMs() + chance.random() ** 3 * ANSWER_MS_MAX
    switch (answer.kind) {
      case 'silence':
        return
      case 'reset':
        return this.#answerAt(backMs, exchange, 'a reset', () => exchange.reject(errorOf('Error', 'ECONNRESET')))
      case 'answer': {
        const { body, status } = answer
        return this.#answerAt(backMs + answer.afterMs, exchange, `an answer ${status}`, () => {
          exchange.resolve(new Response(body, { status, headers: { 'content-type': 'application/json' } }))
        })
      }
    }
  }

  /** What comes first decides; what comes later finds a promise that is settled. */
  #answerAt(dueMs: number, { process }: Exchange, what: string, give: () => void): void {
    this.#answers.push({
      dueMs,
      what,
      run: () => {
        if (process.isAlive) give()
      },
    })
  }

  #setOut(): void {
    const delivery = this.#options.platform.outbox.take(this.#options.world.monoMs())
    if (delivery) this.#road.push(delivery)
  }

  /** Webhooks overtake each other. */
  #carry(): void {
    const { chance, world } = this.#options
    const [delivery] = this.#road.splice(chance.between(0, this.#road.length - 1), 1)
    if (!delivery) return
    const process = this.#options.process()
    const carried: Carried = { delivery, process, startedMs: world.monoMs(), status: null }
    this.#carried.add(carried)
    if (!process) return
    void takeWebhook(process, delivery).then((status) => {
      carried.status = status
    })
  }

  #isOver(carried: Carried): boolean {
    const { platform, world } = this.#options
    if (carried.status !== null || !carried.process?.isAlive) return true
    return world.monoMs() - carried.startedMs >= platform.settings.webhookTimeoutMs
  }

  #settle(carried: Carried): void {
    const { chance, platform } = this.#options
    this.#carried.delete(carried)
    const isLost = this.isRough && chance.is(0.05)
    // An answer that was given before the process died may have left in time.
    const status = isLost ? null : carried.status
    this.#options.note(`webhook ${carried.delivery.id}: ${status ?? 'no answer'}`)
    if (status === 200) this.#options.onAcknowledged(carried.delivery.updates)
    platform.settle(carried.delivery, status)
  }
}

/** What http/webhooks.ts does with a request: signature, depth, journal, and only then 200. */
async function takeWebhook(
  process: SimulatedProcess,
  { body, signature }: Pick<Delivery, 'body' | 'signature'>,
): Promise<number> {
  const bytes = new TextEncoder().encode(body)
  const headers = new Headers({ 'x-hub-signature-256': signature })
  if (!whatsapp.verifySignature({ headers, body: bytes, secrets: [APP_SECRET] })) return 401
  if (depthExceeds(bytes, DEPTH_MAX)) return 400
  try {
    await process.accept(bytes)
    return 200
  } catch (error) {
    if (error instanceof Failure && error.code === 'unavailable') return 503
    throw error
  }
}

function earliest(list: readonly Due[]): Due | undefined {
  if (list.length === 0) return undefined
  return list.reduce((first, each) => (each.dueMs < first.dueMs ? each : first), must(list[0], 'the first'))
}

function errorOf(name: string, code: string): Error {
  return Object.assign(new Error('The simulated network'), { name, code })
}
