import { must } from '../core/assert.ts'
import type { MessageState } from '../core/message.ts'
import { FORMER, type FormerKind } from './codes.ts'
import { eraseMediaOf } from './media.ts'
import { notePlace } from './platform-note.ts'
import { quarantinePlace } from './quarantine.ts'
import { applyCuts, findCuts, findMentions, type Names, namesOf, redactBody, type Subject } from './redaction.ts'
import { bodyPlace, changeState, closeDuty, sentMessage, statusPlace } from './sent-message.ts'
import type { InputContext, Tx } from './tx.ts'

/** What was erased, by what it was. */
export type Counts = Record<string, number>
/** Where a stage goes on. */
export type Cursor = number[]

export interface Erasure {
  contactIds: readonly number[]
  persons: readonly number[]
  /** Who worked here; then there are no contacts. */
  staffId: number | null
  /** Conversations of groups in which others may name them. */
  groups: readonly number[]
  counts: Counts
  subject: Subject
  /** What came later is of somebody new. */
  keysDestroyedAt: number
}

/** Takes out a bounded number of rows and answers where it goes on; null: nothing of this kind is left. */
type Stage = (tx: Tx, erasure: Erasure, cursor: Cursor, context: InputContext) => Promise<Cursor | null>

/** Rows that one step writes, and that it only looks at. */
const WRITTEN_MAX = 200
const READ_MAX = 2000
const OPENED_MAX = 100
/** Bodies of up to 3 MB. */
const BODIES_MAX = 5

const NOTHING = new Uint8Array(0)

/** Everything of a person in the records, one kind after the other. */
export const STAGES: readonly Stage[] = [
  eraseThreads,
  eraseAuthored,
  eraseMedia,
  eraseStatuses,
  eraseMentions,
  eraseContacts,
  eraseStaff,
  eraseQuarantine,
  eraseNotes,
  eraseAuditDetails,
]

function count(erasure: Erasure, what: string, by: number): void {
  erasure.counts[what] = (erasure.counts[what] ?? 0) + by
}

function listOf(ids: readonly number[]): string {
  return JSON.stringify(ids)
}

/** Messages of their own conversations. What stays of one is what figures need: that there was one, when, its type. */
async function eraseThreads(tx: Tx, erasure: Erasure, cursor: Cursor, context: InputContext): Promise<Cursor | null> {
  const [conversationId = 0, at = Number.MIN_SAFE_INTEGER, id = 0] = cursor
  const rows = await tx.all<{ id: number; at: number }>(
    `SELECT id, at FROM messages WHERE conversation_id = ?1 AND (at, id) > (?2, ?3) ORDER BY at, id LIMIT ${WRITTEN_MAX}`,
    conversationId,
    at,
    id,
  )
  for (const row of rows) await eraseMessage(tx, erasure, row.id, context)
  const last = rows.at(-1)
  if (last) return [conversationId, last.at, last.id]
  const next = await tx.one<{ id: number }>(
    'SELECT id FROM conversations WHERE contact_id IN (SELECT value FROM json_each(?1)) AND id > ?2 ORDER BY id LIMIT 1',
    listOf(erasure.contactIds),
    conversationId,
  )
  return next ? [next.id] : null
}

/** What they wrote in groups. */
async function eraseAuthored(tx: Tx, erasure: Erasure, cursor: Cursor, context: InputContext): Promise<Cursor | null> {
  const [authorIndex = 0, after = 0] = cursor
  const authorId = erasure.contactIds[authorIndex]
  if (authorId === undefined) return null
  const rows = await tx.all<{ id: number }>(
    `SELECT id FROM messages WHERE author_id = ?1 AND id > ?2 ORDER BY id LIMIT ${WRITTEN_MAX}`,
    authorId,
    after,
  )
  for (const { id } of rows) await eraseMessage(tx, erasure, id, context)
  const last = rows.at(-1)
  return last ? [authorIndex, last.id] : [authorIndex + 1]
}

async function eraseMessage(tx: Tx, erasure: Erasure, id: number, context: InputContext): Promise<void> {
  await endSending(tx, id, context)
  await tx.run('UPDATE messages SET body = ?2 WHERE id = ?1', id, NOTHING)
  const sent = await tx.run(
    'UPDATE outbound SET owed = 0, upstream = NULL, reference = NULL, caller_data = NULL WHERE message_id = ?1',
    id,
  )
  if (sent > 0) await eraseFormer(tx, ['upstream'], id)
  count(erasure, 'messages', 1)
}

/** What of a message that is not sent becomes of it: it never will be; what may have gone out is never settled. */
const ENDS: Partial<Record<MessageState, MessageState>> = {
  queued: 'cancelled',
  held: 'cancelled',
  sending: 'failed',
  in_doubt: 'failed',
}

