import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import { MERGE_SOURCE, type MergeSource } from './codes.ts'
import { membersOf, tellOneContact } from './contact-event.ts'
import { contactById, livingContact, type OpenContact } from './contact-row.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Contacts that are one person. More is a mistake of whoever merges them. */
export const FAMILY_MAX = 100

interface MergeLink {
  id: number
  from_id: number
  into_id: number
  source: number
}

export interface MergeAnswer {
  id: number
  fromId: number
  intoId: number
}

/**
 * A person says that two contacts are one. Nothing moves: messages, conversations and identities stay where they are,
 * and go on coming there; only views show the head of the family. So to undo it is to take the link away.
 */
export const mergeContacts = input(
  'contact.merge',
  async (
    tx: Tx,
    ask: { contactId: number; intoId: number; by: string },
    context: InputContext,
  ): Promise<MergeAnswer> => {
    const from = await livingContact(tx, ask.contactId)
    const into = await livingContact(tx, ask.intoId)
    if (!from) throw new Failure('not_found', 'No such contact')
    if (into?.workspaceId !== from.workspaceId)
      throw new Failure('invalid', 'No such contact to merge into', { path: '/into' })
    if (from.id === into.id) throw new Failure('invalid', 'A contact is not merged into itself', { path: '/into' })
    if (rootOf(from) === rootOf(into)) throw new Failure('conflict', 'The two are one contact already')
    if (from.mergedInto !== null) {
      throw new Failure('conflict', 'It is merged into another contact: unmerge it first, or merge that one', {
        merged_into: showId('contact', from.mergedInto),
      })
    }
    if ((await familyOf(tx, from)).length + (await familyOf(tx, into)).length > FAMILY_MAX) {
      throw new Failure('conflict', `More than ${FAMILY_MAX} contacts cannot be merged into one`)
    }
    const id = await insertMerge(tx, { fromId: from.id, intoId: into.id }, { source: 'person', by: ask.by }, context)
    await settleFamilies(tx, from.workspaceId, [from.id, into.id])
    return { id, fromId: from.id, intoId: into.id }
  },
)

/** Takes back a contact's newest merge into another, a person's first: everything is as it would be without it. */
export const unmergeContact = input(
  'contact.unmerge',
  async (tx: Tx, ask: { contactId: number; by: string }, { now }: InputContext): Promise<MergeAnswer> => {
    const contact = await contactById(tx, ask.contactId)
    if (!contact) throw new Failure('not_found', 'No such contact')
    const link = await tx.one<MergeLink>(
      'SELECT id, from_id, into_id, source FROM contact_merges WHERE from_id = ?1 AND undone_at IS NULL ORDER BY source DESC, id DESC LIMIT 1',
      contact.id,
    )
    if (!link) throw new Failure('conflict', 'It is not merged into another contact')
    await tx.run('UPDATE contact_merges SET undone_at = ?2, undone_by = ?3 WHERE id = ?1', link.id, now, ask.by)
    await settleFamilies(tx, contact.workspaceId, [link.from_id, link.into_id])
    return { id: link.id, fromId: link.from_id, intoId: link.into_id }
  },
)

/**
 * The platform showed that two contacts are one person. It says so once for each pair: what a person has undone since
 * stays undone. Whether they are in one family for other
 * reasons does not matter, for those may be taken back. Answers whether it has told of it.
 */
export async function joinContacts(
  tx: Tx,
  from: Pick<OpenContact, 'id' | 'workspaceId'>,
  into: Pick<OpenContact, 'id'>,
  context: InputContext,
): Promise<boolean> {
  const [fromId, intoId] = [from.id, into.id]
  const known = await tx.one(
    `SELECT id FROM contact_merges WHERE source = ?3 AND ((from_id = ?1 AND into_id = ?2) OR (from_id = ?2 AND into_id = ?1))`,
    fromId,
    intoId,
    MERGE_SOURCE.code('platform'),
  )
  if (known || fromId === intoId) return false
  await insertMerge(tx, { fromId, intoId }, { source: 'platform', by: null }, context)
  await settleFamilies(tx, from.workspaceId, [fromId, intoId])
  return true
}

