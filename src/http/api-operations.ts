import { Type } from '@sinclair/typebox'
import { conversationViewSchema } from '../realtime/schemas.ts'
import { EXAMPLES } from './api-examples.ts'
import { inPath, type Operation, ok, PAGE, type Parameter, query } from './api-operation.ts'
import {
  anyObjectSchema,
  batchRequestSchema,
  batchSchema,
  conversationPageSchema,
  eventsSchema,
  meSchema,
  messagePageSchema,
  messageSchema,
  messageStateSchema,
  numberPageSchema,
  numberStateSchema,
  problemSchema,
  queuedSchema,
  readinessSchema,
  readRequestSchema,
  readSchema,
  sendRequestSchema,
  statusSchema,
  ticketSchema,
  unmatchedStatusPageSchema,
  versionSchema,
} from './api-schemas.ts'
import { AUDIT } from './audit-operations.ts'
import { CONTACTS } from './contact-operations.ts'
import { ERASURES } from './erasure-operations.ts'
import { KEYS } from './key-operations.ts'
import { MEDIA } from './media-operations.ts'
import { NOTICES } from './notice-operations.ts'
import { PEOPLE } from './people-operations.ts'
import { SEARCH } from './search-operations.ts'
import { SIGN_IN } from './sign-in-operations.ts'

const CONVERSATION_ID = inPath('id', 'A conversation’s id.')
const MESSAGE_ID = inPath('id', 'A message’s id.')
const idempotency = (charsMax: number, description: string): Parameter => ({
  name: 'Idempotency-Key',
  in: 'header',
  description,
  schema: Type.String({ minLength: 1, maxLength: charsMax }),
})
const NUMBER = inPath('number', 'The platform’s id of the number.')

const MESSAGES: readonly Operation[] = [
  {
    id: 'sendMessage',
    method: 'post',
    path: '/api/v1/messages',
    tag: 'Messages',
    needs: 'messages.reply',
    summary: 'Send a message',
    description:
      'The platform’s own message object with our members beside it. It is on disk before it is answered; when it leaves is ' +
      'for the number’s limit, its class and its deadline to say. Within 24 hours of the customer’s last message anything may ' +
      'be sent, later only a template.',
    parameters: [
      idempotency(255, 'Known for 7 days: the same request with the same key is answered again and sent once.'),
    ],
    body: {
      schema: sendRequestSchema,
      required: true,
      examples: { 'A reply': EXAMPLES.sendText, 'A template': EXAMPLES.sendTemplate },
    },
    answers: {
      202: { description: 'Queued.', schema: queuedSchema, example: EXAMPLES.queued },
      200: {
        description: 'The same request was taken before: its answer again.',
        schema: queuedSchema,
        example: EXAMPLES.queued,
      },
    },
    refuses: [
      'sender_required',
      'not_found',
      'conflict',
      'idempotency_mismatch',
      'window_closed',
      'number_paused',
      'unavailable',
    ],
    key: 'always',
  },
  {
    id: 'sendMessages',
    method: 'post',
    path: '/api/v1/messages/batch',
    tag: 'Messages',
    needs: 'messages.reply',
    summary: 'Send up to 500 messages',
    description:
      'Each is taken or refused by itself, in order. `idempotency_key` goes into each message; a header `Idempotency-Key` holds for those without one.',
    parameters: [
      idempotency(250, 'With its place in the list it is the key of each message that has none of its own.'),
    ],
    body: { schema: batchRequestSchema, required: true, examples: { 'Two, one of them wrong': EXAMPLES.batchRequest } },
    answers: ok('One result for each message.', batchSchema, EXAMPLES.batch),
    key: 'always',
  },
  {
    id: 'getMessage',
    method: 'get',
    path: '/api/v1/messages/{id}',
    tag: 'Messages',
    summary: 'Read a message with its timeline',
    description: 'Of a message to a group also how far it is with each person.',
    parameters: [
      MESSAGE_ID,
      query(
        'revoked',
        Type.Literal('show'),
        'Shows what its author took back, as far as it is kept and you may read it.',
      ),
    ],
    answers: ok('The message.', messageSchema, EXAMPLES.message),
    refuses: ['not_found', 'forbidden'],
    key: 'always',
  },
  {
    id: 'cancelMessage',
    method: 'post',
    path: '/api/v1/messages/{id}/cancel',
    tag: 'Messages',
    needs: 'messages.cancel',
    summary: 'Take a queued or held message back',
    parameters: [MESSAGE_ID],
    answers: ok('It will not leave.', messageStateSchema, EXAMPLES.cancelled),
    refuses: ['not_found', 'conflict'],
    key: 'always',
  },
  {
    id: 'retryMessage',
    method: 'post',
    path: '/api/v1/messages/{id}/retry',
    tag: 'Messages',
    needs: 'messages.cancel',
    summary: 'Send a failed, held or expired message again',
    description: 'With a new deadline. Of a message held in doubt it is you who says that it may go out twice.',
    parameters: [MESSAGE_ID],
    answers: { 202: { description: 'Queued again.', schema: messageStateSchema, example: EXAMPLES.retried } },
    refuses: ['not_found', 'conflict', 'window_closed', 'number_paused'],
    key: 'always',
  },
]

