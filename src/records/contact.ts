import { must } from '../core/assert.ts'
import type { PersonReference } from '../core/inbound.ts'
import type { InputContext, Tx } from './tx.ts'

/** What a contact's sealed profile holds. */
export interface Profile {
  name?: string
  phone?: string
  userId?: string
  parentUserId?: string
  username?: string
}

export interface ContactRow {
  id: number
  person: number
  portfolio: string
  profile: Uint8Array
}

export function profilePlace(contactId: number): string {
  return `contacts.profile:${contactId}`
}

/**
 * The person behind a reference, found by user id, then by phone; made when nobody is known by either. The platform's
 * rule: a user id stays with its user and changes with the number, so a phone under another user id has another owner.
 */
export async function personOf(
  tx: Tx,
  portfolio: string,
  who: PersonReference,
  { ids }: InputContext,
): Promise<number> {
  const byUserId = who.userId === undefined ? undefined : tx.vault.findPerson('user', portfolio, who.userId)
  const byPhone = who.phone === undefined ? undefined : tx.vault.findPerson('phone', portfolio, who.phone)
  const mayDiffer = who.userId !== undefined && byPhone !== undefined && byPhone !== byUserId
  const holder = mayDiffer ? await contactOfPerson(tx, byPhone) : undefined
  const isSameUser = (holder?.profile.userId ?? who.userId) === who.userId
  const person = byUserId ?? (isSameUser ? byPhone : undefined) ?? tx.vault.createPerson(() => ids.random())
  if (who.userId !== undefined && byUserId === undefined) tx.vault.linkPerson('user', portfolio, who.userId, person)
  if (who.phone !== undefined && byPhone !== person) {
    tx.vault.linkPerson('phone', portfolio, who.phone, person)
    // Whoever was known by this phone alone is another person now.
    if (byPhone !== undefined) tx.spoil('contacts')
  }
  if (holder && !isSameUser && holder.profile.phone === who.phone) {
    const { phone: _, ...without } = holder.profile
    await writeProfile(tx, holder, without)
  }
  return person
}

/** Takes in what the platform's answer to a send says of its recipient: the form of the phone it uses, a user id. */
export async function learnPerson(
  tx: Tx,
  message: { conversationId: number; person: number },
  who: PersonReference,
): Promise<void> {
  const contact = await contactOfPerson(tx, message.person)
  if (!contact) return
  const { portfolio, profile } = contact
  if (who.phone !== undefined && tx.vault.findPerson('phone', portfolio, who.phone) === undefined) {
    tx.vault.linkPerson('phone', portfolio, who.phone, message.person)
  }
  if (who.userId === undefined || profile.userId !== undefined) return
  if (tx.vault.findPerson('user', portfolio, who.userId) !== undefined) return
  tx.vault.linkPerson('user', portfolio, who.userId, message.person)
  await writeProfile(tx, contact, merged(profile, { userId: who.userId }))
}

interface OpenContact {
  id: number
  person: number
  portfolio: string
  profile: Profile
}

async function contactOfPerson(tx: Tx, person: number): Promise<OpenContact | undefined> {
  const row = await tx.one<ContactRow>('SELECT id, person, portfolio, profile FROM contacts WHERE person = ?1', person)
  if (!row) return undefined
  const text = tx.unseal(person, profilePlace(row.id), row.profile)
  return { ...row, profile: text === undefined ? {} : (JSON.parse(text) as Profile) }
}

/** The profile that events have told so far is kept for them. */
async function writeProfile(tx: Tx, contact: OpenContact, profile: Profile): Promise<void> {
  const { id, person } = contact
  await tx.keepFormer('profile', { subject: id, person, text: JSON.stringify(contact.profile) })
  await tx.run(
    'UPDATE contacts SET profile = ?2 WHERE id = ?1',
    id,
    tx.seal(person, profilePlace(id), JSON.stringify(profile)),
  )
}

/** The contact of a reference: found, made, or brought up to date where the reference says something new. */
export async function contactOf(
  tx: Tx,
  portfolio: string,
  who: PersonReference,
  context: InputContext,
): Promise<{ id: number; person: number }> {
  const key = JSON.stringify([portfolio, who.phone, who.userId, who.parentUserId, who.username, who.name])
  const known = await tx.memo('contacts', key, () => bringUpToDate(tx, portfolio, who, context))
  return must(known, 'the contact of a reference')
}

async function bringUpToDate(
  tx: Tx,
  portfolio: string,
  who: PersonReference,
  context: InputContext,
): Promise<{ id: number; person: number }> {
  const person = await personOf(tx, portfolio, who, context)
  const known = await contactOfPerson(tx, person)
  if (!known) return await insertContact(tx, { person, portfolio, profile: merged({}, who) }, context)
  const after = merged(known.profile, who)
  if (!sameProfile(known.profile, after)) await writeProfile(tx, known, after)
  return { id: known.id, person }
}

async function insertContact(
  tx: Tx,
  contact: { person: number; portfolio: string; profile: Profile },
  { now, ids }: InputContext,
): Promise<{ id: number; person: number }> {
  const id = ids.next()
  const profile = JSON.stringify(contact.profile)
  await tx.run(
    'INSERT INTO contacts (id, person, portfolio, profile, created_at) VALUES (?1, ?2, ?3, ?4, ?5)',
    id,
    contact.person,
    contact.portfolio,
    tx.seal(contact.person, profilePlace(id), profile),
    now,
  )
  return { id, person: contact.person }
}

/** What a reference does not say stays as it was. */
function merged(profile: Profile, who: PersonReference): Profile {
  const { name, phone, userId, parentUserId, username } = { ...profile, ...definedOf(who) }
  return definedOf({ name, phone, userId, parentUserId, username })
}

function definedOf<T extends object>(value: T): { [Key in keyof T]: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never
}

function sameProfile(one: Profile, other: Profile): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
