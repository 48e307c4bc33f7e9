import type { AccountReference, InboundItem, MessageItem, StatusItem } from '../../core/inbound.ts'
import { ECHO_RECIPIENT, echoOf, messageOf, type Place, SENDER, STATUS_RECIPIENT, statusOf } from './items.ts'
import { type Contacts, contactsOf, type IdentityFields, isOnePerson } from './people.ts'
import { type JsonObject, objectOf, phoneOf, stampMsOf, textOf } from './read.ts'

const PLATFORM_OBJECT = 'whatsapp_business_account'

/** The fields whose value holds messages and statuses. Every other field is kept whole. */
const CONTENT_FIELDS: ReadonlySet<string> = new Set(['messages', 'standby', 'smb_message_echoes'])

/** The members of a value that are read here; what else it holds is kept as `<field>.other`. */
const READ_MEMBERS: ReadonlySet<string> = new Set(['messages', 'message_echoes', 'statuses', 'errors'])
const FRAME_MEMBERS: ReadonlySet<string> = new Set(['messaging_product', 'metadata', 'contacts'])

/**
 * The platform's batches hold at most 1,000 updates; malformed pieces beyond that share one item, so a body of
 * `[0,0,…]` stays cheap.
 */
const MALFORMED_ITEMS_MAX = 1_000

const FIELD_CHARS_MAX = 64

/**
 * Everything a webhook body says: all entries, all changes, all messages and statuses. Never throws; every body gives
 * at least one item. Pieces of a shape that is not expected become items of field `malformed`, whose `raw` is the
 * piece. The number of items is bounded by the size of the body, which ingest bounds at 3 MB: 240,000 of the smallest
 * changes.
 */
export function parse(body: unknown, receivedAtMs: number): InboundItem[] {
  const walk = new Walk(receivedAtMs)
  walk.body(body)
  return walk.end()
}

interface Reader {
  /** The member that is the list. */
  member: string
  read: (raw: JsonObject, place: Place) => MessageItem | StatusItem | undefined
  /** Where its objects name the person. */
  fields: IdentityFields
}

const READERS: readonly Reader[] = [
  { member: 'messages', read: messageOf, fields: SENDER },
  { member: 'message_echoes', read: echoOf, fields: ECHO_RECIPIENT },
  { member: 'statuses', read: statusOf, fields: STATUS_RECIPIENT },
]

interface ChangePlace {
  field: string
  account: AccountReference
  space: 'messages' | 'standby'
}

class Walk {
  readonly #receivedAtMs: number
  readonly #items: InboundItem[] = []
  readonly #restMalformed: unknown[] = []
  #malformedCount = 0

  constructor(receivedAtMs: number) {
    this.#receivedAtMs = receivedAtMs
  }

  body(body: unknown): void {
    const root = objectOf(body)
    const entries = root?.['entry']
    // Samples of the platform's own have `object` further inside; only another object's name means another platform.
    if ((root?.['object'] ?? PLATFORM_OBJECT) !== PLATFORM_OBJECT) this.#other('object', null, null, body)
    else if (!isFullList(entries)) this.#malformed(body, null)
    else for (const entry of entries) this.#entry(entry)
  }

  end(): InboundItem[] {
    if (this.#restMalformed.length > 0) this.#other('malformed', null, null, this.#restMalformed)
    return this.#items
  }

  #entry(element: unknown): void {
    const entry = objectOf(element)
    const changes = entry?.['changes']
    if (!entry || !isFullList(changes)) this.#malformed(element, null)
    else for (const change of changes) this.#change(entry, change)
  }

