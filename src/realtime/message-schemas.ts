import { Type } from '@sinclair/typebox'
import { ATTACHMENT_KINDS, CONTENT_KINDS } from '../core/content.ts'
import { MESSAGE_CLASSES, MESSAGE_STATES } from '../core/message.ts'

/** The shape of a message, wherever one is shown, and the words that it shares with events. */

/** The platform adds fields, and so may we: readers ignore what they do not know. */
export const OPEN = { additionalProperties: true }

export const time = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  description: 'RFC 3339, UTC, milliseconds.',
})
export const id = Type.String({ minLength: 1, description: 'Opaque.' })
export const nullableText = Type.Union([Type.String(), Type.Null()])
export const state = Type.Union(MESSAGE_STATES.map((name) => Type.Literal(name)))
export const messageClass = Type.Union(MESSAGE_CLASSES.map((name) => Type.Literal(name)))
const optionalText = Type.Optional(Type.String())

const place = Type.Object(
  { latitude: Type.Number(), longitude: Type.Number(), name: optionalText, address: optionalText, url: optionalText },
  OPEN,
)

const people = Type.Array(
  Type.Object(
    {
      name: nullableText,
      phones: Type.Array(Type.String()),
      emails: Type.Array(Type.String()),
      organization: nullableText,
    },
    OPEN,
  ),
  { description: 'The contact cards in it.' },
)

const form = Type.Object(
  {
    name: nullableText,
    token: nullableText,
    answers: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
      description: 'With the names that the form gave them; null where what came is no object.',
    }),
  },
  OPEN,
)

const orderItem = Type.Object(
  {
    product_id: Type.String(),
    quantity: Type.Number(),
    price: Type.Union([Type.String(), Type.Null()], { description: 'A decimal, as the platform writes it.' }),
    currency: nullableText,
  },
  OPEN,
)

const referral = Type.Object(
  {
    source_id: nullableText,
    source_type: nullableText,
    url: nullableText,
    headline: nullableText,
    body: nullableText,
    click_id: nullableText,
  },
  { ...OPEN, description: 'The advertisement or the post that the customer came from.' },
)

/** What a message says, whichever channel it came by: `MessageContent` in the API's names, without its files. */
export const contentSchema = Type.Object(
  {
    kind: Type.Union(CONTENT_KINDS.map((kind) => Type.Literal(kind))),
    text: Type.Optional(Type.String({ description: 'What a person reads in it: the text, a caption, a choice.' })),
    place: Type.Optional(place),
    people: Type.Optional(people),
    choice: Type.Optional(
      Type.Object(
        { id: nullableText, title: Type.String(), description: optionalText },
        { ...OPEN, description: 'What was chosen among things that the firm offered.' },
      ),
    ),
    form: Type.Optional(form),
    order: Type.Optional(Type.Object({ catalog_id: nullableText, items: Type.Array(orderItem) }, OPEN)),
    notice: Type.Optional(
      Type.Object({ code: Type.String() }, { ...OPEN, description: 'What the platform says of the person.' }),
    ),
    call: Type.Optional(
      Type.Object({ outcome: nullableText, duration_s: Type.Union([Type.Number(), Type.Null()]) }, OPEN),
    ),
    unsupported: Type.Optional(
      Type.Object(
        { hint: nullableText, code: Type.Union([Type.Integer(), Type.Null()]) },
        { ...OPEN, description: 'The platform does not hand it over.' },
      ),
    ),
    template: Type.Optional(Type.Object({ name: Type.String(), language: nullableText }, OPEN)),
    forwarded: Type.Optional(Type.Union([Type.Literal('once'), Type.Literal('often')])),
    referral: Type.Optional(referral),
    product: Type.Optional(
      Type.Object(
        { catalog_id: nullableText, product_id: Type.String() },
        { ...OPEN, description: 'The product that it asks about.' },
      ),
    ),
    summary: Type.Optional(Type.String({ description: 'What somebody else who held the thread before says of it.' })),
  },
  { ...OPEN, title: 'Content', description: 'What the message says, in words that fit every channel.' },
)

/** A phone number in E.164, a number's id, a person by the platform's own id, or unknown. */
const address = Type.Union([Type.String(), Type.Object({}, OPEN), Type.Null()])

const reaction = Type.Object(
  {
    emoji: Type.String(),
    by: Type.Union([Type.Literal('customer'), Type.Literal('us')]),
    contact_id: Type.Union([id, Type.Null()]),
    at: time,
  },
  { ...OPEN, title: 'Reaction' },
)

