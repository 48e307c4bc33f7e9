import { type MessageState, rankOf } from '../core/message.ts'
import { ACT, type ActKind, FLAG_EDITED, FLAG_HISTORY, FLAG_REACTED, FLAG_REVOKED, REVOKED, STATE } from './codes.ts'
import { dropMediaOf } from './media.ts'
import { type FoundRow, openBody, rowById } from './message-row.ts'
import { bodyPlace, upstreamHash } from './sent-message.ts'
import { revokedSetting } from './setting.ts'
import type { Tx } from './tx.ts'

/**
 * What the sealed body of an act holds beside the platform's own object, under `gatehouse`. The body of an edit is the
 * new message, as if it had come by itself, with what the platform wrapped it in.
 */
export interface ActDetail {
  /** The platform's id of the message it is about. */
  target: string
  /** Of a reaction; null: taken back. */
  emoji?: string | null
}

/** What `message.reaction` keeps: whether the target was there by then, and where the window ended. */
export type ReactionEventData = [targetKnown: 0 | 1, windowExpiresAt: number | null]
/** What `message.edited` keeps: the edit, or the step of a call, and the message's state by then. */
export type EditedEventData = [actId: number, state: number]
/** What `message.revoked` keeps: the revoke, and what it made of the message. */
export type RevokedEventData = [actId: number, revoked: number]

/** The emoji and the target; a reaction that we send, and a reply, have them where the platform wants them. */
export function detailOf(body: Record<string, unknown> | undefined): ActDetail | undefined {
  const detail = body?.['gatehouse'] as ActDetail | undefined
  if (detail) return detail
  const context = body?.['context'] as { id?: unknown } | undefined
  if (typeof context?.id === 'string') return { target: context.id }
  const reaction = body?.['reaction'] as { message_id?: unknown; emoji?: unknown } | undefined
  if (typeof reaction?.message_id !== 'string') return undefined
  return { target: reaction.message_id, emoji: typeof reaction.emoji === 'string' ? reaction.emoji || null : null }
}

export interface NewAct {
  id: number
  kind: ActKind
  at: number
  targetHash: bigint
  /** Undefined where it has not come yet. */
  target: FoundRow | undefined
}

/** Ties an act, whose row is written, to its target, and draws the consequences. */
export async function tieAct(tx: Tx, act: NewAct): Promise<void> {
  await tx.run(
    'INSERT INTO message_acts (act_id, kind, target_hash, target_id, at, applies) VALUES (?1, ?2, ?3, ?4, ?5, 0)',
    act.id,
    ACT.code(act.kind),
    act.targetHash,
    act.target?.id ?? null,
    act.at,
  )
  if (act.target) await takeEffect(tx, act.id, act.target)
  else tx.waitingActs.add(act.targetHash)
}

/** Joins what was done to a message before it came, or before its platform id was known. */
export async function joinActs(tx: Tx, message: { id: number; hash: bigint; upstreamId: string }): Promise<void> {
  if (!(await tx.waitingActs.may(message.hash, (limit) => waitingHashes(tx, limit)))) return
  const rows = await tx.all<{ act_id: number }>(
    'SELECT act_id FROM message_acts WHERE target_hash = ?1 AND target_id IS NULL ORDER BY at, act_id',
    message.hash,
  )
  const joined: number[] = []
  for (const { act_id } of rows) {
    const row = await rowById(tx, act_id)
    if (detailOf(row && openBody(tx, row))?.target !== message.upstreamId) continue
    await tx.run('UPDATE message_acts SET target_id = ?2 WHERE act_id = ?1', act_id, message.id)
    joined.push(act_id)
  }
  for (const actId of joined) {
    const target = await rowById(tx, message.id)
    if (target) await takeEffect(tx, actId, target)
  }
  for (const actId of joined) await tellLateReaction(tx, actId)
}

