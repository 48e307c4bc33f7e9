import { Elysia } from 'elysia'
import type { Channel } from '../channels/channel.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import { toTime, yieldToLoop } from '../core/clock.ts'
import { Failure, failureData, problemOf } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import type { MessageClass } from '../core/message.ts'
import { MAIN_WORKSPACE, type Principal } from '../core/principal.ts'
import { may } from '../people/may-see.ts'
import type { Tickets } from '../realtime/tickets.ts'
import { readConversation } from '../records/conversation.ts'
import type { Ask } from '../records/inputs.ts'
import type { NoticeReader } from '../records/notice-reader.ts'
import { type NumberRow, setNumberState } from '../records/number.ts'
import { readIdCursor } from '../records/page.ts'
import { isMeant, type QueueMessage, queueMessage } from '../records/queue-message.ts'
import { numberView, type Reader } from '../records/reader.ts'
import { cancelMessage, retryMessage } from '../records/send-message.ts'
import { BODY_BYTES_MAX, knownBody, knownMembers, readJson } from './body.ts'
import type { ClientAddresses } from './client-address.ts'
import {
  getContact,
  listContacts,
  listConversationsOf,
  lookUpContact,
  mergeContact,
  patchContact,
  unmergeContacts,
} from './contacts-api.ts'
import type { EventsPoll } from './events-poll.ts'
import { type KeyDependencies, listKeys, makeKey, revokeKey } from './keys-api.ts'
import { getNotice, listNotices, listTemplates } from './notices.ts'
import {
  type Asked,
  asksForRevoked,
  found,
  idOf,
  integerOf,
  json,
  numbersSeen,
  pageOf,
  type RouteDependencies,
  type Rule,
  requireMay,
  route,
  seeOf,
} from './route.ts'
import { SEARCH_QUERY, type SearchDependencies, search, searchByHand } from './search.ts'
import { readSendRequest } from './send-request.ts'

/** 500 messages of 4,096 characters, each up to three bytes, and what is around them. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024
const BATCH_MAX = 500
/** Of them, those that are asked for before others have their turn: a few milliseconds. */
const BATCH_SLICE = 20
/** Leaves room for the place of a message behind it. */
const BATCH_KEY_CHARS_MAX = 250
const EVENTS_MAX = 500
/** The query parameters of every list. */
const PAGE = ['limit', 'cursor']
const WAIT_SECONDS_MAX = 60

export interface ApiDependencies extends RouteDependencies, SearchDependencies, KeyDependencies {
  ask: Ask
  reader: Reader
  notices: NoticeReader
  events: EventsPoll
  tickets: Tickets
  addresses: ClientAddresses
  /** The channel that sends; one for now. */
  channel: Channel
  /** The deadline of each class, as the operator has it now. */
  deadlineMs(): Readonly<Record<MessageClass, number>>
  /** A keyed hash, for idempotency keys and requests. */
  hash(text: string): Uint8Array
  /** What a message of a class would wait for on each number, and whether there is room for it. */
  predict(
    messageClass: MessageClass,
    isMeant: (number: NumberRow) => boolean,
  ): Pick<QueueMessage, 'predictions' | 'hasRoom'>
  /** Why a message that waits in the dispatcher waits, and when it leaves. */
  explain(messageId: number): { leavesAtMs: number | null; waitsFor: string | null } | undefined
  isAccepting(): boolean
}

type Handle = (asked: Asked) => Promise<Response | object>
type SendAnswer = { status: number; body: object }

