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
  profile: Uint8Array
}

export function profilePlace(contactId: number): string {
  return `contacts.profile:${contactId}`
}

/** The person behind a reference, found by user id, then by phone; made when nobody is known by either. */
export function personOf(tx: Tx, portfolio: string, who: PersonReference, { ids }: InputContext): number {
  const byUserId = who.userId === undefined ? undefined : tx.vault.findPerson('user', portfolio, who.userId)
  const byPhone = who.phone === undefined ? undefined : tx.vault.findPerson('phone', portfolio, who.phone)
  const person = byUserId ?? byPhone ?? tx.vault.createPerson(() => ids.random())
  if (who.userId !== undefined && byUserId === undefined) tx.vault.linkPerson('user', portfolio, who.userId, person)
  if (who.phone !== undefined && byPhone === undefined) tx.vault.linkPerson('phone', portfolio, who.phone, person)
  return person
}

/** The contact of a reference: found, made, or brought up to date where the reference says something new. */
export async function contactOf(
  tx: Tx,
  portfolio: string,
  who: PersonReference,
  context: InputContext,
): Promise<{ id: number; person: number }> {
  const person = personOf(tx, portfolio, who, context)
  const known = await tx.one<ContactRow>('SELECT id, person, profile FROM contacts WHERE person = ?1', person)
  if (!known) return await insertContact(tx, { person, portfolio, profile: merged({}, who) }, context)
  const old = tx.unseal(person, profilePlace(known.id), known.profile)
  const before = (old === undefined ? {} : JSON.parse(old)) as Profile
  const after = merged(before, who)
  if (sameProfile(before, after)) return { id: known.id, person }
  await tx.run(
    'UPDATE contacts SET profile = ?2 WHERE id = ?1',
    known.id,
    tx.seal(person, profilePlace(known.id), JSON.stringify(after)),
  )
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
