import { Failure } from '../core/failure.ts'
import type { Identity } from './customers.ts'
import { readChoice, readCount, readObject, readText } from './input.ts'
import { isObject, type JsonObject } from './json.ts'
import { readSample } from './samples.ts'

/** The platform's message object without id, sender and time. */
export type WrittenMessage = JsonObject & { type: string }

/** What a customer is made to write. */
export interface WriteInput {
  number: string | undefined
  message: WrittenMessage
  name: string | undefined
  username: string | undefined
  userId: string | undefined
  /** Id of the group it is written in. */
  group: string | undefined
  /** How many of it. */
  count: number
  /** How many go in one webhook; null: as the settings say. */
  batch: number | null
}

/** What may be changed about a customer. */
export interface CustomerInput {
  name?: string
  username?: string
  userId?: string
  parentUserId?: string
  identity?: Identity
  reads?: 'auto' | 'manual' | 'never'
}

const WRITE_MEMBERS = ['number', 'text', 'message', 'sample', 'name', 'username', 'user_id', 'group', 'count', 'batch']
const CUSTOMER_MEMBERS = ['name', 'username', 'user_id', 'parent_user_id', 'identity', 'reads']
const COUNT_MAX = 1000
const NAME_MAX = 100
const GROUP_ID_MAX = 200
const TEXT_MAX = 65_536

/** Bytes of JSON of one message. */
const MESSAGE_MAX = 262_144

/** Types without an object of their own. */
const BARE_TYPES = ['unsupported', 'request_welcome']

const USER_ID = /^[A-Z]{2}\.[A-Za-z0-9.]{1,138}$/

/** Digits of E.164 out of a phone as people write it. */
export function readPhone(text: string): string {
  const digits = text.replaceAll(/[\s()+-]/g, '')
  if (/^[1-9]\d{6,14}$/.test(digits)) return digits
  throw new Failure('invalid', 'The phone must be 7 to 15 digits with its country code', { path: 'phone' })
}

/** A customer as an address names them: by phone, or by user id where they show no phone. */
export function readWho(text: string): { phone: string } | { userId: string } {
  return USER_ID.test(text) ? { userId: text } : { phone: readPhone(text) }
}

/** Reads the body of `POST /_/customers/{phone}/messages`. */
export function readWrite(input: unknown): WriteInput {
  const body = withMessage(input)
  const { batch } = body
  return {
    number: readText(body, 'number', NAME_MAX),
    message: readContent(body),
    name: readText(body, 'name', NAME_MAX),
    username: readText(body, 'username', NAME_MAX),
    userId: readUserId(body, 'user_id'),
    group: readText(body, 'group', GROUP_ID_MAX),
    count: readCount(body, 'count', { least: 1, most: COUNT_MAX }) ?? 1,
    batch:
      batch === true
        ? COUNT_MAX
        : batch === false
          ? null
          : (readCount(body, 'batch', { least: 1, most: COUNT_MAX }) ?? null),
  }
}

/** The message of a body that gives it as `text`, as `message` or as the name of a `sample`. */
export function readContent(body: JsonObject): WrittenMessage {
  const { text, message, sample } = body
  if ([text, message, sample].filter((each) => each !== undefined).length !== 1) {
    throw new Failure('invalid', 'Either text or message or sample is needed, and only one of them', { path: 'text' })
  }
  if (message !== undefined) return readMessage(message)
  if (sample !== undefined) return readSample(sample)
  return { type: 'text', text: { body: readText(body, 'text', TEXT_MAX) } }
}

/** The platform's own form, `{"type":"text","text":{"body":"…"}}` beside our members, as `message`. */
function withMessage(input: unknown): JsonObject {
  if (!isObject(input) || input['type'] === undefined) return readObject(input, WRITE_MEMBERS)
  const own = WRITE_MEMBERS.filter((name) => name !== 'text' && name !== 'message' && name !== 'sample')
  const entries = Object.entries(input)
  return {
    ...Object.fromEntries(entries.filter(([name]) => own.includes(name))),
    message: Object.fromEntries(entries.filter(([name]) => !own.includes(name))),
  }
}

/** Reads the body of `PUT /_/customers/{phone}`. */
export function readCustomer(input: unknown): CustomerInput {
  const body = readObject(input, CUSTOMER_MEMBERS)
  const change = {
    name: readText(body, 'name', NAME_MAX),
    username: readText(body, 'username', NAME_MAX),
    userId: readUserId(body, 'user_id'),
    parentUserId: readUserId(body, 'parent_user_id'),
    identity: readChoice(body, 'identity', ['both', 'phone', 'user_id'] as const),
    reads: readChoice(body, 'reads', ['auto', 'manual', 'never'] as const),
  }
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}

function readMessage(message: unknown): WrittenMessage {
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

/** A member that is a business-scoped user id, or undefined if it is not there. */
export function readUserId(body: JsonObject, path: string): string | undefined {
  const userId = readText(body, path, 141)
  if (userId === undefined || USER_ID.test(userId)) return userId
  throw new Failure('invalid', "Must be a country's two letters, a dot and up to 138 letters, digits or dots", { path })
}
