import { DAY_MS } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { FLAG_ACT, FLAG_HISTORY } from './codes.ts'
import type { NumberRow } from './number.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** The platform's rule: 24 hours from the customer's last message any kind of message may be sent. */
export const SERVICE_WINDOW_MS = DAY_MS

export interface ConversationRow {
  id: number
  number_id: number
  contact_id: number
  last_message_id: number | null
  last_message_at: number
  window_expires_at: number | null
  unread: number
  standby: number
  /** The platform's stamp of the last word on who owns the thread. */
  standby_at: number
  workspace_id: number
}

/**
 * What an event keeps of a conversation's clocks and counters: an event never changes, the row does. Who owns the
 * thread is kept by the event that tells of its change.
 */
export type ConversationEventData = [unread: number, windowExpiresAt: number | null, standby?: 0 | 1]

/** The same beside a message; shorter where the window ends as that message wants it, which nearly always is so. */
export type ReceivedEventData = ConversationEventData | [unread: number]

/** What the event of a message keeps, in its shorter form where that says the same. */
export function receivedEventData(then: ConversationEventData, messageAtMs: number): ReceivedEventData {
  const [unread, windowExpiresAt, standby] = then
  return standby === undefined && windowExpiresAt === messageAtMs + SERVICE_WINDOW_MS ? [unread] : then
}

/** The whole of what such an event kept. */
export function conversationThen(kept: ReceivedEventData, messageAtMs: number): ConversationEventData {
  return kept.length === 1 ? [kept[0], messageAtMs + SERVICE_WINDOW_MS] : kept
}

const CONVERSATION_COLUMNS =
  'id, number_id, contact_id, last_message_id, last_message_at, window_expires_at, unread, standby, standby_at, workspace_id'

/** Undefined also where it is in another workspace than the one that is acted in. */
export function conversationById(tx: Tx, id: number): Promise<ConversationRow | undefined> {
  return tx.one<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM conversations WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)`,
    id,
    tx.within,
  )
}

/** The conversation of a contact on a number; made, with its event, when there is none. */
export async function conversationOf(
  tx: Tx,
  number: Pick<NumberRow, 'id' | 'workspace_id'>,
  contactId: number,
  { now, ids }: InputContext,
): Promise<ConversationRow> {
  const known = await tx.one<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM conversations
     WHERE contact_id = ?1 AND number_id = ?2 AND workspace_id = ?3`,
    contactId,
    number.id,
    number.workspace_id,
  )
  if (known) return known
  const id = ids.next()
  await tx.run(
    `INSERT INTO conversations (id, number_id, contact_id, created_at, last_message_at, workspace_id)
     VALUES (?1, ?2, ?3, ?4, ?4, ?5)`,
    id,
    number.id,
    contactId,
    now,
    number.workspace_id,
  )
  await tx.event('conversation.created', { conversationId: id, numberId: number.id })
  return {
    id,
    number_id: number.id,
    contact_id: contactId,
    last_message_id: null,
    last_message_at: now,
    window_expires_at: null,
    unread: 0,
    standby: 0,
    standby_at: 0,
    workspace_id: number.workspace_id,
  }
}

/** What a message does to its conversation. */
export interface Touch {
  /** Null: no message of its own, so never the last one. */
  id: number | null
  atMs: number
  unread: boolean
  windowExpiresAtMs: number | null
  /** What it says of who owns the thread; null: nothing. */
  isStandby: boolean | null
}

/** Moves the conversation's clocks and counters on by a message. One write, whatever changed. */
export async function touchConversation(
  tx: Tx,
  conversation: ConversationRow,
  message: Touch,
): Promise<ConversationEventData> {
  // The first message counts even where its stamp is older than the conversation's row.
  const isNewest = conversation.last_message_id === null || message.atMs >= conversation.last_message_at
  const isLast = isNewest && message.id !== null
  const windowExpiresAt = Math.max(conversation.window_expires_at ?? 0, message.windowExpiresAtMs ?? 0) || null
  const unread = message.unread ? 1 : 0
  // What is told late does not win: the thread may have passed on since.
  const saysOwner = message.isStandby !== null && message.atMs >= conversation.standby_at
  const standby = saysOwner ? Number(message.isStandby) : conversation.standby
  const isPassed = standby !== conversation.standby
  await tx.run(
    `UPDATE conversations SET last_message_id = ?2, last_message_at = ?3, window_expires_at = ?4, unread = unread + ?5,
     standby = ?6, standby_at = ?7 WHERE id = ?1 AND workspace_id = ?8`,
    conversation.id,
    isLast ? message.id : conversation.last_message_id,
    isLast ? message.atMs : conversation.last_message_at,
    windowExpiresAt,
    unread,
    standby,
    saysOwner ? message.atMs : conversation.standby_at,
    conversation.workspace_id,
  )
  const after: ConversationEventData = [conversation.unread + unread, windowExpiresAt]
  if (isPassed) after.push(standby as 0 | 1)
  return after
}

/** Opens the service window by what is no message of the thread: a reaction, a later step of a call. */
export async function openWindow(tx: Tx, conversation: ConversationRow, atMs: number): Promise<void> {
  const windowExpiresAtMs = atMs + SERVICE_WINDOW_MS
  await touchConversation(tx, conversation, { id: null, atMs, unread: false, windowExpiresAtMs, isStandby: null })
}

/** Marks a conversation read up to a message; what came after it stays unread. */
export const readConversation = input(
  'conversation.read',
  async (tx: Tx, ask: { conversationId: number; uptoMessageId: number | null }) => {
    const conversation = await conversationById(tx, ask.conversationId)
    if (!conversation) throw new Failure('not_found', 'No such conversation')
    const unread = ask.uptoMessageId === null ? 0 : await countAfter(tx, conversation.id, ask.uptoMessageId)
    const left = Math.min(unread, conversation.unread)
    if (left !== conversation.unread) {
      await tx.run(
        'UPDATE conversations SET unread = ?2 WHERE id = ?1 AND workspace_id = ?3',
        conversation.id,
        left,
        conversation.workspace_id,
      )
      await tx.event('conversation.updated', { conversationId: conversation.id, numberId: conversation.number_id }, [
        left,
        conversation.window_expires_at,
      ] satisfies ConversationEventData)
    }
    return { unread: left }
  },
)

async function countAfter(tx: Tx, conversationId: number, messageId: number): Promise<number> {
  const upto = await tx.one<{ at: number }>(
    'SELECT at FROM messages WHERE id = ?1 AND conversation_id = ?2',
    messageId,
    conversationId,
  )
  if (!upto) throw new Failure('invalid', 'The message is not one of this conversation', { path: '/upto' })
  const row = await tx.one<{ count: number }>(
    `SELECT count(*) AS count FROM (SELECT id FROM messages WHERE conversation_id = ?1 AND direction = 0
     AND flags & ?4 = 0 AND (at, id) > (?2, ?3) LIMIT 1000)`,
    conversationId,
    upto.at,
    messageId,
    FLAG_ACT | FLAG_HISTORY,
  )
  return row?.count ?? 0
}