const CONVERSATIONS: readonly Operation[] = [
  {
    id: 'listConversations',
    method: 'get',
    path: '/api/v1/conversations',
    tag: 'Conversations',
    summary: 'List conversations, newest activity first',
    parameters: PAGE,
    answers: ok('A page.', conversationPageSchema, EXAMPLES.conversations),
    key: 'always',
  },
  {
    id: 'getConversation',
    method: 'get',
    path: '/api/v1/conversations/{id}',
    tag: 'Conversations',
    summary: 'Read a conversation',
    parameters: [CONVERSATION_ID],
    answers: ok('The conversation.', conversationViewSchema, EXAMPLES.conversation),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'listMessages',
    method: 'get',
    path: '/api/v1/conversations/{id}/messages',
    tag: 'Conversations',
    summary: 'List its messages, newest first',
    parameters: [CONVERSATION_ID, ...PAGE],
    answers: ok('A page.', messagePageSchema, EXAMPLES.messages),
    refuses: ['not_found'],
    key: 'always',
  },
  {
    id: 'readConversation',
    method: 'post',
    path: '/api/v1/conversations/{id}/read',
    tag: 'Conversations',
    needs: 'messages.reply',
    summary: 'Mark as read',
    parameters: [CONVERSATION_ID],
    body: { schema: readRequestSchema, required: false, examples: { 'Up to a message': EXAMPLES.readRequest } },
    answers: ok('How many are still unread.', readSchema, EXAMPLES.read),
    refuses: ['not_found'],
    key: 'always',
  },
]

const NUMBERS: readonly Operation[] = [
  {
    id: 'listNumbers',
    method: 'get',
    path: '/api/v1/numbers',
    tag: 'Numbers',
    needs: 'numbers.see',
    summary: 'List numbers',
    parameters: PAGE,
    answers: ok('A page.', numberPageSchema, EXAMPLES.numbers),
    key: 'always',
  },
  {
    id: 'pauseNumber',
    method: 'post',
    path: '/api/v1/numbers/{number}/pause',
    tag: 'Numbers',
    needs: 'numbers.manage',
    summary: 'Stop sending from a number',
    description: 'What is queued waits, up to its deadline.',
    parameters: [NUMBER],
    answers: ok('It is paused.', numberStateSchema, EXAMPLES.numberState),
    refuses: ['number_paused'],
    key: 'always',
  },
  {
    id: 'resumeNumber',
    method: 'post',
    path: '/api/v1/numbers/{number}/resume',
    tag: 'Numbers',
    needs: 'numbers.manage',
    summary: 'Send from it again',
    parameters: [NUMBER],
    answers: ok('It is active.', numberStateSchema, { ...EXAMPLES.numberState, state: 'active' }),
    refuses: ['number_paused'],
    key: 'always',
  },
]

const STATUSES: readonly Operation[] = [
  {
    id: 'listUnmatchedStatuses',
    method: 'get',
    path: '/api/v1/statuses/unmatched',
    tag: 'Numbers',
    needs: 'numbers.see',
    summary: 'List statuses of messages that were not sent from here',
    description:
      'Newest first. Another system, or a phone, sends with the same number, and the platform tells everybody what became ' +
      'of it. A message of ours is in this list for a moment where its status comes before the answer to its send.',
    parameters: PAGE,
    answers: ok('A page.', unmatchedStatusPageSchema, EXAMPLES.unmatchedStatuses),
    key: 'always',
  },
]

const EVENTS: readonly Operation[] = [
  {
    id: 'getMe',
    method: 'get',
    path: '/api/v1/me',
    tag: 'Events',
    summary: 'Who am I, and where does the log stand',
    answers: ok('Your role, and the log’s epoch and head.', meSchema, EXAMPLES.me),
    key: 'always',
  },
  {
    id: 'listEvents',
    method: 'get',
    path: '/api/v1/events',
    tag: 'Events',
    summary: 'What the socket would show',
    description:
      'Kept for 8 days by default. An offset that is not kept any more, or is of another epoch, is `offset_gone`.',
    parameters: [
      query('after', Type.Integer({ minimum: 0 }), 'Exclusive. 0: the oldest that is kept. Absent: the head.'),
      query('limit', Type.Integer({ minimum: 1, maximum: 500, default: 500 }), 'Events at most.'),
      query(
        'wait',
        Type.Integer({ minimum: 0, maximum: 60, default: 0 }),
        'Seconds to wait where there is no news yet.',
      ),
      query('epoch', Type.String(), 'The epoch that `after` belongs to.'),
    ],
    answers: ok('Events in order.', eventsSchema, EXAMPLES.events),
    refuses: ['offset_gone', 'unavailable'],
    key: 'always',
  },
  {
    id: 'issueTicket',
    method: 'post',
    path: '/api/v1/realtime/tickets',
    tag: 'Events',
    summary: 'A ticket for one socket',
    answers: ok('Good once, within 30 seconds, from this origin.', ticketSchema, EXAMPLES.ticket),
    refuses: ['rate_limited'],
    key: 'always',
  },
  {
    id: 'openSocket',
    method: 'get',
    path: '/realtime',
    tag: 'Events',
    summary: 'The WebSocket',
    description: 'With the subprotocols `gatehouse.v1` and `ticket.<ticket>`. Its frames are in `/api/asyncapi.json`.',
    answers: {
      101: { description: 'The socket is open; the server speaks first. A spent ticket is told by close code 4500.' },
      426: {
        description: '`invalid`: no upgrade to a WebSocket is asked for, or `gatehouse.v1` is not offered.',
        schema: problemSchema,
        contentType: 'application/problem+json',
      },
    },
    refuses: ['unauthorized', 'forbidden', 'unavailable'],
    key: 'never',
  },
]