  #change(entry: JsonObject, element: unknown): void {
    const change = objectOf(element)
    const value = objectOf(change?.['value'])
    if (!change) {
      this.#malformed(element, null)
      return
    }
    const whole = alone(entry, change)
    const field = fieldOf(entry, change, value)
    const account = accountOf(value) ?? (field === 'standby' ? accountOf(objectOf(value?.['standby'])) : undefined)
    if (!value || (!account && CONTENT_FIELDS.has(field))) {
      this.#malformed(whole, null)
      return
    }
    const countBefore = this.#items.length + this.#restMalformed.length
    if (account && CONTENT_FIELDS.has(field)) this.#contentChange(value, field, account)
    // Another field, or nothing was in it as far as we understand it: it is kept whole.
    const isUnread = this.#items.length + this.#restMalformed.length === countBefore
    const atMs = stampMsOf(value['timestamp']) ?? stampMsOf(entry['time']) ?? null
    if (isUnread) this.#other(field, account ?? null, atMs, whole)
  }

  #contentChange(value: JsonObject, field: string, account: AccountReference): void {
    const standby = field === 'standby' ? objectOf(value['standby']) : undefined
    const place = { field, account, space: field === 'standby' ? 'standby' : 'messages' } as const
    const contacts = contactsOf(standby?.['contacts'] ?? value['contacts'])
    this.#contents(value, place, contacts)
    // The value of `standby` is one level deeper than that of `messages`.
    if (standby) this.#contents(standby, place, contacts)
  }

  #contents(value: JsonObject, place: ChangePlace, contacts: Contacts): void {
    for (const reader of READERS) this.#list(value[reader.member], reader, place, contacts)
    const errors = value['errors']
    if (isFullList(errors) || (isSomething(errors) && !Array.isArray(errors))) {
      this.#other(`${place.field}.errors`, place.account, null, errors)
    }
    const rest = restOf(value, place.space)
    if (rest) this.#other(`${place.field}.other`, place.account, null, rest)
  }

  #list(list: unknown, reader: Reader, at: ChangePlace, contacts: Contacts): void {
    if (!isSomething(list)) return
    if (!Array.isArray(list)) {
      this.#malformed({ [reader.member]: list }, at.account)
      return
    }
    const place: Place = {
      account: at.account,
      space: at.space,
      contacts,
      isAlone: contacts.only !== undefined && isOnePerson(list, reader.fields),
      receivedAtMs: this.#receivedAtMs,
    }
    for (const element of list) {
      const raw = objectOf(element)
      const item = raw && reader.read(raw, place)
      if (item) this.#items.push(item)
      else this.#malformed(element, at.account)
    }
  }

  #other(field: string, account: AccountReference | null, atMs: number | null, raw: unknown): void {
    this.#items.push({ kind: 'other', field, account, atMs, raw })
  }

  #malformed(piece: unknown, account: AccountReference | null): void {
    if (this.#malformedCount++ < MALFORMED_ITEMS_MAX) this.#other('malformed', account, null, piece)
    else this.#restMalformed.push(piece)
  }
}

/** Two samples of the platform's own have `field` beside the changes or inside the value. */
function fieldOf(entry: JsonObject, change: JsonObject, value: JsonObject | undefined): string {
  const field = textOf(change['field']) ?? textOf(entry['field']) ?? textOf(value?.['field']) ?? 'unknown'
  return field.slice(0, FIELD_CHARS_MAX).toWellFormed()
}

/** The business number that a value is about. */
function accountOf(value: JsonObject | undefined): AccountReference | undefined {
  const metadata = objectOf(value?.['metadata'])
  const id = textOf(metadata?.['phone_number_id'])
  if (id === undefined) return undefined
  const display = phoneOf(metadata?.['display_phone_number'])
  return display === undefined ? { id } : { id, display }
}

/**
 * The entry as the platform would have sent it with this change alone: its id is the business account's, its time the
 * event's.
 */
function alone(entry: JsonObject, change: JsonObject): JsonObject {
  const changes = entry['changes']
  if (Array.isArray(changes) && changes.length === 1) return entry
  const copy: JsonObject = { id: entry['id'], changes: [change] }
  if (entry['time'] !== undefined) copy['time'] = entry['time']
  if (entry['field'] !== undefined) copy['field'] = entry['field']
  return copy
}

/** The members that nothing above reads, together with the people they may be about; undefined if there is none. */
function restOf(value: JsonObject, space: 'messages' | 'standby'): JsonObject | undefined {
  const isRead = (name: string) =>
    READ_MEMBERS.has(name) || (space === 'standby' && name === 'standby' && !!objectOf(value[name]))
  const names = Object.keys(value).filter((name) => !isRead(name))
  if (names.every((name) => FRAME_MEMBERS.has(name) || !isSomething(value[name]))) return undefined
  return Object.fromEntries(names.map((name) => [name, value[name]]))
}

function isFullList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0
}

function isSomething(value: unknown): boolean {
  return value !== undefined && value !== null
}
