import { Failure } from '../core/failure.ts'
import type { Identity } from './customers.ts'
import { isObject, type JsonObject } from './json.ts'

/** What a customer is made to write. */
export interface WriteInput {
  number: string | undefined
  /** The platform's message object without id, sender and time. */
  message: JsonObject & { type: string }
  name: string | undefined
  userId: string | undefined
  /** How many of it. */
  count: number
  /** How many go in one webhook; null: as the settings say. */
  batch: number | null
}

/** What may be changed about a customer. */
export interface CustomerInput {
  name?: string
  userId?: string
  identity?: Identity
  reads?: 'auto' | 'manual' | 'never'
}

const WRITE_MEMBERS = ['number', 'text', 'message', 'name', 'user_id', 'count', 'batch']
const CUSTOMER_MEMBERS = ['name', 'user_id', 'identity', 'reads']
const COUNT_MAX = 1000
const NAME_MAX = 100
const TEXT_MAX = 65_536

/** Bytes of JSON of one message. */
const MESSAGE_MAX = 262_144

/** Types without an object of their own. */
const BARE_TYPES = ['unsupported', 'request_welcome']

/** Digits of E.164 out of a phone as people write it. */
export function readPhone(text: string): string {
  const digits = text.replaceAll(/[\s()+-]/g, '')
  if (/^[1-9]\d{6,14}$/.test(digits)) return digits
  throw new Failure('invalid', 'The phone must be 7 to 15 digits with its country code', { path: 'phone' })
}

/** Reads the body of `POST /_/customers/{phone}/messages`. */
export function readWrite(input: unknown): WriteInput {
  const body = withMessage(input)
  const { text, message } = body
  if ((text === undefined) === (message === undefined)) {
    throw new Failure('invalid', 'Either text or message is needed, and not both', { path: 'text' })
  }
  return {
    number: readText(body, 'number', NAME_MAX),
    message:
      message === undefined ? { type: 'text', text: { body: readText(body, 'text', TEXT_MAX) } } : readMessage(message),
    name: readText(body, 'name', NAME_MAX),
    userId: readUserId(body),
    count: readCount(body['count'], 'count') ?? 1,
    batch:
      body['batch'] === true ? COUNT_MAX : body['batch'] === false ? null : (readCount(body['batch'], 'batch') ?? null),
  }
}

/** The platform's own form, `{"type":"text","text":{"body":"…"}}` beside our members, as `message`. */
function withMessage(input: unknown): JsonObject {
  if (!isObject(input) || input['type'] === undefined) return readObject(input, WRITE_MEMBERS)
  const own = WRITE_MEMBERS.filter((name) => name !== 'text' && name !== 'message')
  const entries = Object.entries(input)
  return {
    ...Object.fromEntries(entries.filter(([name]) => own.includes(name))),
    message: Object.fromEntries(entries.filter(([name]) => !own.includes(name))),
  }
}

/** Reads the body of `PUT /_/customers/{phone}`. */
export function readCustomer(input: unknown): CustomerInput {
  const body = readObject(input, CUSTOMER_MEMBERS)
  const name = readText(body, 'name', NAME_MAX)
  const userId = readUserId(body)
  const identity = readChoice(body, 'identity', ['both', 'phone', 'user_id'] as const)
  const reads = readChoice(body, 'reads', ['auto', 'manual', 'never'] as const)
  return {
    ...(name !== undefined && { name }),
    ...(userId !== undefined && { userId }),
    ...(identity !== undefined && { identity }),
    ...(reads !== undefined && { reads }),
  }
}

/** The body of a control request as an object that has only known members. */
export function readObject(input: unknown, members: readonly string[]): JsonObject {
  if (!isObject(input)) throw new Failure('invalid', 'The body must be a JSON object')
  for (const name of Object.keys(input)) {
    if (members.includes(name)) continue
    throw new Failure('invalid', `No such member; there are: ${members.join(', ')}`, { path: name.slice(0, 100) })
  }
  return input
}

/** A text member, or undefined if it is not there. */
export function readText(body: JsonObject, path: string, most: number): string | undefined {
  const value = body[path]
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '' && value.length <= most) return value
  throw new Failure('invalid', `Must be a text of 1 to ${most} characters`, { path })
}

function readMessage(message: unknown): JsonObject & { type: string } {
  if (!isObject(message)) throw new Failure('invalid', 'Must be an object with a type', { path: 'message' })
  const type = message['type']
  if (typeof type !== 'string' || !/^[a-z_]{1,40}$/.test(type)) {
    throw new Failure('invalid', "Must be a message type of the platform, such as 'text'", { path: 'message.type' })
  }
  const object = message[type]
  const isRight = type === 'contacts' ? Array.isArray(object) : isObject(object)
  if (!isRight && !(object === undefined && BARE_TYPES.includes(type))) {
    throw new Failure('invalid', `Must be the object of the type ${type}`, { path: `message.${type}` })
  }
  if (JSON.stringify(message).length > MESSAGE_MAX) {
    throw new Failure('invalid', `Must be at most ${MESSAGE_MAX} bytes of JSON`, { path: 'message' })
  }
  return { ...message, type }
}

function readUserId(body: JsonObject): string | undefined {
  const userId = readText(body, 'user_id', 140)
  if (userId === undefined || /^[A-Z]{2}\.[A-Za-z0-9.]{1,128}$/.test(userId)) return userId
  throw new Failure('invalid', "Must be a country's two letters, a dot and up to 128 letters or digits", {
    path: 'user_id',
  })
}

function readCount(value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= COUNT_MAX) return value
  throw new Failure('invalid', `Must be a whole number from 1 to ${COUNT_MAX}`, { path })
}

function readChoice<T extends string>(body: JsonObject, path: string, choices: readonly T[]): T | undefined {
  const value = body[path]
  if (value === undefined) return undefined
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new Failure('invalid', `Must be one of: ${choices.join(', ')}`, { path })
}
