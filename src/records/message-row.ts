import type { MessageItem } from '../core/inbound.ts'
import { DIRECTION, FLAG_ACT, FLAG_ATTACHED, FLAG_FROM_PHONE, FLAG_HISTORY, FLAG_STANDBY, STATE } from './codes.ts'
import { contactOf, type Telling } from './contact.ts'
import { type ConversationRow, conversationOf } from './conversation.ts'
import { groupOf } from './group.ts'
import { numberOfItem } from './number.ts'
import { ID_HASH_BITS, ID_HASH_MASK } from './recent-ids.ts'
import { bodyPlace, upstreamHash, upstreamOf } from './sent-message.ts'
import type { InputContext, Tx } from './tx.ts'

/** What every item has that brings a row of `messages`. */
export type Said = Pick<
  MessageItem,
  'account' | 'direction' | 'upstreamId' | 'atMs' | 'isUnstamped' | 'person' | 'opensWindow' | 'group' | 'raw'
> & {
  space: MessageItem['space'] | 'calls'
  attachments?: MessageItem['attachments'] | undefined
  history?: MessageItem['history'] | undefined
}

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
    const telling: Telling = item.history ? { ...context, source: 'import' } : context
    const contact = await contactOf(tx, number.portfolio, item.person, telling)
    const conversation = await conversationOf(tx, number, contact.id, context)
    return { numberId: number.id, conversation, authorId: null, person: contact.person }
  }
  const group = await groupOf(tx, number, item.group, context)
  const author = item.direction === 'in' ? await contactOf(tx, number.portfolio, item.person, context) : null
  const conversation = await conversationOf(tx, number, group.id, context)
  return { numberId: number.id, conversation, authorId: author?.id ?? null, person: (author ?? group).person }
}

/** The flags that the item itself says. */
export function flagsOf(item: Said): number {
  return (
    (item.space === 'standby' ? FLAG_STANDBY : 0) |
    (item.direction === 'in' || item.space === 'calls' ? 0 : FLAG_FROM_PHONE) |
    (item.history ? FLAG_HISTORY : 0) |
    (item.attachments?.length ? FLAG_ATTACHED : 0)
  )
}

/**
 * By what a repeated delivery is known: the platform's stamp in seconds before the end of the hash. What comes in has
 * about the same stamp as what came before it, so the index grows at its end: keys in the order of their hashes cost a
 * page of their own each (measured: 13 % of all that the book does, and more the larger it is).
 */
export function messageKey(hash: bigint, item: Pick<Said, 'atMs' | 'isUnstamped'>): bigint {
  const seconds = item.isUnstamped ? 0n : BigInt(Math.floor(item.atMs / 1000))
  return (seconds << ID_HASH_BITS) | (hash & ID_HASH_MASK)
}

export interface NewRow {
  id: number
  /** `messageKey`, or the whole hash where there is no stamp to go by. */
  key: bigint
  at: number
  arrivedAt: number
  type: string
  body: object
  replyId: number | null
  flags: number
}

/** Writes a message that came in, or that the firm sent elsewhere; its body is sealed with the key of its person. */
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
    row.key,
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
  state: number
  flags: number
  author_id: number | null
  person: number
  body: Uint8Array
}

/** Whether a message with this key, or whole hash, and platform id is here already. */
export async function isKnown(tx: Tx, key: bigint, upstreamId: string): Promise<boolean> {
  // Nearly every message is new: asked without the joins, a miss costs a quarter (measured).
  if ((await tx.one('SELECT id FROM messages WHERE upstream_hash = ?1', key)) === undefined) return false
  for (const row of await rowsOf(tx, key)) {
    const id = await upstreamIdOfRow(tx, row)
    // A message whose person is erased cannot be confirmed: its hash alone says it was here.
    if (id === undefined || id === upstreamId) return true
  }
  return false
}

/** How far back a message is looked for in its thread. */
const LOOK_BACK_MAX = 1000
/** How much further where somebody points to it. */
const LOOK_FURTHER_MAX = 4000

/**
 * The message of a conversation with this platform id in one of the spaces; a thread may pass from one to the other.
 * What we sent is found by its hash, wherever it is; what came in, without its stamp, among the latest of the thread.
 */
export async function findMessage(
  tx: Tx,
  spaces: readonly string[],
  upstreamId: string,
  conversationId: number,
): Promise<FoundRow | undefined> {
  const hashes = spaces.map((space) => upstreamHash(tx, space, upstreamId))
  return (await findByHash(tx, hashes, upstreamId)) ?? (await findInThread(tx, hashes, { upstreamId, conversationId }))
}

