import { type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { INTERACTIVE_SCHEMAS, TYPE_SCHEMAS } from '../channels/whatsapp/schemas.ts'
import { STATUS_OF } from '../core/failure.ts'
import { MESSAGE_STATES } from '../core/message.ts'
import { messageViewSchema } from '../realtime/message-schemas.ts'
import { conversationViewSchema, eventSchema, factsSchema } from '../realtime/schemas.ts'
import { SEND_MEMBERS, SEND_MEMBERS_WANTED } from './send-request.ts'

/*
 * The shapes of the API's requests and answers, for the published document. The tests hold the running house to them.
 * Answers may gain members at any time: readers ignore what they do not know.
 */

function words(list: readonly string[], description?: string): TSchema {
  return Type.Union(
    list.map((word) => Type.Literal(word)),
    description === undefined ? {} : { description },
  )
}

function named(id: string, properties: TProperties, description?: string) {
  return Type.Object(properties, { $id: id, ...(description === undefined ? {} : { description }) })
}

const nullable = (schema: TSchema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description })
const optional = Type.Optional

const time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds.' })
const id = Type.String({ description: 'Opaque.' })
const offset = Type.Integer({ minimum: 0, description: 'A position in the event log.' })
const state = words(MESSAGE_STATES)

export const meSchema = named('me', {
  role: Type.String({ description: 'The name of the role of whoever asks.' }),
  permissions: Type.Array(Type.String(), { description: 'What they may do, by name.' }),
  epoch: Type.String({ description: 'The identity of the event log; it changes when the house is restored.' }),
  head: offset,
  address: nullable(
    Type.String(),
    'Where this request is taken to come from: behind a proxy of `trusted_proxies` the client; null where the proxy does not say.',
  ),
})

const numberSchema = named('number', {
  number: Type.String({ description: 'The platform’s id of the number (`phone_number_id`).' }),
  alias: Type.String(),
  display: nullable(Type.String(), 'E.164.'),
  pool: nullable(Type.String(), 'Of an unclaimed number none.'),
  app: Type.String(),
  waba: nullable(Type.String()),
  portfolio: Type.String(),
  state: words(['active', 'paused', 'unclaimed'], 'From an unclaimed number nothing is sent until it is declared.'),
  reason: nullable(Type.String(), 'Why it is paused.'),
  messages_per_second: nullable(Type.Integer(), 'Your ceiling; null where it is learned.'),
  facts: factsSchema,
  account_facts: factsSchema,
  portfolio_facts: factsSchema,
})

export const numberStateSchema = named('number_state', { number: Type.String(), state: words(['active', 'paused']) })

export function page(of: string, item: TSchema) {
  return named(`${of}_page`, {
    items: Type.Array(item),
    next: nullable(Type.String(), 'The `cursor` of the next page; null at the end.'),
    as_of: Type.Integer({
      description: 'The offset of this read: subscribe after it, and nothing is missed or doubled.',
    }),
  })
}

const statedFact = named('stated_fact', {
  about: words(['number', 'account', 'portfolio', 'template']),
  subject: optional(
    Type.String({ description: 'The platform’s id, or a number as it was written. Not of a template.' }),
  ),
  account: optional(Type.String({ description: 'Of a template, as `template` and `language`.' })),
  template: optional(Type.String()),
  language: optional(nullable(Type.String())),
  name: Type.String({ description: 'Such as `status`, `quality`, `restriction.biz_initiated_messaging`.' }),
  value: Type.Union([Type.String(), Type.Number(), Type.Null()], { description: 'Null: it does not hold any more.' }),
  until: nullable(time, 'When it ends by itself.'),
})

export const noticeSchema = named('notice', {
  id,
  field: Type.String({ description: 'The webhook field.' }),
  event: nullable(Type.String(), 'The platform’s word for what happened, in lower case.'),
  severity: nullable(words(['info', 'warning', 'critical']), 'Null: kept, and not understood here.'),
  number: nullable(Type.String(), 'The number it is about, if one is named.'),
  account: nullable(Type.String(), 'The business account whose webhook it was.'),
  at: time,
  arrived_at: nullable(time),
  facts: Type.Array(statedFact),
  object: optional(
    Type.Unknown({ description: 'The platform’s own object, whole; with the permission `contacts.see_phones`.' }),
  ),
})
export const noticePageSchema = page('notice', noticeSchema)