/** `/api/v1`: everything the console and outside programs do. */
export function apiRoutes(deps: ApiDependencies): Elysia {
  const app = new Elysia({ name: 'api', prefix: '/api/v1' })
  const raw = { parse: 'none' } as const
  const get = (pattern: string, rule: Rule, handle: Handle, query: readonly string[] = []) =>
    void app.get(pattern, route(deps, { pattern: `/api/v1${pattern}`, rule }, handle, query))
  const post = (pattern: string, rule: Rule, handle: Handle) =>
    void app.post(pattern, route(deps, { pattern: `/api/v1${pattern}`, rule }, handle), raw)
  const patch = (pattern: string, rule: Rule, handle: Handle) =>
    void app.patch(pattern, route(deps, { pattern: `/api/v1${pattern}`, rule }, handle), raw)
  const remove = (pattern: string, rule: Rule, handle: Handle) =>
    void app.delete(pattern, route(deps, { pattern: `/api/v1${pattern}`, rule }, handle), raw)

  get('/me', 'anybody known', async (asked) => me(deps, asked))
  get('/numbers', 'numbers.see', async (asked) => listNumbers(deps, asked), PAGE)
  post('/numbers/:number/pause', 'numbers.manage', async (asked) => setState(deps, asked, 'paused'))
  post('/numbers/:number/resume', 'numbers.manage', async (asked) => setState(deps, asked, 'active'))

  get('/statuses/unmatched', 'numbers.see', async (asked) => listUnmatchedStatuses(deps, asked), PAGE)

  const { reader } = deps
  const conversations: Handle = async ({ query, principal }) => reader.conversations(pageOf(query), seeOf(principal))
  get('/conversations', 'anybody known', conversations, PAGE)
  get('/conversations/:id', 'anybody known', async ({ params, principal }) =>
    found(await reader.conversation(idOf('conversation', params), seeOf(principal)), 'conversation'),
  )
  get(
    '/conversations/:id/messages',
    'anybody known',
    async ({ params, query, principal }) =>
      found(await reader.messages(idOf('conversation', params), pageOf(query), seeOf(principal)), 'conversation'),
    PAGE,
  )
  post('/conversations/:id/read', 'messages.reply', async (asked) => markRead(deps, asked))

  post('/messages', 'messages.reply', async (asked) => sendOne(deps, asked))
  post('/messages/batch', 'messages.reply', async (asked) => sendMany(deps, asked))
  get('/messages/:id', 'anybody known', async (asked) => getMessage(deps, asked), ['revoked'])
  post('/messages/:id/cancel', 'messages.cancel', async (asked) => cancel(deps, asked))
  post('/messages/:id/retry', 'messages.cancel', async (asked) => sendAgain(deps, asked))

  post('/search', 'search.use', (asked) => search(deps, asked))
  get('/search', 'search.use', (asked) => searchByHand(deps, asked), SEARCH_QUERY)

  get('/notices', 'notices.read', async (asked) => listNotices(deps, asked), [...PAGE, 'severity', 'field'])
  get('/notices/:id', 'notices.read', async (asked) => getNotice(deps, asked))
  get('/templates', 'templates.see', async (asked) => listTemplates(deps, asked), PAGE)

  get('/contacts', 'contacts.see_names', (asked) => listContacts(deps, asked), PAGE)
  post('/contacts/lookup', 'contacts.see_names', (asked) => lookUpContact(deps, asked))
  get('/contacts/:id', 'contacts.see_names', (asked) => getContact(deps, asked))
  patch('/contacts/:id', 'contacts.change', (asked) => patchContact(deps, asked))
  get('/contacts/:id/conversations', 'anybody known', (asked) => listConversationsOf(deps, asked), PAGE)
  post('/contacts/:id/merge', 'contacts.change', (asked) => mergeContact(deps, asked))
  post('/contacts/:id/unmerge', 'contacts.change', (asked) => unmergeContacts(deps, asked))

  get('/keys', 'keys.manage', async (asked) => listKeys(deps, asked), PAGE)
  post('/keys', 'keys.manage', (asked) => makeKey(deps, asked))
  remove('/keys/:id', 'keys.manage', (asked) => revokeKey(deps, asked))

  const events: Handle = async (asked) => listEvents(deps, asked)
  get('/events', 'anybody known', events, ['after', 'limit', 'wait', 'epoch'])
  // A ticket costs no more than a refusal, and all screens of a firm come back at once: it has a bound of its own.
  const ticketDeps = { ...deps, admit: () => {} }
  app.post(
    '/realtime/tickets',
    route(ticketDeps, { pattern: '/api/v1/realtime/tickets', rule: 'anybody known' }, (asked) =>
      issueTicket(deps, asked),
    ),
    raw,
  )
  return app as unknown as Elysia
}

/** The address shows an operator whether the proxy in front is believed. */
function me({ reader, addresses }: ApiDependencies, { principal, request, server }: Asked): object {
  const address = addresses.of(request, server)
  const permissions = [...principal.permissions].sort()
  return { role: principal.role, permissions, epoch: reader.epoch(), head: reader.head(), address }
}

/** In the order in which the house came to know them. */
function listNumbers(deps: ApiDependencies, { query, principal }: Asked): object {
  const { limit, cursor } = pageOf(query)
  const after = readIdCursor(cursor, 0)
  const left = numbersSeen(deps.reader, principal).filter(({ id }) => id > after)
  const shown = left.slice(0, limit)
  const last = shown.at(-1)
  const next = left.length > limit && last ? last.id.toString(36) : null
  const nowMs = deps.clock.epochMs()
  const items = shown.map((row) => ({ ...numberView(row), ...deps.notices.factsOf(row, nowMs) }))
  return { items, next, as_of: deps.reader.head() }
}