/** All contacts that are the same person, the head first. */
export async function familyOf(
  tx: Tx,
  contact: Pick<OpenContact, 'id' | 'mergedInto' | 'hasJoined' | 'workspaceId'>,
): Promise<number[]> {
  if (!contact.hasJoined) return [contact.id]
  const root = rootOf(contact)
  return [root, ...(await membersOf(tx, { id: root, workspaceId: contact.workspaceId }))]
}

function rootOf({ id, mergedInto }: Pick<OpenContact, 'id' | 'mergedInto'>): number {
  return mergedInto ?? id
}

async function insertMerge(
  tx: Tx,
  link: { fromId: number; intoId: number },
  said: { source: MergeSource; by: string | null },
  { now, ids }: InputContext,
): Promise<number> {
  const id = ids.next()
  await tx.run(
    'INSERT INTO contact_merges (id, from_id, into_id, source, said_by, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
    id,
    link.fromId,
    link.intoId,
    MERGE_SOURCE.code(said.source),
    said.by,
    now,
  )
  return id
}

/** Finds the heads of the families of these contacts anew, writes what is another than before, and tells it. */
async function settleFamilies(tx: Tx, workspaceId: number, contactIds: readonly number[]): Promise<void> {
  const links = await linksAround(tx, contactIds)
  const heads = headsOf(links, contactIds)
  const changed = new Map<number, number | null>()
  const touched = new Set<number>(heads.values())
  for (const [id, head] of heads) {
    const contact = await contactById(tx, id)
    const mergedInto = head === id ? null : head
    if (contact?.workspaceId !== workspaceId || contact.mergedInto === mergedInto) continue
    await writeHead(tx, contact, mergedInto)
    changed.set(id, mergedInto)
  }
  for (const id of touched) if (!changed.has(id)) changed.set(id, null)
  await tx.run(
    `UPDATE contacts SET joined = 1
     WHERE joined = 0 AND id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?2`,
    JSON.stringify([...changed.keys()]),
    workspaceId,
  )
  for (const [id, mergedInto] of changed) await tellOneContact(tx, id, mergedInto)
}

async function writeHead(tx: Tx, contact: OpenContact, mergedInto: number | null): Promise<void> {
  const { id, person, workspaceId } = contact
  // Of an erased person no event tells anything any more.
  if (!tx.isErased(person)) {
    await tx.keepFormer('head', { subject: id, person, text: String(contact.mergedInto ?? '') })
  }
  await tx.run(
    'UPDATE contacts SET merged_into = ?2, joined = 1 WHERE id = ?1 AND workspace_id = ?3',
    id,
    mergedInto,
    workspaceId,
  )
}

/** The links that hold between all whom a chain of them leads to. */
async function linksAround(tx: Tx, contactIds: readonly number[]): Promise<MergeLink[]> {
  let reached: readonly number[] = contactIds
  for (;;) {
    const links = await tx.all<MergeLink>(
      `SELECT id, from_id, into_id, source FROM contact_merges WHERE undone_at IS NULL
       AND (from_id IN (SELECT value FROM json_each(?1)) OR into_id IN (SELECT value FROM json_each(?1)))`,
      JSON.stringify(reached),
    )
    const next = new Set([...reached, ...links.flatMap(({ from_id, into_id }) => [from_id, into_id])])
    if (next.size === reached.length) return links
    reached = [...next]
  }
}

/**
 * The head of each contact's family: what the platform showed first, then what people said, each in its order. A link
 * puts the family of the one under the head of the other, and says nothing where they are one already. So the heads
 * follow from the links that hold, and from nothing that was undone.
 */
export function headsOf(links: readonly MergeLink[], contactIds: readonly number[]): Map<number, number> {
  const heads = new Map<number, number>(contactIds.map((id) => [id, id]))
  for (const { from_id, into_id } of links) heads.set(from_id, from_id).set(into_id, into_id)
  for (const { from_id, into_id } of links.toSorted((one, other) => one.source - other.source || one.id - other.id)) {
    const from = heads.get(from_id)
    const into = heads.get(into_id) ?? into_id
    for (const [id, head] of heads) if (head === from) heads.set(id, into)
  }
  return heads
}
