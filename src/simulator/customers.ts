import { createHash } from 'node:crypto'
import type { JsonObject } from './json.ts'
import type { Choice } from './preview.ts'

/** One message on a customer's phone. */
export interface ChatMessage {
  /** The platform's id. */
  id: string
  direction: 'written' | 'received'
  type: string
  /** What the phone shows. */
  text: string
  /** Who reacted with what: the customer's phone, `firm`, or in a group a member's phone. */
  reactions?: Map<string, string>
  isEdited?: boolean
  /** Deleted for everybody: `text` is empty then. */
  isRevoked?: boolean
  /** In a group: digits of the phone of the member who wrote it; null: the firm. */
  author?: string | null
  /** Buttons and rows that may be tapped. */
  choices: readonly Choice[]
  mediaId: string | null
  /** The message it answers. */
  contextId: string | null
  atMs: number
  /** Written: sent (the platform has it), delivered (the gateway has it), read (an agent has). Received: delivered, read. */
  state: 'sent' | 'delivered' | 'read'
  /** Of a received message: what its `read` status will need. */
  echo: { correlation: string | null; category: string } | null
}

/** What one customer and one of the firm's numbers said to each other. */
export interface Chat {
  number: string
  messages: ChatMessage[]
  /** Wall time of the customer's last message, which opened the window. */
  lastWroteAtMs: number | null
  /** Until when the firm's typing sign is shown. */
  typingUntilMs: number
  /** Whether another application owns the thread: what the customer writes comes as `standby` then. */
  isStandby: boolean
}

/** Which ids of a customer the platform tells the firm. */
export type Identity = 'both' | 'phone' | 'user_id'

/** A person with a phone. */
export interface Customer {
  /** Digits of E.164 without the plus sign, the platform's `wa_id`. */
  phone: string
  name: string
  /** The business-scoped user id. */
  userId: string
  /** The id that linked portfolios share. */
  parentUserId?: string
  username?: string
  identity: Identity
  /** Whether `read` follows by itself, comes when the chat is opened, or never. */
  reads: 'auto' | 'manual' | 'never'
  chats: Map<string, Chat>
}

/** The bounds of what is kept of customers. */
export interface CustomerBounds {
  customersMax: number
  messagesPerChatMax: number
  messagesMax: number
}

const BOUNDS: CustomerBounds = { customersMax: 10_000, messagesPerChatMax: 500, messagesMax: 300_000 }

/** Former phones of customers who changed their number, so that answers to old messages find them. */
const MOVES_MAX = 10_000

/** Countries of user ids, by the longest calling code that fits. */
const COUNTRIES: readonly (readonly [string, string])[] = [
  ['1', 'US'],
  ['33', 'FR'],
  ['34', 'ES'],
  ['39', 'IT'],
  ['44', 'GB'],
  ['46', 'SE'],
  ['49', 'DE'],
  ['52', 'MX'],
  ['55', 'BR'],
  ['61', 'AU'],
  ['62', 'ID'],
  ['91', 'IN'],
]

/** The user id a phone has from the first: the same after each start. */
export function userIdOf(phone: string): string {
  const country = COUNTRIES.find(([code]) => phone.startsWith(code))?.[1] ?? 'ZZ'
  const digest = createHash('sha256').update(`user id of ${phone}`).digest()
  return `${country}.${digest.readBigUInt64BE(0).toString().padStart(20, '1')}`
}

/**
 * The customers, bounded. Those that never wrote are forgotten before those that did, so a campaign to strangers does
 * not close the windows of people who are talking.
 */
export class Customers {
  /** In the order of their last use. */
  #writers = new Map<string, Customer>()
  #strangers = new Map<string, Customer>()
  #phoneOfUserId = new Map<string, string>()
  #moves = new Map<string, string>()
  #messageCount = 0
  readonly #bounds: CustomerBounds
  /** Customers and messages that had to be forgotten. */
  readonly forgotten = { customers: 0, messages: 0 }

  constructor(bounds: Partial<CustomerBounds> = {}) {
    this.#bounds = { ...BOUNDS, ...bounds }
  }

  get size(): number {
    return this.#writers.size + this.#strangers.size
  }

  get messageCount(): number {
    return this.#messageCount
  }

  find(phone: string): Customer | undefined {
    return this.#writers.get(phone) ?? this.#strangers.get(phone)
  }

  findByUserId(userId: string): Customer | undefined {
    const phone = this.#phoneOfUserId.get(userId)
    return phone === undefined ? undefined : this.find(phone)
  }

