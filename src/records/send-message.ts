import { Failure } from '../core/failure.ts'
import type { PersonReference, SendOutcome } from '../core/inbound.ts'
import { type MessageClass, rankOf } from '../core/message.ts'
import { joinActsOfSent, tellReactionLeft } from './act-effect.ts'
import { CLASS, DOUBT, FLAG_PACING, NUMBER_STATE, STATE } from './codes.ts'
import { drawConsequences, pauseSenders } from './consequences.ts'
import { addressIn, addressOfFamily, learnPerson } from './contact.ts'
import type { Profile } from './contact-card.ts'
import { profilePlace } from './contact-row.ts'
import type { GroupProfile } from './group.ts'
import { takeOver } from './handover.ts'
import { UNFINISHED_DUTY } from './lost-commits.ts'
import { numberById } from './number.ts'
import {
  bodyPlace,
  changeState,
  closeDuty,
  correlationOf,
  type SentMessage,
  sentMessage,
  setUpstream,
} from './sent-message.ts'
import { applyEarlyStatuses } from './status.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Messages that one input holds. */
const HOLD_BATCH = 500

/** What the relay needs to send one message. */
export interface Departure {
  messageId: number
  numberId: number
  account: string
  app: string
  channel: string
  attempt: number
  to: PersonReference
  /** The channel's own id of the group it goes to, instead of a person. */
  groupId: string | null
  content: Record<string, unknown>
  /** When it was accepted for sending; wall time. */
  queuedAtMs: number
  class: MessageClass
  /** Travels with the message and comes back in its statuses. */
  correlation: string
}

/** Why a message that the dispatcher chose does not leave after all. */
export interface NoDeparture {
  messageId: number
  reason: string
}

interface OwedRow {
  arrived_at: number
  body: Uint8Array
  token: number
  deadline_at: number
  profile: Uint8Array
  window_expires_at: number | null
  contact_id: number
}

/**
 * Marks messages as being sent, before the first byte leaves: after a crash each of them is known to be in doubt. What
 * must not leave any more (cancelled, too late, the window has closed) is said, with its state settled.
 */
export const beginSending = input(
  'message.begin',
  async (tx: Tx, ask: { messageIds: number[] }, context: InputContext) => {
    const leave: Departure[] = []
    const stay: NoDeparture[] = []
    for (const id of ask.messageIds) {
      const message = await sentMessage(tx, id)
      if (message?.state !== 'queued') {
        stay.push({ messageId: id, reason: 'not_queued' })
        continue
      }
      const departure = await begin(tx, message, context)
      if ('reason' in departure) stay.push(departure)
      else leave.push(departure)
    }
    return { leave, stay }
  },
)

async function begin(tx: Tx, message: SentMessage, { now, wallMs }: InputContext): Promise<Departure | NoDeparture> {
  const number = await numberById(tx, message.numberId)
  const row = await tx.one<OwedRow>(
    `SELECT m.arrived_at, m.body, o.token, o.deadline_at, k.profile, c.window_expires_at, c.contact_id
     FROM messages m JOIN outbound o ON o.message_id = m.id JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id WHERE m.id = ?1 AND c.workspace_id = ?2`,
    message.id,
    number?.workspace_id ?? null,
  )
  if (!row || !number) throw new Error('A queued message has lost its rows')
  if (number.state !== NUMBER_STATE.code('active')) return { messageId: message.id, reason: 'number_paused' }
  if (row.deadline_at <= now) return await finish(tx, message, { state: 'expired', reason: 'deadline', now })
  if (message.type !== 'template' && (row.window_expires_at ?? 0) <= wallMs) {
    return await finish(tx, message, { state: 'failed', reason: 'window_closed', now })
  }
  const body = tx.unseal(message.person, bodyPlace(message.id), row.body)
  const profile = tx.unseal(message.person, profilePlace(row.contact_id), row.profile)
  if (body === undefined || profile === undefined) {
    return await finish(tx, message, { state: 'cancelled', reason: 'erased', now })
  }
  const groupId = (JSON.parse(profile) as Partial<GroupProfile>).group?.id ?? null
  const to =
    groupId === null ? (addressIn(JSON.parse(profile) as Profile) ?? (await addressOfFamily(tx, row.contact_id))) : {}
  if (to === undefined) return await finish(tx, message, { state: 'failed', reason: 'no_address', now })
  const attempt = message.attempt + 1
  await tx.run('UPDATE outbound SET attempt = ?2 WHERE message_id = ?1', message.id, attempt)
  await changeState(tx, message, { state: 'sending', reason: null, source: 'dispatch', atMs: now, attempt })
  return {
    messageId: message.id,
    numberId: number.id,
    account: number.account,
    app: number.app,
    channel: number.channel,
    attempt,
    to,
    groupId,
    content: JSON.parse(body) as Record<string, unknown>,
    queuedAtMs: row.arrived_at,
    class: CLASS.word(message.class),
    correlation: correlationOf(message.id, row.token),
  }
}

