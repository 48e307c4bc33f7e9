import { type Clock, toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { reactionTarget, refusalOf, successBody, unknownObject } from './answers.ts'
import { Changes } from './changes.ts'
import { readPhone, readWrite, type WriteInput } from './customer-input.ts'
import { type Chat, type Customer, Customers } from './customers.ts'
import { type Fault, Faults } from './faults.ts'
import { GraphRefusal, refusalBody } from './graph-error.ts'
import type { JsonObject } from './json.ts'
import { NumberMeter, PairLimit } from './limits.ts'
import { Media } from './media.ts'
import { type ReadRequest, readSend, type SendRequest } from './message-rules.ts'
import { type Delivery, Outbox } from './outbox.ts'
import { previewOf } from './preview.ts'
import { sampleMedia } from './sample-media.ts'
import { SendLog } from './sends.ts'
import { DEFAULT_SETTINGS, type Settings, type SimulatedNumber } from './settings.ts'
import { planStatuses } from './status-plan.ts'
import { phoneOfWamid, WamidMaker } from './wamid.ts'
import { personOf, type StatusUpdate, type Update } from './webhook-body.ts'

/** What becomes of a request to send, without a socket. */
export type SendAnswer =
  | { kind: 'answer'; status: number; body: string; afterMs: number }
  /** No answer; after this time the connection is closed. */
  | { kind: 'silence'; forMs: number }
  | { kind: 'reset' }

/** What the platform needs to stand. */
export interface PlatformOptions {
  numbers: readonly SimulatedNumber[]
  accessToken: string
  appSecret: string
  clock: Clock
  random: () => number
  settings?: Partial<Settings>
  /** File of sends, one JSON line each; null: in memory only. */
  storePath?: string | null
}

/** The platform's rule: the window is open for 24 hours after each message of the customer. */
const WINDOW_MS = 24 * 3_600_000

/** The platform's rule: a typing sign lasts up to 25 seconds. */
const TYPING_MS = 25_000

const BEFORE_FAULTS = ['reset', 'refuse', 'throttle_429', 'error_code'] as const
const ANSWER_FAULTS = [
  'accept_then_500',
  'accept_then_silence',
  'reset_after_accept',
  'slow',
  'status_before_answer',
] as const

/** What each fault of the answer is called in the list of sends. */
const OUTCOMES: Record<(typeof ANSWER_FAULTS)[number], string> = {
  accept_then_500: 'server_error',
  accept_then_silence: 'silence',
  reset_after_accept: 'reset',
  slow: 'late',
  status_before_answer: 'late',
}

/**
 * WhatsApp's platform in a box: it takes sends as the Graph API does, keeps customers with phones, and owes webhooks.
 * It has no socket and no timer: `handleSend` answers at once, and `outbox` says what is due when, so it runs on a
 * virtual clock as well as behind HTTP.
 */
export class Platform {
  readonly numbers: readonly SimulatedNumber[]
  readonly faults: Faults
  readonly outbox: Outbox
  readonly customers = new Customers()
  readonly media: Media
  readonly sends: SendLog
  readonly changes = new Changes()
  readonly pairs = new PairLimit()
  /** Refused requests by the platform's code. */
  readonly refusals = new Map<number, number>()
  /** Where media addresses lead; set once the port is known. */
  baseUrl = 'http://localhost'
  readonly #options: PlatformOptions
  readonly #meters = new Map<string, NumberMeter>()
  readonly #wamids: WamidMaker
  readonly #awaited = new Map<string, () => void>()
  #settings: Settings

  constructor(options: PlatformOptions) {
    if (options.numbers.length === 0) throw new Error('Cannot simulate a platform without numbers')
    this.#options = options
    this.numbers = options.numbers
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings }
    this.faults = new Faults(options.random)
    this.media = new Media(options.random)
    this.sends = new SendLog(options.storePath ?? null)
    this.#wamids = new WamidMaker(options.random)
    for (const { phoneNumberId } of options.numbers) this.#meters.set(phoneNumberId, new NumberMeter())
    this.outbox = new Outbox({
      appSecret: options.appSecret,
      random: options.random,
      batching: () => this.#batching(),
      batched: () => this.#batched(),
      retry: () => this.#retryRule(),
      signWrongly: (updates) => this.#strikes('webhook_bad_signature', updates[0]?.number.phoneNumberId ?? null),
    })
  }

  get settings(): Readonly<Settings> {
    return this.#settings
  }

  change(settings: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...settings }
  }

  /** Whether the header `Authorization` carries the access token. */
  authorises(authorization: string | null): boolean {
    return /^bearer\s+(.+)$/i.exec(authorization ?? '')?.[1] === this.#options.accessToken
  }

  /** The number of an id, alias or display; without one, the first. Refuses what it does not know. */
  numberOf(text: string | undefined): SimulatedNumber {
    const found = this.numbers.find(
      (number) => text === undefined || [number.phoneNumberId, number.alias, number.display].includes(text),
    )
    if (found) return found
    const aliases = this.numbers.map((number) => number.alias).join(', ')
    throw new Failure('invalid', `Must be the id or alias of a number; aliases are: ${aliases}`, { path: 'number' })
  }

  /** How much went over a number. */
  meter(phoneNumberId: string): NumberMeter {
    const meter = this.#meters.get(phoneNumberId)
    if (!meter) throw new Error('Assertion failed: every number has a meter')
    return meter
  }

  /** `POST /{version}/{phone_number_id}/messages`. `authorization` is the header's value. */
  handleSend(phoneNumberId: string, authorization: string | null, bodyText: string): SendAnswer {
    try {
      return this.#answerSend(phoneNumberId, authorization, bodyText)
    } catch (error) {
      if (!(error instanceof GraphRefusal)) throw error
      return this.#answerRefusal(error)
    }
  }

  /** A customer writes; the ids of the messages, which are queued for delivery. */
  write(phoneText: string, input: unknown): string[] {
    const phone = readPhone(phoneText)
    const write = readWrite(input)
    const number = this.numberOf(write.number)
    if (!this.outbox.hasRoom(write.count)) throw new Failure('unavailable', 'Too many webhooks wait for the gateway')
    const customer = this.customers.reach(phone, true)
    if (write.name !== undefined) customer.name = write.name
    if (write.userId !== undefined) this.customers.setUserId(customer, write.userId)
    const updates: Update[] = []
    for (let index = 0; index < write.count; index++) updates.push(this.#writeOne(customer, number, write))
    const size = write.batch ?? 1
    for (let start = 0; start < updates.length; start += size) this.#owe(updates.slice(start, start + size), 0)
    this.changes.tell({ kind: 'chat', phone, number: number.phoneNumberId })
    return updates.map((update) => update.id)
  }

  /** A customer opens the chat: what the firm wrote and was not read yet is read now. Answers how many. */
  read(phoneText: string, numberText: string | undefined): number {
    const customer = this.customers.find(readPhone(phoneText))
    if (!customer) throw new Failure('not_found', 'No such customer')
    const number = this.numberOf(numberText)
    const nowMs = this.#options.clock.epochMs()
    let count = 0
    for (const message of customer.chats.get(number.phoneNumberId)?.messages ?? []) {
      if (message.direction !== 'received' || message.state === 'read' || !message.echo) continue
      message.state = 'read'
      count += 1
      if (message.type === 'reaction' || customer.reads === 'never') continue
      const deliveredInMs = Math.max(0, message.atMs + this.#settings.deliveredAfterMs - nowMs)
      const update = this.#status(number, customer, message.id, message.echo)
      this.#oweStatuses([{ status: 'read', afterMs: deliveredInMs + 20 }], update)
    }
    if (count > 0) this.changes.tell({ kind: 'chat', phone: customer.phone, number: number.phoneNumberId })
    return count
  }

  /** Calls once when the gateway has taken the message of that id; the answer gives the wait up. */
  whenTaken(id: string, run: () => void): () => void {
    this.#awaited.set(id, run)
    return () => this.#awaited.delete(id)
  }

  /** Says how a webhook request went: only HTTP 200 is success; null: there was no answer. */
  settle(delivery: Delivery, status: number | null): void {
    const { clock } = this.#options
    const isTaken = status === 200
    const retryAtMs = this.outbox.settle(delivery, isTaken, clock.monoMs())
    const size = delivery.updates.length
    const [first] = delivery.updates
    const one = first?.kind === 'status' ? `status ${first.status}` : 'message'
    const what = size === 1 ? one : `${size} updates`
    const answer = status === null ? 'not answered' : `answered ${status}`
    const more = retryAtMs === null ? '' : `, next try in ${Math.round(retryAtMs - clock.monoMs())} ms`
    this.changes.note(isTaken ? 'webhook' : 'trouble', `Webhook (${what}) ${answer}${more}`, clock.epochMs())
    if (isTaken) for (const update of delivery.updates) this.#taken(update)
  }

  #answerSend(phoneNumberId: string, authorization: string | null, bodyText: string): SendAnswer {
    const { clock } = this.#options
    if (!this.authorises(authorization)) throw new GraphRefusal(190, 'Invalid OAuth access token.')
    const number = this.numbers.find((each) => each.phoneNumberId === phoneNumberId)
    if (!number) throw unknownObject('post')
    const request = this.#readRequest(bodyText)
    if (!(request instanceof GraphRefusal) && request.kind === 'read') return this.#markRead(number, request)
    this.meter(phoneNumberId).attempted.add(clock.monoMs())
    const before = this.faults.strike(BEFORE_FAULTS, phoneNumberId)
    if (before) this.#faultStruck()
    if (before?.kind === 'reset') {
      this.changes.note('trouble', `A send on ${number.alias} was reset and not carried out`, clock.epochMs())
      return { kind: 'reset' }
    }
    if (before) throw refusalOf(before)
    if (request instanceof GraphRefusal) throw request
    const customer = this.#admit(number, request)
    return this.#carryOut(number, customer, request)
  }

  /** The request, or what is wrong with it: faults strike before it is judged. */
  #readRequest(bodyText: string): SendRequest | ReadRequest | GraphRefusal {
    try {
      return readSend(bodyText, (id) => this.media.find(id, this.#options.clock.epochMs()) !== undefined)
    } catch (error) {
      if (error instanceof GraphRefusal) return error
      throw error
    }
  }

  #answerRefusal(refusal: GraphRefusal): SendAnswer {
    const { clock, random } = this.#options
    this.refusals.set(refusal.code, (this.refusals.get(refusal.code) ?? 0) + 1)
    this.changes.note('trouble', `A send was refused: ${refusal.code} ${refusal.message}`, clock.epochMs())
    return { kind: 'answer', status: refusal.status, body: refusalBody(refusal, random), afterMs: 0 }
  }

  #markRead(number: SimulatedNumber, request: ReadRequest): SendAnswer {
    const customer = this.customers.find(phoneOfWamid(request.messageId) ?? '')
    const chat = customer?.chats.get(number.phoneNumberId)
    const index = chat?.messages.findIndex((message) => message.id === request.messageId) ?? -1
    if (!customer || !chat || index < 0) throw new GraphRefusal(100, 'message_id is not a message of this number.')
    for (const message of chat.messages.slice(0, index + 1)) if (message.direction === 'written') message.state = 'read'
    if (request.typing) chat.typingUntilMs = this.#options.clock.epochMs() + TYPING_MS
    this.changes.tell({ kind: 'chat', phone: customer.phone, number: number.phoneNumberId })
    return { kind: 'answer', status: 200, body: '{"success":true}', afterMs: 0 }
  }

  /** Charges the limits and answers who receives it, or refuses. */
  #admit(number: SimulatedNumber, request: SendRequest): Customer {
    const nowMs = this.#options.clock.monoMs()
    const phone = 'phone' in request.to ? request.to.phone : this.customers.findByUserId(request.to.userId)?.phone
    if (phone === undefined) throw new GraphRefusal(131026)
    if (phone === number.display.replaceAll(/\D/g, '')) throw new GraphRefusal(131021)
    if (!('phone' in request.to) && request.template?.template.category === 'AUTHENTICATION')
      throw new GraphRefusal(131062)
    const meter = this.meter(number.phoneNumberId)
    const { messagesPerSecond, throttleStatus, pairBurst, pairIntervalMs, windowMode } = this.#settings
    if (meter.counted.count(nowMs) >= messagesPerSecond) {
      throw new GraphRefusal(130429, undefined, { status: throttleStatus })
    }
    const pair = `${number.phoneNumberId} ${phone}`
    if (!this.pairs.take(pair, nowMs, { burst: pairBurst, intervalMs: pairIntervalMs })) throw new GraphRefusal(131056)
    const known = this.customers.find(phone)
    if (windowMode === 'sync' && !this.#isAllowed(known?.chats.get(number.phoneNumberId), request)) {
      throw new GraphRefusal(131047)
    }
    meter.executed.add(nowMs)
    meter.counted.add(nowMs)
    return this.customers.reach(phone, false)
  }

  #isAllowed(chat: Chat | undefined, request: SendRequest): boolean {
    if (request.template || this.#settings.windowMode === 'off') return true
    const lastWroteAtMs = chat?.lastWroteAtMs ?? null
    return lastWroteAtMs !== null && this.#options.clock.epochMs() - lastWroteAtMs < WINDOW_MS
  }

  #carryOut(number: SimulatedNumber, customer: Customer, request: SendRequest): SendAnswer {
    const { clock } = this.#options
    const id = number.phoneNumberId
    const chat = this.customers.chat(customer, id)
    const wamid = this.#wamids.make(customer.phone, clock.epochMs())
    const fault = this.faults.strike(ANSWER_FAULTS, id)
    const held = request.template ? this.faults.strike(['held_for_quality'], id) : undefined
    const failing = this.faults.strike(['fail_later'], id)
    if (fault ?? held ?? failing) this.#faultStruck()
    const errorCode = this.#isAllowed(chat, request) ? (failing ? (failing.code ?? 131026) : null) : 131047
    const outcome = fault ? OUTCOMES[fault.kind as keyof typeof OUTCOMES] : held ? 'held' : 'answered'
    this.#log(number, customer, { request, wamid, outcome })
    const category = request.template?.template.category.toLowerCase() ?? 'service'
    const echo = { correlation: request.correlation, category }
    if (errorCode === null) this.#show(customer, chat, { request, wamid, echo })
    const steps = planStatuses(this.#settings, {
      errorCode,
      onlySent: request.type === 'reaction',
      reads: customer.reads === 'auto',
      heldMs: held ? (held.ms ?? 10_000) : 0,
      atOnce: fault?.kind === 'status_before_answer',
    })
    this.#oweStatuses(steps, { ...this.#status(number, customer, wamid, echo), errorCode })
    const word = fault ? `, but ${OUTCOMES[fault.kind as keyof typeof OUTCOMES].replace('_', ' ')}` : ''
    this.changes.note('firm', `Message (${request.type}) on ${number.alias} carried out${word}`, clock.epochMs())
    return this.#answerAccepted(fault, successBody(customer, request, { wamid, isHeld: held !== undefined }))
  }

  #answerAccepted(fault: Fault | undefined, body: string): SendAnswer {
    switch (fault?.kind) {
      case 'accept_then_500':
        return this.#answerRefusal(new GraphRefusal(131000))
      case 'accept_then_silence':
        return { kind: 'silence', forMs: fault.ms ?? 60_000 }
      case 'reset_after_accept':
        return { kind: 'reset' }
      case 'slow':
        return { kind: 'answer', status: 200, body, afterMs: fault.ms ?? 3000 }
      case 'status_before_answer':
        return { kind: 'answer', status: 200, body, afterMs: fault.ms ?? 500 }
      default:
        return { kind: 'answer', status: 200, body, afterMs: 0 }
    }
  }

  #log(
    number: SimulatedNumber,
    customer: Customer,
    what: { request: SendRequest; wamid: string; outcome: string },
  ): void {
    const { request, wamid, outcome } = what
    const body = request.object['body']
    this.sends.add({
      at: toTime(this.#options.clock.epochMs()),
      number: number.phoneNumberId,
      to: 'phone' in request.to ? customer.phone : request.to.userId,
      type: request.type,
      ...(request.type === 'text' && typeof body === 'string' && { text: body }),
      wamid,
      correlation: request.correlation,
      ...(request.template && { template: request.template.template.name }),
      outcome,
    })
  }

  #show(
    customer: Customer,
    chat: Chat,
    what: { request: SendRequest; wamid: string; echo: { correlation: string | null; category: string } },
  ): void {
    const { request, wamid, echo } = what
    const preview = previewOf(request.type, request.object, request.template)
    chat.typingUntilMs = 0
    this.customers.addMessage(customer, chat, {
      id: wamid,
      direction: 'received',
      type: request.type,
      ...preview,
      contextId: request.contextId ?? reactionTarget(request.type, request.object),
      atMs: this.#options.clock.epochMs(),
      state: 'delivered',
      echo,
    })
    this.changes.tell({ kind: 'chat', phone: customer.phone, number: chat.number })
  }

  #writeOne(customer: Customer, number: SimulatedNumber, write: WriteInput): Update {
    const { clock } = this.#options
    const nowMs = clock.epochMs()
    const id = this.#wamids.make(customer.phone, nowMs)
    const { type } = write.message
    const message = this.#withMedia({ ...write.message, id, timestamp: String(Math.floor(nowMs / 1000)) }, type)
    const chat = this.customers.chat(customer, number.phoneNumberId)
    const object = message[type] as JsonObject | undefined
    const context = message['context'] as JsonObject | undefined
    const contextId = context?.['id'] ?? context?.['message_id']
    this.customers.addMessage(customer, chat, {
      id,
      direction: 'written',
      type,
      ...previewOf(type, object, null),
      contextId: typeof contextId === 'string' ? contextId : reactionTarget(type, object),
      atMs: nowMs,
      state: 'sent',
      echo: null,
    })
    if (type !== 'system') chat.lastWroteAtMs = nowMs
    const meter = this.meter(number.phoneNumberId)
    meter.inbound.add(clock.monoMs())
    meter.counted.add(clock.monoMs())
    return { kind: 'message', number, person: personOf(customer), id, message }
  }

  /** A media message without a file gets a small one, so that whoever fetches it gets something true. */
  #withMedia(message: JsonObject, type: string): JsonObject {
    const object = message[type] as JsonObject | undefined
    const nowMs = this.#options.clock.epochMs()
    const sample = sampleMedia(type)
    if (!sample || !object) return message
    const named = typeof object['id'] === 'string' ? object['id'] : undefined
    const file =
      named === undefined ? this.media.add(sample.bytes, sample.mimeType, nowMs) : this.media.find(named, nowMs)
    if (!file) return message
    const { sha256, mimeType, id } = file
    const url = this.media.address(id, this.baseUrl, nowMs)
    return { ...message, [type]: { mime_type: mimeType, sha256, url, ...sample.more, ...object, id } }
  }

  #status(
    number: SimulatedNumber,
    customer: Customer,
    id: string,
    echo: { correlation: string | null; category: string },
  ): Omit<StatusUpdate, 'status' | 'atMs'> {
    return { kind: 'status', number, person: personOf(customer), id, ...echo, errorCode: null }
  }

  #oweStatuses(
    steps: readonly { status: StatusUpdate['status']; afterMs: number }[],
    update: Omit<StatusUpdate, 'status' | 'atMs'>,
  ): void {
    const number = update.number.phoneNumberId
    const late = this.faults.strike(['statuses_late'], number)
    const missing = this.faults.strike(['statuses_missing'], number)
    const doubled = this.faults.strike(['statuses_doubled'], number)
    const reordered = this.faults.strike(['statuses_reordered'], number)
    if (late ?? missing ?? doubled ?? reordered) this.#faultStruck()
    const times = steps.map((step) => step.afterMs)
    if (reordered) times.reverse()
    const nowMs = this.#options.clock.epochMs()
    for (const [index, { status, afterMs }] of steps.entries()) {
      if (missing && (missing.statuses === null || missing.statuses.includes(status))) continue
      const waitMs = (times[index] ?? afterMs) + (late ? (late.ms ?? 5000) : 0)
      const each: StatusUpdate = { ...update, status, atMs: nowMs + afterMs }
      this.#owe([each], waitMs)
      if (doubled) this.#owe([each], waitMs + 30)
    }
  }

  #owe(updates: readonly Update[], afterMs: number): void {
    const number = updates[0]?.number.phoneNumberId ?? null
    const late = this.faults.strike(['webhook_late'], number)
    const dueMs = this.#options.clock.monoMs() + afterMs + (late ? (late.ms ?? 5000) : 0)
    if (late) this.#faultStruck()
    if (!this.outbox.push(updates, dueMs)) {
      this.changes.note('trouble', 'Too many webhooks wait: an update was dropped', this.#options.clock.epochMs())
    }
    if (updates[0]?.kind === 'message' && this.#strikes('webhook_doubled', number))
      this.outbox.push(updates, dueMs + 30)
  }

  #taken(update: Update): void {
    const chat = this.customers.find(update.person.phone)?.chats.get(update.number.phoneNumberId)
    const message = chat?.messages.findLast((each) => each.id === update.id)
    if (message && update.kind === 'message' && message.state === 'sent') message.state = 'delivered'
    if (message && update.kind === 'status' && update.status === 'read') message.state = 'read'
    if (message) this.changes.tell({ kind: 'chat', phone: update.person.phone, number: update.number.phoneNumberId })
    const awaited = this.#awaited.get(update.id)
    this.#awaited.delete(update.id)
    awaited?.()
  }

  #batching(): { max: number; waitMs: number } {
    const fault = this.faults.peek(['webhook_batch'], null)
    if (fault) return { max: fault.size ?? 1000, waitMs: fault.ms ?? 500 }
    return { max: this.#settings.webhookBatchMax, waitMs: this.#settings.webhookBatchWaitMs }
  }

  #batched(): void {
    if (this.faults.strike(['webhook_batch'], null)) this.#faultStruck()
  }

  #retryRule(): { firstMs: number; mostMs: number; keepMs: number } {
    const { webhookRetryMs, webhookRetryMsMax, webhookKeepMs } = this.#settings
    return { firstMs: webhookRetryMs, mostMs: webhookRetryMsMax, keepMs: webhookKeepMs }
  }

  #strikes(kind: 'webhook_bad_signature' | 'webhook_doubled', number: string | null): boolean {
    const struck = this.faults.strike([kind], number) !== undefined
    if (struck) this.#faultStruck()
    return struck
  }

  #faultStruck(): void {
    this.changes.tell({ kind: 'faults' })
  }
}
