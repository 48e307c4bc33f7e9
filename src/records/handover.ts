import { canonicalJson } from '../core/canonical-json.ts'
import type { HandoverItem } from '../core/inbound.ts'
import { DIRECTION, FLAG_ACT, FLAG_HISTORY, FLAG_STANDBY } from './codes.ts'
import {
  type ConversationEventData,
  type ConversationRow,
  conversationById,
  SERVICE_WINDOW_MS,
} from './conversation.ts'
import type { ItemAsk } from './item-ask.ts'
import { insertRow, placeOf } from './message-row.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Takes that a thread is ours from now on, or another's. What was said is kept whole in the thread. */
export const receiveHandover = input(
  'handover.receive',
  async (tx: Tx, ask: ItemAsk<HandoverItem>, context: InputContext) => {
    const { item } = ask
    const hash = tx.hash('handover', item.account.id, canonicalJson(item.raw))
    if (await tx.one('SELECT id FROM messages WHERE upstream_hash = ?1', hash)) return { outcome: 'repeated' as const }
    const said = { ...item, space: 'messages', direction: 'in', upstreamId: '', opensWindow: false } as const
    const place = await placeOf(tx, ask.source, said, context)
    const id = context.ids.next()
    const at = Math.min(item.atMs, context.now)
    await insertRow(tx, said, place, {
      id,
      key: hash,
      at,
      arrivedAt: ask.arrivedAtMs,
      type: 'handover',
      body: item.raw,
      replyId: null,
      flags: FLAG_ACT,
    })
    await passOn(tx, place.conversation, { standby: item.isOurs ? 0 : 1, at })
    return { outcome: 'received' as const, id }
  },
)

/** The thread is ours, because the platform has taken a message of ours for it. */
export async function takeOver(tx: Tx, conversationId: number, now: number): Promise<void> {
  const conversation = await conversationById(tx, conversationId)
  if (conversation?.standby === 1) await passOn(tx, conversation, { standby: 0, at: now })
}

/**
 * Opens the customer service window by what the customer wrote in the last 24 hours to the application that owns the
 * thread, which by itself opens none for us. False: they wrote nothing.
 */
export async function openWindowOfStandby(tx: Tx, conversation: ConversationRow, now: number): Promise<boolean> {
  const last = await tx.one<{ at: number | null }>(
    `SELECT max(at) AS at FROM messages WHERE conversation_id = ?1 AND at > ?2 AND direction = ?3
     AND flags & ?4 = ?5 AND type != 'system'`,
    conversation.id,
    now - SERVICE_WINDOW_MS,
    DIRECTION.code('in'),
    FLAG_STANDBY | FLAG_ACT | FLAG_HISTORY,
    FLAG_STANDBY,
  )
  const at = last?.at ?? null
  if (at === null) return false
  conversation.window_expires_at = at + SERVICE_WINDOW_MS
  await tx.run(
    'UPDATE conversations SET window_expires_at = ?2 WHERE id = ?1 AND workspace_id = ?3',
    conversation.id,
    conversation.window_expires_at,
    conversation.workspace_id,
  )
  return true
}

/** What is told late does not win: the thread may have passed on since. */
async function passOn(tx: Tx, conversation: ConversationRow, to: { standby: 0 | 1; at: number }): Promise<void> {
  if (to.at < conversation.standby_at) return
  await tx.run(
    'UPDATE conversations SET standby = ?2, standby_at = ?3 WHERE id = ?1 AND workspace_id = ?4',
    conversation.id,
    to.standby,
    to.at,
    conversation.workspace_id,
  )
  if (to.standby === conversation.standby) return
  await tx.event('conversation.updated', { conversationId: conversation.id, numberId: conversation.number_id }, [
    conversation.unread,
    conversation.window_expires_at,
    to.standby,
  ] satisfies ConversationEventData)
}
