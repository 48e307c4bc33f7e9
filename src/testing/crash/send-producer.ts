import { pause, systemClock } from '../../core/clock.ts'
import type { WhenInDoubt } from '../../core/message.ts'
import type { CrashStand } from './stand.ts'
import type { CrashCustomer } from './webhook-producer.ts'

const RETRY_MS = 40
const REPEATED_SHARE = 0.1
/** Beyond any run: a message is to end by what became of it. */
const DEADLINE_MS = 600_000
/** Shorter than the pause in which a started house sends nothing: such a message expires in it. */
const SHORT_DEADLINE_MS = 250
/** Shares of the kinds of sends, out of 1. */
const TEMPLATE_SHARE = 0.25
const SHORT_SHARE = 0.12
const REPLY_CONTEXT_SHARE = 0.3

/** What one idempotency key stands for. */
export interface AskedSend {
  key: string
  whenInDoubt: WhenInDoubt
  /** Our message id, once it was answered. */
  id: string | null
}

/** A program that sends: repeats each request under its key until it is accepted, and some after that too. */
export class SendProducer {
  readonly asked = new Map<string, AskedSend>()
  /** What must not be: a repeat with another answer, a refusal. */
  readonly problems: string[] = []
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

  async run(pauseMsMax: number): Promise<void> {
    while (!this.#stopped) {
      await this.#sendOne()
      await pause(systemClock, this.#random() * pauseMsMax)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  /** Nobody will answer any more: not even the last request is seen through. */
  abandon(): void {
    this.#stopped = true
    this.#abandoned = true
  }

  async #sendOne(): Promise<void> {
    const key = `${this.#prefix}-${++this.#count}`
    const whenInDoubt: WhenInDoubt = this.#pick(['hold', 'hold', 'fail', 'resend'])
    const asked: AskedSend = { key, whenInDoubt, id: null }
    const body = JSON.stringify(this.#request(key, whenInDoubt))
    this.asked.set(key, asked)
    await this.#ask(asked, body)
    if (this.#random() < REPEATED_SHARE) await this.#ask(asked, body)
  }

  #request(key: string, whenInDoubt: WhenInDoubt): object {
    const customer = this.#pick(this.#customers)
    const template = this.#random() < TEMPLATE_SHARE
    return {
      to: `+${customer.phone}`,
      from: { number: customer.number.phoneNumberId },
      class: template ? this.#pick(['notice', 'bulk']) : this.#pick(['reply', 'reply', 'urgent']),
      reference: key,
      when_in_doubt: whenInDoubt,
      deadline_ms: this.#random() < SHORT_SHARE ? SHORT_DEADLINE_MS : DEADLINE_MS,
      ...(template ? templateOf(key) : { type: 'text', text: { body: `Answer ${key}` } }),
      ...(!template && customer.wrote !== null && this.#random() < REPLY_CONTEXT_SHARE
        ? { context: { message_id: customer.wrote } }
        : {}),
    }
  }

  async #ask(asked: AskedSend, body: string): Promise<void> {
    for (;;) {
      const response = await this.#stand.api('/api/v1/messages', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': asked.key },
        body,
      })
      const answer = (await response?.json().catch(() => undefined)) as { id?: string; code?: string } | undefined
      if (response?.ok && answer?.id !== undefined) return this.#note(asked, answer.id)
      // The window opens when the customer's message is applied, which may be after its 200.
      const mayCome = !response || !answer || answer.code === 'unavailable' || answer.code === 'window_closed'
      if (!mayCome) this.problems.push(`${asked.key} was refused: ${response?.status} ${answer?.code}`)
      if (!mayCome || this.#abandoned) return
      await pause(systemClock, RETRY_MS)
    }
  }

  #note(asked: AskedSend, id: string): void {
    if (asked.id !== null && asked.id !== id) this.problems.push(`${asked.key} was answered ${asked.id}, then ${id}`)
    asked.id ??= id
  }

  #pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)]
    if (choice === undefined) throw new Error('Nothing to choose from')
    return choice
  }
}

function templateOf(key: string): object {
  const parameters = ['Customer', key].map((text) => ({ type: 'text', text }))
  return {
    type: 'template',
    template: { name: 'order_update', language: { code: 'en_US' }, components: [{ type: 'body', parameters }] },
  }
}
