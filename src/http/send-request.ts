import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { Channel, PreparedMessage } from '../channels/channel.ts'
import { DAY_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import { type MessageClass, WHEN_IN_DOUBT } from '../core/message.ts'
import type { Recipient, Sender } from '../records/queue-message.ts'

/** The platform keeps a message for 30 days at most. */
const DEADLINE_MS_MAX = 30 * DAY_MS
/** The platform echoes at most 512 characters; the caller's are kept here and never travel. */
const CALLER_DATA_CHARS_MAX = 512

/** Our own members of a send, beside the platform's. */
export const SEND_MEMBERS = Type.Object(
  {
    to: Type.Union([
      Type.String({ minLength: 1, maxLength: 200 }),
      Type.Object(
        { user_id: Type.String({ pattern: '^[A-Z]{2}\\.[A-Za-z0-9.]{1,140}$' }) },
        { additionalProperties: false },
      ),
    ]),
    class: Type.Optional(
      Type.Union([Type.Literal('urgent'), Type.Literal('reply'), Type.Literal('notice'), Type.Literal('bulk')]),
    ),
    from: Type.Optional(
      Type.Union([
        Type.Object({ number: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false }),
        Type.Object({ pool: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false }),
      ]),
    ),
    deadline_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: DEADLINE_MS_MAX })),
    when_in_doubt: Type.Optional(Type.Union([Type.Literal('resend'), Type.Literal('hold'), Type.Literal('fail')])),
    reference: Type.Optional(Type.String({ maxLength: 512 })),
    take_over: Type.Optional(Type.Boolean()),
    idempotency_key: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    biz_opaque_callback_data: Type.Optional(Type.String({ maxLength: CALLER_DATA_CHARS_MAX })),
  },
  { additionalProperties: false },
)
const OWN_CHECK = TypeCompiler.Compile(SEND_MEMBERS)
const OWN_NAMES = new Set(Object.keys(SEND_MEMBERS.properties))
/** What each of our members must be, for the error. */
export const SEND_MEMBERS_WANTED: Readonly<Record<string, string>> = {
  to: 'a phone number in E.164 such as "+15550100", {"user_id": "US.…"} or a conversation id',
  class: 'one of urgent, reply, notice, bulk',
  from: '{"number": "…"} or {"pool": "…"}',
  deadline_ms: `a whole number of milliseconds from 1 to ${DEADLINE_MS_MAX}`,
  when_in_doubt: 'one of resend, hold, fail',
  reference: 'a text of at most 512 characters',
  take_over: 'true or false',
  idempotency_key: 'a text of 1 to 255 characters',
  biz_opaque_callback_data: `a text of at most ${CALLER_DATA_CHARS_MAX} characters`,
}

/** A send request that was understood and found right in itself. */
export interface SendRequest {
  recipient: Recipient
  sender: Sender
  prepared: PreparedMessage
  class: MessageClass
  deadlineMs: number
  whenInDoubt: 'resend' | 'hold' | 'fail'
  reference: string | null
  callerData: string | null
  /** Whether it may go to a thread that another application owns, and takes it over. */
  takeOver: boolean
  idempotencyKey: string | null
}

/** Checks a send: ours here, the platform's by its channel. Throws `Failure('invalid')` with the path of what is wrong. */
export function readSendRequest(
  body: Record<string, unknown>,
  channel: Channel,
  defaults: { deadlineMs: Readonly<Record<MessageClass, number>>; idempotencyKey: string | null },
): SendRequest {
  const own = checkOwn(Object.fromEntries(Object.entries(body).filter(([name]) => OWN_NAMES.has(name))))
  const theirs = Object.fromEntries(Object.entries(body).filter(([name]) => !OWN_NAMES.has(name)))
  const prepared = channel.prepare(theirs, [...OWN_NAMES])
  const messageClass = own.class ?? channel.defaultClass(prepared, null)
  return {
    recipient: readRecipient(own.to),
    sender: readSender(own.from),
    prepared: withLocalReply(prepared),
    class: messageClass,
    deadlineMs: own.deadline_ms ?? defaults.deadlineMs[messageClass],
    whenInDoubt: own.when_in_doubt ?? WHEN_IN_DOUBT[messageClass],
    reference: own.reference ?? null,
    callerData: own.biz_opaque_callback_data ?? null,
    takeOver: own.take_over ?? false,
    idempotencyKey: readIdempotencyKey(own.idempotency_key ?? null, defaults.idempotencyKey),
  }
}

function checkOwn(own: Record<string, unknown>): Static<typeof SEND_MEMBERS> {
  if (OWN_CHECK.Check(own)) return own
  const path = OWN_CHECK.Errors(own).First()?.path ?? ''
  const member = path.split('/')[1] ?? ''
  throw new Failure('invalid', `Wrong member: ${path} must be ${SEND_MEMBERS_WANTED[member] ?? 'something else'}`, {
    path,
  })
}

function readRecipient(to: Static<typeof SEND_MEMBERS>['to']): Recipient {
  if (typeof to !== 'string') return { kind: 'person', person: { userId: to.user_id } }
  const conversationId = readId('conversation', to)
  if (conversationId !== undefined) return { kind: 'conversation', id: conversationId }
  const phone = to.replace(/[\s().-]/g, '')
  if (/^\+[1-9]\d{5,14}$/.test(phone)) return { kind: 'person', person: { phone } }
  throw new Failure('invalid', `Wrong member: /to must be ${SEND_MEMBERS_WANTED['to']}`, { path: '/to' })
}

function readSender(from: Static<typeof SEND_MEMBERS>['from']): Sender {
  if (!from) return null
  if ('number' in from) return { kind: 'number', account: from.number }
  return { kind: 'pool', pool: from.pool }
}

/** A reply to one of our ids: the book puts the platform's id in its place. */
function withLocalReply(prepared: PreparedMessage): PreparedMessage {
  const local = prepared.replyTo === null ? undefined : readId('message', prepared.replyTo)
  if (local === undefined) return prepared
  return { ...prepared, content: { ...prepared.content, context: { local_message_id: local } } }
}

function readIdempotencyKey(inBody: string | null, inHeader: string | null): string | null {
  if (inHeader !== null && (inHeader.length === 0 || inHeader.length > 255)) {
    throw new Failure('invalid', 'The Idempotency-Key header must be 1 to 255 characters')
  }
  if (inBody !== null && inHeader !== null && inBody !== inHeader) {
    throw new Failure('invalid', 'idempotency_key and the Idempotency-Key header differ', { path: '/idempotency_key' })
  }
  return inBody ?? inHeader
}
