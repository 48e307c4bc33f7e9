import type { AddressBookItem, HandoverItem, InboundItem, PreferenceItem } from '../../core/inbound.ts'
import { type IdentityFields, identityOf, withContact } from './people.ts'
import { accountOf, otherOf, type Place } from './place.ts'
import { type JsonObject, objectOf, stampMsOf, textOf, wordOf } from './read.ts'

/** How the platform names people outside of messages. */
export const PERSON: IdentityFields = { phone: ['wa_id'], userId: ['user_id'], parentUserId: ['parent_user_id'] }

const BOOK_ENTRY: IdentityFields = { phone: ['phone_number'], userId: ['user_id'], parentUserId: ['parent_user_id'] }
const HANDOVER_SENDER: IdentityFields = {
  phone: ['phone_number', 'wa_id', 'id'],
  userId: ['user_id'],
  parentUserId: ['parent_user_id'],
}

/** What a person wants to receive; undefined if it names nobody or says nothing. */
export function preferenceOf(raw: JsonObject, place: Place): PreferenceItem | undefined {
  const person = withContact(identityOf(raw, PERSON), place.contacts, place.isAlone)
  const category = wordOf(raw['category'])
  const value = wordOf(raw['value'])
  if (!person || category === undefined || value === undefined) return undefined
  const atMs = stampMsOf(raw['timestamp']) ?? place.receivedAtMs
  return { kind: 'preference', account: place.account, person, category, value, atMs, raw }
}

/** An entry of the phone's address book; undefined if it names nobody. What else the phone may tell one day is kept. */
export function addressBookOf(raw: JsonObject, place: Place): InboundItem | undefined {
  const contact = objectOf(raw['contact'])
  const action = wordOf(raw['action'])
  if (wordOf(raw['type'] ?? 'contact') !== 'contact') return otherOf('other', place, raw)
  if (!contact || action === undefined) return undefined
  const person = identityOf(contact, BOOK_ENTRY)
  if (person.phone === undefined && person.userId === undefined) return undefined
  const name = textOf(contact['full_name']) ?? textOf(contact['first_name'])
  if (name !== undefined) person.name = name
  const username = textOf(contact['username'])
  if (username !== undefined) person.username = username
  if (action !== 'add' && action !== 'remove') return otherOf('other', place, raw)
  const atMs = stampMsOf(objectOf(raw['metadata'])?.['timestamp']) ?? stampMsOf(raw['timestamp']) ?? place.receivedAtMs
  const item: AddressBookItem = { kind: 'address_book', account: place.account, person, action, atMs, raw }
  return item
}

/**
 * A thread that passed to us or was taken from us: the platform tells the first to its new owner, the second to its
 * former one. Undefined if it says neither, or names nobody.
 */
export function handoverOf(value: JsonObject, receivedAtMs: number): HandoverItem | undefined {
  const account = accountOf(value) ?? accountOf({ metadata: value['recipient'] })
  const person = identityOf(objectOf(value['sender']) ?? {}, HANDOVER_SENDER)
  const type = wordOf(value['type']) ?? ['control_passed', 'control_taken'].find((word) => objectOf(value[word]))
  if (!account || (person.phone === undefined && person.userId === undefined)) return undefined
  if (type !== 'control_passed' && type !== 'control_taken') return undefined
  const atMs = stampMsOf(value['timestamp']) ?? receivedAtMs
  return { kind: 'handover', account, person, atMs, isOurs: type === 'control_passed', raw: value }
}
