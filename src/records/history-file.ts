import type { MessageItem } from '../core/inbound.ts'
import { FLAG_ATTACHED, FLAG_HISTORY } from './codes.ts'
import { attachMedia } from './media.ts'
import { findByHash, findMessage, messageKey, placeOf } from './message-row.ts'
import { bodyPlace, upstreamHash } from './sent-message.ts'
import type { InputContext, Tx } from './tx.ts'

/**
 * An older message that is here without its file, and comes once more with it: the platform brings the files of its
 * history after the messages, under the same ids. The message is then what came now; nothing that was told of it
 * changes, as nothing is told of the history. Answers its id, or null where there is nothing to add.
 */
export async function addHistoryFile(
  tx: Tx,
  source: string,
  item: MessageItem,
  context: InputContext,
): Promise<number | null> {
  const { history, attachments } = item
  if (!history || !attachments?.length) return null
  const place = await placeOf(tx, source, item, context)
  const key = messageKey(upstreamHash(tx, item.space, item.upstreamId), item)
  const known =
    (await findByHash(tx, [key], item.upstreamId)) ??
    (await findMessage(tx, [item.space], item.upstreamId, place.conversation.id))
  if (!known || !(known.flags & FLAG_HISTORY) || known.flags & FLAG_ATTACHED) return null
  await tx.run(
    'UPDATE messages SET type = ?2, body = ?3, flags = flags | ?4 WHERE id = ?1',
    known.id,
    item.type,
    tx.seal(known.person, bodyPlace(known.id), JSON.stringify(item.raw)),
    FLAG_ATTACHED,
  )
  await attachMedia(tx, { messageId: known.id, person: known.person, isHistory: true }, attachments, context)
  return known.id
}