/** A file of a message. What is erased with its person has only its id, and says so. */
export const attachmentSchema = Type.Object(
  {
    id,
    state: Type.Optional(
      Type.Union(
        (['waiting', 'ready', 'failed', 'gone', 'too_large', 'refused'] as const).map((name) => Type.Literal(name)),
        { description: 'In an event as it was then.' },
      ),
    ),
    reason: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description:
          'Why it is not here, or not yet: `vanished`, `retention`, `size_bytes_max`, `hash_mismatch`, `host_not_allowed`, …',
      }),
    ),
    kind: Type.Optional(Type.Union(ATTACHMENT_KINDS.map((kind) => Type.Literal(kind)))),
    mime_type: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description: 'What its first bytes show, else what its sender says.',
      }),
    ),
    file_name: Type.Optional(nullableText),
    size_bytes: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])),
    voice: Type.Optional(Type.Boolean({ description: 'A voice note.' })),
    animated: Type.Optional(Type.Boolean()),
    thumbnail: Type.Optional(Type.Boolean()),
    url: Type.Optional(Type.Union([Type.String(), Type.Null()], { description: 'Where it is read, once it is here.' })),
    thumbnail_url: Type.Optional(nullableText),
    erased: Type.Optional(Type.Literal(true)),
  },
  { ...OPEN, $id: 'attachment', title: 'Attachment' },
)

export const revoked = Type.Union([Type.Literal('kept'), Type.Literal('hidden'), Type.Literal('deleted')], {
  description: 'Its author took it back; unless it is kept, what it said is not shown.',
})

export const messageViewSchema = Type.Object(
  {
    id,
    upstream_id: nullableText,
    conversation_id: id,
    number: Type.Optional(nullableText),
    direction: Type.Union([Type.Literal('in'), Type.Literal('out')]),
    type: Type.String({ description: 'The platform’s word; the object of that name is beside it, such as "text".' }),
    from: Type.Optional(address),
    to: Type.Optional(address),
    at: time,
    state: Type.Optional(state),
    reason: Type.Optional(nullableText),
    class: Type.Optional(Type.Union([messageClass, Type.Null()])),
    reference: Type.Optional(nullableText),
    source: Type.Optional(Type.Literal('phone', { description: 'Sent with the phone app.' })),
    context: Type.Optional(Type.Union([Type.Object({}, OPEN), Type.Null()])),
    content: Type.Optional(contentSchema),
    attachments: Type.Optional(Type.Array(attachmentSchema, { description: 'Its files.' })),
    reply_to: Type.Optional(
      Type.Object(
        { message_id: Type.Union([id, Type.Null()]), upstream_id: Type.String() },
        { ...OPEN, description: 'The message that it answers.' },
      ),
    ),
    sender: Type.Optional(
      Type.Object(
        { id, name: nullableText, phone: nullableText, user_id: nullableText },
        { ...OPEN, description: 'Who wrote it in a group.' },
      ),
    ),
    reactions: Type.Optional(
      Type.Array(reaction, {
        description: 'Of each person the last one. In lists and single messages, not in events.',
      }),
    ),
    edited_at: Type.Optional(time),
    revoked: Type.Optional(revoked),
    revoked_at: Type.Optional(time),
    call: Type.Optional(
      Type.Object(
        {
          status: Type.String({ description: 'How it ended, or the last that was told of it.' }),
          duration_s: Type.Union([Type.Number(), Type.Null()]),
          ended_at: Type.Union([time, Type.Null()]),
        },
        { ...OPEN, description: 'Of a call.' },
      ),
    ),
    history: Type.Optional(
      Type.Literal(true, { description: 'Older than the connection to this house; no event told of it.' }),
    ),
    biz_opaque_callback_data: Type.Optional(nullableText),
    object: Type.Optional(
      Type.Unknown({ description: 'The platform’s object, where its type has a name that means something else here.' }),
    ),
    erased: Type.Optional(
      Type.Literal(true, { description: 'Whoever it was from or to has been erased: what it said is gone.' }),
    ),
    standby: Type.Optional(Type.Literal(true, { description: 'On a thread that another application owns.' })),
    pacing: Type.Optional(Type.Literal(true, { description: 'Held by the platform for a quality assessment.' })),
  },
  { ...OPEN, $id: 'message', title: 'Message' },
)
