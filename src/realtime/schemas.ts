import type { Static, TSchema } from '@sinclair/typebox'
import { Type } from '@sinclair/typebox'
import {
  attachmentSchema,
  id,
  messageClass,
  messageViewSchema,
  nullableText,
  OPEN,
  revoked,
  state,
  time,
} from './message-schemas.ts'
import { PROTOCOL_VERSION } from './protocol.ts'

/** The shapes of all frames and events, for the published document and for the tests that hold the hub to it. */

const CLOSED = { additionalProperties: false }
/** Whole numbers that JavaScript keeps exactly. */
const WHOLE = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const offset = Type.Integer({ ...WHOLE, description: 'A position in the event log.' })

const contact = Type.Object(
  { id, name: nullableText, phone: nullableText, user_id: nullableText, erased: Type.Optional(Type.Literal(true)) },
  { ...OPEN, title: 'Contact' },
)

const member = Type.Object(
  {
    id,
    name: nullableText,
    phone: nullableText,
    user_id: nullableText,
    state: Type.String(),
    joined_at: Type.Union([time, Type.Null()]),
    left_at: Type.Union([time, Type.Null()]),
  },
  { ...OPEN, title: 'Member' },
)

export const conversationViewSchema = Type.Object(
  {
    id,
    number: Type.String(),
    number_alias: Type.Optional(nullableText),
    kind: Type.Optional(Type.Union([Type.Literal('person'), Type.Literal('group')])),
    contact,
    group: Type.Optional(
      Type.Union([
        Type.Object(
          {
            id: nullableText,
            subject: nullableText,
            description: Type.Optional(nullableText),
            invite_link: Type.Optional(nullableText),
            state: Type.Optional(nullableText),
            members: Type.Optional(Type.Array(member)),
          },
          { ...OPEN, description: 'Its last four members where one conversation is asked for.' },
        ),
        Type.Null(),
      ]),
    ),
    assignee: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: 'Who has it. Events do not repeat it.' }),
    ),
    team: Type.Optional(
      Type.Union([Type.String(), Type.Null()], { description: 'Which team has it. Events do not repeat it.' }),
    ),
    unread: Type.Integer({ minimum: 0 }),
    created_at: time,
    last_message_at: Type.Optional(Type.Union([time, Type.Null()], { description: 'In lists, not in events.' })),
    window_expires_at: Type.Union([time, Type.Null()]),
    standby: Type.Optional(
      Type.Boolean({ description: 'Another application owns the thread. In lists, and in the event of its change.' }),
    ),
    sendable: Type.Optional(Type.Boolean({ description: 'Whether its number sends now. In lists, not in events.' })),
    last_message: Type.Optional(Type.Union([messageViewSchema, Type.Null()])),
  },
  { ...OPEN, $id: 'conversation', title: 'Conversation' },
)

const fact = Type.Object(
  {
    value: Type.Union([Type.String(), Type.Number(), Type.Null()], { description: 'Null: it does not hold any more.' }),
    since: time,
    until: Type.Union([time, Type.Null()], { description: 'When it ends by itself.' }),
  },
  OPEN,
)

/** What the platform says of something, by our word for it. */
export const factsSchema = Type.Record(Type.String(), fact, {
  $id: 'facts',
  description: 'What the platform said last, by name, such as `status`, `quality`, `throughput`, `messaging_limit`.',
})

const numberState = Type.Object(
  {
    number: Type.String(),
    alias: Type.Optional(nullableText),
    state: Type.Union([Type.Literal('active'), Type.Literal('paused'), Type.Literal('unclaimed')]),
    reason: nullableText,
    facts: Type.Optional(factsSchema),
    account_facts: Type.Optional(factsSchema),
    portfolio_facts: Type.Optional(factsSchema),
  },
  OPEN,
)

const messageState = Type.Object(
  {
    message_id: id,
    upstream_id: nullableText,
    conversation_id: Type.Union([id, Type.Null()]),
    reference: nullableText,
    state,
    reason: nullableText,
    class: Type.Union([messageClass, Type.Null()]),
    attempt: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    at: Type.Optional(time),
    message: Type.Optional(messageViewSchema),
  },
  OPEN,
)

const direction = Type.Union([Type.Literal('in'), Type.Literal('out')])

const messageReaction = Type.Object(
  {
    message_id: Type.Union([id, Type.Null()], { description: 'Null: the message has not come yet.' }),
    upstream_id: Type.String({ description: 'Of the message.' }),
    conversation_id: id,
    emoji: Type.Union([Type.String(), Type.Null()], { description: 'Null: the reaction was taken back.' }),
    by: Type.Union([Type.Literal('customer'), Type.Literal('us')]),
    contact_id: Type.Union([id, Type.Null()]),
    direction,
    at: time,
    window_expires_at: Type.Union([time, Type.Null()]),
  },
  OPEN,
)

const messageRevoked = Type.Object(
  {
    message_id: id,
    upstream_id: Type.String(),
    conversation_id: id,
    revoked,
    direction,
    at: time,
  },
  OPEN,
)

