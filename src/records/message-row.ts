import type { MessageItem } from '../core/inbound.ts'
import { DIRECTION, FLAG_ACT, FLAG_FROM_PHONE, FLAG_HISTORY, FLAG_STANDBY, STATE } from './codes.ts'
import { contactOf } from './contact.ts'
import { type ConversationRow, conversationOf } from './conversation.ts'
import { groupOf } from './group.ts'
import { numberOfItem } from './number.ts'
import { bodyPlace, upstreamHash, upstreamOf } from './sent-message.ts'
import type { InputContext, Tx } from './tx.ts'

/** What every item has that brings a row of `messages`. */
export type Said = Pick<
  MessageItem,
  'account' | 'direction' | 'upstreamId' | 'atMs' | 'person' | 'opensWindow' | 'group' | 'raw'
> & { space: MessageItem['space'] | 'calls'; history?: MessageItem['history'] | undefined }

/** Where it belongs, and whose key seals it. */
export interface SaidPlace {
  numberId: number
  conversation: ConversationRow
  /** Null: the conversation's contact. */
  authorId: number | null
  person: number
}

/** The conversation of the person, or of the group, with the number; made where there is none. */
export async function placeOf(tx: Tx, source: string, item: Said, context: InputContext): Promise<SaidPlace> {
  const number = await numberOfItem(tx, source, item.account, context)
  if (!item.group) {
    const contact = await contactOf(tx, number.portfolio, item.person, context)
    const conversation = await conversationOf(tx, number.id, contact.id, context)
    return { numberId: number.id, conversation, authorId: null, person: contact.person }
  }
  const group = await groupOf(tx, number.portfolio, item.group, context)
  const author = item.direction === 'in' ? await contactOf(tx, number.portfolio, item.person, context) : null
  const conversation = await conversationOf(tx, number.id, group.id, context)
  return { numberId: number.id, conversation, authorId: author?.id ?? null, person: (author ?? group).person }
}

/** The flags that the item itself says. */
export function flagsOf(item: Said): number {
  return (
    (item.space === 'standby' ? FLAG_STANDBY : 0) |
    (item.direction === 'in' || item.space === 'calls' ? 0 : FLAG_FROM_PHONE) |
    (item.history ? FLAG_HISTORY : 0)
  )
}

export interface NewRow {
  id: number
  hash: bigint
  at: number
  arrivedAt: number
  type: string
  body: object
  replyId: number | null
  flags: number
}

export async function insertRow(tx: Tx, item: Said, place: SaidPlace, row: NewRow): Promise<void> {
  const outgoing = item.history?.state ?? 'sent'
  await tx.run(
    `INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, upstream_hash, body, referral_source, flags, author_id, reply_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
    row.id,
    place.conversation.id,
    row.at,
    row.arrivedAt,
    DIRECTION.code(item.direction),
    row.type,
    STATE.code(item.direction === 'in' ? 'received' : outgoing),
    row.hash,
    tx.seal(place.person, bodyPlace(row.id), JSON.stringify(row.body)),
    referralSource(item.raw),
    row.flags,
    place.authorId,
    row.replyId,
  )
}

/** A row of `messages` that was found by the platform's id, confirmed against what is sealed. */
export interface FoundRow {
  id: number
  conversation_id: number
  direction: number
  type: string
  state: number
  flags: number
  author_id: number | null
  person: number
  body: Uint8Array
}

/** Whether a message with this platform id is here already. */
export async function isKnown(tx: Tx, hash: bigint, upstreamId: string): Promise<boolean> {
  // Nearly every message is new: asked without the joins, a miss costs a quarter (measured).
  if ((await tx.one('SELECT id FROM messages WHERE upstream_hash = ?1', hash)) === undefined) return false
  for (const row of await rowsOf(tx, hash)) {
    const id = await upstreamIdOfRow(tx, row)
    // A message whose person is erased cannot be confirmed: its hash alone says it was here.
    if (id === undefined || id === upstreamId) return true
  }
  return false
}

/** The message with this platform id in one of the spaces; a thread may pass from one to the other. */
export async function findMessage(tx: Tx, spaces: readonly string[], upstreamId: string): Promise<FoundRow | undefined> {
  for (const space of spaces) {
    for (const row of await rowsOf(tx, upstreamHash(tx, space, upstreamId))) {
      if ((await upstreamIdOfRow(tx, row)) === upstreamId) return row
    }
  }
  return undefined
}

const FOUND_COLUMNS = `m.id, m.conversation_id, m.direction, m.type, m.state, m.flags, m.author_id, m.body, k.person
  FROM messages m JOIN conversations c ON c.id = m.conversation_id
  JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)`

function rowsOf(tx: Tx, hash: bigint): Promise<FoundRow[]> {
  return tx.all<FoundRow>(`SELECT ${FOUND_COLUMNS} WHERE m.upstream_hash = ?1`, hash)
}

export function rowById(tx: Tx, id: number): Promise<FoundRow | undefined> {
  return tx.one<FoundRow>(`SELECT ${FOUND_COLUMNS} WHERE m.id = ?1`, id)
}

/** Inside what came in, beside what we sent; undefined where the key is destroyed or it is not known yet. */
export async function upstreamIdOfRow(tx: Tx, row: FoundRow): Promise<string | undefined> {
  const isOurs = row.direction === DIRECTION.code('out') && (await isSentByUs(tx, row))
  if (isOurs) return await upstreamOf(tx, row.id, row.person)
  const id = openBody(tx, row)?.['id']
  return typeof id === 'string' ? id : undefined
}

async function isSentByUs(tx: Tx, row: FoundRow): Promise<boolean> {
  if (row.flags & FLAG_FROM_PHONE) return false
  return (await tx.one('SELECT message_id FROM outbound WHERE message_id = ?1', row.id)) !== undefined
}

export function openBody(
  tx: Tx,
  row: Pick<FoundRow, 'id' | 'person' | 'body'>,
): Record<string, unknown> | undefined {
  const text = tx.unseal(row.person, bodyPlace(row.id), row.body)
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
}

/** The message that a reply answers, where it is in this conversation; an edit stands for what it edits. */
export async function repliedTo(tx: Tx, item: Said, conversationId: number): Promise<number | null> {
  const context = item.raw['context'] as { id?: unknown } | null | undefined
  if (typeof context?.id !== 'string') return null
  return await replyTarget(tx, context.id, conversationId)
}

export async function replyTarget(tx: Tx, upstreamId: string, conversationId: number): Promise<number | null> {
  const found = await findMessage(tx, ['messages', 'standby'], upstreamId)
  if (found?.conversation_id !== conversationId) return null
  if (!(found.flags & FLAG_ACT)) return found.id
  const act = await tx.one<{ target_id: number | null }>(
    'SELECT target_id FROM message_acts WHERE act_id = ?1 AND kind = 2',
    found.id,
  )
  return act?.target_id ?? null
}

function referralSource(raw: Record<string, unknown>): string | null {
  const referral = raw['referral'] as { source_id?: unknown } | null | undefined
  return typeof referral?.source_id === 'string' ? referral.source_id : null
}
