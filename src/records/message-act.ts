import type { ActItem } from '../core/inbound.ts'
import { type ActDetail, tellReaction, tieAct } from './act-effect.ts'
import { FLAG_ACT } from './codes.ts'
import { openWindow } from './conversation.ts'
import { type ItemAsk, takesPlace } from './item-ask.ts'
import { attachMedia } from './media.ts'
import { findMessage, findTarget, flagsOf, insertRow, isKnown, messageKey, placeOf } from './message-row.ts'
import { upstreamHash } from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

type ActAsk = ItemAsk<ActItem>

/** Takes what somebody did to a message that is here, or that will come, or that never comes. */
export const receiveAct = input('act.receive', async (tx: Tx, ask: ActAsk, context: InputContext) => {
  const { item } = ask
  const hash = upstreamHash(tx, item.space, item.upstreamId)
  const key = messageKey(hash, item)
  if (await isKnown(tx, key, item.upstreamId)) return { outcome: 'repeated' as const }
  const place = await placeOf(tx, ask.source, item, context)
  const { conversation, numberId } = place
  // As with messages: it may be here with another stamp.
  const mayBeHere = item.history !== undefined || tx.recentIds.has(hash)
  if (mayBeHere && (await findMessage(tx, [item.space], item.upstreamId, conversation.id))) {
    return { outcome: 'repeated' as const }
  }
  tx.recentIds.add(hash)
  const id = context.ids.next()
  const at = Math.min(item.atMs, context.now)
  await insertRow(tx, item, place, {
    id,
    key,
    at,
    arrivedAt: ask.arrivedAtMs,
    type: item.edited?.type ?? item.act,
    body: bodyOf(item),
    replyId: null,
    flags: flagsOf(item) | FLAG_ACT,
  })
  if (item.attachments?.length) {
    const owner = { messageId: id, person: place.person, isHistory: item.history !== undefined }
    await attachMedia(tx, owner, item.attachments, context)
  }
  if (isSignOfLife(item)) await openWindow(tx, conversation, at)
  const target = await findTarget(tx, spacesOf(item), item.targetUpstreamId, conversation.id)
  const targetHash = upstreamHash(tx, item.space, item.targetUpstreamId)
  if (item.act === 'reaction' && !item.history) {
    await tellReaction(tx, { id, conversationId: conversation.id }, target?.conversation_id === conversation.id ? 1 : 0)
  }
  // By the platform's own stamp: where our clock is behind, what counts as now says nothing of the order.
  await tieAct(tx, { id, kind: item.act, at: item.atMs, targetHash, target })
  if (!item.history) {
    const counts = takesPlace(item, context.now)
    const { direction } = item
    tx.wake({ kind: 'message', messageId: id, numberId, direction, sinceMs: ask.arrivedAtMs, counts })
  }
  return { outcome: 'received' as const, id }
})

/** The platform's rule: a reaction of a customer opens the window as a message does. */
function isSignOfLife(item: ActItem): boolean {
  return item.opensWindow && item.direction === 'in' && item.space === 'messages' && !item.history
}

/** A thread may have passed to or from another application since. */
function spacesOf(item: ActItem): string[] {
  return item.space === 'messages' ? ['messages', 'standby'] : ['standby', 'messages']
}

function bodyOf(item: ActItem): object {
  const gatehouse: ActDetail = { target: item.targetUpstreamId }
  if (item.act === 'reaction') gatehouse.emoji = item.emoji ?? null
  return { ...item.raw, ...item.edited?.raw, id: item.upstreamId, gatehouse }
}