function event(type: string, data: TSchema, description: string) {
  return Type.Object({ offset, type: Type.Literal(type), at: time, data }, { ...CLOSED, title: type, description })
}

const identity = Type.Object(
  {
    kind: Type.Union(
      (['phone', 'user_id', 'parent_user_id', 'username', 'email'] as const).map((kind) => Type.Literal(kind)),
      { description: 'More kinds come with more channels.' },
    ),
    value: Type.String(),
    source: Type.Union(
      (['message', 'status', 'answer', 'address_book', 'notice', 'api', 'import'] as const).map((source) =>
        Type.Literal(source),
      ),
      { description: 'How it came to be known.' },
    ),
    since: time,
    until: Type.Union([time, Type.Null()], {
      description: 'When it ended: it is somebody else’s by now, or nobody’s.',
    }),
    contact_id: id,
  },
  { ...OPEN, title: 'Identity' },
)

export const contactViewSchema = Type.Object(
  {
    id,
    name: Type.Union([Type.String(), Type.Null()], { description: 'The name you gave, else the profile’s.' }),
    profile_name: nullableText,
    book_name: Type.Union([Type.String(), Type.Null()], { description: 'In the address book of the firm’s phone.' }),
    phone: nullableText,
    user_id: nullableText,
    username: nullableText,
    parent_user_id: nullableText,
    identities: Type.Array(identity, { description: 'Everything they are and were known by.' }),
    attributes: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    consents: Type.Record(Type.String(), Type.Object({ value: Type.String(), at: time, source: Type.String() }, OPEN), {
      description: 'What they want to receive, by category.',
    }),
    merged_into: Type.Union([id, Type.Null()], { description: 'Who is shown in its place.' }),
    merged: Type.Array(id, { description: 'Who is shown as this contact.' }),
    created_at: time,
    erased: Type.Optional(
      Type.Literal(true, { description: 'They were erased: nothing of them can be read any more.' }),
    ),
  },
  { ...OPEN, $id: 'contact', title: 'Contact' },
)

const changedView = Type.Object(
  {
    conversation_ids: Type.Array(id, { maxItems: 1_000, description: 'The newest activity first.' }),
    more: Type.Optional(Type.Literal(true, { description: 'There are more than these: load your lists anew.' })),
  },
  { ...OPEN, description: 'What you may see has changed: your role, your teams, or what those may.' },
)

/** The events whose data is described, by type. */
export const EVENT_SCHEMAS = {
  'message.received': event(
    'message.received',
    Type.Object({ message: messageViewSchema, conversation: Type.Optional(conversationViewSchema) }, OPEN),
    'A message came in, or the firm sent one with the phone app.',
  ),
  'message.state': event(
    'message.state',
    messageState,
    'A message changed its state. The first state of a sent message comes with the message itself.',
  ),
  'message.reaction': event(
    'message.reaction',
    messageReaction,
    'Somebody reacted to a message, or took it back. Where the message comes later, the event comes again with its id.',
  ),
  'message.edited': event(
    'message.edited',
    Type.Object({ message_id: id, conversation_id: id, message: messageViewSchema, at: time }, OPEN),
    'A message was changed by its author; or a call has ended. The message is as it was made then.',
  ),
  'message.revoked': event('message.revoked', messageRevoked, 'A message was taken back by its author.'),
  'message.media': event(
    'message.media',
    Type.Object(
      {
        message_id: id,
        conversation_id: id,
        attachment: Type.Optional(attachmentSchema),
        revoked: Type.Optional(revoked),
      },
      OPEN,
    ),
    'A file of a message is here, cannot be had, or is fetched again. The message was told before. Not of history.',
  ),
  'conversation.created': event(
    'conversation.created',
    Type.Object({ conversation: conversationViewSchema }, OPEN),
    'A conversation began.',
  ),
  'conversation.updated': event(
    'conversation.updated',
    Type.Object({ conversation: conversationViewSchema }, OPEN),
    'Something about a conversation changed.',
  ),
  'conversation.assigned': event(
    'conversation.assigned',
    Type.Object(
      { conversation_id: id, assignee: Type.Union([id, Type.Null()]), team: Type.Union([id, Type.Null()]) },
      OPEN,
    ),
    'Somebody else has a conversation now, or another team, or nobody.',
  ),
  'conversation.visible': event(
    'conversation.visible',
    Type.Union([
      Type.Object(
        { conversation: Type.Optional(Type.Object({ id, assignee: Type.Union([id, Type.Null()]) }, OPEN)) },
        { ...OPEN, description: 'It passed to you, to a team or number of yours.' },
      ),
      changedView,
    ]),
    'Conversations came into your view: one that passed to you, or many by a change of your rights. Read their messages.',
  ),
  'conversation.gone': event(
    'conversation.gone',
    Type.Union([Type.Object({ conversation_id: id }, { ...OPEN, description: 'It passed to others.' }), changedView]),
    'Conversations left your view: one that passed to others, or many by a change of your rights. Nothing more of them ' +
      'is told to you.',
  ),
  'number.state': event(
    'number.state',
    numberState,
    'A number was declared, paused or resumed; or the platform said something new of it, of its account or portfolio: then all three kinds of facts are here, whole.',
  ),
  'contact.updated': event(
    'contact.updated',
    Type.Object(
      {
        contact: contactViewSchema,
        conversation_id: Type.Optional(
          Type.String({ description: 'One of its conversations; absent where it has none.' }),
        ),
        erased: Type.Optional(Type.Literal(true)),
      },
      OPEN,
    ),
    'A contact changed: its profile, what it is known by, its attributes, what it wants, or with whom it is one. Told in each of ' +
      'its conversations that you see. Of somebody who was erased it has the id, and `erased`.',
  ),
} as const