async function finish(
  tx: Tx,
  message: SentMessage,
  end: { state: 'expired' | 'failed' | 'cancelled' | 'held'; reason: string; now: number },
): Promise<NoDeparture> {
  await closeDuty(tx, message.id)
  await changeState(tx, message, {
    state: end.state,
    reason: end.reason,
    source: 'dispatch',
    atMs: end.now,
    attempt: message.attempt,
  })
  return { messageId: message.id, reason: end.reason }
}

export interface OutcomeAsk {
  messageId: number
  attempt: number
  outcome: SendOutcome
  /** How long doubt may last, by class; milliseconds. */
  doubtWaitMs: Readonly<Record<MessageClass, number>>
  /** For a retry: wall time before which it is not to leave again. */
  notBeforeMs: number
}

/** Takes in what the platform answered to a send. */
export const recordOutcome = input('message.outcome', async (tx: Tx, ask: OutcomeAsk, context: InputContext) => {
  const message = await sentMessage(tx, ask.messageId)
  // A status that came first, or a recovery, may have moved on: an outcome of an older attempt says nothing any more.
  if (!message || message.attempt !== ask.attempt) return { state: message?.state ?? null }
  // Whoever it went to was erased while it was under way: there is nothing to keep the answer with.
  if (tx.isErased(message.person)) return { state: message.state }
  const { outcome } = ask
  // A status said that it failed and somebody sends it again: this answer is of the attempt before.
  if (message.state === 'queued') return { state: 'queued' }
  if (outcome.kind === 'accepted') return await accept(tx, message, outcome, context)
  if (message.state !== 'sending') return { state: message.state }
  if (outcome.kind === 'retry') {
    // First the number: what is put back must not find it sending.
    if (outcome.pauses) await pauseSenders(tx, message.numberId, { scope: outcome.pauses, reason: reasonOf(outcome) })
    await putBack(
      tx,
      message,
      { reason: outcome.reason, notBeforeMs: ask.notBeforeMs, source: 'platform' },
      context.now,
    )
    return { state: 'queued' }
  }
  if (outcome.kind === 'unknown') {
    await doubt(tx, message, { reason: outcome.reason, waitMs: ask.doubtWaitMs[CLASS.word(message.class)] }, context)
    return { state: 'in_doubt' }
  }
  await closeDuty(tx, message.id)
  const at = { source: 'platform' as const, atMs: context.now, attempt: ask.attempt }
  await changeState(tx, message, { ...at, state: 'failed', reason: reasonOf(outcome) })
  await drawConsequences(tx, message, { ...outcome, reason: reasonOf(outcome), atMs: context.now })
  return { state: 'failed' }
})

function reasonOf(outcome: { code: number | null; reason: string }): string {
  return outcome.code === null ? outcome.reason : `${outcome.code} ${outcome.reason}`
}