async function endSending(tx: Tx, id: number, { now }: InputContext): Promise<void> {
  const message = await sentMessage(tx, id)
  const end = message && ENDS[message.state]
  if (!message || end === undefined) return
  await closeDuty(tx, id)
  tx.wake({ kind: 'unqueued', messageId: id })
  const change = { reason: 'erased', source: 'api' as const, atMs: now, attempt: message.attempt }
  await changeState(tx, message, { ...change, state: end })
}

async function eraseFormer(tx: Tx, kinds: readonly FormerKind[], subject: number): Promise<number> {
  let changed = 0
  for (const kind of kinds) {
    changed += await tx.run('DELETE FROM former_cells WHERE kind = ?1 AND subject = ?2', FORMER.code(kind), subject)
  }
  return changed
}

/** Rows; the files are owed to be removed from the folder. */
async function eraseMedia(tx: Tx, erasure: Erasure, [index = 0]: Cursor): Promise<Cursor | null> {
  const person = erasure.persons[index]
  if (person === undefined) return null
  const files = await eraseMediaOf(tx, person)
  count(erasure, 'files', files.length)
  return [index + 1]
}

/** Statuses by whose key they are sealed with, and in groups those that are about them. No row is older than the contact. */
async function eraseStatuses(tx: Tx, erasure: Erasure, cursor: Cursor): Promise<Cursor | null> {
  if (erasure.contactIds.length === 0) return null
  const [after = Math.min(...erasure.contactIds) - 1] = cursor
  const rows = await tx.all<{ id: number; person: number }>(
    `SELECT id, person FROM statuses WHERE id > ?1 ORDER BY id LIMIT ${READ_MAX}`,
    after,
  )
  const groupPersons = new Set(erasure.groups.length === 0 ? [] : await personsOfGroups(tx, erasure))
  const names = namesIn(tx, erasure)
  for (const { id, person } of rows) {
    const isTheirs = erasure.persons.includes(person)
    if (!isTheirs && !(groupPersons.has(person) && (await isStatusOf(tx, { id, person }, names)))) continue
    await tx.run('DELETE FROM statuses WHERE id = ?1', id)
    count(erasure, 'statuses', 1)
  }
  const last = rows.at(-1)
  return last && rows.length === READ_MAX ? [last.id] : null
}

async function personsOfGroups(tx: Tx, { groups }: Erasure): Promise<number[]> {
  const rows = await tx.all<{ person: number }>(
    `SELECT k.person FROM conversations c JOIN contacts k ON k.id = c.contact_id
     WHERE c.id IN (SELECT value FROM json_each(?1))`,
    listOf(groups),
  )
  return rows.map(({ person }) => person)
}

async function isStatusOf(tx: Tx, { id, person }: { id: number; person: number }, names: Names): Promise<boolean> {
  const row = await tx.one<{ body: Uint8Array }>('SELECT body FROM statuses WHERE id = ?1', id)
  const text = row && tx.unseal(person, statusPlace(id), row.body)
  return text !== undefined && findMentions(JSON.parse(text), names).length > 0
}

/** What others wrote in groups, where it says whom it answers or who came and went: without them. */
async function eraseMentions(tx: Tx, erasure: Erasure, cursor: Cursor): Promise<Cursor | null> {
  const [index = 0, at = Number.MIN_SAFE_INTEGER, id = 0] = cursor
  const conversationId = erasure.groups[index]
  if (conversationId === undefined) return null
  const rows = await tx.all<{ id: number; at: number; person: number; body: Uint8Array }>(
    `SELECT m.id, m.at, m.body, k.person FROM messages m JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)
     WHERE m.conversation_id = ?1 AND (m.at, m.id) > (?2, ?3) ORDER BY m.at, m.id LIMIT ${OPENED_MAX}`,
    conversationId,
    at,
    id,
  )
  const names = namesIn(tx, erasure)
  for (const row of rows) {
    const text = tx.unseal(row.person, bodyPlace(row.id), row.body)
    const body: unknown = text === undefined ? null : JSON.parse(text)
    const cuts = findMentions(body, names)
    if (cuts.length === 0) continue
    const left = tx.seal(row.person, bodyPlace(row.id), JSON.stringify(applyCuts(body, cuts) ?? {}))
    await tx.run('UPDATE messages SET body = ?2 WHERE id = ?1', row.id, left)
    count(erasure, 'mentions', 1)
  }
  const last = rows.at(-1)
  return last ? [index, last.at, last.id] : [index + 1]
}

