import { DAY_MS } from '../core/clock.ts'
import type { MessageItem } from '../core/inbound.ts'
import { DIRECTION, FLAG_FROM_PHONE, FLAG_STANDBY, STATE } from './codes.ts'
import { contactOf } from './contact.ts'
import { conversationOf, touchConversation } from './conversation.ts'
import { numberOfItem } from './number.ts'
import { bodyPlace, upstreamHash, upstreamOf } from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** The platform's rule: 24 hours from the customer's last message any kind of message may be sent. */
export const SERVICE_WINDOW_MS = DAY_MS

/** Takes a message that a channel delivered. A repeated one changes nothing. */
export const receiveMessage = input(
  'message.receive',
  async (tx: Tx, ask: { source: string; item: MessageItem; arrivedAtMs: number }, context: InputContext) => {
    const { item } = ask
    const hash = upstreamHash(tx, item.space, item.upstreamId)
    if (await isKnown(tx, hash, item)) return { outcome: 'repeated' as const }

    const number = await numberOfItem(tx, ask.source, item.account, context)
    const contact = await contactOf(tx, number.portfolio, item.person, context)
    const conversation = await conversationOf(tx, number.id, contact.id, context)
    const id = context.ids.next()
    const atMs = Math.min(item.atMs, context.now)
    const incoming = item.direction === 'in'
    const standby = item.space === 'standby'
    await tx.run(
      `INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, upstream_hash, body, referral_source, flags)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
      id,
      conversation.id,
      atMs,
      ask.arrivedAtMs,
      DIRECTION.code(item.direction),
      item.type,
      STATE.code(incoming ? 'received' : 'sent'),
      hash,
      tx.seal(contact.person, bodyPlace(id), JSON.stringify(item.raw)),
      referralSource(item.raw),
      (standby ? FLAG_STANDBY : 0) | (incoming ? 0 : FLAG_FROM_PHONE),
    )
    const after = await touchConversation(tx, conversation, {
      id,
      atMs,
      unread: incoming,
      windowExpiresAtMs: item.opensWindow && incoming && !standby ? atMs + SERVICE_WINDOW_MS : null,
      standby,
    })
    await tx.event('message.received', { conversationId: conversation.id, messageId: id, numberId: number.id }, after)
    tx.wake({
      kind: 'message',
      messageId: id,
      numberId: number.id,
      direction: item.direction,
      sinceMs: ask.arrivedAtMs,
      counts: incoming && !standby,
    })
    return { outcome: 'received' as const, id }
  },
)

/** Whether a message with this platform id is here already; equal hashes are confirmed against the sealed id. */
async function isKnown(tx: Tx, hash: bigint, item: MessageItem): Promise<boolean> {
  // Nearly every message is new: asked without the joins, a miss costs a quarter (measured).
  if ((await tx.one('SELECT id FROM messages WHERE upstream_hash = ?1', hash)) === undefined) return false
  const rows = await tx.all<{ id: number; body: Uint8Array; direction: number; flags: number; person: number }>(
    `SELECT m.id, m.body, m.direction, m.flags, k.person FROM messages m JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id WHERE m.upstream_hash = ?1`,
    hash,
  )
  for (const row of rows) {
    if (row.direction === DIRECTION.code('out') && !(row.flags & FLAG_FROM_PHONE)) {
      if ((await upstreamOf(tx, row.id, row.person)) === item.upstreamId) return true
      continue
    }
    const body = tx.unseal(row.person, bodyPlace(row.id), row.body)
    // A message whose person is erased cannot be confirmed: its hash alone says it was here.
    if (body === undefined || (JSON.parse(body) as { id?: unknown }).id === item.upstreamId) return true
  }
  return false
}

function referralSource(raw: Record<string, unknown>): string | null {
  const referral = raw['referral'] as { source_id?: unknown } | null | undefined
  return typeof referral?.source_id === 'string' ? referral.source_id : null
}
