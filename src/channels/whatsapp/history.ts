import type { NoticeItem, PersonReference } from '../../core/inbound.ts'
import { actOf, ECHO_RECIPIENT, plainOf, SENDER } from './messages.ts'
import { type Contacts, firstText, identityOf, withContact } from './people.ts'
import type { Place, Sink } from './place.ts'
import { integerOf, isSomething, type JsonObject, objectOf, phoneOf, textOf } from './read.ts'
import { failureOf } from './statuses.ts'

const THREAD = { phone: ['wa_id'], userId: ['user_id'], parentUserId: ['parent_user_id'] }
/** The rest of a thread is its messages. */
const THREAD_MEMBERS: ReadonlySet<string> = new Set(['id', 'context', 'messages'])
/** The firm does not share the history of its phone. */
const DECLINED = 2593109

/**
 * A part of the history of the firm's phone: threads of messages, how far it has come, or why it does not come. Bodies
 * of thousands of messages were documented.
 */
export function readHistory(raw: JsonObject, place: Place, sink: Sink): boolean {
  const { threads, ...rest } = raw
  const isList = Array.isArray(threads)
  if (isSomething(threads) && !isList) return false
  if (Object.values(rest).some(isSomething)) sink.item(progressOf(rest, place))
  else if (!isList || threads.length === 0) return false
  if (isList) sink.each(threads, (thread) => readThread(thread, place, sink))
  return true
}

/** A message outside of the threads: the file of a message that came without it. */
export function readHistoryMessage(raw: JsonObject, place: Place, sink: Sink): boolean {
  return readMessage(raw, place, sink)
}

function readThread(element: unknown, place: Place, sink: Sink): void {
  const thread = objectOf(element)
  const messages = thread?.['messages']
  if (!thread || !Array.isArray(messages)) return sink.malformed(element, place)
  const rest = Object.entries(thread).filter(([name, member]) => !THREAD_MEMBERS.has(name) && isSomething(member))
  if (rest.length > 0) sink.other('other', place, Object.fromEntries(rest))
  const contacts: Contacts = { byKey: place.contacts.byKey, only: personOf(thread, place) }
  const threadPlace: Place = { ...place, contacts, isAlone: true }
  sink.each(messages, (message) => {
    const raw = objectOf(message)
    if (!raw || !readMessage(raw, threadPlace, sink)) sink.malformed(message, place)
  })
  if (messages.length === 0) sink.other('empty', place, thread)
}

/** With whom a thread is: its id is a phone number, or it has none and the context says a user id. */
function personOf(thread: JsonObject, place: Place): PersonReference | undefined {
  const context = objectOf(thread['context'])
  const id = textOf(thread['id'])
  const named = identityOf({ wa_id: id, ...context }, THREAD)
  const person = withContact(named, place.contacts, place.isAlone)
  const username = context && textOf(context['username'])
  if (person && username !== undefined) person.username ??= username
  return person
}

/**
 * Who wrote it decides the direction: the firm's own number, or the number of the thread. On messages of the firm
 * `from_user_id` is the customer's as well: only customers have one.
 */
function readMessage(raw: JsonObject, place: Place, sink: Sink): boolean {
  const upstreamId = textOf(raw['id'])
  const isOurs = isWrittenByUs(raw, place)
  const named = identityOf(raw, isOurs ? ECHO_RECIPIENT : SENDER)
  const userId = named.userId ?? (isOurs ? firstText(raw, SENDER.userId) : undefined)
  if (userId !== undefined) named.userId = userId
  const person = withContact(named, place.contacts, place.isAlone)
  if (upstreamId === undefined || !person) return false
  const type = textOf(raw['type']) ?? 'unknown'
  const said = { raw, content: raw, type, upstreamId, person, direction: isOurs ? 'out' : 'in' } as const
  sink.item(actOf(said, place) ?? plainOf(said, place))
  return true
}

function isWrittenByUs(raw: JsonObject, place: Place): boolean {
  const from = phoneOf(raw['from'])
  const display = place.account.display
  if (from !== undefined && display !== undefined) return from === display
  // Neither our number nor the writer's is known: what says whom it went to is ours, unless it went to us.
  const to = textOf(raw['to']) ?? textOf(raw['to_user_id'])
  if (from === undefined) return to !== undefined && phoneOf(to) !== display
  return from !== place.contacts.only?.phone && place.contacts.only?.phone !== undefined
}

function progressOf(rest: JsonObject, place: Place): NoticeItem {
  const failure = failureOf(rest['errors'])
  const progress = integerOf(objectOf(rest['metadata'])?.['progress'])
  const value = failure ? (failure.code === DECLINED ? 'declined' : 'failed') : (progress ?? null)
  const subject = { kind: 'number', account: place.account.id } as const
  const metadata = { phone_number_id: place.account.id, display_phone_number: place.account.display }
  return {
    kind: 'notice',
    field: place.field,
    event: failure ? String(value) : 'progress',
    account: place.account,
    accountId: place.entryId,
    atMs: null,
    facts: value === null ? [] : [{ subject, name: 'history', value, untilMs: null }],
    severity: failure ? 'warning' : 'info',
    raw: { id: place.entryId, changes: [{ field: place.field, value: { metadata, history: [rest] } }] },
  }
}