/**
 * The message that an act or a reply points to, also where it is older: what nobody points to is not worth the time.
 * Reading a row costs a page of its own, so beyond the latest thousand the keys that the message would have are asked
 * for, one for each second in which something was said; both indexes are asked alone (measured: 3.5 ms for the 4,000, in
 * a thread that has them; 13 ms by rows). What has another stamp than its row is not found there.
 */
export async function findTarget(
  tx: Tx,
  spaces: readonly string[],
  upstreamId: string,
  conversationId: number,
): Promise<FoundRow | undefined> {
  const near = await findMessage(tx, spaces, upstreamId, conversationId)
  if (near) return near
  const [one = 0n, other = one] = spaces.map((space) => upstreamHash(tx, space, upstreamId) & ID_HASH_MASK)
  const rows = await tx.all<{ id: number }>(
    `SELECT m.id FROM
       (SELECT at / 1000 AS second FROM messages WHERE conversation_id = ?1 ORDER BY at DESC, id DESC LIMIT ?2 OFFSET ?3) t
     CROSS JOIN messages m ON m.upstream_hash IN ((t.second << ${ID_HASH_BITS}) | ?4, (t.second << ${ID_HASH_BITS}) | ?5)`,
    conversationId,
    LOOK_FURTHER_MAX,
    LOOK_BACK_MAX,
    one,
    other,
  )
  return await confirmed(tx, rows, upstreamId)
}

/** The row that has the whole hash of its id: what we sent, and calls. */
export async function findByHash(tx: Tx, hashes: readonly bigint[], upstreamId: string): Promise<FoundRow | undefined> {
  for (const hash of hashes) {
    for (const row of await rowsOf(tx, hash)) if ((await upstreamIdOfRow(tx, row)) === upstreamId) return row
  }
  return undefined
}

async function findInThread(
  tx: Tx,
  hashes: readonly bigint[],
  wanted: { upstreamId: string; conversationId: number },
): Promise<FoundRow | undefined> {
  const [one = 0n, other = one] = hashes.map((hash) => hash & ID_HASH_MASK)
  const rows = await tx.all<{ id: number }>(
    `SELECT id FROM (SELECT id, upstream_hash FROM messages WHERE conversation_id = ?1 ORDER BY at DESC, id DESC LIMIT ?2)
     WHERE upstream_hash & ?3 IN (?4, ?5)`,
    wanted.conversationId,
    LOOK_BACK_MAX,
    ID_HASH_MASK,
    one,
    other,
  )
  return await confirmed(tx, rows, wanted.upstreamId)
}

/** The row whose sealed id it is: hashes may agree by chance. */
async function confirmed(tx: Tx, rows: readonly { id: number }[], upstreamId: string): Promise<FoundRow | undefined> {
  for (const { id } of rows) {
    const row = await rowById(tx, id)
    if (row && (await upstreamIdOfRow(tx, row)) === upstreamId) return row
  }
  return undefined
}

const FOUND_COLUMNS = `m.id, m.conversation_id, m.direction, m.state, m.flags, m.author_id, m.body, k.person
  FROM messages m JOIN conversations c ON c.id = m.conversation_id
  JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)`

function rowsOf(tx: Tx, hash: bigint): Promise<FoundRow[]> {
  return tx.all<FoundRow>(
    `SELECT ${FOUND_COLUMNS} WHERE m.upstream_hash = ?1 AND c.workspace_id = coalesce(?2, c.workspace_id)`,
    hash,
    tx.within,
  )
}

/** Undefined also where it is in another workspace than the one that is acted in. */
export function rowById(tx: Tx, id: number): Promise<FoundRow | undefined> {
  return tx.one<FoundRow>(
    `SELECT ${FOUND_COLUMNS} WHERE m.id = ?1 AND c.workspace_id = coalesce(?2, c.workspace_id)`,
    id,
    tx.within,
  )
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

/** The platform's object; undefined where its person is erased. */
export function openBody(tx: Tx, row: Pick<FoundRow, 'id' | 'person' | 'body'>): Record<string, unknown> | undefined {
  const text = tx.unseal(row.person, bodyPlace(row.id), row.body)
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
}

/** The platform's id of the message that a message answers. */
export function repliedTo(item: Said): string | null {
  const context = item.raw['context'] as { id?: unknown } | null | undefined
  return typeof context?.id === 'string' ? context.id : null
}

/** The message that a reply answers, where it is in this conversation; an edit stands for what it edits. */
export async function replyTarget(tx: Tx, upstreamId: string, conversationId: number): Promise<number | null> {
  const found = await findTarget(tx, ['messages', 'standby'], upstreamId, conversationId)
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
