import { type Clock, DAY_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { refusalOf, unknownObject } from './answers.ts'
import { carryOut, oweStatuses } from './carry-out.ts'
import { Changes } from './changes.ts'
import { type Chat, type ChatMessage, type Customer, Customers, personOf } from './customers.ts'
import { Faults } from './faults.ts'
import { GraphRefusal, refusalBody } from './graph-error.ts'
import { type Group, Groups } from './groups.ts'
import { NumberMeter, PairLimit } from './limits.ts'
import { Media } from './media.ts'
import { type ReadRequest, readSend, type SendRequest } from './message-rules.ts'
import { type Delivery, Outbox } from './outbox.ts'
import { SendLog } from './sends.ts'
import { DEFAULT_SETTINGS, type Settings, type SimulatedNumber } from './settings.ts'
import { phoneOfWamid, WamidMaker } from './wamid.ts'
import type { Update } from './webhook-body.ts'
import { customerOf, writeMessages } from './writing.ts'

/** What becomes of a request to send, without a socket. */
export type SendAnswer =
  | { kind: 'answer'; status: number; body: string; afterMs: number }
  /** No answer; after this time the connection is closed. */
  | { kind: 'silence'; forMs: number }
  | { kind: 'reset' }

/** What an app and its gateway share. */
export interface Secrets {
  appSecret: string
  accessToken: string
}

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
export const WINDOW_MS = DAY_MS

/** The platform's rule: a typing sign lasts up to 25 seconds. */
const TYPING_MS = 25_000

const BEFORE_FAULTS = ['reset', 'refuse', 'throttle_429', 'error_code'] as const

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
  /** Accounts whose webhooks the app does not get. */
  readonly unsubscribed = new Set<string>()
  readonly groups: Groups
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
  #secrets: Secrets

  constructor(options: PlatformOptions) {
    if (options.numbers.length === 0) throw new Error('Cannot simulate a platform without numbers')
    this.#options = options
    this.#secrets = { appSecret: options.appSecret, accessToken: options.accessToken }
    this.numbers = options.numbers
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings }
    this.faults = new Faults(options.random)
    this.media = new Media(options.random)
    this.sends = new SendLog(options.storePath ?? null)
    this.#wamids = new WamidMaker(options.random)
    this.groups = new Groups(this)
    for (const { phoneNumberId } of options.numbers) this.#meters.set(phoneNumberId, new NumberMeter())
    this.outbox = new Outbox({
      appSecret: () => this.#secrets.appSecret,
      random: options.random,
      batching: () => this.#batching(),
      batched: () => this.#batched(),
      retry: () => this.#retryRule(),
      signWrongly: (updates) => this.#strikes('webhook_bad_signature', updates[0]?.number.phoneNumberId ?? null),
    })
  }

  get clock(): Clock {
    return this.#options.clock
  }

  get random(): () => number {
    return this.#options.random
  }

  get settings(): Readonly<Settings> {
    return this.#settings
  }

  change(settings: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...settings }
  }

  /** Whether the header `Authorization` carries the access token. */
  authorises(authorization: string | null): boolean {
    return /^bearer\s+(.+)$/i.exec(authorization ?? '')?.[1] === this.#secrets.accessToken
  }

  /** Other secrets from now on: what was signed before keeps its signature, the former token is refused. */
  changeSecrets(secrets: Partial<Secrets>): void {
    this.#secrets = { ...this.#secrets, ...secrets }
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
      return this.refuse(error)
    }
  }

  /** A new message id, which names the phone. */
  makeId(phone: string): string {
    return this.#wamids.make(phone, this.clock.epochMs())
  }

  /** A new id of something that is no message. */
  makeEventId(): string {
    return Array.from({ length: 20 }, () => Math.floor(this.random() * 36).toString(36)).join('')
  }

  /** A customer, named by phone or user id, writes; the ids of the messages, which are queued for delivery. */
  write(who: string, input: unknown): string[] {
    return writeMessages(this, who, input)
  }

  /** A customer opens the chat: what the firm wrote and was not read yet is read now. Answers how many. */
  read(who: string, numberText: string | undefined): number {
    const customer = customerOf(this, who)
    const number = this.numberOf(numberText)
    const nowMs = this.#options.clock.epochMs()
    let count = 0
    for (const message of customer.chats.get(number.phoneNumberId)?.messages ?? []) {
      if (message.direction !== 'received' || message.state === 'read' || !message.echo) continue
      message.state = 'read'
      count += 1
      if (message.type === 'reaction' || customer.reads === 'never') continue
      const deliveredInMs = Math.max(0, message.atMs + this.#settings.deliveredAfterMs - nowMs)
      const update = { number, person: personOf(customer), id: message.id, ...message.echo, errorCode: null }
      oweStatuses(this, [{ status: 'read', afterMs: deliveredInMs + 20 }], { kind: 'status', ...update })
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
    const what = whatOf(delivery.updates)
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
    const { to } = request
    if ('groupId' in to) return carryOut(this, number, this.#admitGroup(number, request, to.groupId), request)
    return carryOut(this, number, this.#admit(number, request, to), request)
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

  /** The answer to a request that is refused, which is counted. */
  refuse(refusal: GraphRefusal): SendAnswer {
    const { clock, random } = this.#options
    this.refusals.set(refusal.code, (this.refusals.get(refusal.code) ?? 0) + 1)
    this.changes.note('trouble', `A send was refused: ${refusal.code} ${refusal.message}`, clock.epochMs())
    return { kind: 'answer', status: refusal.status, body: refusalBody(refusal, random), afterMs: 0 }
  }

  #markRead(number: SimulatedNumber, request: ReadRequest): SendAnswer {
    const customer = this.customers.findByWamidPhone(phoneOfWamid(request.messageId) ?? '')
    const chat = customer?.chats.get(number.phoneNumberId)
    const index = chat?.messages.findIndex((message) => message.id === request.messageId) ?? -1
    if (!customer || !chat || index < 0) throw new GraphRefusal(100, 'message_id is not a message of this number.')
    for (const message of chat.messages.slice(0, index + 1)) if (message.direction === 'written') message.state = 'read'
    if (request.typing) chat.typingUntilMs = this.#options.clock.epochMs() + TYPING_MS
    this.changes.tell({ kind: 'chat', phone: customer.phone, number: number.phoneNumberId })
    return { kind: 'answer', status: 200, body: '{"success":true}', afterMs: 0 }
  }

  /** Charges the limits and answers who receives it, or refuses. */
  #admit(number: SimulatedNumber, request: SendRequest, to: { phone: string } | { userId: string }): Customer {
    const nowMs = this.#options.clock.monoMs()
    const phone = 'phone' in to ? to.phone : this.customers.findByUserId(to.userId)?.phone
    if (phone === undefined) throw new GraphRefusal(131026)
    if (phone === number.display.replaceAll(/\D/g, '')) throw new GraphRefusal(131021)
    if (!('phone' in to) && request.template?.template.category === 'AUTHENTICATION') throw new GraphRefusal(131062)
    const { pairBurst, pairIntervalMs, windowMode } = this.#settings
    this.#checkRate(number)
    const pair = `${number.phoneNumberId} ${phone}`
    if (!this.pairs.take(pair, nowMs, { burst: pairBurst, intervalMs: pairIntervalMs })) throw new GraphRefusal(131056)
    const known = this.customers.find(phone)
    if (windowMode === 'sync' && !this.isAllowed(known?.chats.get(number.phoneNumberId), request)) {
      throw new GraphRefusal(131047)
    }
    this.#charge(number)
    return this.customers.reach(phone, false)
  }

  #admitGroup(number: SimulatedNumber, request: SendRequest, groupId: string): Group {
    const group = this.groups.find(groupId)
    if (!group || group.number !== number) throw new GraphRefusal(131041)
    if (group.isSuspended) throw new GraphRefusal(131207)
    if (group.members.size === 0) throw new GraphRefusal(131020)
    // The platform's rule: no one-time codes where others read along.
    if (request.template?.template.category === 'AUTHENTICATION') throw new GraphRefusal(131051)
    this.#checkRate(number)
    this.#charge(number)
    return group
  }

  #checkRate(number: SimulatedNumber): void {
    const { messagesPerSecond, throttleStatus } = this.#settings
    if (this.meter(number.phoneNumberId).counted.count(this.clock.monoMs()) < messagesPerSecond) return
    throw new GraphRefusal(130429, undefined, { status: throttleStatus })
  }

  #charge(number: SimulatedNumber): void {
    const meter = this.meter(number.phoneNumberId)
    meter.executed.add(this.clock.monoMs())
    meter.counted.add(this.clock.monoMs())
  }

  /** Whether the window is open for this message. */
  isAllowed(chat: Chat | undefined, request: SendRequest): boolean {
    if (request.template || this.#settings.windowMode === 'off') return true
    const lastWroteAtMs = chat?.lastWroteAtMs ?? null
    return lastWroteAtMs !== null && this.#options.clock.epochMs() - lastWroteAtMs < WINDOW_MS
  }

  /** Puts updates in, to go together after this time; false if there is no room and they were dropped. */
  owe(updates: readonly Update[], afterMs: number): boolean {
    const number = updates[0]?.number.phoneNumberId ?? null
    const late = this.faults.strike(['webhook_late'], number)
    const dueMs = this.#options.clock.monoMs() + afterMs + (late ? (late.ms ?? 5000) : 0)
    if (late) this.#faultStruck()
    const isTaken = this.outbox.push(updates, dueMs)
    if (!isTaken) {
      this.changes.note('trouble', 'Too many webhooks wait: an update was dropped', this.#options.clock.epochMs())
    }
    if (updates[0]?.kind === 'message' && this.#strikes('webhook_doubled', number))
      this.outbox.push(updates, dueMs + 30)
    return isTaken
  }

  #taken(update: Update): void {
    const awaited = this.#awaited.get(update.id)
    this.#awaited.delete(update.id)
    awaited?.()
    const message = this.#messagesOf(update).findLast((each) => each.id === update.id)
    if (!message || update.kind === 'field') return
    if (update.kind === 'message' && message.state === 'sent') message.state = 'delivered'
    if (update.kind === 'status' && update.status === 'read') message.state = 'read'
    this.changes.tell({ kind: 'chat', phone: update.person.phone, number: update.number.phoneNumberId })
  }

  /** The messages among which the one that an update tells of is. */
  #messagesOf(update: Update): readonly ChatMessage[] {
    if (update.kind === 'field') return []
    const groupId = update.kind === 'message' ? update.groupId : update.group?.id
    if (groupId !== undefined) return this.groups.find(groupId)?.messages ?? []
    return this.customers.find(update.person.phone)?.chats.get(update.number.phoneNumberId)?.messages ?? []
  }

  #batching(): { max: number; waitMs: number } {
    const fault = this.faults.peek('webhook_batch')
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

/** What a webhook holds, in words. */
function whatOf(updates: readonly Update[]): string {
  const [first] = updates
  if (updates.length !== 1 || !first) return `${updates.length} updates`
  return first.kind === 'status' ? `status ${first.status}` : first.kind === 'field' ? first.field : 'message'
}
