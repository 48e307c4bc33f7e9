import type { AccountReference, InboundItem } from '../../core/inbound.ts'
import { callOf, callStatusOf } from './calls.ts'
import { addressBookOf, handoverOf, PERSON, preferenceOf } from './customers.ts'
import { groupOf } from './groups.ts'
import { readHistory, readHistoryMessage } from './history.ts'
import { ECHO_RECIPIENT, echoOf, messageOf, SENDER } from './messages.ts'
import { automaticEventOf, errorsNotice, noticeOf, userActionsNotice } from './notices.ts'
import { contactsOf, isOnePerson } from './people.ts'
import { accountOf, firmsIdOf, type ListReader, type Place, reader, type Sink } from './place.ts'
import { isSomething, type JsonObject, objectOf, stampMsOf, textOf } from './read.ts'
import { STATUS_RECIPIENT, statusOf } from './statuses.ts'

const PLATFORM_OBJECT = 'whatsapp_business_account'
const USER_ACTIONS = 'user_actions'

/** The lists of a field's value that are read; what else the value holds is kept as `<field>.other`. */
interface ListField {
  /** The last one reads first. */
  readers: readonly ListReader[]
  /** The members that are read here. */
  members: Set<string>
}

function lists(...readers: ListReader[]): ListField {
  return { readers: readers.toReversed(), members: new Set([...readers.map(({ member }) => member), 'errors']) }
}

const CONTENT = lists(
  reader('messages', SENDER, messageOf),
  reader('message_echoes', ECHO_RECIPIENT, echoOf),
  reader('statuses', STATUS_RECIPIENT, statusOf),
)
CONTENT.members.add(USER_ACTIONS)
const GROUPS = lists(reader('groups', null, groupOf))

/** The fields whose value is lists of things that each are one item, and belongs to one number. */
const LIST_FIELDS: ReadonlyMap<string, ListField> = new Map([
  ['messages', CONTENT],
  ['standby', CONTENT],
  ['smb_message_echoes', CONTENT],
  ['calls', lists(reader('calls', null, callOf), reader('statuses', STATUS_RECIPIENT, callStatusOf))],
  [
    'history',
    lists(
      { member: 'history', fields: null, read: readHistory },
      { member: 'messages', fields: SENDER, read: readHistoryMessage },
      reader('message_echoes', ECHO_RECIPIENT, echoOf),
    ),
  ],
  ['user_preferences', lists(reader('user_preferences', PERSON, preferenceOf))],
  ['automatic_events', lists(reader('automatic_events', null, automaticEventOf))],
  ['smb_app_state_sync', lists(reader('state_sync', null, addressBookOf))],
  ['group_lifecycle_update', GROUPS],
  ['group_participants_update', GROUPS],
  ['group_settings_update', GROUPS],
  ['group_status_update', GROUPS],
])

const FRAME_MEMBERS: ReadonlySet<string> = new Set(['messaging_product', 'metadata', 'contacts'])

/**
 * The platform's batches hold at most 1,000 updates; malformed pieces beyond that share an item, ten
 * thousand of them, so a body of `[0,0,…]` stays cheap.
 */
const MALFORMED_ITEMS_MAX = 1_000
const MALFORMED_PIECES_MAX = 10_000

const FIELD_CHARS_MAX = 64

/**
 * Everything a webhook body says: all entries, all changes, all that is listed in them; each made when it is asked for,
 * so that a body of thousands of messages holds nobody up. Never throws; every body gives at least one item. Pieces of a
 * shape that is not expected become items of field `malformed`, whose `raw` is the piece. The number of items is bounded
 * by the size of the body, which ingest bounds at 3 MB: 240,000 of the smallest changes.
 */
export function itemsOf(body: unknown, receivedAtMs: number): Iterable<InboundItem> {
  const walk = new Walk(receivedAtMs)
  walk.body(body)
  return { [Symbol.iterator]: () => walk }
}

/** What is still to be read. True: there is more of it. */
type Step = () => boolean