const templateSchema = named('template_facts', {
  account: Type.String({ description: 'The business account it belongs to.' }),
  name: Type.String(),
  language: nullable(Type.String()),
  facts: factsSchema,
})
export const templatePageSchema = page('template', templateSchema)

export const numberPageSchema = page('number', numberSchema)
export const conversationPageSchema = page('conversation', conversationViewSchema)

const unmatchedStatusSchema = named('unmatched_status', {
  status: Type.String({ description: 'The platform’s word, such as `delivered`.' }),
  at: time,
  upstream_id: optional(Type.String({ description: 'The platform’s id of the message.' })),
  number: optional(Type.String({ description: 'The platform’s id of the number that sent it.' })),
  standby: optional(Type.Literal(true, { description: 'Of a thread that another application owns.' })),
  error: optional(
    nullable(Type.Object({ code: Type.Integer(), title: Type.String() }), 'Why it failed, if the platform says so.'),
  ),
  object: optional(
    Type.Unknown({ description: 'The platform’s own object, whole; with the permission `contacts.see_phones`.' }),
  ),
  erased: optional(Type.Literal(true, { description: 'Of a person who was erased: nothing more can be told.' })),
})
export const unmatchedStatusPageSchema = page('unmatched_status', unmatchedStatusSchema)
export const messagePageSchema = page('message', messageViewSchema)

const timelineStep = named('timeline_step', {
  at: time,
  state,
  reason: nullable(Type.String()),
  number: Type.String({ description: 'The number it left from, or was to leave from.' }),
  attempt: Type.Integer({ minimum: 0 }),
  source: Type.String({ description: 'Who says so: the API, a person, dispatch, the platform.' }),
})

const leavesAt = nullable(time, 'When it will leave, by what waits now; null where nobody can say.')
const waitsFor = nullable(
  Type.String(),
  'What holds it: `number_rate`, `pair`, `order`, `not_before`, `paused`, `breaker`, `lane`, `in_flight`, `queue`; null if nothing.',
)

const participant = named('participant', {
  id: nullable(Type.String(), 'The contact; null where nobody is known by that phone or user id.'),
  name: nullable(Type.String()),
  phone: nullable(Type.String()),
  user_id: nullable(Type.String()),
  state,
  at: time,
})

/** The times of leaving only while it is queued. */
const messageDetail = Type.Object({
  timeline: Type.Array(timelineStep),
  participants: optional(Type.Array(participant, { description: 'Of a message to a group.' })),
  statuses: optional(
    Type.Array(Type.Object({ status: Type.String(), at: time, object: optional(Type.Unknown()) }), {
      description: 'Of a message that we sent: all that the platform said of it, each in its own object.',
    }),
  ),
  leaves_at: optional(leavesAt),
  waits_for: optional(waitsFor),
})

export const messageSchema = Type.Intersect([messageViewSchema, messageDetail], {
  $id: 'message_with_timeline',
  description: 'A message and all it went through.',
})

/** What each of our members of a send is for. */
const OWN_NOTES: Readonly<Record<string, string>> = {
  to: `Whom it is for: ${SEND_MEMBERS_WANTED['to']}.`,
  class:
    'What it is for; it chooses the lane and the defaults. By default text is a reply, and a template goes by its category: ' +
    'authentication is urgent, utility a notice, marketing bulk.',
  from: `Which of our numbers it leaves from: ${SEND_MEMBERS_WANTED['from']}. By default the conversation’s, else one of the only pool.`,
  deadline_ms: `What has not left by then expires: ${SEND_MEMBERS_WANTED['deadline_ms']}. The configuration has a default for each class.`,
  when_in_doubt:
    'What to do when nobody can say whether it went out. By default urgent is sent again, reply and notice are held for a person, bulk fails.',
  reference: `Yours; it comes back in events: ${SEND_MEMBERS_WANTED['reference']}.`,
  take_over:
    'Whether it may go to a conversation that another application holds (`standby`): the platform gives the conversation to ' +
    'whoever sends such a message. A template takes nothing over. With the permission `conversations.take_over`.',
  idempotency_key: 'The same as the header.',
  biz_opaque_callback_data: 'Yours, as on the platform; it comes back with the message and does not travel.',
}

function ownMembers(): TProperties {
  return Object.fromEntries(
    Object.entries(SEND_MEMBERS.properties).map(([name, schema]) => [
      name,
      { ...schema, description: OWN_NOTES[name] ?? '' } as TSchema,
    ]),
  )
}