/** The same for a message that we send, whose platform id came just now. */
export async function joinActsOfSent(tx: Tx, id: number, upstreamId: string): Promise<void> {
  await joinActs(tx, { id, hash: upstreamHash(tx, 'messages', upstreamId), upstreamId })
}

async function waitingHashes(tx: Tx, limit: number): Promise<bigint[]> {
  // As text: an integer of 64 bits does not fit a number.
  const rows = await tx.all<{ hash: string }>(
    'SELECT CAST(target_hash AS TEXT) AS hash FROM message_acts WHERE target_id IS NULL LIMIT ?1',
    limit,
  )
  return rows.map(({ hash }) => BigInt(hash))
}

/** Its first event could not say which message it was about. */
async function tellLateReaction(tx: Tx, actId: number): Promise<void> {
  const act = await tx.one<{ kind: number; applies: number; conversation_id: number; flags: number; state: number }>(
    `SELECT a.kind, a.applies, m.conversation_id, m.flags, m.state FROM message_acts a
     JOIN messages m ON m.id = a.act_id WHERE a.act_id = ?1`,
    actId,
  )
  if (act?.kind !== ACT.code('reaction') || act.applies === 0 || act.flags & FLAG_HISTORY) return
  if (hasHappened(STATE.word(act.state))) await tellReaction(tx, { id: actId, conversationId: act.conversation_id }, 1)
}

/** A reaction that we send counts from the moment at which the platform takes it, and not at all if it fails. */
export function hasHappened(state: MessageState): boolean {
  return state === 'received' || rankOf(state) >= rankOf('accepted')
}

/** Tells of a reaction that we send, now that the platform has taken it. */
export async function tellReactionLeft(
  tx: Tx,
  message: { id: number; conversationId: number; type: string },
): Promise<void> {
  if (message.type !== 'reaction') return
  const act = await tx.one<{ applies: number }>('SELECT applies FROM message_acts WHERE act_id = ?1', message.id)
  await tellReaction(tx, message, act?.applies === 1 ? 1 : 0)
}

/** Tells of a reaction, with the window as it has become. `targetKnown`: 1 where the message it is about is here. */
export async function tellReaction(
  tx: Tx,
  act: { id: number; conversationId: number },
  targetKnown: 0 | 1,
): Promise<void> {
  const conversation = await tx.one<{ number_id: number; window_expires_at: number | null }>(
    'SELECT number_id, window_expires_at FROM conversations WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)',
    act.conversationId,
    tx.within,
  )
  await tx.event(
    'message.reaction',
    { conversationId: act.conversationId, messageId: act.id, numberId: conversation?.number_id ?? 0 },
    [targetKnown, conversation?.window_expires_at ?? null] satisfies ReactionEventData,
  )
}

/** What an act makes of its target, in whatever order acts come. */
async function takeEffect(tx: Tx, actId: number, target: FoundRow): Promise<void> {
  const act = await tx.one<ActRow>(
    `SELECT a.act_id, a.kind, m.conversation_id, m.direction, m.author_id, m.flags, c.number_id
     FROM message_acts a JOIN messages m ON m.id = a.act_id JOIN conversations c ON c.id = m.conversation_id
     WHERE a.act_id = ?1 AND c.workspace_id = coalesce(?2, c.workspace_id)`,
    actId,
    tx.within,
  )
  if (!act || !mayDoThat(act, target)) return
  await tx.run('UPDATE message_acts SET applies = 1 WHERE act_id = ?1', actId)
  const kind = ACT.word(act.kind)
  if (kind === 'reaction') await flag(tx, target.id, FLAG_REACTED)
  else if (kind === 'edit') await edit(tx, act, target)
  else if (kind === 'call') await flag(tx, target.id, FLAG_EDITED)
  else if (kind === 'revoke') await revoke(tx, act, target)
}

interface ActRow {
  act_id: number
  kind: number
  conversation_id: number
  direction: number
  author_id: number | null
  flags: number
  number_id: number
}

