import { must } from '../core/assert.ts'
import type { MessageState } from '../core/message.ts'
import { SOURCE, STATE, type StateSource } from './codes.ts'
import type { Tx } from './tx.ts'

export function bodyPlace(messageId: number): string {
  return `messages.body:${messageId}`
}

export function statusPlace(id: number): string {
  return `statuses.body:${id}`
}

/** The key of a message in the platform's key spaces: an ordinary thread and a standby thread may repeat an id. */
export function upstreamHash(tx: Tx, space: string, upstreamId: string): bigint {
  return tx.hash(space, upstreamId)
}

/** The platform's id of a message that we sent, once it is known. */
export async function upstreamOf(tx: Tx, messageId: number, person: number): Promise<string | undefined> {
  const row = await tx.one<{ upstream: Uint8Array | null }>(
    'SELECT upstream FROM outbound WHERE message_id = ?1',
    messageId,
  )
  return row?.upstream ? tx.unseal(person, `outbound.upstream:${messageId}`, row.upstream) : undefined
}

/** Everything that a change of state needs to know of a message that we send. */
export interface SentMessage {
  id: number
  conversationId: number
  numberId: number
  person: number
  state: MessageState
  class: number
  attempt: number
  type: string
  /** Whether the platform's id is known yet. */
  hasUpstream: boolean
}

interface SentRow {
  id: number
  conversation_id: number
  number_id: number
  person: number
  state: number
  class: number
  attempt: number
  type: string
  has_upstream: number
}

/** Undefined for what came in, and in another workspace than the one that is acted in. */
export async function sentMessage(tx: Tx, id: number): Promise<SentMessage | undefined> {
  const row = await tx.one<SentRow>(
    `SELECT m.id, m.conversation_id, o.number_id, k.person, m.state, o.class, o.attempt, m.type,
            o.upstream IS NOT NULL AS has_upstream
     FROM messages m JOIN outbound o ON o.message_id = m.id JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id WHERE m.id = ?1 AND c.workspace_id = coalesce(?2, c.workspace_id)`,
    id,
    tx.within,
  )
  return (
    row && {
      id: row.id,
      conversationId: row.conversation_id,
      numberId: row.number_id,
      person: row.person,
      state: STATE.word(row.state),
      class: row.class,
      attempt: row.attempt,
      type: row.type,
      hasUpstream: row.has_upstream === 1,
    }
  )
}

/**
 * What a `message.state` event keeps beside its row: which line of the timeline it tells, and whether the platform's id
 * was known by then (1) or not (0).
 */
export type StateEventData = [step: number, upstreamKnown: 0 | 1]

export interface StateChange {
  state: MessageState
  reason: string | null
  source: StateSource
  /** When it became so: the platform's stamp, or now. */
  atMs: number
  attempt: number
}

/** Puts a message into a state, with its line in the timeline and its event. */
export async function changeState(tx: Tx, message: SentMessage, change: StateChange): Promise<void> {
  await tx.run('UPDATE messages SET state = ?2 WHERE id = ?1', message.id, STATE.code(change.state))
  const step = await noteState(tx, message, change)
  await tx.event(
    'message.state',
    { conversationId: message.conversationId, messageId: message.id, numberId: message.numberId },
    [step, message.hasUpstream ? 1 : 0] satisfies StateEventData,
  )
  tx.wake({ kind: 'state', state: change.state, resend: false })
}

/** Writes a line of the timeline and answers its place in it. */
export async function noteState(
  tx: Tx,
  message: Pick<SentMessage, 'id' | 'numberId'>,
  change: StateChange,
): Promise<number> {
  const row = await tx.one<{ step: number }>(
    `INSERT INTO message_states (message_id, step, at, state, reason, number_id, attempt, source)
     VALUES (?1, (SELECT coalesce(max(step), 0) + 1 FROM message_states WHERE message_id = ?1), ?2, ?3, ?4, ?5, ?6, ?7)
     RETURNING step`,
    message.id,
    change.atMs,
    STATE.code(change.state),
    change.reason,
    message.numberId,
    change.attempt,
    SOURCE.code(change.source),
  )
  return must(row, 'the line that was just written').step
}

/** What we put into the platform's echo field. The random part proves that an echo is about this message. */
export function correlationOf(messageId: number, token: number): string {
  return `gh1.${messageId.toString(36)}.${token.toString(36)}`
}

/** What `correlationOf` wrote; undefined for whatever else the platform brings back. */
export function readCorrelation(text: string): { messageId: number; token: number } | undefined {
  const match = /^gh1\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/.exec(text)
  if (!match?.[1] || !match[2]) return undefined
  return { messageId: Number.parseInt(match[1], 36), token: Number.parseInt(match[2], 36) }
}

/** Nothing is owed for this message any more. */
export async function closeDuty(tx: Tx, messageId: number): Promise<void> {
  await tx.run('UPDATE outbound SET owed = 0 WHERE message_id = ?1', messageId)
  await tx.settle('doubt.ends', messageId)
}

/** Remembers the platform's id of a message that we sent; null: it is about to be sent anew. */
export async function setUpstream(tx: Tx, message: SentMessage, upstreamId: string | null): Promise<void> {
  const { id, person } = message
  const former = await upstreamOf(tx, id, person)
  if (former === upstreamId) return
  if (former !== undefined) await tx.keepFormer('upstream', { subject: id, person, text: former })
  await tx.run(
    'UPDATE outbound SET upstream = ?2 WHERE message_id = ?1',
    id,
    upstreamId === null ? null : tx.seal(person, `outbound.upstream:${id}`, upstreamId),
  )
  message.hasUpstream = upstreamId !== null
  await tx.run(
    'UPDATE messages SET upstream_hash = ?2 WHERE id = ?1',
    id,
    upstreamId === null ? null : upstreamHash(tx, 'messages', upstreamId),
  )
}