const AS_ON_THE_PLATFORM = 'As on the platform.'

export const sendRequestSchema = Type.Object(
  {
    ...ownMembers(),
    type: words([...Object.keys(TYPE_SCHEMAS), 'interactive'], 'The object of this name is required.'),
    ...Object.fromEntries(
      Object.entries(TYPE_SCHEMAS).map(([type, schema]) => [
        type,
        optional({ ...schema, description: AS_ON_THE_PLATFORM } as TSchema),
      ]),
    ),
    interactive: optional(
      Type.Union(Object.values(INTERACTIVE_SCHEMAS) as TSchema[], {
        description: AS_ON_THE_PLATFORM,
      }),
    ),
    context: optional(
      Type.Object(
        { message_id: Type.String({ description: 'The message that is answered: our id or the platform’s.' }) },
        { additionalProperties: false },
      ),
    ),
    messaging_product: optional(words(['whatsapp'])),
    recipient_type: optional(words(['individual'])),
    recipient_identity_key_hash: optional(Type.String()),
  },
  {
    $id: 'send_request',
    additionalProperties: false,
    description: 'The platform’s own message object and our members beside it.',
  },
)

export const queuedSchema = named('queued', {
  id,
  state: words(['queued']),
  leaves_at: leavesAt,
  waits_for: waitsFor,
  conversation_id: id,
})

export const batchRequestSchema = Type.Object(
  { messages: Type.Array(sendRequestSchema, { minItems: 1, maxItems: 500 }) },
  { $id: 'batch_request', additionalProperties: false },
)

/** What is wrong with a file of people. */
export const importFault = Type.Object(
  { row: Type.Integer(), column: nullable(Type.String()), fault: Type.String() },
  { additionalProperties: false, description: 'Rows as a spreadsheet counts: the heading is row 1.' },
)

export const problemSchema = named(
  'problem',
  {
    type: Type.String({ description: 'Where this code is explained.' }),
    title: Type.String(),
    status: Type.Integer(),
    code: words(Object.keys(STATUS_OF), 'Stable.'),
    detail: Type.String({ description: 'For people. Never holds personal data.' }),
    path: optional(
      Type.String({ description: 'What is wrong: the JSON pointer of a member, or `?name` of a query parameter.' }),
    ),
    allow: optional(Type.Array(Type.String(), { description: 'The methods that the address takes.' })),
    retry_after_ms: optional(Type.Integer()),
    head: optional(offset),
    oldest: optional(offset),
    epoch: optional(Type.String()),
    reason: optional(nullable(Type.String(), 'Why nothing is sent from the number.')),
    permission: optional(Type.String({ description: 'The permission that is missing.' })),
    state: optional(Type.String({ description: 'Why a file is not here, as an attachment says it.' })),
    merged_into: optional(Type.String({ description: 'The contact that this one is merged into.' })),
    faults: optional(Type.Array(importFault, { description: 'What is wrong with a file of people.' })),
  },
  'RFC 9457 problem details.',
)

export const batchSchema = named('batch', {
  results: Type.Array(Type.Union([queuedSchema, problemSchema]), { description: 'In the order of the request.' }),
})

export const readRequestSchema = Type.Object(
  { upto: optional(Type.String({ description: 'The last message that was read; absent: all.' })) },
  { $id: 'read_request', additionalProperties: false },
)

export const readSchema = named('read', { id, unread: Type.Integer({ minimum: 0 }) })
export const messageStateSchema = named('message_state', { id, state })
export const ticketSchema = named('ticket', {
  ticket: Type.String({ description: 'Good once, within 30 seconds.' }),
  expires_at: time,
})

export const eventsSchema = named('events', {
  events: Type.Array(eventSchema),
  upto: Type.Integer({ description: 'Ask on with `after` = this.' }),
  head: offset,
  epoch: Type.String(),
})

export const statusSchema = named('status', { status: words(['ok']) })
export const versionSchema = named('version', {
  name: words(['gatehouse']),
  version: Type.String(),
  commit: nullable(Type.String(), 'From which state of the source it was built; null: it runs from the source.'),
  bun: Type.String(),
})
export const readinessSchema = named('readiness', {
  ready: Type.Boolean(),
  checks: Type.Record(Type.String(), Type.Boolean()),
})
/** Any JSON object. */
export const anyObjectSchema = Type.Object({}, { additionalProperties: true })
