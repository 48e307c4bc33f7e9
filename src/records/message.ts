import type { MessageItem } from '../core/inbound.ts'
import { joinActs, tieAct } from './act-effect.ts'
import { changeIdentity, personBefore } from './contact.ts'
import { type ConversationRow, receivedEventData, SERVICE_WINDOW_MS, touchConversation } from './conversation.ts'
import { addHistoryFile } from './history-file.ts'
import { type ItemAsk, takesPlace } from './item-ask.ts'
import { attachMedia } from './media.ts'
import { findMessage, flagsOf, insertRow, isKnown, messageKey, placeOf, repliedTo, replyTarget } from './message-row.ts'
import { upstreamHash } from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Takes a message that a channel delivered. A repeated one changes nothing. */
export const receiveMessage = input(
  'message.receive',
  async (tx: Tx, ask: ItemAsk<MessageItem>, context: InputContext) => {
    const { item } = ask
    const hash = upstreamHash(tx, item.space, item.upstreamId)
    const key = messageKey(hash, item)
    if (await isKnown(tx, key, item.upstreamId)) return await receivedAgain(tx, ask, context)
    // What the firm sent from elsewhere may be what we sent.
    if (item.direction === 'out' && (await isKnown(tx, hash, item.upstreamId))) return { outcome: 'repeated' as const }

    const said = item.identity ? { ...item, person: personBefore(item.person, item.identity.to) } : item
    const place = await placeOf(tx, ask.source, said, context)
    // It may be here with another stamp: the history of a phone does not always write that of the live message.
    const mayBeHere = item.history !== undefined || tx.recentIds.has(hash)
    if (mayBeHere && (await findMessage(tx, [item.space], item.upstreamId, place.conversation.id))) {
      return await receivedAgain(tx, ask, context)
    }
    tx.recentIds.add(hash)
    const id = context.ids.next()
    const at = Math.min(item.atMs, context.now)
    const answered = repliedTo(item)
    const replyId = answered === null ? null : await replyTarget(tx, answered, place.conversation.id)
    await insertRow(tx, item, place, {
      id,
      key,
      at,
      arrivedAt: ask.arrivedAtMs,
      type: item.type,
      body: item.raw,
      replyId,
      flags: flagsOf(item),
    })
    if (item.attachments?.length) {
      const owner = { messageId: id, person: place.person, isHistory: item.history !== undefined }
      await attachMedia(tx, owner, item.attachments, context)
    }
    if (item.history) await touchConversation(tx, place.conversation, { ...UNNOTICED, id, atMs: at })
    else await announce(tx, ask, { ...place, id, at, counts: takesPlace(item, context.now) })
    if (answered !== null && replyId === null) {
      const targetHash = upstreamHash(tx, item.space, answered)
      await tieAct(tx, { id, kind: 'reply', at, targetHash, target: undefined })
    }
    await joinActs(tx, { id, hash, upstreamId: item.upstreamId })
    if (item.identity) {
      const contactId = place.authorId ?? place.conversation.contact_id
      await changeIdentity(tx, contactId, { to: item.identity.to, atMs: item.atMs }, context)
    }
    return { outcome: 'received' as const, id }
  },
)

async function receivedAgain(tx: Tx, { source, item }: { source: string; item: MessageItem }, context: InputContext) {
  const id = await addHistoryFile(tx, source, item, context)
  return id === null ? { outcome: 'repeated' as const } : { outcome: 'received' as const, id }
}

/** Older messages that the platform brings are in their place in the thread, and nothing else comes of them. */
const UNNOTICED = { unread: false, windowExpiresAtMs: null, isStandby: null } as const

async function announce(
  tx: Tx,
  ask: Pick<ItemAsk<MessageItem>, 'item' | 'arrivedAtMs'>,
  message: { id: number; at: number; numberId: number; conversation: ConversationRow; counts: boolean },
): Promise<void> {
  const { item } = ask
  const { id, at, numberId, conversation, counts } = message
  const incoming = item.direction === 'in'
  const standby = item.space === 'standby'
  const after = await touchConversation(tx, conversation, {
    id,
    atMs: at,
    unread: incoming,
    windowExpiresAtMs: item.opensWindow && incoming && !standby ? at + SERVICE_WINDOW_MS : null,
    // What the firm writes on its phone says nothing about who owns the thread.
    isStandby: incoming || standby ? standby : null,
  })
  const about = { conversationId: conversation.id, messageId: id, numberId }
  await tx.event('message.received', about, receivedEventData(after, at))
  tx.wake({
    kind: 'message',
    messageId: id,
    numberId,
    direction: item.direction,
    sinceMs: ask.arrivedAtMs,
    counts,
  })
  if (item.isUnknown) tx.wake({ kind: 'kept', what: 'message' })
}
