import type { CallItem } from '../core/inbound.ts'
import { tellEdit, tieAct } from './act-effect.ts'
import { type CallStep, isEnd } from './call-step.ts'
import { FLAG_ACT } from './codes.ts'
import { openWindow, SERVICE_WINDOW_MS, touchConversation } from './conversation.ts'
import type { ItemAsk } from './item-ask.ts'
import { type FoundRow, findByHash, flagsOf, insertRow, isKnown, openBody, placeOf } from './message-row.ts'
import { upstreamHash } from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

type CallAsk = ItemAsk<CallItem>

/**
 * Takes a step of a call. The first that comes is the call's message, whichever it is; the others are acts on it. A step
 * is known by the call's id and its own word.
 */
export const receiveCall = input('call.receive', async (tx: Tx, ask: CallAsk, context: InputContext) => {
  const { item } = ask
  const call = await findByHash(tx, [upstreamHash(tx, 'calls', item.upstreamId)], item.upstreamId)
  if (!call) return await begin(tx, ask, context)
  const hash = stepHash(tx, item)
  const first = (openBody(tx, call)?.['gatehouse'] as CallStep | undefined)?.step
  if (first === item.step || (await isKnown(tx, hash, item.upstreamId))) return { outcome: 'repeated' as const }

  const place = await placeOf(tx, ask.source, { ...item, space: 'calls' }, context)
  const id = context.ids.next()
  await insert(tx, ask, { id, hash, flags: FLAG_ACT, context, place })
  const at = Math.min(item.atMs, context.now)
  if (item.opensWindow && item.direction === 'in') await openWindow(tx, place.conversation, at)
  await tieAct(tx, { id, kind: 'call', at, targetHash: hash, target: call })
  if (isEnd(item) && isSame(call, place)) {
    await tellEdit(tx, { act_id: id, number_id: place.numberId, flags: 0 }, call)
  }
  return { outcome: 'received' as const, id: call.id }
})

type Place = Awaited<ReturnType<typeof placeOf>>

async function begin(
  tx: Tx,
  ask: CallAsk,
  context: InputContext,
): Promise<{ outcome: 'received' | 'repeated'; id?: number }> {
  const { item } = ask
  const hash = upstreamHash(tx, 'calls', item.upstreamId)
  // Its person is erased: it cannot be confirmed, and its hash alone says it was here.
  if (await tx.one('SELECT id FROM messages WHERE upstream_hash = ?1', hash)) return { outcome: 'repeated' }
  const place = await placeOf(tx, ask.source, { ...item, space: 'calls' }, context)
  const id = context.ids.next()
  const at = Math.min(item.atMs, context.now)
  await insert(tx, ask, { id, hash, flags: 0, context, place })
  const incoming = item.direction === 'in'
  const after = await touchConversation(tx, place.conversation, {
    id,
    atMs: at,
    unread: incoming,
    windowExpiresAtMs: item.opensWindow && incoming ? at + SERVICE_WINDOW_MS : null,
    isStandby: null,
  })
  const about = { conversationId: place.conversation.id, messageId: id, numberId: place.numberId }
  await tx.event('message.received', about, after)
  const { direction } = item
  tx.wake({
    kind: 'message',
    messageId: id,
    numberId: place.numberId,
    direction,
    sinceMs: ask.arrivedAtMs,
    counts: false,
  })
  return { outcome: 'received', id }
}

async function insert(
  tx: Tx,
  { item, arrivedAtMs }: CallAsk,
  row: { id: number; hash: bigint; flags: number; context: InputContext; place: Place },
): Promise<void> {
  const at = Math.min(item.atMs, row.context.now)
  const { step, outcome, durationS } = item
  const gatehouse: CallStep = { step, at, outcome, durationS }
  const said = { ...item, space: 'calls' } as const
  await insertRow(tx, said, row.place, {
    id: row.id,
    key: row.hash,
    at,
    arrivedAt: arrivedAtMs,
    type: 'call',
    body: { ...item.raw, id: item.upstreamId, gatehouse },
    replyId: null,
    flags: flagsOf(said) | row.flags,
  })
}

function isSame(call: FoundRow, place: Place): boolean {
  return call.conversation_id === place.conversation.id && call.author_id === place.authorId
}

function stepHash(tx: Tx, item: CallItem): bigint {
  return upstreamHash(tx, 'calls', `${item.upstreamId} ${item.step}`)
}
