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

/** Tells of exactly this contact. Whoever may see one of its conversations may see the event. */
export async function tellOneContact(tx: Tx, id: number, mergedInto: number | null): Promise<void> {
  const row = await tx.one<{ workspaceId: number }>(
    'SELECT workspace_id AS workspaceId FROM contacts WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)',
    id,
    tx.within,
  )
  const { workspaceId } = must(row, 'the contact that changed')
  const members = await membersOf(tx, { id, workspaceId })
  const family = JSON.stringify([id, ...members])
  const latest = await tx.one<{ id: number; number_id: number }>(
    `SELECT id, number_id FROM conversations
     WHERE contact_id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?2
     ORDER BY last_message_at DESC, id DESC LIMIT 1`,
    family,
    workspaceId,
  )
  const consent = await tx.one<{ id: number | null }>(
    'SELECT max(id) AS id FROM consents WHERE contact_id IN (SELECT value FROM json_each(?1))',
    family,
  )
  const about = { workspaceId, ...(latest ? { conversationId: latest.id, numberId: latest.number_id } : {}) }
  await tx.event('contact.updated', about, [id, mergedInto, members, consent?.id ?? 0] satisfies ContactEventData)
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