/** The platform's own object names the customer, and so is for those who may see phone numbers. */
function listUnmatchedStatuses({ reader }: ApiDependencies, { query, principal }: Asked): object {
  const showObject = may(principal, 'contacts.see_phones')
  return reader.unmatchedStatuses({ ...pageOf(query), showObject }, seeOf(principal))
}

async function setState(
  deps: ApiDependencies,
  { request, params, principal }: Asked,
  state: 'active' | 'paused',
): Promise<object> {
  const number = found(
    numbersSeen(deps.reader, principal).find((row) => row.account === params['number']),
    'number',
  )
  await knownBody(request, [])
  await deps.ask(setNumberState, { numberId: number.id, state, reason: state === 'paused' ? 'operator' : null })
  return { number: number.account, state }
}

async function markRead(deps: ApiDependencies, { request, params, principal }: Asked): Promise<object> {
  const conversationId = idOf('conversation', params)
  if (!deps.reader.canSeeConversation(conversationId, seeOf(principal)))
    throw new Failure('not_found', 'No such conversation')
  const body = await knownBody(request, ['upto'])
  const upto = body['upto'] === undefined ? null : readId('message', String(body['upto']))
  if (upto === undefined) throw new Failure('invalid', 'Wrong member: /upto must be a message id', { path: '/upto' })
  const { unread } = await deps.ask(readConversation, { conversationId, uptoMessageId: upto })
  return { id: params['id'], unread }
}

async function sendOne(deps: ApiDependencies, { request, principal }: Asked): Promise<Response> {
  const body = await readJson(request, BODY_BYTES_MAX)
  const { status, body: answer } = await send(deps, principal, {
    body,
    keyInHeader: request.headers.get('idempotency-key'),
  })
  return json(answer, status)
}

async function sendMany(deps: ApiDependencies, { request, principal }: Asked): Promise<object> {
  const body = await readJson(request, BATCH_BYTES_MAX)
  const { messages } = body
  knownMembers(body, ['messages'])
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > BATCH_MAX) {
    throw new Failure('invalid', `Wrong member: /messages must be a list of 1 to ${BATCH_MAX} messages`, {
      path: '/messages',
    })
  }
  const key = readBatchKey(request.headers.get('idempotency-key'))
  // Asked for in order, and none waits for another: the book takes them in that order, many to a commit.
  const results: Promise<object>[] = []
  for (const [index, message] of messages.entries()) {
    const result = sendInBatch(deps, principal, { message, index, key })
    // What it ends with is heard below, and not before the others are asked for.
    result.catch(() => {})
    results.push(result)
    if (results.length % BATCH_SLICE === 0) await yieldToLoop()
  }
  return { results: await Promise.all(results) }
}

/** The key of a whole batch: with its place it is the key of each message in it that has none of its own. */
function readBatchKey(inHeader: string | null): string | null {
  if (inHeader === null || (inHeader.length >= 1 && inHeader.length <= BATCH_KEY_CHARS_MAX)) return inHeader
  throw new Failure('invalid', `The Idempotency-Key header of a batch must be 1 to ${BATCH_KEY_CHARS_MAX} characters`)
}

async function sendInBatch(
  deps: ApiDependencies,
  principal: Principal,
  { message, index, key }: { message: unknown; index: number; key: string | null },
): Promise<object> {
  try {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) {
      throw new Failure('invalid', 'A message must be a JSON object', { path: '' })
    }
    const keyInHeader = key === null || 'idempotency_key' in message ? null : `${key}/${index}`
    return (await send(deps, principal, { body: message as Record<string, unknown>, keyInHeader })).body
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const data = failureData(error)
    const path = data.members['path']
    return problemOf({
      ...data,
      members: { ...data.members, ...(typeof path === 'string' ? { path: `/messages/${index}${path}` } : {}) },
    })
  }
}

async function send(
  deps: ApiDependencies,
  principal: Principal,
  { body, keyInHeader }: { body: Record<string, unknown>; keyInHeader: string | null },
): Promise<SendAnswer> {
  if (!deps.isAccepting())
    throw new Failure('unavailable', 'Stopping, or nothing can be stored now: send again later', {
      retry_after_ms: 5000,
    })
  const ask = readSendRequest(body, deps.channel, { deadlineMs: deps.deadlineMs(), idempotencyKey: keyInHeader })
  if (ask.prepared.type === 'template') requireMay(principal, 'messages.start')
  if (ask.takeOver) requireMay(principal, 'conversations.take_over')
  // Its key is no part of what is asked for: it may stand in the header the next time.
  const { idempotency_key: _, ...said } = body
  const idempotency =
    ask.idempotencyKey === null
      ? null
      : {
          keyHash: deps.hash(`${keySpaceOf(principal)}:${ask.idempotencyKey}`),
          requestHash: deps.hash(`body:${canonicalJson(said)}`),
        }
  const own = ownNumber(deps, principal, ask.recipient)
  const { repeated, answer } = await deps.ask(queueMessage, {
    recipient: ask.recipient,
    sender: ask.sender,
    type: ask.prepared.type,
    content: ask.prepared.content,
    class: ask.class,
    deadlineMs: ask.deadlineMs,
    whenInDoubt: ask.whenInDoubt,
    reference: ask.reference,
    callerData: ask.callerData,
    takeOver: ask.takeOver,
    idempotency,
    workspaceId: principal.workspaceId,
    // Whoever sees a conversation may answer in it, whatever its number.
    numberIds: principal.numberIds && [...principal.numberIds, ...(own === undefined ? [] : [own])],
    answersIn: principal.personId === null ? null : principal.scope,
    ...deps.predict(ask.class, (number) => isMeant(number, ask.sender, own)),
  })
  return { status: repeated ? 200 : 202, body: answer }
}