class Walk implements Sink, Iterator<InboundItem, undefined> {
  readonly #receivedAtMs: number
  /** The last one is done first: what is inside comes before what comes behind it. */
  readonly #steps: Step[] = []
  /** Made and not given yet; a step makes few. */
  readonly #made: InboundItem[] = []
  #given = 0
  #madeCount = 0
  #restMalformed: unknown[] = []
  #malformedCount = 0

  constructor(receivedAtMs: number) {
    this.#receivedAtMs = receivedAtMs
  }

  next(): IteratorResult<InboundItem, undefined> {
    while (this.#given >= this.#made.length && this.#steps.length > 0) this.#work()
    const value = this.#made[this.#given++]
    return value === undefined ? { done: true, value } : { done: false, value }
  }

  #work(): void {
    this.#made.length = 0
    this.#given = 0
    const at = this.#steps.length - 1
    const hasMore = this.#steps[at]?.() ?? false
    // What it has put on top of itself stays.
    if (!hasMore) this.#steps.splice(at, 1)
  }

  #then(work: () => void): void {
    this.#steps.push(() => {
      work()
      return false
    })
  }

  each(list: readonly unknown[], take: (element: unknown) => void): void {
    if (list.length === 0) return
    let index = 0
    this.#steps.push(() => {
      take(list[index++])
      return index < list.length
    })
  }

  body(body: unknown): void {
    const root = objectOf(body)
    const entries = root?.['entry']
    this.#then(() => this.#keepRest())
    // Samples of the platform's own have `object` further inside; only another object's name means another platform.
    if ((root?.['object'] ?? PLATFORM_OBJECT) !== PLATFORM_OBJECT) {
      this.#then(() => this.#kept('object', null, null, body))
    } else if (!isFullList(entries)) this.#then(() => this.#malformed(body, null))
    else this.each(entries, (entry) => this.#entry(entry))
  }

  item(item: InboundItem): void {
    this.#made.push(item)
    this.#madeCount++
  }

  other(part: string, place: Place, raw: unknown): void {
    this.#kept(`${place.field}.${part}`, place.account, null, raw)
  }

  malformed(piece: unknown, place: Place): void {
    this.#malformed(piece, place.account)
  }

  #entry(element: unknown): void {
    const entry = objectOf(element)
    const changes = entry?.['changes']
    if (!entry || !isFullList(changes)) this.#malformed(element, null)
    else this.each(changes, (change) => this.#change(entry, change))
  }

  #change(entry: JsonObject, element: unknown): void {
    const change = objectOf(element)
    if (!change) return this.#malformed(element, null)
    const value = objectOf(change['value'])
    const whole = alone(entry, change)
    if (!value) return this.#malformed(whole, null)
    const field = fieldOf(entry, change, value)
    const account = accountOf(value) ?? (field === 'standby' ? accountOf(objectOf(value['standby'])) : undefined)
    const list = LIST_FIELDS.get(field)
    if (list && !account) return this.#malformed(whole, null)
    const countBefore = this.#madeCount + this.#malformedCount
    // Notices about one number were seen with the id 0.
    const id = firmsIdOf(entry['id'])
    const entryId = id === undefined || id === '0' ? null : id
    const atMs = stampMsOf(value['timestamp']) ?? stampMsOf(entry['time']) ?? null
    // Nothing was in it as far as we understand it: it is kept whole.
    this.#then(() => {
      const isUnread = this.#madeCount + this.#malformedCount === countBefore
      if (isUnread) this.#kept(field, account ?? null, atMs, whole)
    })
    if (list && account) this.#listField(value, list, { field, entryId, account })
    else this.#valueField(value, { field, entryId, atMs }, whole)
  }

  /** Fields whose value is one thing. */
  #valueField(
    value: JsonObject,
    about: { field: string; entryId: string | null; atMs: number | null },
    whole: JsonObject,
  ) {
    const { field, entryId, atMs } = about
    const item =
      field === 'messaging_handovers'
        ? handoverOf(value, atMs ?? this.#receivedAtMs)
        : noticeOf(field, { value, entryId, atMs }, whole)
    if (item) this.item(item)
  }

  #listField(value: JsonObject, list: ListField, at: Pick<Place, 'field' | 'entryId' | 'account'>): void {
    const isStandby = at.field === 'standby'
    const standby = isStandby ? objectOf(value['standby']) : undefined
    const place: Place = {
      ...at,
      space: isStandby ? 'standby' : 'messages',
      contacts: contactsOf(standby?.['contacts'] ?? value['contacts']),
      isAlone: false,
      receivedAtMs: this.#receivedAtMs,
      isHistory: at.field === 'history',
    }
    // The value of `standby` is one level deeper than that of `messages`; what is put down last is read first.
    if (standby) this.#lists(standby, list, place)
    this.#lists(value, list, place)
  }

  #lists(value: JsonObject, { readers, members }: ListField, place: Place): void {
    // Contacts of one list say nothing of who is meant in another.
    const isOneList = readers.filter(({ member }) => isFullList(value[member])).length === 1
    this.#then(() => this.#beside(value, members, place))
    for (const reader of readers) {
      const list = value[reader.member]
      if (isFullList(list)) this.#list(list, reader, { ...place, isAlone: isOneList })
      else if (isSomething(list) && !Array.isArray(list)) {
        this.#then(() => this.#malformed({ [reader.member]: list }, place.account))
      }
    }
  }

  /** What stands beside the lists. */
  #beside(value: JsonObject, members: ReadonlySet<string>, place: Place): void {
    const errors = value['errors']
    if (isFullList(errors) || (isSomething(errors) && !Array.isArray(errors))) this.item(errorsNotice(errors, place))
    const actions = members.has(USER_ACTIONS) ? value[USER_ACTIONS] : undefined
    if (isFullList(actions)) this.item(userActionsNotice(actions, value['contacts'], place))
    else if (isSomething(actions) && !Array.isArray(actions))
      this.#malformed({ [USER_ACTIONS]: actions }, place.account)
    const rest = restOf(value, members, place.space)
    if (rest) this.other('other', place, rest)
  }

  #list(list: readonly unknown[], { read, fields }: ListReader, at: Place): void {
    const isOne = at.isAlone && at.contacts.only !== undefined
    const place: Place = { ...at, isAlone: isOne && (fields ? isOnePerson(list, fields) : list.length === 1) }
    this.each(list, (element) => {
      const raw = objectOf(element)
      if (!raw || !read(raw, place, this)) this.#malformed(element, at.account)
    })
  }

  #kept(field: string, account: AccountReference | null, atMs: number | null, raw: unknown): void {
    this.item({ kind: 'other', field, account, atMs, raw })
  }

  #keepRest(): void {
    if (this.#restMalformed.length > 0) this.#kept('malformed', null, null, this.#restMalformed)
    this.#restMalformed = []
  }

  #malformed(piece: unknown, account: AccountReference | null): void {
    if (this.#malformedCount++ < MALFORMED_ITEMS_MAX) return this.#kept('malformed', account, null, piece)
    this.#restMalformed.push(piece)
    if (this.#restMalformed.length >= MALFORMED_PIECES_MAX) this.#keepRest()
  }
}

/** Two samples of the platform's own have `field` beside the changes or inside the value. */
function fieldOf(entry: JsonObject, change: JsonObject, value: JsonObject): string {
  const field = textOf(change['field']) ?? textOf(entry['field']) ?? textOf(value['field']) ?? 'unknown'
  return field.slice(0, FIELD_CHARS_MAX).toWellFormed()
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
function restOf(
  value: JsonObject,
  members: ReadonlySet<string>,
  space: 'messages' | 'standby',
): JsonObject | undefined {
  const isRead = (name: string) =>
    members.has(name) || (space === 'standby' && name === 'standby' && !!objectOf(value[name]))
  const names = Object.keys(value).filter((name) => !isRead(name))
  if (names.every((name) => FRAME_MEMBERS.has(name) || !isSomething(value[name]))) return undefined
  return Object.fromEntries(names.map((name) => [name, value[name]]))
}

function isFullList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0
}
