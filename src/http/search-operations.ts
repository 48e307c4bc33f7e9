import { type TSchema, Type } from '@sinclair/typebox'
import { CONTENT_KINDS } from '../core/content.ts'
import { messageViewSchema } from '../realtime/message-schemas.ts'
import { QUERY_CHARACTERS_MAX, QUERY_WORDS_MAX } from '../records/search-query.ts'
import { EXAMPLES } from './api-examples.ts'
import { type Operation, ok, query } from './api-operation.ts'
import { SEARCH_LIMIT_MAX } from './search.ts'

const optional = Type.Optional
const text = (description: string) =>
  optional(Type.String({ minLength: 1, maxLength: QUERY_CHARACTERS_MAX, description }))
const words = (list: readonly string[], description: string) =>
  optional(
    Type.Union(
      list.map((word) => Type.Literal(word)),
      { description },
    ),
  )
const moment = (description: string) => optional(Type.String({ description }))

const searchRequestSchema = Type.Object(
  {
    q: text(
      `Words that all have to be there, in any form and order; in "quotes" these very words one after the other. Numbers of orders, ` +
        `phones and mail addresses are found by their beginnings from three characters, numbers also by their last four digits. At most ${QUERY_WORDS_MAX} words.`,
    ),
    person: text(
      'Whose: a name (wants `contacts.see_names`), a phone, a mail address or a user id (`contacts.see_phones`), or the id of a contact.',
    ),
    conversation_id: optional(Type.String()),
    number: text('The platform’s id of one of your numbers.'),
    direction: words(['in', 'out'], 'By the customer, or by you.'),
    kind: words(CONTENT_KINDS, 'As in `content.kind`.'),
    from: moment('A day (UTC), such as 2026-11-22, or a time in RFC 3339: not before it.'),
    to: moment('A day, which is meant whole, or a time: before it.'),
    limit: optional(Type.Integer({ minimum: 1, maximum: SEARCH_LIMIT_MAX, default: SEARCH_LIMIT_MAX })),
    cursor: optional(Type.String({ description: 'The `next` of the page before.' })),
  },
  {
    $id: 'search_request',
    additionalProperties: false,
    description: 'At least one of them; all of them have to hold.',
  },
)

const searchPageSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        message: messageViewSchema as TSchema,
        conversation_id: Type.String(),
        highlights: Type.Array(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 2, maxItems: 2 }), {
          description:
            'Where it stands in `message.content.text`: first place and the one behind the last, in UTF-16 code units. Empty where it ' +
            'stands elsewhere, such as in the name of a file.',
        }),
      }),
      { description: 'Newest first, by arrival.' },
    ),
    next: Type.Union([Type.String(), Type.Null()], { description: 'The `cursor` of the next page; null at the end.' }),
    as_of: Type.Integer({ minimum: 0, description: 'The offset of this read.' }),
    more: Type.Boolean({
      description:
        'The search ended before its end, so as to keep nobody waiting: go on with `next`, also where this page is short or empty. Where ' +
        '`next` is null, the person that was asked for has more conversations than one search may name (500).',
    }),
    complete: Type.Boolean({
      description:
        'Whether every message is in the index. Not while it is being made anew, and for a moment after one came.',
    }),
    progress: optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'How much is, where not all: newest first.' }),
    ),
  },
  { $id: 'search_page' },
)

export const SEARCH: readonly Operation[] = [
  {
    id: 'searchMessages',
    method: 'post',
    path: '/api/v1/search',
    tag: 'Search',
    needs: 'search.use',
    summary: 'Search messages',
    description:
      'By words, phrase, person, number, conversation, direction, kind and time. What is found is opened and looked at before it is ' +
      'shown; messages that were taken back are not found.',
    body: {
      schema: searchRequestSchema,
      required: true,
      examples: { 'Words and a phrase': EXAMPLES.search, 'What a person sent in a month': EXAMPLES.searchPerson },
    },
    answers: ok('A page.', searchPageSchema, EXAMPLES.found),
    refuses: ['rate_limited', 'unavailable'],
    key: 'always',
  },
  {
    id: 'searchMessagesByHand',
    method: 'get',
    path: '/api/v1/search',
    tag: 'Search',
    needs: 'search.use',
    summary: 'Search messages by hand',
    description:
      'For a browser or a terminal. It puts the words into the address, where proxies may log them (this house does not): programs use POST.',
    parameters: [
      query('q', Type.String({ minLength: 1, maxLength: QUERY_CHARACTERS_MAX }), 'As in the body of POST.'),
      query(
        'limit',
        Type.Integer({ minimum: 1, maximum: SEARCH_LIMIT_MAX, default: SEARCH_LIMIT_MAX }),
        'Items on the page.',
      ),
      query('cursor', Type.String(), 'The `next` of the page before.'),
    ],
    answers: ok('A page.', searchPageSchema, EXAMPLES.found),
    refuses: ['rate_limited', 'unavailable'],
    key: 'always',
  },
]