/** Only who wrote a message may change it or take it back; anybody in the conversation may do the rest. */
function mayDoThat(act: ActRow, target: FoundRow): boolean {
  if (act.conversation_id !== target.conversation_id) return false
  if (act.kind !== ACT.code('edit') && act.kind !== ACT.code('revoke')) return true
  return act.direction === target.direction && act.author_id === target.author_id
}

async function edit(tx: Tx, act: ActRow, target: FoundRow): Promise<void> {
  await flag(tx, target.id, FLAG_EDITED)
  if (target.flags & FLAG_REVOKED) {
    if ((await revokedOf(tx, target.id)) === REVOKED.code('deleted')) await wipe(tx, act.act_id)
    return
  }
  const newest = await tx.one<{ act_id: number }>(
    `SELECT act_id FROM message_acts WHERE target_id = ?1 AND kind = ?2 AND (applies = 1 OR act_id = ?3)
     ORDER BY at DESC, act_id DESC LIMIT 1`,
    target.id,
    ACT.code('edit'),
    act.act_id,
  )
  if (newest?.act_id === act.act_id) await tellEdit(tx, act, target)
}

/** An older edit that comes late changes nothing and is no news. */
export async function tellEdit(
  tx: Tx,
  act: { act_id: number; number_id: number; flags: number },
  target: FoundRow,
): Promise<void> {
  if (act.flags & FLAG_HISTORY) return
  await tx.event(
    'message.edited',
    { conversationId: target.conversation_id, messageId: target.id, numberId: act.number_id },
    [act.act_id, target.state] satisfies EditedEventData,
  )
}

async function revoke(tx: Tx, act: ActRow, target: FoundRow): Promise<void> {
  const before = target.flags & FLAG_REVOKED ? await revokedOf(tx, target.id) : null
  const revoked = await revokedSetting(tx)
  const code = REVOKED.code(revoked)
  await tx.run('UPDATE message_acts SET revoked = ?2 WHERE act_id = ?1', act.act_id, code)
  await flag(tx, target.id, FLAG_REVOKED)
  if (revoked === 'deleted') await wipeAll(tx, target.id)
  if ((before !== null && before >= code) || act.flags & FLAG_HISTORY) return
  await tx.event(
    'message.revoked',
    { conversationId: target.conversation_id, messageId: target.id, numberId: act.number_id },
    [act.act_id, code] satisfies RevokedEventData,
  )
}

/** What the revokes so far have made of a message: the setting may have changed between two of them. */
async function revokedOf(tx: Tx, messageId: number): Promise<number | null> {
  const row = await tx.one<{ revoked: number | null }>(
    'SELECT max(revoked) AS revoked FROM message_acts WHERE target_id = ?1 AND kind = ?2 AND applies = 1',
    messageId,
    ACT.code('revoke'),
  )
  return row?.revoked ?? null
}

async function wipeAll(tx: Tx, messageId: number): Promise<void> {
  const edits = await tx.all<{ act_id: number }>(
    'SELECT act_id FROM message_acts WHERE target_id = ?1 AND kind = ?2 AND applies = 1',
    messageId,
    ACT.code('edit'),
  )
  for (const { act_id } of [{ act_id: messageId }, ...edits]) await wipe(tx, act_id)
}

/** Overwrites what was said; what is needed to know the message again stays. */
async function wipe(tx: Tx, messageId: number): Promise<void> {
  const row = await rowById(tx, messageId)
  const body = row && openBody(tx, row)
  if (!row || !body) return
  await dropMediaOf(tx, messageId)
  const { id, gatehouse } = body
  await tx.run(
    'UPDATE messages SET body = ?2 WHERE id = ?1',
    messageId,
    tx.seal(row.person, bodyPlace(messageId), JSON.stringify({ id, gatehouse })),
  )
}

async function flag(tx: Tx, messageId: number, bit: number): Promise<void> {
  await tx.run('UPDATE messages SET flags = flags | ?2 WHERE id = ?1 AND flags & ?2 = 0', messageId, bit)
}