  /** The customers, last used first. */
  *all(): Generator<Customer> {
    yield* [...this.#writers.values()].reverse()
    yield* [...this.#strangers.values()].reverse()
  }

  /** The customer of a phone, made if there is none; `writes` keeps it before strangers. */
  reach(phone: string, writes: boolean): Customer {
    const known = this.find(phone)
    const customer: Customer = known ?? {
      phone,
      name: `Customer ${phone.slice(-4)}`,
      userId: userIdOf(phone),
      identity: 'both',
      reads: 'auto',
      chats: new Map(),
    }
    const isWriter = writes || this.#writers.has(phone)
    this.#strangers.delete(phone)
    this.#writers.delete(phone)
    ;(isWriter ? this.#writers : this.#strangers).set(phone, customer)
    if (!known) this.#phoneOfUserId.set(customer.userId, phone)
    while (this.size > this.#bounds.customersMax) this.#forgetOne(phone)
    return customer
  }

  /** The customer of a user id, made if there is none: somebody whose phone the firm is never told. */
  reachUserId(userId: string, writes: boolean): Customer {
    const known = this.findByUserId(userId)
    if (known) return this.reach(known.phone, writes)
    const customer = this.reach(hiddenPhoneOf(userId), writes)
    customer.identity = 'user_id'
    customer.name = `Customer ${userId.slice(-4)}`
    this.setUserId(customer, userId)
    return customer
  }

  /** The customer whom a message's id names by phone, also after a change of number. */
  findByWamidPhone(phone: string): Customer | undefined {
    return this.find(phone) ?? this.find(this.#moves.get(phone) ?? '')
  }

  /** Gives a customer another user id, as a change of number does. */
  setUserId(customer: Customer, userId: string): void {
    if (this.#phoneOfUserId.get(customer.userId) === customer.phone) this.#phoneOfUserId.delete(customer.userId)
    customer.userId = userId
    this.#phoneOfUserId.set(userId, customer.phone)
  }

  /** Gives a customer another phone, which nobody may have; false if somebody has it. */
  setPhone(customer: Customer, phone: string): boolean {
    if (this.find(phone)) return false
    this.#strangers.delete(customer.phone)
    this.#writers.delete(customer.phone)
    this.#moves.set(customer.phone, phone)
    for (const oldest of this.#moves.keys()) {
      if (this.#moves.size <= MOVES_MAX) break
      this.#moves.delete(oldest)
    }
    customer.phone = phone
    this.#writers.set(phone, customer)
    this.#phoneOfUserId.set(customer.userId, phone)
    return true
  }

  /** The chat of a customer with a number, made if there is none. */
  chat(customer: Customer, number: string): Chat {
    const known = customer.chats.get(number)
    if (known) return known
    const chat: Chat = { number, messages: [], lastWroteAtMs: null, typingUntilMs: 0, isStandby: false }
    customer.chats.set(number, chat)
    return chat
  }

  /** Puts a message on the phone. */
  addMessage(customer: Customer, chat: Chat, message: ChatMessage): void {
    chat.messages.push(message)
    this.#messageCount += 1
    if (chat.messages.length > this.#bounds.messagesPerChatMax) {
      chat.messages.shift()
      this.#messageCount -= 1
      this.forgotten.messages += 1
    }
    while (this.#messageCount > this.#bounds.messagesMax && this.size > 1) this.#forgetOne(customer.phone)
  }

  #forgetOne(exceptPhone: string): void {
    const victim = first(this.#strangers, exceptPhone) ?? first(this.#writers, exceptPhone)
    if (!victim) return
    this.#strangers.delete(victim.phone)
    this.#writers.delete(victim.phone)
    if (this.#phoneOfUserId.get(victim.userId) === victim.phone) this.#phoneOfUserId.delete(victim.userId)
    this.forgotten.customers += 1
    for (const chat of victim.chats.values()) {
      this.#messageCount -= chat.messages.length
      this.forgotten.messages += chat.messages.length
    }
  }
}

function first(customers: Map<string, Customer>, exceptPhone: string): Customer | undefined {
  for (const customer of customers.values()) if (customer.phone !== exceptPhone) return customer
  return undefined
}

/** A phone for somebody who shows none: 999 is no country's code. */
function hiddenPhoneOf(userId: string): string {
  const digest = createHash('sha256').update(`phone of ${userId}`).digest()
  return `999${(digest.readBigUInt64BE(0) % 10_000_000_000n).toString().padStart(10, '0')}`
}

/** What of a customer the firm may be told. */
export type Person = Pick<Customer, 'phone' | 'name' | 'userId' | 'parentUserId' | 'username' | 'identity'>

/** The person as the platform tells them now. */
export function personOf(customer: Customer): Person {
  const { phone, name, userId, parentUserId, username, identity } = customer
  return {
    phone,
    name,
    userId,
    identity,
    ...(parentUserId !== undefined && { parentUserId }),
    ...(username !== undefined && { username }),
  }
}

/** How the platform names a customer in `contacts`. */
export function contactOf(person: Person): JsonObject {
  const { name, username } = person
  return { profile: { name, ...(username !== undefined && { username }) }, ...idsOf(person) }
}

/** The ids of a person under the names that an object of the platform has for them: phone, user id, parent's user id. */
export function idsOf(person: Person, names: readonly [string, string, string] = CONTACT_NAMES): JsonObject {
  const [phone, userId, parentUserId] = names
  return {
    ...(person.identity !== 'user_id' && { [phone]: person.phone }),
    ...(person.identity !== 'phone' && { [userId]: person.userId }),
    ...(person.identity !== 'phone' && person.parentUserId !== undefined && { [parentUserId]: person.parentUserId }),
  }
}

const CONTACT_NAMES = ['wa_id', 'user_id', 'parent_user_id'] as const
