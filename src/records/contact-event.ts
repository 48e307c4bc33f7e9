import { must } from '../core/assert.ts'
import type { Tx } from './tx.ts'

/** What a `contact.updated` event keeps: whom it is about, and what rows that change cannot tell later. */
export type ContactEventData = [contactId: number, mergedInto: number | null, members: number[], lastConsentId: number]

/** Tells that something about a contact changed; of one that is merged into another, that other changed. */
export async function tellContact(tx: Tx, contactId: number): Promise<void> {
  const row = await tx.one<{ merged_into: number | null }>(
    'SELECT merged_into FROM contacts WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)',
    contactId,
    tx.within,
  )
  if (row) await tellOneContact(tx, row.merged_into ?? contactId, null)
}

/** Conversations in which a change of a person is told, those with the newest activity. */
const TOLD_CONVERSATIONS_MAX = 50

/** Tells of exactly this contact, in each of its conversations: whoever may see one of them may see the event. */
export async function tellOneContact(tx: Tx, id: number, mergedInto: number | null): Promise<void> {
  const row = await tx.one<{ workspaceId: number }>(
    'SELECT workspace_id AS workspaceId FROM contacts WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)',
    id,
    tx.within,
  )
  const { workspaceId } = must(row, 'the contact that changed')
  const members = await membersOf(tx, { id, workspaceId })
  const family = JSON.stringify([id, ...members])
  const conversations = await tx.all<{ conversationId: number; numberId: number }>(
    `SELECT id AS conversationId, number_id AS numberId FROM conversations
     WHERE contact_id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?2
     ORDER BY last_message_at DESC, id DESC LIMIT ?3`,
    family,
    workspaceId,
    TOLD_CONVERSATIONS_MAX,
  )
  const consent = await tx.one<{ id: number | null }>(
    'SELECT max(id) AS id FROM consents WHERE contact_id IN (SELECT value FROM json_each(?1))',
    family,
  )
  const kept = [id, mergedInto, members, consent?.id ?? 0] satisfies ContactEventData
  for (const where of conversations.length === 0 ? [{}] : conversations)
    await tx.event('contact.updated', { workspaceId, ...where }, kept)
}

/** Who is merged into a contact: never anybody of another workspace. */
export async function membersOf(tx: Tx, root: { id: number; workspaceId: number }): Promise<number[]> {
  const rows = await tx.all<{ id: number }>(
    'SELECT id FROM contacts WHERE merged_into = ?1 AND +workspace_id = ?2 ORDER BY id',
    root.id,
    root.workspaceId,
  )
  return rows.map(({ id }) => id)
}