const WEBHOOKS: readonly Operation[] = [
  {
    id: 'answerHandshake',
    method: 'get',
    path: '/webhooks/{channel}/{app}',
    tag: 'Webhooks',
    summary: 'The platform asks whether the address is ours',
    parameters: [inPath('channel', '`whatsapp`.'), inPath('app', 'The app’s id in the configuration.')],
    answers: { 200: { description: 'The challenge.', contentType: 'text/plain', schema: Type.String() } },
    refuses: ['forbidden', 'not_found'],
    key: 'never',
  },
  {
    id: 'takeWebhook',
    method: 'post',
    path: '/webhooks/{channel}/{app}',
    tag: 'Webhooks',
    summary: 'The platform says what happened',
    description:
      'Signed over the raw bytes (`X-Hub-Signature-256`). It is on disk before it is answered. What is signed and cannot be ' +
      'understood is kept aside and answered 200. 503 asks the platform to come again.',
    parameters: [inPath('channel', '`whatsapp`.'), inPath('app', 'The app’s id in the configuration.')],
    body: { schema: anyObjectSchema, required: true, examples: {} },
    answers: { 200: { description: 'It is kept.', contentType: 'text/plain', schema: Type.String() } },
    refuses: ['invalid', 'unauthorized', 'not_found', 'unavailable'],
    key: 'never',
  },
]

const page = (id: string, path: string, summary: string, contentType: string): Operation => ({
  id,
  method: 'get',
  path,
  tag: 'Operations',
  summary,
  answers: {
    200: {
      description: summary,
      contentType,
      schema: contentType === 'application/json' ? anyObjectSchema : Type.String(),
    },
  },
  key: 'never',
})

const OPERATIONS_OF_HOUSE: readonly Operation[] = [
  {
    id: 'getHealth',
    method: 'get',
    path: '/healthz',
    tag: 'Operations',
    summary: 'The process is alive',
    answers: ok('It is.', statusSchema, EXAMPLES.health),
    key: 'never',
  },
  {
    id: 'getReadiness',
    method: 'get',
    path: '/readyz',
    tag: 'Operations',
    summary: 'Whether requests are taken',
    description: 'Does not depend on the platform.',
    answers: {
      ...ok('Ready.', readinessSchema, EXAMPLES.readiness),
      503: {
        description: 'Not ready, and why.',
        schema: readinessSchema,
        example: { ready: false, checks: { serving: false, journal: true, book: true, space: true } },
      },
    },
    key: 'never',
  },
  {
    id: 'getVersion',
    method: 'get',
    path: '/version',
    tag: 'Operations',
    summary: 'What runs here',
    answers: ok('The version.', versionSchema, EXAMPLES.version),
    key: 'never',
  },
  {
    id: 'getMetrics',
    method: 'get',
    path: '/metrics',
    tag: 'Operations',
    summary: 'Metrics for Prometheus',
    answers: { 200: { description: 'The text exposition format.', contentType: 'text/plain', schema: Type.String() } },
    refuses: ['unauthorized'],
    key: 'elsewhere than on this machine',
  },
  page('getOpenapi', '/api/openapi.json', 'This document', 'application/json'),
  page('getAsyncapi', '/api/asyncapi.json', 'The socket’s document', 'application/json'),
  page('getDocs', '/api/docs', 'Both, to be read', 'text/html'),
  page('getConsole', '/', 'The console', 'text/html'),
]

/** Every operation there is. A test holds this list and the server's routes to each other. */
export const OPERATIONS: readonly Operation[] = [
  ...MESSAGES,
  ...CONVERSATIONS,
  ...CONTACTS,
  ...ERASURES,
  ...AUDIT,
  ...KEYS,
  ...SIGN_IN,
  ...PEOPLE,
  ...SEARCH,
  ...MEDIA,
  ...NUMBERS,
  ...STATUSES,
  ...NOTICES,
  ...EVENTS,
  ...WEBHOOKS,
  ...OPERATIONS_OF_HOUSE,
]
