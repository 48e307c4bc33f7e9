import { must } from '../core/assert.ts'
import { DAY_MS, toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import { phoneForms } from '../core/phone.ts'
import { MAIN_WORKSPACE } from '../core/principal.ts'
import { CONTACT_KIND } from './codes.ts'
import { tellContact } from './contact-event.ts'
import { familyOf } from './contact-merge.ts'
import { contactById, contactOfPerson, type OpenContact } from './contact-row.ts'
import { ERASURE_STATE, type ErasureState } from './erasure-codes.ts'
import { type Counts, type Cursor, type Erasure, STAGES } from './erasure-stages.ts'
import type { Subject } from './redaction.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** What was read of the search index stays in its file until the night's merge. */
const SEARCH_RESIDUE_MS = DAY_MS

interface Row {
  id: number
  contact_id: number
  requested_at: number
  requested_by: string
  state: number
  progress: string
  subject: Uint8Array | null
  keys_destroyed_at: number | null
  /** Of who worked here. */
  staff_id: number | null
}

const COLUMNS = 'id, contact_id, requested_at, requested_by, state, progress, subject, keys_destroyed_at, staff_id'

interface Progress {
  stage: number
  cursor: Cursor
  counts: Counts
  groups: number[]
}

/** The key that the subject of an erasure is sealed with while it goes on. */
export function erasureKeyName(id: number): string {
  return `erasure:${id}`
}

function subjectPlace(id: number): string {
  return `erasures.subject:${id}`
}

/** Erasures that are begun and not done, oldest first: the row is the duty. */
export const listErasures = input('erasure.unfinished', async (tx: Tx, _ask: null) => {
  const rows = await tx.all<{ id: number }>(
    'SELECT id FROM erasures WHERE state <> ?1 ORDER BY id',
    ERASURE_STATE.code('done'),
  )
  return { ids: rows.map(({ id }) => id) }
})

/** What the relay has to know to carry an erasure out. */
export interface ErasureTask {
  id: number
  state: ErasureState
  requestedAtMs: number
  requestedBy: string
  /** Null: not yet. */
  keysDestroyedAtMs: number | null
  contactIds: number[]
  persons: number[]
  conversationIds: number[]
  subject: Subject
}

/**
 * Begins to erase a person: everybody whom they are merged with is them. Asked for again it answers the erasure that
 * there is. Nothing is gone yet when this is committed, and from then on it will be, whatever happens.
 */
export const beginErasure = input(
  'erasure.begin',
  async (tx: Tx, ask: { contactId: number; by: string }, context: InputContext) => {
    const contact = await contactById(tx, ask.contactId)
    if (contact?.kind !== CONTACT_KIND.person) throw new Failure('not_found', 'No such contact')
    const known = await tx.one<{ erasure_id: number }>(
      'SELECT erasure_id FROM erased_contacts WHERE contact_id = ?1',
      contact.id,
    )
    if (known) return { id: known.erasure_id, isNew: false }
    const family: OpenContact[] = []
    for (const id of await familyOf(tx, contact)) {
      const member = await contactById(tx, id)
      if (member && (await isUnerased(tx, id))) family.push(member)
    }
    return { id: await insertErasure(tx, await ofContacts(tx, contact, family), ask.by, context), isNew: true }
  },
  { objects: (ask) => [{ object: showId('contact', ask.contactId) }] },
)

/**
 * Begins to erase who worked here, and does not any more. `workspaceId`: only whom the audit of this workspace knows, since
 * nothing else does; null: of whichever, for the command line.
 */
export const beginErasureOfStaff = input(
  'erasure.begin_staff',
  async (tx: Tx, ask: { personId: number; workspaceId: number | null; by: string }, context: InputContext) => {
    const staff = await tx.one<Staff>('SELECT id, key_person FROM people WHERE id = ?1', ask.personId)
    const workspaceId = await workspaceOfStaff(tx, ask)
    if (!staff || workspaceId === undefined) throw new Failure('not_found', 'No such person')
    if (
      await tx.one('SELECT person_id FROM memberships WHERE person_id = ?1 LIMIT 1 /* of any workspace */', staff.id)
    ) {
      throw new Failure('conflict', 'They still work here: remove them first')
    }
    const known = await tx.one<{ erasure_id: number }>(
      'SELECT erasure_id FROM erased_contacts WHERE contact_id = ?1',
      staff.id,
    )
    if (known) return { id: known.erasure_id, isNew: false }
    return { id: await insertErasure(tx, ofStaff(staff, workspaceId), ask.by, context), isNew: true }
  },
  { objects: (ask) => [{ object: showId('person', ask.personId) }] },
)

interface Staff {
  id: number
  key_person: number
}

async function workspaceOfStaff(
  tx: Tx,
  ask: { personId: number; workspaceId: number | null },
): Promise<number | undefined> {
  const row = await tx.one<{ workspace_id: number }>(
    `SELECT workspace_id FROM audit WHERE object = ?1 AND workspace_id = coalesce(?2, workspace_id)
     ORDER BY seq DESC LIMIT 1`,
    showId('person', ask.personId),
    ask.workspaceId,
  )
  return row?.workspace_id ?? (ask.workspaceId === null ? MAIN_WORKSPACE : undefined)
}

/** The same for a person whom the ledger names: exactly them, as nobody else was erased with them. Null: nobody is left. */
export const beginErasureOfPerson = input(
  'erasure.begin_person',
  async (tx: Tx, ask: { person: number; by: string }, context: InputContext) => {
    const contact = await contactOfPerson(tx, ask.person)
    const staff = contact
      ? undefined
      : await tx.one<Staff>('SELECT id, key_person FROM people WHERE key_person = ?1', ask.person)
    const id = contact?.id ?? staff?.id
    if (id === undefined || !(await isUnerased(tx, id))) return { id: null }
    // In the copy they may still work here: then they are shown without a name.
    const whom = contact
      ? await ofContacts(tx, contact, [contact])
      : ofStaff(must(staff, 'who worked here'), MAIN_WORKSPACE)
    return { id: await insertErasure(tx, whom, ask.by, context) }
  },
)

async function isUnerased(tx: Tx, contactId: number): Promise<boolean> {
  return (await tx.one('SELECT contact_id FROM erased_contacts WHERE contact_id = ?1', contactId)) === undefined
}

/** Whom an erasure is about. */
interface Whom {
  /** Who was asked for. */
  id: number
  workspaceId: number
  staffId: number | null
  members: readonly { id: number; person: number }[]
  subject: Subject
  groups: number[]
}

async function ofContacts(tx: Tx, contact: OpenContact, family: readonly OpenContact[]): Promise<Whom> {
  const subject = {
    portfolios: [...new Set(family.map(({ portfolio }) => portfolio))],
    hashes: [...new Set(family.flatMap((contact) => hashesOf(tx, contact)))],
  }
  const { id, workspaceId } = contact
  return { id, workspaceId, staffId: null, members: family, subject, groups: await groupsOf(tx, family) }
}

/** No customer's message names them: there is nothing to look for in what came in. */
function ofStaff({ id, key_person: person }: Staff, workspaceId: number): Whom {
  return {
    id,
    workspaceId,
    staffId: id,
    members: [{ id, person }],
    subject: { portfolios: [], hashes: [] },
    groups: [],
  }
}

async function insertErasure(tx: Tx, whom: Whom, by: string, { now, ids }: InputContext): Promise<number> {
  const id = ids.next()
  tx.vault.namedKey(erasureKeyName(id))
  const progress: Progress = { stage: 0, cursor: [], counts: {}, groups: whom.groups }
  await tx.run(
    `INSERT INTO erasures (id, contact_id, requested_at, requested_by, state, progress, subject, workspace_id, staff_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
    id,
    whom.id,
    now,
    by,
    ERASURE_STATE.code('begun'),
    JSON.stringify(progress),
    tx.sealNamed(erasureKeyName(id), subjectPlace(id), JSON.stringify(whom.subject)),
    whom.workspaceId,
    whom.staffId,
  )
  for (const { id: contactId, person } of whom.members) {
    await tx.run(
      'INSERT INTO erased_contacts (contact_id, erasure_id, person) VALUES (?1, ?2, ?3)',
      contactId,
      id,
      person,
    )
  }
  return id
}

/** Keyed hashes of everything they are or were known by, as far as it is not somebody else's by now. */
function hashesOf(tx: Tx, { person, portfolio, profile, links }: OpenContact): string[] {
  const hashes = tx.vault.hashesOf(person).map((hash) => hash.toHex())
  const phones = links.flatMap(({ kind, value }) => (kind === 'phone' ? phoneForms(value) : []))
  const users = links.flatMap(({ kind, value }) => (kind === 'user_id' || kind === 'parent_user_id' ? [value] : []))
  const all = [
    ...[...phones, ...phoneForms(profile.phone ?? '')].map((value) => ({ kind: 'phone' as const, value })),
    ...[...users, profile.userId, profile.parentUserId].map((value) => ({ kind: 'user' as const, value })),
  ]
  for (const { kind, value } of all) {
    if (value === undefined || value === '') continue
    const holder = tx.vault.findPerson(kind, portfolio, value)
    if (holder === undefined || holder === person) hashes.push(tx.vault.blindHash(kind, portfolio, value).toHex())
  }
  return hashes
}

/** The threads of groups that they are or were in: others may name them there. */
async function groupsOf(tx: Tx, family: readonly OpenContact[]): Promise<number[]> {
  const rows = await tx.all<{ id: number }>(
    `SELECT DISTINCT conversation_id AS id FROM messages WHERE author_id IN (SELECT value FROM json_each(?1))
     UNION SELECT c.id FROM group_members g JOIN conversations c ON c.contact_id = g.group_id
     WHERE g.member_id IN (SELECT value FROM json_each(?1))`,
    JSON.stringify(family.map(({ id }) => id)),
  )
  return rows.map(({ id }) => id)
}

/** What is to be done for an erasure; null where there is none. */
export const readErasure = input('erasure.read', async (tx: Tx, ask: { id: number }): Promise<ErasureTask | null> => {
  const row = await rowOf(tx, ask.id)
  if (!row) return null
  const { contactIds, persons } = await contactsOf(tx, row)
  const conversations = await tx.all<{ id: number }>(
    'SELECT id FROM conversations WHERE contact_id IN (SELECT value FROM json_each(?1))',
    JSON.stringify(contactIds),
  )
  return {
    id: row.id,
    state: ERASURE_STATE.word(row.state),
    requestedAtMs: row.requested_at,
    keysDestroyedAtMs: row.keys_destroyed_at,
    requestedBy: row.requested_by,
    contactIds,
    persons,
    conversationIds: conversations.map(({ id }) => id),
    subject: subjectOf(tx, row),
  }
})

/** The keys are destroyed: from now on nothing of the person opens, and their rows are taken out. */
export const noteKeysDestroyed = input(
  'erasure.keys_destroyed',
  async (tx: Tx, ask: { id: number }, { now }: InputContext) => {
    const row = must(await rowOf(tx, ask.id), 'the erasure')
    if (row.state !== ERASURE_STATE.code('begun')) return null
    await tx.run(
      'UPDATE erasures SET state = ?2, keys_destroyed_at = ?3 WHERE id = ?1',
      row.id,
      ERASURE_STATE.code('rows'),
      now,
    )
    tx.spoil('contacts')
    const { contactIds } = await contactsOf(tx, row)
    for (const id of contactIds) await tellContact(tx, id)
    return null
  },
)

/** Takes out some more rows, a bounded number, so that nobody waits long; done when nothing of theirs is left. */
export const eraseRows = input('erasure.rows', async (tx: Tx, ask: { id: number }, context: InputContext) => {
  const row = must(await rowOf(tx, ask.id), 'the erasure')
  if (row.state !== ERASURE_STATE.code('rows')) return { isDone: true }
  const progress = JSON.parse(row.progress) as Progress
  const { contactIds, persons } = await contactsOf(tx, row)
  const erasure: Erasure = {
    contactIds,
    persons,
    staffId: row.staff_id,
    groups: progress.groups,
    counts: progress.counts,
    subject: subjectOf(tx, row),
    keysDestroyedAt: row.keys_destroyed_at ?? context.now,
  }
  const stage = STAGES[progress.stage]
  const next = stage ? await tx.deletingSecurely(() => stage(tx, erasure, progress.cursor, context)) : null
  if (next === null) Object.assign(progress, { stage: progress.stage + 1, cursor: [] })
  else progress.cursor = next
  const isDone = progress.stage >= STAGES.length
  await tx.run(
    'UPDATE erasures SET progress = ?2, state = ?3 WHERE id = ?1',
    row.id,
    JSON.stringify(progress),
    ERASURE_STATE.code(isDone ? 'journal' : 'rows'),
  )
  return { isDone }
})

export interface ErasureEnd {
  id: number
  /** When the key of the last day dies whose journal may have named them. */
  journalUntilMs: number
}

/** Notes that entries of the journal were overwritten. */
export const noteOverwritten = input('erasure.overwritten', async (tx: Tx, ask: { id: number; entries: number }) => {
  const row = must(await rowOf(tx, ask.id), 'the erasure')
  const progress = JSON.parse(row.progress) as Progress
  progress.counts['journal_entries'] = (progress.counts['journal_entries'] ?? 0) + ask.entries
  await tx.run('UPDATE erasures SET progress = ?2 WHERE id = ?1', row.id, JSON.stringify(progress))
  return null
})

/** Ends an erasure with its report. */
export const finishErasure = input('erasure.finish', async (tx: Tx, ask: ErasureEnd, { now }: InputContext) => {
  const row = must(await rowOf(tx, ask.id), 'the erasure')
  if (row.state === ERASURE_STATE.code('done')) return null
  const { contactIds } = await contactsOf(tx, row)
  const { counts } = JSON.parse(row.progress) as Progress
  const report = JSON.stringify({
    id: showId('erasure', row.id),
    contact_ids: contactIds.map((id) => showId('contact', id)),
    ...(row.staff_id === null ? {} : { person_id: showId('person', row.staff_id) }),
    requested_at: toTime(row.requested_at),
    requested_by: row.requested_by,
    done_at: toTime(now),
    erased: counts,
    copies: copiesOf(row, ask, now),
  })
  const hash = new Uint8Array(new Bun.CryptoHasher('sha256').update(report).digest())
  await tx.run(
    'UPDATE erasures SET state = ?2, done_at = ?3, report = ?4, report_hash = ?5, subject = NULL WHERE id = ?1',
    row.id,
    ERASURE_STATE.code('done'),
    now,
    report,
    hash,
  )
  tx.vault.destroyNamedKey(erasureKeyName(row.id))
  return { reportHash: hash, doneAtMs: now }
})

/** What cannot be edited, and when it can be read by nobody any more. */
function copiesOf(row: Row, ask: ErasureEnd, now: number): object[] {
  const sealed = {
    of: 'records_and_media_in_backups',
    unreadable_since: toTime(row.keys_destroyed_at ?? now),
    because: 'the keys are destroyed; a copy of vault.db that is older than this keeps them: let it expire',
  }
  if (row.staff_id !== null) return [sealed]
  return [
    sealed,
    {
      of: 'journal_in_backups',
      unreadable_from: toTime(ask.journalUntilMs),
      because: 'the key of a day of the journal is destroyed 8 days after its end',
    },
    {
      of: 'quarantine_and_notes_in_backups',
      unreadable_from: null,
      because:
        'what failed, what nobody understood and what others wrote of them is sealed with the keys of the house and of others',
    },
    {
      of: 'search_index',
      unreadable_from: toTime(now + SEARCH_RESIDUE_MS),
      because: 'keyed hashes of words stay in the file of the index until the merge of the night',
    },
  ]
}

async function rowOf(tx: Tx, id: number): Promise<Row | undefined> {
  return await tx.one<Row>(`SELECT ${COLUMNS} FROM erasures WHERE id = ?1`, id)
}

async function contactsOf(tx: Tx, row: Row): Promise<{ contactIds: number[]; persons: number[] }> {
  const rows = await tx.all<{ contact_id: number; person: number }>(
    'SELECT contact_id, person FROM erased_contacts WHERE erasure_id = ?1 ORDER BY contact_id',
    row.id,
  )
  const contactIds = row.staff_id === null ? rows.map(({ contact_id }) => contact_id) : []
  return { contactIds, persons: rows.map(({ person }) => person) }
}

function subjectOf(tx: Tx, row: Row): Subject {
  const text =
    row.subject === null ? undefined : tx.unsealNamed(erasureKeyName(row.id), subjectPlace(row.id), row.subject)
  return text === undefined ? { portfolios: [], hashes: [] } : (JSON.parse(text) as Subject)
}
