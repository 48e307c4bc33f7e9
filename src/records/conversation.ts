import { Failure } from '../core/failure.ts'
import { type InputContext, input, type Tx } from './tx.ts'

export interface ConversationRow {
  id: number
  number_id: number
  contact_id: number
  created_at: number
  last_message_id: number | null
  last_message_at: number
  window_expires_at: number | null
  unread: number
  standby: number
}

/** What an event keeps of a conversation's clocks and counters: an event never changes, the row does. */
export type ConversationEventData = [unread: number, windowExpiresAt: number | null]

export const CONVERSATION_COLUMNS =
  'id, number_id, contact_id, created_at, last_message_id, last_message_at, window_expires_at, unread, standby'

export function conversationById(tx: Tx, id: number): Promise<ConversationRow | undefined> {
  return tx.one<ConversationRow>(`SELECT ${CONVERSATION_COLUMNS} FROM conversations WHERE id = ?1`, id)
}

/** The conversation of a contact on a number; made, with its event, when there is none. */
export async function conversationOf(
  tx: Tx,
  numberId: number,
  contactId: number,
  { now, ids }: InputContext,
): Promise<ConversationRow> {
  const known = await tx.one<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM conversations WHERE contact_id = ?1 AND number_id = ?2`,
    contactId,
    numberId,
  )
  if (known) return known
  const id = ids.next()
  await tx.run(
    'INSERT INTO conversations (id, number_id, contact_id, created_at, last_message_at) VALUES (?1, ?2, ?3, ?4, ?4)',
    id,
    numberId,
    contactId,
    now,
  )
  await tx.event('conversation.created', { conversationId: id, numberId })
  return {
    id,
    number_id: numberId,
    contact_id: contactId,
    created_at: now,
    last_message_id: null,
    last_message_at: now,
    window_expires_at: null,
    unread: 0,
    standby: 0,
  }
}

/** Moves the conversation's clocks and counters on by a message. One write, whatever changed. */
export async function touchConversation(
  tx: Tx,
  conversation: ConversationRow,
  message: { id: number; atMs: number; unread: boolean; windowExpiresAtMs: number | null; standby: boolean },
): Promise<ConversationEventData> {
  // The first message counts even where its stamp is older than the conversation's row.
  const isLast = conversation.last_message_id === null || message.atMs >= conversation.last_message_at
  const windowExpiresAt = Math.max(conversation.window_expires_at ?? 0, message.windowExpiresAtMs ?? 0)
  await tx.run(
    `UPDATE conversations SET last_message_id = ?2, last_message_at = ?3, window_expires_at = ?4, unread = unread + ?5,
     standby = ?6 WHERE id = ?1`,
    conversation.id,
    isLast ? message.id : conversation.last_message_id,
    isLast ? message.atMs : conversation.last_message_at,
    windowExpiresAt === 0 ? null : windowExpiresAt,
    message.unread ? 1 : 0,
    message.standby ? 1 : 0,
  )
  return [conversation.unread + (message.unread ? 1 : 0), windowExpiresAt === 0 ? null : windowExpiresAt]
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
      await tx.run('UPDATE conversations SET unread = ?2 WHERE id = ?1', conversation.id, left)
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
     AND (at, id) > (?2, ?3) LIMIT 1000)`,
    conversationId,
    upto.at,
    messageId,
  )
  return row?.count ?? 0
}
