import { pause, systemClock } from '../../core/clock.ts'
import { webhookOf } from '../../simulator/webhook-body.ts'
import { CRASH_NUMBERS, type CrashStand } from './stand.ts'

/** Wait before a body that was not answered 200 is sent again. */
const RETRY_MS = 40
const BATCH_MAX = 8
const BATCH_SHARE = 0.15
const DOUBLED_SHARE = 0.08
/** Some write under a new name: what was told before keeps the old one. */
const RENAMED_SHARE = 0.03

/** A customer, who always writes to the same number. */
export interface CrashCustomer {
  phone: string
  name: string
  number: (typeof CRASH_NUMBERS)[number]
  /** The platform's id of something they wrote that was answered 200; null before. */
  wrote: string | null
}

export function makeCustomers(count: number): CrashCustomer[] {
  return Array.from({ length: count }, (_, index) => ({
    phone: `4477009${String(index).padStart(5, '0')}`,
    name: `Customer ${index}`,
    number: CRASH_NUMBERS[index % CRASH_NUMBERS.length] ?? CRASH_NUMBERS[0],
    wrote: null,
  }))
}

/** Plays the platform's webhooks: repeats each body until it is answered 200, and some after that too. */
export class WebhookProducer {
  /** Every message that was ever in a body. */
  readonly offered = new Set<string>()
  /** Those whose body was answered 200. */
  readonly acknowledged = new Set<string>()
  /** Answers that no webhook may get, by status. */
  readonly refused = new Map<number, number>()
  bodies = 0
  /** Answers of 503, and how long each 200 took. */
  shed = 0
  readonly tookMs: number[] = []
  /** When the last 200 came, on the monotonic clock. */
  answeredAtMs = 0
  readonly #stand: CrashStand
  readonly #customers: readonly CrashCustomer[]
  readonly #random: () => number
  readonly #prefix: string
  #count = 0
  #stopped = false
  #abandoned = false

  constructor(stand: CrashStand, customers: readonly CrashCustomer[], random: () => number) {
    this.#stand = stand
    this.#customers = customers
    this.#random = random
    this.#prefix = Math.floor(random() * 2 ** 32).toString(36)
  }

  /** Every customer writes once, so that their windows are open. */
  async greet(): Promise<void> {
    for (const customer of this.#customers) await this.#deliver([customer])
  }

  /** Sends bodies, one after the other, until it is stopped; the last one is seen through. */
  async run(pauseMsMax: number): Promise<void> {
    while (!this.#stopped) {
      const count = this.#random() < BATCH_SHARE ? 2 + Math.floor(this.#random() * (BATCH_MAX - 1)) : 1
      await this.#deliver(Array.from({ length: count }, () => this.#pickCustomer()))
      await pause(systemClock, this.#random() * pauseMsMax)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  /** Nobody will answer any more: not even the last body is seen through. */
  abandon(): void {
    this.#stopped = true
    this.#abandoned = true
  }

  #pickCustomer(): CrashCustomer {
    const customer = this.#customers[Math.floor(this.#random() * this.#customers.length)]
    if (!customer) throw new Error('There are no customers')
    if (this.#random() < RENAMED_SHARE) customer.name = `Customer renamed ${this.#count}`
    return customer
  }

  async #deliver(writers: readonly CrashCustomer[]): Promise<void> {
    const messages = writers.map((customer) => ({ customer, id: `wamid.${this.#prefix}.${++this.#count}` }))
    for (const { id } of messages) this.offered.add(id)
    const body = bodyOf(messages)
    while ((await this.#post(body)) !== 200) {
      if (this.#abandoned) return
      await pause(systemClock, RETRY_MS)
    }
    this.bodies += 1
    this.answeredAtMs = systemClock.monoMs()
    for (const { customer, id } of messages) {
      this.acknowledged.add(id)
      customer.wrote = id
    }
    if (this.#random() < DOUBLED_SHARE) await this.#post(body)
  }

  async #post(body: string): Promise<number | undefined> {
    const startedMs = systemClock.monoMs()
    const status = await this.#stand.postWebhook(body)
    if (status === 200) this.tookMs.push(systemClock.monoMs() - startedMs)
    if (status === 503) this.shed += 1
    if (status !== undefined && status !== 200 && status !== 503) {
      this.refused.set(status, (this.refused.get(status) ?? 0) + 1)
    }
    return status
  }
}

function bodyOf(messages: readonly { customer: CrashCustomer; id: string }[]): string {
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  return JSON.stringify(
    webhookOf(
      messages.map(({ customer, id }) => ({
        kind: 'message',
        number: customer.number,
        person: { phone: customer.phone, name: customer.name, userId: customer.phone, identity: 'phone' },
        id,
        message: { id, timestamp, type: 'text', text: { body: `Words of ${id}` } },
      })),
    ),
  )
}