/** Two workspaces may use the same key, and two people, and keys of other numbers: nobody learns what others sent. */
function keySpaceOf({ workspaceId, personId, numberIds }: Principal): string {
  const space = workspaceId === MAIN_WORKSPACE ? 'key' : `key of ${workspaceId}`
  if (personId !== null) return `${space} and person ${personId}`
  return numberIds === null ? space : `${space} and numbers ${numberIds.join()}`
}

/** The number of the conversation that a message goes to; undefined where it goes to a person. */
function ownNumber(
  { reader }: ApiDependencies,
  principal: Principal,
  recipient: QueueMessage['recipient'],
): number | undefined {
  if (recipient.kind !== 'conversation') return undefined
  const own = reader.numberOfConversation(recipient.id, seeOf(principal))
  if (own === undefined) throw new Failure('not_found', 'No such conversation', { path: '/to' })
  return own
}

/** While it waits to be sent, a message says what for and until when. */
async function getMessage(deps: ApiDependencies, { params, query, principal }: Asked): Promise<object> {
  const id = idOf('message', params)
  const view = found(await deps.reader.message(id, seeOf(principal), wantsRevoked(query, principal)), 'message')
  if (view['state'] !== 'queued') return view
  // What is not in the dispatcher's memory waits in the records for a place there.
  const { leavesAtMs, waitsFor } = deps.explain(id) ?? { leavesAtMs: null, waitsFor: 'queue' }
  return { ...view, leaves_at: leavesAtMs === null ? null : toTime(leavesAtMs), waits_for: waitsFor }
}

/** What its author took back is shown only where it is asked for, and not to everybody. */
function wantsRevoked(query: URLSearchParams, principal: Principal): boolean {
  if (!asksForRevoked(query)) return false
  requireMay(principal, 'messages.read_revoked')
  return true
}

async function cancel(deps: ApiDependencies, asked: Asked): Promise<object> {
  const messageId = visibleMessage(deps, asked)
  await knownBody(asked.request, [])
  return { id: asked.params['id'], ...(await deps.ask(cancelMessage, { messageId })) }
}

async function sendAgain(deps: ApiDependencies, asked: Asked): Promise<Response> {
  const deadlineMs = deps.deadlineMs()
  const messageId = visibleMessage(deps, asked)
  await knownBody(asked.request, [])
  const state = await deps.ask(retryMessage, { messageId, deadlineMs })
  return json({ id: asked.params['id'], ...state }, 202)
}

function visibleMessage(deps: ApiDependencies, { params, principal }: Asked): number {
  const messageId = idOf('message', params)
  found(deps.reader.conversationOfMessage(messageId, seeOf(principal)), 'message')
  return messageId
}

async function listEvents(deps: ApiDependencies, { query, principal, request }: Asked): Promise<Response> {
  const after = query.has('after')
    ? integerOf(query, 'after', { min: 0, max: Number.MAX_SAFE_INTEGER, absent: 0 })
    : null
  const text = await deps.events.answer(
    {
      after,
      epoch: query.get('epoch'),
      limit: integerOf(query, 'limit', { min: 1, max: EVENTS_MAX, absent: EVENTS_MAX }),
      waitMs: 1000 * integerOf(query, 'wait', { min: 0, max: WAIT_SECONDS_MAX, absent: 0 }),
      signal: request.signal,
    },
    principal,
  )
  return new Response(text, { headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' } })
}

async function issueTicket(deps: ApiDependencies, { principal, request }: Asked): Promise<Response> {
  await knownBody(request, [])
  const issued = deps.tickets.issue({
    viewer: principal,
    byApiKey: principal.by === 'api_key',
    origin: request.headers.get('origin'),
  })
  return json({ ticket: issued.ticket, expires_at: toTime(issued.expiresAtMs) })
}
