import type { Principal } from '../core/principal.ts'
import { may } from './may-see.ts'

/** What of customers somebody is not shown. */
export interface Mask {
  phones: boolean
  names: boolean
}

type View = Record<string, unknown>

const DOTS = '•••••'
const PHONE_START = 3
const PHONE_END = 2

/** Null: they are shown everything. */
export function maskOf(principal: Principal): Mask | null {
  const mask = { phones: !may(principal, 'contacts.see_phones'), names: !may(principal, 'contacts.see_names') }
  return mask.phones || mask.names ? mask : null
}

/**
 * A finished answer or event without what its reader is not to see of customers: names; phones, platform ids and user
 * names, also where they stand inside ids of messages. Whatever has the form of a message, a conversation or a contact is
 * masked, wherever it stands. What people write in their messages stays: it is what the reader answers to.
 */
export function masked(value: unknown, mask: Mask): unknown {
  if (Array.isArray(value)) return value.filter(mayBeFound).map((member) => masked(member, mask))
  if (typeof value !== 'object' || value === null) return value
  const view = value as View
  if ('identities' in view) return maskedContact(view, mask)
  if ('direction' in view && 'conversation_id' in view && 'from' in view) return maskedMessage(view, mask)
  if ('contact' in view && 'number_alias' in view) return maskedConversation(view, mask)
  if ('actor' in view && 'detail' in view) return { ...view, detail: maskedDetail(view['detail'], mask) }
  const others = Object.fromEntries(Object.entries(view).map(([name, member]) => [name, masked(member, mask)]))
  // An event or a problem that names a message: the platform's id has the phone inside.
  return mask.phones && 'upstream_id' in others ? { ...others, upstream_id: null } : others
}

function maskedConversation(view: View, mask: Mask): View {
  const group = view['group'] as View | null | undefined
  return {
    ...view,
    contact: maskedPerson(view['contact'], mask),
    ...('last_message' in view ? { last_message: masked(view['last_message'], mask) } : {}),
    ...(group && 'members' in group ? { group: { ...group, members: peopleOf(group['members'], mask) } } : {}),
  }
}

function maskedMessage(view: View, mask: Mask): View {
  const theirs = view['direction'] === 'in' ? 'from' : 'to'
  return {
    ...view,
    [theirs]: mask.phones ? maskedPhone(view[theirs]) : view[theirs],
    ...('sender' in view ? { sender: maskedPerson(view['sender'], mask) } : {}),
    ...('participants' in view ? { participants: peopleOf(view['participants'], mask) } : {}),
    ...(mask.phones ? withoutIds(view) : {}),
    ...(view['type'] === 'system' ? withoutNotice(view) : {}),
  }
}

/** The platform's ids of messages hold the phone; who answers which message is said by our own ids. */
function withoutIds(view: View): View {
  const replyTo = view['reply_to'] as View | undefined
  const content = view['content'] as View | undefined
  return {
    upstream_id: null,
    ...('context' in view ? { context: null } : {}),
    ...(replyTo ? { reply_to: { ...replyTo, upstream_id: null } } : {}),
    ...('statuses' in view ? { statuses: [] } : {}),
    ...(content && 'reaction' in content ? { content: { ...content, reaction: null } } : {}),
  }
}

/** Beginnings of words are found too: by a notice that is not shown a name or a phone could be tried out letter by letter. */
function mayBeFound(result: unknown): boolean {
  if (typeof result !== 'object' || result === null || !('highlights' in result)) return true
  const { message, highlights } = result as { message?: View; highlights: unknown }
  return message?.['type'] !== 'system' || !Array.isArray(highlights) || highlights.length === 0
}

/** The platform's words about somebody: that this name or phone is that one now. */
function withoutNotice(view: View): View {
  const { text: _text, ...content } = (view['content'] ?? {}) as View
  return { system: {}, content }
}

function maskedContact(view: View, mask: Mask): View {
  const name = (value: unknown) => (mask.names ? maskedName(value, view['id']) : value)
  const phone = (value: unknown) => (mask.phones ? maskedPhone(value) : value)
  const links = (view['identities'] ?? []) as View[]
  return {
    ...view,
    name: name(view['name']),
    profile_name: name(view['profile_name']),
    book_name: name(view['book_name']),
    phone: phone(view['phone']),
    user_id: phone(view['user_id']),
    parent_user_id: phone(view['parent_user_id']),
    username: phone(view['username']),
    identities: links.map((link) => ({ ...link, value: phone(link['value']) })),
    ...(mask.names ? { attributes: {} } : {}),
  }
}

/** What customers are looked up by, and what of a search may be their name or phone. */
const LOOKED_UP_BY: ReadonlySet<string> = new Set(['phone', 'user_id', 'username', 'email'])
const SEARCHED_BY: ReadonlySet<string> = new Set(['q', 'person'])

/** What the audit keeps of a look or a search. */
function maskedDetail(detail: unknown, mask: Mask): unknown {
  if (typeof detail !== 'object' || detail === null) return detail
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]) => {
      if (SEARCHED_BY.has(name)) return [name, DOTS]
      return [name, mask.phones && LOOKED_UP_BY.has(name) ? maskedPhone(value) : value]
    }),
  )
}

function peopleOf(list: unknown, mask: Mask): unknown {
  return Array.isArray(list) ? list.map((person) => maskedPerson(person, mask)) : list
}

/** `id`, `name`, `phone`, `user_id`. */
function maskedPerson(value: unknown, mask: Mask): unknown {
  if (typeof value !== 'object' || value === null) return value
  const person = value as View
  return {
    ...person,
    ...('name' in person && mask.names ? { name: maskedName(person['name'], person['id']) } : {}),
    ...('phone' in person && mask.phones ? { phone: maskedPhone(person['phone']) } : {}),
    ...('user_id' in person && mask.phones ? { user_id: maskedPhone(person['user_id']) } : {}),
  }
}

/** The same person has the same name, which says nothing. */
function maskedName(value: unknown, id: unknown): unknown {
  if (typeof value !== 'string') return value
  return typeof id === 'string' ? `Customer ${id.slice(id.indexOf('_') + 1)}` : 'Customer'
}

/** The beginning tells the country, the end tells two of them apart. */
function maskedPhone(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) return null
  if (typeof value !== 'string') return value
  return value.startsWith('+') ? `${value.slice(0, PHONE_START)}${DOTS}${value.slice(-PHONE_END)}` : DOTS
}

/** Events as each kind of reader gets them: masked once, however many read them. */
const eventTexts = new WeakMap<object, Map<string, string>>()

/** An event's text for somebody. */
export function eventTextFor(principal: Principal, event: { json: string }): string {
  const mask = maskOf(principal)
  if (!mask) return event.json
  const texts = eventTexts.get(event) ?? new Map<string, string>()
  eventTexts.set(event, texts)
  const kind = `${mask.phones} ${mask.names}`
  const known = texts.get(kind)
  if (known !== undefined) return known
  const text = JSON.stringify(masked(JSON.parse(event.json), mask))
  texts.set(kind, text)
  return text
}
