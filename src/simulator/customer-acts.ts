import { Failure } from '../core/failure.ts'
import { readPhone, readUserId } from './customer-input.ts'
import { type Customer, contactOf, idsOf, personOf, userIdOf } from './customers.ts'
import { fieldUpdate } from './field-update.ts'
import { readChoice, readCount, readObject, readText } from './input.ts'
import type { JsonObject } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { digitsOf, type MessageUpdate } from './webhook-body.ts'
import { customerOf, reachCustomer } from './writing.ts'

/** What customers do besides writing: call, stop advertising, change their number. */

const NAME_MAX = 200
const PREFERENCES = { stop: 'stop', resume: 'resume', signup: 'sign up for' } as const

/** `POST /_/customers/{phone}/preferences`. */
export function setPreference(platform: Platform, who: string, input: unknown): { value: string } {
  const body = readObject(input, ['number', 'value', 'category'])
  const number = platform.numberOf(readText(body, 'number', NAME_MAX))
  const customer = reachCustomer(platform, who)
  const value = readChoice(body, 'value', ['stop', 'resume', 'signup'] as const) ?? 'stop'
  const preference = {
    ...idsOf(personOf(customer)),
    detail: `User requested to ${PREFERENCES[value]} marketing messages`,
    category: readText(body, 'category', NAME_MAX) ?? 'marketing_messages',
    value,
    ...(value === 'signup' && { signup_id: '13176843987434774' }),
    timestamp: Math.floor(platform.clock.epochMs() / 1000),
  }
  const contacts = [contactOf(personOf(customer))]
  platform.owe([fieldUpdate(platform, number, 'user_preferences', { contacts, user_preferences: [preference] })], 0)
  platform.changes.note('customer', `A customer chose to ${value} advertising`, platform.clock.epochMs())
  return { value }
}

const OUTCOMES = ['finished', 'missed', 'rejected', 'ringing'] as const

/** `POST /_/customers/{phone}/calls`: a call with all its steps; the call's id. */
export function call(platform: Platform, who: string, input: unknown): string {
  const body = readObject(input, ['number', 'direction', 'outcome', 'duration_s'])
  const number = platform.numberOf(readText(body, 'number', NAME_MAX))
  const direction = readChoice(body, 'direction', ['in', 'out'] as const) ?? 'in'
  const outcome = readChoice(body, 'outcome', OUTCOMES) ?? 'finished'
  const durationS = readCount(body, 'duration_s', { least: 0, most: 86_400 }) ?? 42
  const customer = reachCustomer(platform, who)
  const id = `wacid.${platform.makeId(customer.phone).slice('wamid.'.length)}`
  const parts = { platform, number, customer, id, isOwn: direction === 'out' }
  if (direction === 'in') {
    platform.customers.chat(customer, number.phoneNumberId).lastWroteAtMs = platform.clock.epochMs()
    tellCall(parts, 'connect', { session: { sdp_type: 'offer', sdp: 'v=0' } }, 0)
  } else {
    tellCallStatus(parts, 'RINGING', 0)
    if (outcome === 'rejected') tellCallStatus(parts, 'REJECTED', 20)
    if (outcome === 'finished') {
      tellCallStatus(parts, 'ACCEPTED', 20)
      tellCall(parts, 'connect', { session: { sdp_type: 'answer', sdp: 'v=0' } }, 40)
    }
  }
  if (outcome !== 'ringing') tellCall(parts, 'terminate', endOf(platform, outcome, durationS), 60)
  const who_ = direction === 'in' ? 'A customer called' : 'The firm called'
  platform.changes.note('customer', `${who_}: ${outcome}`, platform.clock.epochMs())
  return id
}

interface CallParts {
  platform: Platform
  number: SimulatedNumber
  customer: Customer
  id: string
  /** Whether the firm calls. */
  isOwn: boolean
}

function endOf(platform: Platform, outcome: string, durationS: number): JsonObject {
  const endS = Math.floor(platform.clock.epochMs() / 1000)
  if (outcome !== 'finished') return { status: 'FAILED' }
  return { status: 'COMPLETED', start_time: String(endS - durationS), end_time: String(endS), duration: durationS }
}

