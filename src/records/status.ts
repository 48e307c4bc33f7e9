import type { StatusItem } from '../core/inbound.ts'
import { type MessageState, rankOf } from '../core/message.ts'
import { hasHappened, joinActsOfSent, tellReactionLeft } from './act-effect.ts'
import { drawLateConsequences } from './consequences.ts'
import { learnFromStatus, personOf } from './contact.ts'
import type { ItemAsk } from './item-ask.ts'
import { numberOfItem } from './number.ts'
import {
  changeState,
  closeDuty,
  noteState,
  readCorrelation,
  type SentMessage,
  sentMessage,
  setUpstream,
  statusPlace,
  upstreamHash,
  upstreamOf,
} from './sent-message.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** A reported state, or null where the report changes nothing. */
function nextState(current: MessageState, reported: MessageState): MessageState | null {
  // What reached the phone cannot have failed; what failed upstream is not brought back by a late "sent".
  if (reported === 'failed') return rankOf(current) >= rankOf('delivered') || current === 'failed' ? null : 'failed'
  if (current === 'failed' && rankOf(reported) < rankOf('delivered')) return null
  return rankOf(reported) > rankOf(current) ? reported : null
}

/** Takes what the platform says became of a message, in any order, also before the send was answered. */
export const receiveStatus = input(
  'status.receive',
  async (tx: Tx, ask: ItemAsk<StatusItem>, context: InputContext) => {
    const { item } = ask
    const hash = upstreamHash(tx, item.space, item.upstreamId)
    const participantHash = tx.hash('participant', item.participant ?? '')
    const repeated = await tx.one(
      'SELECT id FROM statuses WHERE upstream_hash = ?1 AND status = ?2 AND participant_hash = ?3',
      hash,
      item.status,
      participantHash,
    )
    if (repeated) return { outcome: 'repeated' as const }

    const number = await numberOfItem(tx, ask.source, item.account, context)
    const sent = (await byCorrelation(tx, item)) ?? (await byUpstreamId(tx, item, hash))
    // Whoever signs for another firm's app knows nothing of it.
    const message = sent && (await tx.workspaceOf(sent.numberId)) === number.workspace_id ? sent : undefined
    // Nothing is kept of what is said of somebody who was erased, and they do not come back by it.
    if (message && tx.isErased(message.person)) return { outcome: 'erased' as const }
    const person =
      participantOf(tx, number.portfolio, item) ??
      message?.person ??
      (item.recipient ? await personOf(tx, number.portfolio, item.recipient, context) : 0)
    const id = context.ids.next()
    const messageId = message?.id ?? null
    await keepStatus(tx, { id, hash, messageId, participantHash, person, atMs: Math.min(item.atMs, context.now) }, item)
    if (!message) return { outcome: 'early' as const }
    // In a group it is about one of many.
    if (item.recipient && item.participant === null) {
      await learnFromStatus(tx, { ...message, portfolio: number.portfolio }, item.recipient, context)
    }
    if (message.hasUpstream) {
      await advance(tx, message, item, context.now)
    } else {
      await setUpstream(tx, message, item.upstreamId)
      await joinActsOfSent(tx, message.id, item.upstreamId)
      await advanceAll(tx, message.id, [...(await adoptEarly(tx, message.id, item.upstreamId)), item], context.now)
    }
    return { outcome: 'received' as const, id: message.id }
  },
)

interface StatusRow {
  id: number
  hash: bigint
  messageId: number | null
  participantHash: bigint
  person: number
  atMs: number
}