const described = Object.keys(EVENT_SCHEMAS).map((type) => type.replace('.', '\\.'))

/** Any other event. New types may come at any time; ignore those you do not know. */
const otherEventSchema = Type.Object(
  {
    offset,
    type: Type.String({ pattern: `^(?!(?:${described.join('|')})$)[a-z_]+\\.[a-z_]+$` }),
    at: time,
    data: Type.Object({}, OPEN),
  },
  { ...CLOSED, title: 'another event', description: 'An event of another type. Ignore types you do not know.' },
)

/** Any of them, whichever type: an offset never changes its meaning, but what it told is gone. */
const erasedEventSchema = Type.Object(
  {
    offset,
    type: Type.String(),
    at: time,
    data: Type.Object(
      {
        erased: Type.Literal(true),
        state: Type.Optional(Type.Union([state, Type.Null()], { description: 'Of `message.state`.' })),
      },
      OPEN,
    ),
  },
  { ...CLOSED, title: 'an erased event', description: 'An event of any type about somebody who has been erased.' },
)

export const eventSchema = Type.Union([...Object.values(EVENT_SCHEMAS), erasedEventSchema, otherEventSchema], {
  $id: 'event',
})

const heartbeat = Type.Integer({ minimum: 1, description: 'The longest silence of a live server, milliseconds.' })

export const helloSchema = Type.Object(
  {
    type: Type.Literal('hello'),
    version: Type.Literal(PROTOCOL_VERSION),
    epoch: Type.String({ description: 'The identity of the log; it changes when the book is restored.' }),
    head: offset,
    heartbeat_ms: heartbeat,
  },
  { ...CLOSED, description: 'The first frame of a socket. Who has no position yet subscribes after `head`.' },
)

export const eventsSchema = Type.Object(
  { type: Type.Literal('events'), after: offset, upto: offset, events: Type.Array(eventSchema) },
  {
    ...CLOSED,
    description:
      'Everything this session may see in (after, upto]. `after` is the `upto` of the frame or ping before. ' +
      'An `after` above your cursor is a hole: subscribe again. Ignore offsets at or below your cursor. ' +
      'Then your cursor is `upto`.',
  },
)

export const pingSchema = Type.Object(
  { type: Type.Literal('ping'), upto: Type.Optional(offset) },
  {
    ...CLOSED,
    description:
      'There is nothing else to see up to `upto`, which is your new cursor; it is absent before the first ' +
      'subscription. Answer with an ack.',
  },
)

export const errorSchema = Type.Object(
  {
    type: Type.Literal('error'),
    code: Type.Union([Type.Literal('invalid'), Type.Literal('too_large'), Type.Literal('offset_gone')]),
    id: Type.Union([Type.Integer(WHOLE), Type.Null()], { description: 'The id of the refused command.' }),
    message: Type.String(),
    head: Type.Optional(offset),
    oldest: Type.Optional(offset),
    epoch: Type.Optional(Type.String()),
  },
  {
    ...CLOSED,
    description:
      'A command was refused; the socket stays open. With `offset_gone`: load anew and subscribe from there.',
  },
)

export const subscribeSchema = Type.Object(
  {
    type: Type.Literal('subscribe'),
    id: Type.Integer(WHOLE),
    after: Type.Optional(Type.Integer({ ...WHOLE, description: 'Exclusive. 0: the oldest kept. Absent: the head.' })),
    epoch: Type.Optional(Type.String({ description: 'The epoch that `after` belongs to.' })),
  },
  { ...CLOSED, description: 'Begins at a position, or moves there. At any time.' },
)

export const ackSchema = Type.Object(
  { type: Type.Literal('ack'), upto: Type.Optional(offset) },
  { ...CLOSED, description: 'Everything up to `upto` was dealt with. Due after each ping and every 200 events.' },
)

/** What the server may send. */
export const serverFrameSchema = Type.Union([helloSchema, eventsSchema, pingSchema, errorSchema])
/** What a client may send. */
export const clientFrameSchema = Type.Union([subscribeSchema, ackSchema])

export type ServerFrameShape = Static<typeof serverFrameSchema>
export type ClientFrameShape = Static<typeof clientFrameSchema>