async function accept(
  tx: Tx,
  message: SentMessage,
  outcome: Extract<SendOutcome, { kind: 'accepted' }>,
  context: InputContext,
): Promise<{ state: string | null }> {
  await setUpstream(tx, message, outcome.upstreamId)
  await joinActsOfSent(tx, message.id, outcome.upstreamId)
  if (outcome.recipient) await learnPerson(tx, message, outcome.recipient, { ...context, source: 'answer' })
  await closeDuty(tx, message.id)
  if (outcome.pacing) await tx.run('UPDATE messages SET flags = flags | ?2 WHERE id = ?1', message.id, FLAG_PACING)
  if (rankOf(message.state) < rankOf('accepted') && message.state !== 'failed') {
    await changeState(tx, message, {
      state: 'accepted',
      reason: outcome.pacing ? 'pacing' : null,
      source: 'platform',
      atMs: context.now,
      attempt: message.attempt,
    })
    await tellReactionLeft(tx, message)
  }
  // The platform's rule: a service message takes the thread over. A template is none.
  if (message.type !== 'template') await takeOver(tx, message.conversationId, context.now)
  await applyEarlyStatuses(tx, message.id, outcome.upstreamId, context.now)
  return { state: (await sentMessage(tx, message.id))?.state ?? null }
}

async function doubt(
  tx: Tx,
  message: SentMessage,
  why: { reason: string; waitMs: number },
  { now }: InputContext,
): Promise<void> {
  await changeState(tx, message, {
    state: 'in_doubt',
    reason: why.reason,
    source: 'platform',
    atMs: now,
    attempt: message.attempt,
  })
  await tx.owe('doubt.ends', message.id, { term: message.attempt, atMs: now + why.waitMs })
}

/** Puts a message back into the queue; its deadline stays. */
export async function putBack(
  tx: Tx,
  message: SentMessage,
  why: { reason: string; notBeforeMs: number; source: 'platform' | 'dispatch' | 'person' },
  now: number,
): Promise<void> {
  await tx.run(
    'UPDATE outbound SET owed = 1, not_before = ?2 WHERE message_id = ?1',
    message.id,
    Math.ceil(why.notBeforeMs),
  )
  await changeState(tx, message, {
    state: 'queued',
    reason: why.reason,
    source: why.source,
    atMs: now,
    attempt: message.attempt,
  })
  const row = await tx.one<{ deadline_at: number }>(
    'SELECT deadline_at FROM outbound WHERE message_id = ?1',
    message.id,
  )
  tx.wake({
    kind: 'queued',
    messageId: message.id,
    numberId: message.numberId,
    conversationId: message.conversationId,
    class: CLASS.word(message.class),
    deadlineAtMs: row?.deadline_at ?? now,
    notBeforeMs: why.notBeforeMs,
  })
}

/** Messages that waited past their deadline. */
export const expireMessages = input(
  'message.expire',
  async (tx: Tx, ask: { messageIds: number[] }, { now }: InputContext) => {
    for (const id of ask.messageIds) {
      const message = await sentMessage(tx, id)
      if (message?.state === 'queued') await finish(tx, message, { state: 'expired', reason: 'deadline', now })
    }
    return null
  },
)

/** A person takes a message back that has not left yet. */
export const cancelMessage = input(
  'message.cancel',
  async (tx: Tx, ask: { messageId: number }, { now }: InputContext) => {
    const message = await sentMessage(tx, ask.messageId)
    if (!message) throw new Failure('not_found', 'No such message')
    if (message.state !== 'queued' && message.state !== 'held') {
      throw new Failure('conflict', `Only a queued or held message can be cancelled: this one is ${message.state}`)
    }
    await closeDuty(tx, message.id)
    tx.wake({ kind: 'unqueued', messageId: message.id })
    await changeState(tx, message, {
      state: 'cancelled',
      reason: null,
      source: 'person',
      atMs: now,
      attempt: message.attempt,
    })
    return { state: 'cancelled' }
  },
)

