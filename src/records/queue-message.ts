import { must } from '../core/assert.ts'
import { DAY_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import type { PersonReference } from '../core/inbound.ts'
import type { MessageClass, WhenInDoubt } from '../core/message.ts'
import { isWithin, type Scope, type Standpoint } from '../core/principal.ts'
import { tieAct } from './act-effect.ts'
import { CLASS, CONTACT_KIND, DIRECTION, DOUBT, FLAG_ACT, NUMBER_STATE, STATE } from './codes.ts'
import { addressIn, contactOf, type KnownContact } from './contact.ts'
import { familyOf } from './contact-merge.ts'
import { contactById, contactOfPerson } from './contact-row.ts'
import { type ConversationRow, conversationById, conversationOf, touchConversation } from './conversation.ts'
import { type GroupProfile, requireOpenGroup } from './group.ts'
import { openWindowOfStandby } from './handover.ts'
import { type References, resolveReferences } from './message-reference.ts'
import { NUMBER_COLUMNS, type NumberRow, numberById } from './number.ts'
import { bodyPlace, changeState, upstreamHash } from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Seven days: how long a repeated request is known by its key. */
export const IDEMPOTENCY_KEEP_MS = 7 * DAY_MS

/** Whom a message is for. */
export type Recipient = { kind: 'conversation'; id: number } | { kind: 'person'; person: PersonReference }

/** Which of our numbers it leaves from; null leaves the choice to the rules. */
export type Sender = { kind: 'number'; account: string } | { kind: 'pool'; pool: string } | null

export interface QueueMessage {
  /** Where whoever asks stands: no number and no conversation of another is known there. */
  workspaceId: number
  recipient: Recipient
  sender: Sender
  type: string
  /** The platform's own object: the type, the type's object, the context. */
  content: Record<string, unknown>
  class: MessageClass
  deadlineMs: number
  whenInDoubt: WhenInDoubt
  reference: string | null
  callerData: string | null
  /** Whether it may go to a thread that another application owns, and so take it over. */
  takeOver?: boolean
  /** Keyed hashes of the idempotency key and of the whole request; null without a key. */
  idempotency: { keyHash: Uint8Array; requestHash: Uint8Array } | null
  /** How long a message of this class would wait now on each number that it may leave from, by the dispatcher's prediction. */
  predictions: { numberId: number; waitMs: number; waitsFor: string | null }[]
  /** The numbers that whoever asks may send from; null: all. */
  numberIds: readonly number[] | null
  /** The conversations that whoever asks may answer in; null: all. A template goes to anybody: it opens none. */
  answersIn: Scope | null
  /** Whether the queue has room; asked by the caller, refused here so that a repeat is still answered. */
  hasRoom: boolean
}

export interface QueuedAnswer {
  id: string
  state: string
  leaves_at: string | null
  waits_for: string | null
  conversation_id: string
}

/** Accepts a message for sending. With a known idempotency key it only repeats the first answer. */
export const queueMessage = input('message.queue', async (tx: Tx, ask: QueueMessage, context: InputContext) => {
  const repeated = await answerOfRepeat(tx, ask, context.wallMs)
  if (repeated) return { repeated: true, answer: repeated }
  if (!ask.hasRoom) throw new Failure('unavailable', 'The queue is full: send again later', { retry_after_ms: 1000 })

  const { conversation, person, number } = await placeOf(tx, ask, context)
  await requireAnswerable(tx, ask, conversation)
  requireSendable(ask, conversation, number)
  await requireWindow(tx, ask, conversation, context.wallMs)
  const { content, replyId, reactsTo } = await resolveReferences(tx, ask.content, conversation.id)

  const id = context.ids.next()
  await tx.run(
    `INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, body, flags, reply_id)
     VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
    id,
    conversation.id,
    context.now,
    DIRECTION.code('out'),
    ask.type,
    STATE.code('queued'),
    tx.seal(person, bodyPlace(id), JSON.stringify(content)),
    reactsTo ? FLAG_ACT : 0,
    replyId,
  )
  const deadlineAtMs = context.now + ask.deadlineMs
  await insertOutbound(tx, ask, { id, person, numberId: number.id, deadlineAtMs, token: context.ids.random() })
  if (reactsTo) await react(tx, { id, at: context.now }, reactsTo)
  else await touchConversation(tx, conversation, { ...QUIETLY, id, atMs: context.now })
  const message = { id, conversationId: conversation.id, numberId: number.id, person, state: 'queued' as const }
  await changeState(
    tx,
    { ...message, class: CLASS.code(ask.class), attempt: 0, type: ask.type, hasUpstream: false },
    { state: 'queued', reason: null, source: 'api', atMs: context.now, attempt: 0 },
  )
  tx.wake({
    kind: 'queued',
    messageId: id,
    numberId: number.id,
    conversationId: conversation.id,
    class: ask.class,
    deadlineAtMs,
    notBeforeMs: 0,
  })
  const answer = answerOf(ask, { id, conversationId: conversation.id, numberId: number.id, now: context.now })
  await rememberAnswer(tx, ask, { id, answer, now: context.now })
  return { repeated: false, answer }
})

/** What we write is not unread, opens no window and says nothing about who owns the thread. */
const QUIETLY = { unread: false, windowExpiresAtMs: null, isStandby: null } as const

/** A reaction is not in the thread: it is an act on the message it is about, once the platform has taken it. */
async function react(
  tx: Tx,
  act: { id: number; at: number },
  { upstreamId, target }: NonNullable<References['reactsTo']>,
): Promise<void> {
  await tieAct(tx, { ...act, kind: 'reaction', targetHash: upstreamHash(tx, 'messages', upstreamId), target })
}

/**
 * Forgets idempotency keys older than seven days, a bounded number at a time. By the wall clock: where that was ahead for a
 * moment and set back, they are not too old.
 */
export const purgeIdempotency = input('idempotency.purge', async (tx: Tx, _ask: null, { wallMs }: InputContext) => {
  const purged = await tx.run(
    'DELETE FROM idempotency WHERE key_hash IN (SELECT key_hash FROM idempotency WHERE at < ?1 LIMIT 500)',
    wallMs - IDEMPOTENCY_KEEP_MS,
  )
  return { purged }
})

async function answerOfRepeat(tx: Tx, ask: QueueMessage, wallMs: number): Promise<QueuedAnswer | undefined> {
  if (!ask.idempotency) return undefined
  const known = await tx.one<{ request_hash: Uint8Array; answer: string }>(
    'SELECT request_hash, answer FROM idempotency WHERE key_hash = ?1 AND at >= ?2',
    ask.idempotency.keyHash,
    wallMs - IDEMPOTENCY_KEEP_MS,
  )
  if (!known) return undefined
  if (Buffer.compare(known.request_hash, ask.idempotency.requestHash) !== 0) {
    throw new Failure('idempotency_mismatch', 'This idempotency key was used for another request in the last 7 days')
  }
  return JSON.parse(known.answer) as QueuedAnswer
}

interface Place {
  conversation: ConversationRow
  person: number
  number: NumberRow
}

async function placeOf(tx: Tx, ask: QueueMessage, context: InputContext): Promise<Place> {
  if (ask.recipient.kind === 'conversation') return await placeInConversation(tx, ask, ask.recipient.id, context)
  const number = await chooseNumber(tx, ask, ask.recipient.person)
  const contact = await contactOf(tx, number.portfolio, ask.recipient.person, { ...context, source: 'api' })
  const place = contact.hasJoined ? await placeInFamily(tx, contact, number) : contact
  const conversation = await conversationOf(tx, number, place.id, context)
  return { conversation, person: place.person, number }
}

/**
 * Whose conversation it goes into. The thread of another member of the family is the right one only where nothing is
 * left that this member was known by: otherwise it would leave for another address than the one that was named.
 */
async function placeInFamily(
  tx: Tx,
  contact: KnownContact,
  number: NumberRow,
): Promise<Pick<KnownContact, 'id' | 'person'>> {
  const named = must(await contactById(tx, contact.id), 'the contact that was found')
  const threads = await tx.all<{ id: number; person: number }>(
    `SELECT k.id, k.person FROM conversations c JOIN contacts k ON k.id = c.contact_id
     WHERE c.number_id = ?1 AND c.contact_id IN (SELECT value FROM json_each(?2)) AND +c.workspace_id = ?3
     ORDER BY c.last_message_at DESC`,
    number.id,
    JSON.stringify(await familyOf(tx, named)),
    number.workspace_id,
  )
  if (threads.some(({ id }) => id === contact.id)) return contact
  for (const thread of threads) {
    const other = await contactById(tx, thread.id)
    if (other && addressIn(other.profile) === undefined) return thread
  }
  return contact
}

/** A conversation stays on its number unless the caller names another. */
async function placeInConversation(
  tx: Tx,
  ask: QueueMessage,
  conversationId: number,
  context: InputContext,
): Promise<Place> {
  const conversation = await conversationById(tx, conversationId)
  const contact = conversation && (await contactById(tx, conversation.contact_id))
  if (conversation?.workspace_id !== ask.workspaceId || !contact)
    throw new Failure('not_found', 'No such conversation', { path: '/to' })
  if (tx.isErased(contact.person)) {
    throw new Failure('conflict', 'Whoever this conversation was with has been erased', { path: '/to' })
  }
  if (contact.kind === CONTACT_KIND.group) requireOpenGroup(contact.profile as GroupProfile)
  const own = await numberById(tx, conversation.number_id)
  if (!own) throw new Failure('not_found', 'The number of this conversation is gone', { path: '/to' })
  if (!ask.sender || (ask.sender.kind === 'number' && isNamed(own, ask.sender.account))) {
    return { conversation, person: contact.person, number: own }
  }
  if (ask.sender.kind === 'pool' && own.pool === ask.sender.pool) {
    return { conversation, person: contact.person, number: own }
  }
  const number = await chooseNumber(tx, ask, {})
  if (number.portfolio !== own.portfolio) {
    throw new Failure('invalid', 'The number belongs to another portfolio than the conversation', { path: '/from' })
  }
  const other = await conversationOf(tx, number, conversation.contact_id, context)
  return { conversation: other, person: contact.person, number }
}

/** The named number; else the number of the person's latest conversation; else the best of the named or only pool. */
async function chooseNumber(tx: Tx, ask: QueueMessage, person: PersonReference): Promise<NumberRow> {
  const all = await tx.all<NumberRow>(
    `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE workspace_id = ?1 ORDER BY id`,
    ask.workspaceId,
  )
  // To whoever may not write from them the others are not there: else they learn where a customer wrote.
  const { numberIds } = ask
  if (numberIds?.length === 0) throw new Failure('forbidden', 'You may write from no number', { path: '/from' })
  const numbers = numberIds ? all.filter(({ id }) => numberIds.includes(id)) : all
  if (ask.sender?.kind === 'number') {
    const { account } = ask.sender
    const named = numbers.find((number) => isNamed(number, account))
    if (!named) throw new Failure('invalid', 'No such number', { path: '/from/number' })
    return named
  }
  const pools = new Set(numbers.filter(isDeclared).map((number) => number.pool))
  const pool = ask.sender?.pool ?? (pools.size === 1 ? [...pools][0] : undefined)
  if (ask.sender && !pools.has(ask.sender.pool)) throw new Failure('invalid', 'No such pool', { path: '/from/pool' })
  const latest = await latestNumber(tx, ask.workspaceId, numbers, person)
  if (latest && (!ask.sender || latest.pool === pool)) return latest
  if (pool === undefined) {
    throw new Failure('sender_required', 'Say which number or pool it is to leave from', { path: '/from' })
  }
  return shortestWait(
    numbers.filter((number) => isDeclared(number) && number.pool === pool),
    ask,
  )
}

/** The number that the person talked with last, in any portfolio that knows them. */
async function latestNumber(
  tx: Tx,
  workspaceId: number,
  numbers: NumberRow[],
  person: PersonReference,
): Promise<NumberRow | undefined> {
  let latest: { number_id: number; last_message_at: number } | undefined
  for (const portfolio of new Set(numbers.map((number) => number.portfolio))) {
    const known =
      (person.userId === undefined ? undefined : tx.vault.findPerson('user', portfolio, person.userId)) ??
      (person.phone === undefined ? undefined : tx.vault.findPerson('phone', portfolio, person.phone))
    const contact = known === undefined ? undefined : await contactOfPerson(tx, known)
    if (!contact) continue
    const found = await tx.one<{ number_id: number; last_message_at: number }>(
      `SELECT number_id, last_message_at FROM conversations
       WHERE contact_id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?2 ORDER BY last_message_at DESC LIMIT 1`,
      JSON.stringify(await familyOf(tx, contact)),
      workspaceId,
    )
    if (found && (!latest || found.last_message_at > latest.last_message_at)) latest = found
  }
  return numbers.find((number) => number.id === latest?.number_id)
}

function shortestWait(numbers: NumberRow[], ask: QueueMessage): NumberRow {
  const waits = new Map(ask.predictions.map(({ numberId, waitMs }) => [numberId, waitMs]))
  const active = numbers.filter((number) => number.state === NUMBER_STATE.code('active'))
  const candidates = active.length > 0 ? active : numbers
  const [first, ...others] = candidates
  if (!first) throw new Failure('sender_required', 'No number is declared to send from', { path: '/from' })
  let best = first
  for (const number of others) {
    if ((waits.get(number.id) ?? 0) < (waits.get(best.id) ?? 0)) best = number
  }
  return best
}

function isDeclared(number: NumberRow): boolean {
  return number.state !== NUMBER_STATE.code('unclaimed')
}

/**
 * Whether a message may leave from a number as far as the caller says: of all that there are, those that the book chooses
 * from. `own` is the number of the conversation that it goes to.
 */
export function isMeant(number: NumberRow, sender: Sender, own: number | undefined): boolean {
  if (sender === null) return own === undefined || number.id === own
  return sender.kind === 'number' ? isNamed(number, sender.account) : number.pool === sender.pool
}

function isNamed(number: NumberRow, name: string): boolean {
  return number.account === name || number.display === name || number.alias === name
}

/** To whoever may not see a conversation it is as if the person had never written. */
async function requireAnswerable(tx: Tx, ask: QueueMessage, { id, number_id }: ConversationRow): Promise<void> {
  if (!ask.answersIn || ask.type === 'template') return
  const place = await tx.one<Pick<Standpoint, 'assigneeId' | 'teamId'>>(
    `SELECT assignee_id AS assigneeId, team_id AS teamId FROM conversations WHERE id = ?1 AND workspace_id = ?2`,
    id,
    ask.workspaceId,
  )
  if (!place || !isWithin(ask.answersIn, { ...place, numberId: number_id })) throw windowClosed()
}

function windowClosed(): Failure {
  return new Failure('window_closed', 'The customer has not written in the last 24 hours: only a template may be sent')
}

function requireSendable(ask: QueueMessage, conversation: ConversationRow, number: NumberRow): void {
  if (number.state === NUMBER_STATE.code('unclaimed')) {
    throw new Failure('number_paused', 'The number is unclaimed: nothing is sent from it until it is declared')
  }
  if (number.state === NUMBER_STATE.code('paused')) {
    throw new Failure('number_paused', 'Sending from this number is paused', { reason: number.reason })
  }
  if (conversation.standby === 1 && !ask.takeOver) {
    throw new Failure('conflict', 'Another application owns this thread: send with take_over to take it over')
  }
}

async function requireWindow(tx: Tx, ask: QueueMessage, conversation: ConversationRow, wallMs: number): Promise<void> {
  if (ask.type === 'template' || (conversation.window_expires_at ?? 0) > wallMs) return
  // The platform has one all the same where the customer wrote to the application that owned the thread.
  if (conversation.standby === 1 && (await openWindowOfStandby(tx, conversation, wallMs))) return
  throw windowClosed()
}

async function insertOutbound(
  tx: Tx,
  ask: QueueMessage,
  message: { id: number; person: number; numberId: number; deadlineAtMs: number; token: number },
): Promise<void> {
  await tx.run(
    `INSERT INTO outbound (message_id, number_id, class, owed, deadline_at, not_before, attempt, when_in_doubt, token, reference, caller_data)
     VALUES (?1, ?2, ?3, 1, ?4, 0, 0, ?5, ?6, ?7, ?8)`,
    message.id,
    message.numberId,
    CLASS.code(ask.class),
    message.deadlineAtMs,
    DOUBT.code(ask.whenInDoubt),
    message.token,
    ask.reference === null ? null : tx.seal(message.person, `outbound.reference:${message.id}`, ask.reference),
    ask.callerData === null ? null : tx.seal(message.person, `outbound.caller_data:${message.id}`, ask.callerData),
  )
}

function answerOf(
  ask: QueueMessage,
  message: { id: number; conversationId: number; numberId: number; now: number },
): QueuedAnswer {
  const prediction = ask.predictions.find(({ numberId }) => numberId === message.numberId)
  return {
    id: showId('message', message.id),
    state: 'queued',
    leaves_at: prediction ? new Date(message.now + Math.ceil(prediction.waitMs)).toISOString() : null,
    waits_for: prediction?.waitsFor ?? null,
    conversation_id: showId('conversation', message.conversationId),
  }
}

async function rememberAnswer(
  tx: Tx,
  ask: QueueMessage,
  done: { id: number; answer: QueuedAnswer; now: number },
): Promise<void> {
  if (!ask.idempotency) return
  await tx.run(
    `INSERT OR REPLACE INTO idempotency (key_hash, request_hash, message_id, answer, at) VALUES (?1, ?2, ?3, ?4, ?5)`,
    ask.idempotency.keyHash,
    ask.idempotency.requestHash,
    done.id,
    JSON.stringify(done.answer),
    done.now,
  )
}
