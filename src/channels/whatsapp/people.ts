import type { PersonReference } from '../../core/inbound.ts'
import { type JsonObject, objectOf, phoneOf, textOf } from './read.ts'

/** The people whom a webhook introduces in its `contacts` array. */
export interface Contacts {
  byKey: ReadonlyMap<string, PersonReference>
  /** The only contact, if there is exactly one. */
  only: PersonReference | undefined
}

/** Where an object names a person: the first name that holds something counts. */
export interface IdentityFields {
  phone: readonly string[]
  userId: readonly string[]
  parentUserId: readonly string[]
}

/** The platform's batches hold at most 1,000 messages, and no more people than messages. */
const CONTACTS_MAX = 10_000

export function contactsOf(value: unknown): Contacts {
  const byKey = new Map<string, PersonReference>()
  const list = Array.isArray(value) ? value : []
  let only: PersonReference | undefined
  for (let index = 0; index < Math.min(list.length, CONTACTS_MAX); index++) {
    const contact = contactOf(objectOf(list[index]))
    if (!contact) continue
    if (list.length === 1) only = contact
    for (const key of keysOf(contact)) if (!byKey.has(key)) byKey.set(key, contact)
  }
  return { byKey, only }
}

/**
 * Who an object is about, by its own fields. People who adopted a username may have no phone here, and the platform was
 * seen to put the user id where the phone belongs: what is no phone number is taken as the user id.
 */
export function identityOf(raw: JsonObject, fields: IdentityFields): PersonReference {
  const written = firstText(raw, fields.phone)
  const phone = phoneOf(written)
  const userId = firstText(raw, fields.userId) ?? (phone === undefined ? written : undefined)
  return person(phone, userId, firstText(raw, fields.parentUserId))
}

/**
 * The identity together with what `contacts` knows of it; undefined if nobody is named. An only contact belongs to an
 * only person (`isAlone`) unless the two name different phones or user ids: one says the phone and the other the user
 * id.
 */
export function withContact(
  identity: PersonReference,
  contacts: Contacts,
  isAlone: boolean,
): PersonReference | undefined {
  const contact = contactFor(identity, contacts, isAlone)
  const phone = identity.phone ?? contact?.phone
  const userId = identity.userId ?? contact?.userId
  if (phone === undefined && userId === undefined) return undefined
  const found = person(phone, userId, identity.parentUserId ?? contact?.parentUserId)
  if (contact?.username !== undefined) found.username = contact.username
  if (contact?.name !== undefined) found.name = contact.name
  return found
}

/** Whether all objects of the list name the same person. */
export function isOnePerson(list: readonly unknown[], fields: IdentityFields): boolean {
  const first = objectOf(list[0])
  if (!first) return false
  const wanted = identityOf(first, fields)
  for (let index = 1; index < list.length; index++) {
    const other = objectOf(list[index])
    const identity = other && identityOf(other, fields)
    if (identity?.phone !== wanted.phone || identity?.userId !== wanted.userId) return false
  }
  return true
}

/** The first of these members that holds a text. */
export function firstText(raw: JsonObject, names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = textOf(raw[name])
    if (text !== undefined) return text
  }
  return undefined
}

function contactFor(identity: PersonReference, contacts: Contacts, isAlone: boolean): PersonReference | undefined {
  for (const key of keysOf(identity)) {
    const contact = contacts.byKey.get(key)
    if (contact) return contact
  }
  const only = isAlone ? contacts.only : undefined
  return only && !isContradicted(identity, only) ? only : undefined
}

function isContradicted(one: PersonReference, other: PersonReference): boolean {
  const isPhoneDifferent = one.phone !== undefined && other.phone !== undefined && one.phone !== other.phone
  const isUserDifferent = one.userId !== undefined && other.userId !== undefined && one.userId !== other.userId
  return isPhoneDifferent || isUserDifferent
}

function contactOf(raw: JsonObject | undefined): PersonReference | undefined {
  if (!raw) return undefined
  const profile = objectOf(raw['profile'])
  const contact = identityOf(raw, CONTACT_FIELDS)
  if (contact.phone === undefined && contact.userId === undefined) return undefined
  const username = textOf(profile?.['username'])
  if (username !== undefined) contact.username = username
  const name = textOf(profile?.['name'])
  if (name !== undefined) contact.name = name
  return contact
}

const CONTACT_FIELDS: IdentityFields = { phone: ['wa_id'], userId: ['user_id'], parentUserId: ['parent_user_id'] }

/** The user id first: it stays when a phone number passes to somebody else. */
function keysOf(reference: PersonReference): string[] {
  const keys: string[] = []
  if (reference.userId !== undefined) keys.push(`user ${reference.userId}`)
  if (reference.phone !== undefined) keys.push(`phone ${reference.phone}`)
  return keys
}

function person(phone?: string, userId?: string, parentUserId?: string): PersonReference {
  const reference: PersonReference = {}
  if (phone !== undefined) reference.phone = phone
  if (userId !== undefined) reference.userId = userId
  if (parentUserId !== undefined) reference.parentUserId = parentUserId
  return reference
}