/** A person sends a failed, held or expired message again, with a new deadline. */
export const retryMessage = input(
  'message.retry',
  async (
    tx: Tx,
    ask: { messageId: number; deadlineMs: Readonly<Record<MessageClass, number>> },
    context: InputContext,
  ) => {
    const message = await sentMessage(tx, ask.messageId)
    if (!message) throw new Failure('not_found', 'No such message')
    if (tx.isErased(message.person)) throw new Failure('conflict', 'Whoever it was for has been erased')
    if (message.state !== 'failed' && message.state !== 'held' && message.state !== 'expired') {
      throw new Failure(
        'conflict',
        `Only a failed, held or expired message can be sent again: this one is ${message.state}`,
      )
    }
    const number = await numberById(tx, message.numberId)
    if (number?.state !== NUMBER_STATE.code('active')) {
      throw new Failure('number_paused', 'Sending from this number is paused', { reason: number?.reason })
    }
    const window = await tx.one<{ window_expires_at: number | null }>(
      'SELECT window_expires_at FROM conversations WHERE id = ?1 AND workspace_id = ?2',
      message.conversationId,
      number.workspace_id,
    )
    if (message.type !== 'template' && (window?.window_expires_at ?? 0) <= context.wallMs) {
      throw new Failure(
        'window_closed',
        'The customer has not written in the last 24 hours: only a template may be sent',
      )
    }
    await tx.run(
      'UPDATE outbound SET deadline_at = ?2 WHERE message_id = ?1',
      message.id,
      context.now + ask.deadlineMs[CLASS.word(message.class)],
    )
    if (message.hasUpstream) await forgetAttempt(tx, message, context)
    await putBack(tx, message, { reason: 'sent_again', notBeforeMs: 0, source: 'person' }, context.now)
    return { state: 'queued' }
  },
)

/** The platform said what became of the last attempt: late news of it is no news of the next one. */
async function forgetAttempt(tx: Tx, message: SentMessage, { ids }: InputContext): Promise<void> {
  await setUpstream(tx, message, null)
  await tx.run('UPDATE outbound SET token = ?2 WHERE message_id = ?1', message.id, ids.random())
}

/** The wait of a message in doubt is over and no status came: its owner's choice decides. */
export const endDoubt = input(
  'doubt.ends',
  async (tx: Tx, ask: { messageId: number; term: number }, { now }: InputContext) => {
    await tx.settle('doubt.ends', ask.messageId, ask.term)
    const message = await sentMessage(tx, ask.messageId)
    if (message?.state !== 'in_doubt' || message.attempt !== ask.term) return { state: message?.state ?? null }
    const row = await tx.one<{ when_in_doubt: number; deadline_at: number }>(
      'SELECT when_in_doubt, deadline_at FROM outbound WHERE message_id = ?1',
      message.id,
    )
    const choice = DOUBT.word(row?.when_in_doubt ?? DOUBT.code('hold'))
    if (choice === 'resend' && (row?.deadline_at ?? 0) > now) {
      await putBack(tx, message, { reason: 'resend', notBeforeMs: 0, source: 'dispatch' }, now)
      tx.wake({ kind: 'state', state: 'queued', resend: true })
      return { state: 'queued' }
    }
    const state = choice === 'hold' ? 'held' : 'failed'
    await finish(tx, message, { state, reason: 'in_doubt', now })
    return { state }
  },
)

/**
 * After lost commits: whatever waits to be sent may have gone out already, so it waits for a person, or for a status
 * that settles it. A bounded number at a time.
 */
export const holdUnfinished = input('house.hold_unfinished', async (tx: Tx, _ask: null, { now }: InputContext) => {
  const rows = await tx.all<{ id: number }>(
    'SELECT message_id AS id FROM outbound WHERE owed = 1 ORDER BY message_id LIMIT ?1',
    HOLD_BATCH,
  )
  for (const { id } of rows) {
    const message = await sentMessage(tx, id)
    if (message) await finish(tx, message, { state: 'held', reason: 'restored', now })
  }
  const isDone = rows.length < HOLD_BATCH
  if (isDone) await tx.settle(UNFINISHED_DUTY, 0)
  return { held: rows.length, isDone }
})

/** After a start: whatever was being sent when the process died is in doubt. */
export const recoverSending = input(
  'house.recover',
  async (tx: Tx, ask: { doubtWaitMs: Readonly<Record<MessageClass, number>> }, context: InputContext) => {
    const rows = await tx.all<{ id: number }>(
      `SELECT o.message_id AS id FROM outbound o JOIN messages m ON m.id = o.message_id
       WHERE o.owed = 1 AND m.state = ?1 ORDER BY o.message_id LIMIT 500`,
      STATE.code('sending'),
    )
    for (const { id } of rows) {
      const message = await sentMessage(tx, id)
      if (!message) continue
      await doubt(tx, message, { reason: 'restart', waitMs: ask.doubtWaitMs[CLASS.word(message.class)] }, context)
    }
    return { recovered: rows.length }
  },
)
