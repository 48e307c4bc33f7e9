import { canonicalJson } from '../core/canonical-json.ts'
import type { HandoverItem } from '../core/inbound.ts'
import { FLAG_ACT } from './codes.ts'
import type { ConversationEventData, ConversationRow } from './conversation.ts'
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

/** What is told late does not win: the thread may have passed on since. */
async function passOn(tx: Tx, conversation: ConversationRow, to: { standby: 0 | 1; at: number }): Promise<void> {
  if (to.at < conversation.standby_at) return
  await tx.run(
    'UPDATE conversations SET standby = ?2, standby_at = ?3 WHERE id = ?1',
    conversation.id,
    to.standby,
    to.at,
  )
  if (to.standby === conversation.standby) return
  await tx.event('conversation.updated', { conversationId: conversation.id, numberId: conversation.number_id }, [
    conversation.unread,
    conversation.window_expires_at,
    to.standby,
  ] satisfies ConversationEventData)
}