function tellCall(parts: CallParts, event: string, more: JsonObject, afterMs: number): void {
  const { platform, number, customer, id, isOwn } = parts
  const person = personOf(customer)
  const names = isOwn
    ? (['to', 'to_user_id', 'to_parent_user_id'] as const)
    : (['from', 'from_user_id', 'from_parent_user_id'] as const)
  const one = {
    id,
    [isOwn ? 'from' : 'to']: digitsOf(number),
    ...idsOf(person, names),
    event,
    timestamp: String(Math.floor((platform.clock.epochMs() + afterMs) / 1000)),
    direction: isOwn ? 'BUSINESS_INITIATED' : 'USER_INITIATED',
    ...more,
  }
  platform.owe([fieldUpdate(platform, number, 'calls', { contacts: [contactOf(person)], calls: [one] })], afterMs)
}

function tellCallStatus({ platform, number, customer, id }: CallParts, status: string, afterMs: number): void {
  const timestamp = String(Math.floor((platform.clock.epochMs() + afterMs) / 1000))
  const names = ['recipient_id', 'recipient_user_id', 'recipient_parent_user_id'] as const
  const one = { id, type: 'call', status, timestamp, ...idsOf(personOf(customer), names) }
  platform.owe([fieldUpdate(platform, number, 'calls', { statuses: [one] })], afterMs)
}

/**
 * `POST /_/customers/{phone}/changes`: the customer gets another number, another user id, or a new phone with new keys.
 * The platform tells every number of the firm that they have written with. The ids of the notices.
 */
export function changeIdentity(platform: Platform, who: string, input: unknown): string[] {
  const body = readObject(input, ['phone', 'user_id', 'keys'])
  const customer = customerOf(platform, who)
  const phone = readText(body, 'phone', NAME_MAX)
  const ids: string[] = []
  if (phone !== undefined) ids.push(...changePhone(platform, customer, readPhone(phone), body['user_id'] !== undefined))
  if (body['user_id'] !== undefined) {
    const asked = body['user_id'] === true ? userIdOf(`${customer.phone} ${customer.userId}`) : undefined
    ids.push(...changeUserId(platform, customer, asked ?? readUserId(body, 'user_id') ?? ''))
  }
  if (body['keys'] === true) ids.push(...changeKeys(platform, customer))
  if (ids.length > 0) return ids
  throw new Failure('invalid', 'Either phone, user_id or keys is needed, and a chat with one of the numbers')
}

function changePhone(platform: Platform, customer: Customer, phone: string, isUserIdToo: boolean): string[] {
  const before = personOf(customer)
  const from = customer.phone
  if (!platform.customers.setPhone(customer, phone)) {
    throw new Failure('conflict', 'Another customer has this phone', { path: 'phone' })
  }
  return tellSystem(platform, customer, before, {
    body: `User ${customer.name} changed from ${from} to ${phone}`,
    wa_id: phone,
    type: 'user_changed_number',
    ...(!isUserIdToo && customer.identity !== 'phone' && { user_id: customer.userId }),
  })
}

function changeUserId(platform: Platform, customer: Customer, userId: string): string[] {
  const holder = platform.customers.findByUserId(userId)
  if (holder && holder !== customer) throw new Failure('conflict', 'Another customer has this id', { path: 'user_id' })
  const before = personOf(customer)
  const { parentUserId } = customer
  platform.customers.setUserId(customer, userId)
  return tellSystem(platform, customer, personOf(customer), {
    body: `User ${customer.name} changed their user id`,
    type: 'user_changed_user_id',
    previous_user_id: before.userId,
    user_id: userId,
    ...(parentUserId !== undefined && { previous_parent_user_id: parentUserId, parent_user_id: parentUserId }),
  })
}

function changeKeys(platform: Platform, customer: Customer): string[] {
  const hash = platform.makeEventId()
  const identity = { acknowledged: true, created_timestamp: String(platform.clock.epochMs()), hash }
  const system = { body: `User ${customer.name} has a new phone`, type: 'customer_identity_changed', identity: hash }
  return tellSystem(platform, customer, personOf(customer), system, { identity })
}

/** The platform's rule: a notice comes as a message of the person as they were. */
function tellSystem(
  platform: Platform,
  customer: Customer,
  person: MessageUpdate['person'],
  ...[system, more = {}]: [system: JsonObject, more?: JsonObject]
): string[] {
  return [...customer.chats.keys()].map((numberId) => {
    const id = platform.makeId(customer.phone)
    const timestamp = String(Math.floor(platform.clock.epochMs() / 1000))
    const message = { id, timestamp, type: 'system', system, ...more }
    platform.owe([{ kind: 'message', number: platform.numberOf(numberId), person, id, message }], 0)
    platform.changes.tell({ kind: 'chat', phone: customer.phone, number: numberId })
    return id
  })
}
