import { MINUTE_MS } from '../core/clock.ts'
import type { Consequences } from '../core/inbound.ts'
import { type ConversationEventData, SERVICE_WINDOW_MS } from './conversation.ts'
import { changeNumberState, numberById } from './number.ts'
import type { SentMessage } from './sent-message.ts'
import type { Tx } from './tx.ts'

/** Older news pauses nothing, such as that of a replay: somebody may have looked after the number since. */
const NEWS_MS_MAX = 10 * MINUTE_MS

/** What the platform said, in its words and ours, and when. */
export interface Refusal extends Consequences {
  reason: string
  atMs: number
}

/** Some refusals say more than that this message was refused: the number may not send, or the window has closed. */
export async function drawConsequences(tx: Tx, message: SentMessage, refusal: Refusal): Promise<void> {
  if (refusal.closesWindow) await closeWindow(tx, message, refusal.atMs)
  if (refusal.pauses === 'nothing' || refusal.pauses === 'template') return
  await pauseSenders(tx, message.numberId, { scope: refusal.pauses, reason: refusal.reason })
}

/** The same of a status, which may come late. */
export async function drawLateConsequences(tx: Tx, message: SentMessage, refusal: Refusal, now: number): Promise<void> {
  const isNews = now - refusal.atMs <= NEWS_MS_MAX
  await drawConsequences(tx, message, isNews ? refusal : { ...refusal, pauses: 'nothing' })
}

/** Whoever has written since has opened it anew. */
async function closeWindow(tx: Tx, message: SentMessage, atMs: number): Promise<void> {
  const closed = await tx.one<{ unread: number }>(
    `UPDATE conversations SET window_expires_at = NULL
     WHERE id = ?1 AND workspace_id = ?2 AND window_expires_at <= ?3 RETURNING unread`,
    message.conversationId,
    await tx.workspaceOf(message.numberId),
    atMs + SERVICE_WINDOW_MS,
  )
  if (!closed) return
  await tx.event('conversation.updated', { conversationId: message.conversationId, numberId: message.numberId }, [
    closed.unread,
    null,
  ] satisfies ConversationEventData)
}

/** Pauses a number, or all that send for its account or with its access token. */
export async function pauseSenders(
  tx: Tx,
  numberId: number,
  { scope, reason }: { scope: 'number' | 'waba' | 'token'; reason: string },
): Promise<void> {
  const number = await numberById(tx, numberId)
  if (!number) return
  const affected = await tx.all<{ id: number }>(
    `SELECT id FROM numbers WHERE workspace_id = ?6 AND state = 0
     AND (id = ?1 OR (?2 = 'waba' AND waba = ?3) OR (?2 = 'token' AND app = ?4 AND channel = ?5))`,
    number.id,
    scope,
    number.waba,
    number.app,
    number.channel,
    number.workspace_id,
  )
  for (const { id } of affected) {
    const paused = await numberById(tx, id)
    if (paused) await changeNumberState(tx, paused, 'paused', reason)
  }
}
