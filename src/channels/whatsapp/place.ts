import type { AccountReference, InboundItem } from '../../core/inbound.ts'
import type { Contacts, IdentityFields } from './people.ts'
import { type JsonObject, objectOf, phoneOf, textOf } from './read.ts'

/** What all items of one list share. */
export interface Place {
  /** The webhook field. */
  field: string
  /** `id` of the entry: the business account, for most fields. */
  entryId: string | null
  account: AccountReference
  space: 'messages' | 'standby'
  contacts: Contacts
  /** All items of the list are about one person. */
  isAlone: boolean
  receivedAtMs: number
  /** Older messages that the platform brings. */
  isHistory: boolean
}

/** Where items go. */
export interface Sink {
  item(item: InboundItem): void
  /** Goes through a list of what is being read, element by element, before what comes behind it. */
  each(list: readonly unknown[], take: (element: unknown) => void): void
  /** A piece that is kept and not understood; `part` says where it stood in the field. */
  other(part: string, place: Place, raw: unknown): void
  malformed(piece: unknown, place: Place): void
}

/** How the objects of one list of a value are read. */
export interface ListReader {
  /** The member that is the list. */
  member: string
  /** Hands on what the object says; false if it cannot be read as what it should be. */
  read(raw: JsonObject, place: Place, sink: Sink): boolean
  /** Where the objects name the person, if they all name one. */
  fields: IdentityFields | null
}

/** A reader of objects that give one item each. */
export function reader(
  member: string,
  fields: IdentityFields | null,
  itemOf: (raw: JsonObject, place: Place) => InboundItem | undefined,
): ListReader {
  const read = (raw: JsonObject, place: Place, sink: Sink): boolean => {
    const item = itemOf(raw, place)
    if (item) sink.item(item)
    return item !== undefined
  }
  return { member, read, fields }
}

/** What is not understood, as an item of its own. */
export function otherOf(part: string, place: Place, raw: unknown): InboundItem {
  return { kind: 'other', field: `${place.field}.${part}`, account: place.account, atMs: null, raw }
}

/** Of digits as far as anybody has seen. They stand in the log, in metrics and in cursors, so they have a bound and one line. */
const FIRMS_ID = /^[\x20-\x7e]{1,64}$/

/** The id of a number or an account of the firm. */
export function firmsIdOf(value: unknown): string | undefined {
  const id = textOf(value)
  return id !== undefined && FIRMS_ID.test(id) ? id : undefined
}

/** The business number that a value is about. */
export function accountOf(value: JsonObject | undefined): AccountReference | undefined {
  const metadata = objectOf(value?.['metadata'])
  const id = firmsIdOf(metadata?.['phone_number_id'])
  if (id === undefined) return undefined
  const display = phoneOf(metadata?.['display_phone_number'])
  return display === undefined ? { id } : { id, display }
}