/** Kept whole, and counted where it is of a kind that nobody here knows. */
async function keepStatus(tx: Tx, row: StatusRow, item: StatusItem): Promise<void> {
  await tx.run(
    `INSERT INTO statuses (id, upstream_hash, message_id, status, participant_hash, at, person, body)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    row.id,
    row.hash,
    row.messageId,
    item.status,
    row.participantHash,
    row.atMs,
    row.person,
    tx.seal(row.person, statusPlace(row.id), JSON.stringify({ item: { ...item, raw: undefined }, raw: item.raw })),
  )
  if (item.isUnknown) tx.wake({ kind: 'kept', what: 'status' })
}

/** What is said of one person in a group is sealed with their key, if they are known. */
function participantOf(tx: Tx, portfolio: string, { participant }: StatusItem): number | undefined {
  if (participant === null) return undefined
  return tx.vault.findPerson(participant.startsWith('+') ? 'phone' : 'user', portfolio, participant)
}

/** Statuses that came before the send's answer, joined now that the platform's id is known. */
export async function applyEarlyStatuses(tx: Tx, messageId: number, upstreamId: string, now: number): Promise<void> {
  await advanceAll(tx, messageId, await adoptEarly(tx, messageId, upstreamId), now)
}

/** In the order in which it happened, whatever the order in which it was told. */
async function advanceAll(tx: Tx, messageId: number, items: StatusItem[], now: number): Promise<void> {
  for (const item of items.toSorted((one, other) => one.atMs - other.atMs)) {
    const message = await sentMessage(tx, messageId)
    if (message) await advance(tx, message, item, now)
  }
}

async function adoptEarly(tx: Tx, messageId: number, upstreamId: string): Promise<StatusItem[]> {
  const rows = await tx.all<{ id: number; person: number; body: Uint8Array }>(
    'SELECT id, person, body FROM statuses WHERE upstream_hash = ?1 AND message_id IS NULL ORDER BY at, id',
    upstreamHash(tx, 'messages', upstreamId),
  )
  const items: StatusItem[] = []
  for (const row of rows) {
    const body = tx.unseal(row.person, statusPlace(row.id), row.body)
    const item = body === undefined ? undefined : (JSON.parse(body) as { item: StatusItem }).item
    if (item?.upstreamId !== upstreamId) continue
    await tx.run('UPDATE statuses SET message_id = ?2 WHERE id = ?1', row.id, messageId)
    items.push(item)
  }
  return items
}

/** The message whose echo came back; the random part has to agree. */
async function byCorrelation(tx: Tx, item: StatusItem): Promise<SentMessage | undefined> {
  const echo = item.correlation === null ? undefined : readCorrelation(item.correlation)
  if (!echo) return undefined
  const row = await tx.one<{ token: number }>('SELECT token FROM outbound WHERE message_id = ?1', echo.messageId)
  return row?.token === echo.token ? await sentMessage(tx, echo.messageId) : undefined
}

async function byUpstreamId(tx: Tx, item: StatusItem, hash: bigint): Promise<SentMessage | undefined> {
  const rows = await tx.all<{ id: number }>(
    'SELECT m.id FROM messages m JOIN outbound o ON o.message_id = m.id WHERE m.upstream_hash = ?1',
    hash,
  )
  for (const { id } of rows) {
    const message = await sentMessage(tx, id)
    if (!message) continue
    // Of somebody who is erased the id cannot be confirmed: its hash alone says that it was theirs.
    if (tx.isErased(message.person) || (await upstreamOf(tx, id, message.person)) === item.upstreamId) return message
  }
  return undefined
}

async function advance(tx: Tx, message: SentMessage, item: StatusItem, now: number): Promise<void> {
  if (item.pricing) {
    await tx.run(
      'UPDATE messages SET price_category = ?2, price_type = ?3 WHERE id = ?1',
      message.id,
      item.pricing.category,
      item.pricing.type,
    )
  }
  if (item.state === null) return
  const change = {
    state: item.state,
    reason: item.failure ? `${item.failure.code} ${item.failure.title}`.trim() : null,
    source: 'platform' as const,
    atMs: Math.min(item.atMs, now),
    attempt: message.attempt,
  }
  const changesNothing = isOfOneParticipant(item) || (await isOfOtherAttempt(tx, message, item))
  const next = changesNothing ? null : nextState(message.state, item.state)
  if (next === null) {
    // Late news is part of the story, though it changes nothing.
    if (item.state !== message.state) await noteState(tx, message, { ...change, reason: change.reason ?? 'late' })
    return
  }
  await closeDuty(tx, message.id)
  tx.wake({ kind: 'unqueued', messageId: message.id })
  await changeState(tx, message, { ...change, state: next })
  if (!hasHappened(message.state) && hasHappened(next)) await tellReactionLeft(tx, message)
  if (next === 'failed' && item.consequences) {
    await drawLateConsequences(
      tx,
      message,
      { ...item.consequences, reason: change.reason ?? '', atMs: change.atMs },
      now,
    )
  }
}

/** In a group a message is as far as it is with anybody; that it did not reach one of them does not fail it. */
function isOfOneParticipant(item: StatusItem): boolean {
  return item.state === 'failed' && item.participant !== null
}

/** An attempt that stayed in doubt and failed after all says nothing of the attempt that was accepted since. */
async function isOfOtherAttempt(tx: Tx, message: SentMessage, item: StatusItem): Promise<boolean> {
  if (item.state !== 'failed' || !message.hasUpstream) return false
  return (await upstreamOf(tx, message.id, message.person)) !== item.upstreamId
}