/** Who they are, what they want, where they are members. The row stays: conversations point to it, and say `erased`. */
async function eraseContacts(tx: Tx, erasure: Erasure, [index = 0]: Cursor): Promise<Cursor | null> {
  const id = erasure.contactIds[index]
  if (id === undefined) return null
  await tx.run('UPDATE contacts SET profile = ?2, card = NULL WHERE id = ?1', id, NOTHING)
  await eraseFormer(tx, ['profile', 'card', 'head'], id)
  count(erasure, 'consents', await tx.run('DELETE FROM consents WHERE contact_id = ?1', id))
  await tx.run('DELETE FROM address_book_entries WHERE contact_id = ?1', id)
  await tx.run('DELETE FROM group_members WHERE member_id = ?1', id)
  await tx.run('UPDATE conversations SET unread = 0 WHERE contact_id = ?1', id)
  count(erasure, 'contacts', 1)
  return [index + 1]
}

/** Who worked here. The row stays: conversations and the audit point to it. */
async function eraseStaff(tx: Tx, erasure: Erasure): Promise<null> {
  if (erasure.staffId === null) return null
  await tx.run('UPDATE people SET profile = ?2 WHERE id = ?1', erasure.staffId, NOTHING)
  count(erasure, 'people', 1)
  return null
}

/** Bodies that were set aside because something in them failed. */
async function eraseQuarantine(tx: Tx, erasure: Erasure, [after = 0]: Cursor): Promise<Cursor | null> {
  if (erasure.contactIds.length === 0) return null
  const rows = await tx.all<{ seq: number; body: Uint8Array }>(
    `SELECT seq, body FROM quarantine_bodies b WHERE seq > ?1
     AND EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = b.seq AND q.at <= ?2) ORDER BY seq LIMIT ${BODIES_MAX}`,
    after,
    erasure.keysDestroyedAt,
  )
  const names = namesIn(tx, erasure)
  for (const { seq, body } of rows) {
    const redacted = redactBody(tx.unsealBytes('quarantine', quarantinePlace(seq), body), names)
    if (!redacted) continue
    count(erasure, 'quarantined', 1)
    if (redacted.body.length > 0) {
      const left = tx.sealBytes('quarantine', quarantinePlace(seq), redacted.body)
      await tx.run('UPDATE quarantine_bodies SET body = ?2 WHERE seq = ?1', seq, left)
      continue
    }
    await tx.run('DELETE FROM quarantine_bodies WHERE seq = ?1', seq)
    await tx.run('DELETE FROM quarantine WHERE seq = ?1', seq)
  }
  const last = rows.at(-1)
  return last ? [last.seq] : null
}

/** What the platform said that nobody understood, or that is about the firm's own and names somebody. */
async function eraseNotes(tx: Tx, erasure: Erasure, [after = 0]: Cursor): Promise<Cursor | null> {
  if (erasure.contactIds.length === 0) return null
  const rows = await tx.all<{ id: number; body: Uint8Array }>(
    `SELECT id, body FROM platform_notes WHERE id > ?1 ORDER BY id LIMIT ${OPENED_MAX}`,
    after,
  )
  const names = namesIn(tx, erasure)
  for (const { id, body } of rows) {
    const note: unknown = JSON.parse(must(tx.unseal(0, notePlace(id), body), 'the note'))
    const cuts = findCuts(note, names)
    if (cuts.length === 0) continue
    count(erasure, 'notes', 1)
    const left = applyCuts(note, cuts)
    if (left === undefined) await tx.run('DELETE FROM platform_notes WHERE id = ?1', id)
    else
      await tx.run(
        'UPDATE platform_notes SET body = ?2 WHERE id = ?1',
        id,
        tx.seal(0, notePlace(id), JSON.stringify(left)),
      )
  }
  const last = rows.at(-1)
  return last ? [last.id] : null
}

/** What is personal of rows of the audit. The rows stay, and their chain holds: it covers a hash of what was sealed. */
async function eraseAuditDetails(tx: Tx, erasure: Erasure, [after = 0]: Cursor): Promise<Cursor | null> {
  const rows = await tx.all<{ seq: number }>(
    `SELECT seq FROM audit WHERE detail_person IN (SELECT value FROM json_each(?1)) AND seq > ?2 AND workspace_id > 0
     ORDER BY seq LIMIT ${WRITTEN_MAX}`,
    listOf(erasure.persons),
    after,
  )
  for (const { seq } of rows) await tx.run("UPDATE audit SET detail = x'' WHERE seq = ?1 AND workspace_id > 0", seq)
  const last = rows.at(-1)
  return last ? [last.seq] : null
}

function namesIn(tx: Tx, { subject }: Erasure): Names {
  return namesOf(subject, must(tx.vault.findNamedKey('blind'), 'the blind index key'))
}
