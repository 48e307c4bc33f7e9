import { Failure } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import { type FoundRow, findTarget, replyTarget, rowById, upstreamIdOfRow } from './message-row.ts'
import type { Tx } from './tx.ts'

/** What an outgoing message points to, in the platform's words and in ours. */
export interface References {
  /** The content with the platform's ids in place of ours. */
  content: Record<string, unknown>
  /** The message that it answers, where it is here. */
  replyId: number | null
  /** The message that it reacts to, by the platform's id. */
  reactsTo: { upstreamId: string; target: FoundRow | undefined } | null
}

/** Replaces our own message ids in a reply's context or in a reaction by the platform's. */
export async function resolveReferences(
  tx: Tx,
  content: Record<string, unknown>,
  conversationId: number,
): Promise<References> {
  const nothing = { content, replyId: null, reactsTo: null }
  const context = content['context'] as { message_id?: string; local_message_id?: number } | undefined
  if (context?.local_message_id !== undefined) {
    const { id, upstreamId } = await ownMessage(tx, context.local_message_id, conversationId, '/context/message_id')
    return { ...nothing, content: { ...content, context: { message_id: upstreamId } }, replyId: id }
  }
  if (context?.message_id !== undefined) {
    return { ...nothing, replyId: await replyTarget(tx, context.message_id, conversationId) }
  }
  if (content['type'] === 'reaction') return await resolveReaction(tx, content, conversationId)
  return nothing
}

async function resolveReaction(tx: Tx, content: Record<string, unknown>, conversationId: number): Promise<References> {
  const reaction = content['reaction'] as { message_id: string }
  const local = readId('message', reaction.message_id)
  if (local === undefined) {
    const upstreamId = reaction.message_id
    const target = await findTarget(tx, ['messages', 'standby'], upstreamId, conversationId)
    return { content, replyId: null, reactsTo: { upstreamId, target } }
  }
  const { id, upstreamId } = await ownMessage(tx, local, conversationId, '/reaction/message_id')
  return {
    content: { ...content, reaction: { ...reaction, message_id: upstreamId } },
    replyId: null,
    reactsTo: { upstreamId, target: await rowById(tx, id) },
  }
}

async function ownMessage(
  tx: Tx,
  id: number,
  conversationId: number,
  path: string,
): Promise<{ id: number; upstreamId: string }> {
  const row = await rowById(tx, id)
  const upstreamId = row?.conversation_id === conversationId ? await upstreamIdOfRow(tx, row) : undefined
  if (upstreamId === undefined) {
    throw new Failure('invalid', 'The message is not one of this conversation that the platform knows', { path })
  }
  return { id, upstreamId }
}
