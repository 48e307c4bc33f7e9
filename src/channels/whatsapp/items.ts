import type { AccountReference, MessageItem, PersonReference, StatusItem } from '../../core/inbound.ts'
import { type Contacts, firstText, type IdentityFields, identityOf, withContact } from './people.ts'
import { integerOf, type JsonObject, objectOf, phoneOf, stampMsOf, textOf } from './read.ts'

/** What all items of one list share. */
export interface Place {
  account: AccountReference
  space: 'messages' | 'standby'
  contacts: Contacts
  /** All items of the list are about one person. */
  isAlone: boolean
  receivedAtMs: number
}

export const SENDER: IdentityFields = {
  phone: ['from'],
  userId: ['from_user_id'],
  parentUserId: ['from_parent_user_id'],
}

/** `recipient` stands in the body of a send to a user id, which a standby echo repeats. */
export const ECHO_RECIPIENT: IdentityFields = {
  phone: ['to'],
  userId: ['to_user_id', 'recipient'],
  parentUserId: ['to_parent_user_id'],
}

/** The platform writes some of these names in two orders. */
export const STATUS_RECIPIENT: IdentityFields = {
  phone: ['recipient_id'],
  userId: ['recipient_user_id'],
  parentUserId: ['recipient_parent_user_id', 'parent_recipient_user_id'],
}

const PARTICIPANT_PHONE = ['recipient_participant_id', 'participant_recipient_id']
const PARTICIPANT_USER = ['recipient_participant_user_id', 'participant_recipient_user_id']

/**
 * Types that are no message of the customer: a notice of the platform, or a change to a message that is already there.
 */
const DOES_NOT_OPEN_WINDOW: ReadonlySet<string> = new Set(['system', 'edit', 'revoke'])

const STATE_OF: ReadonlyMap<string, NonNullable<StatusItem['state']>> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
  ['failed', 'failed'],
])

/** An error's title is the platform's own short phrase; what is longer is cut. */
const TITLE_CHARS_MAX = 200

/** A message of a customer; undefined if it has no id or names nobody. */
export function messageOf(raw: JsonObject, place: Place): MessageItem | undefined {
  const upstreamId = textOf(raw['id'])
  const person = withContact(identityOf(raw, SENDER), place.contacts, place.isAlone)
  if (upstreamId === undefined || !person) return undefined
  const type = textOf(raw['type']) ?? 'unknown'
  // A message in a group opens the group's window, not the sender's own.
  const opensWindow = !DOES_NOT_OPEN_WINDOW.has(type) && textOf(raw['group_id']) === undefined
  const atMs = stampMsOf(raw['timestamp']) ?? place.receivedAtMs
  const { account, space } = place
  return { kind: 'message', account, space, direction: 'in', upstreamId, atMs, type, person, opensWindow, raw }
}

/**
 * A message that the firm sent from somewhere else. From its phone it looks like a message with a `to`; in a standby
 * thread it wraps the body of the send in `message`.
 */
export function echoOf(raw: JsonObject, place: Place): MessageItem | undefined {
  const upstreamId = textOf(raw['id'])
  const sent = objectOf(raw['message'])
  const named = identityOf(raw, ECHO_RECIPIENT)
  const isNamed = named.phone !== undefined || named.userId !== undefined
  const identity = isNamed || !sent ? named : identityOf(sent, ECHO_RECIPIENT)
  const person = withContact(identity, place.contacts, place.isAlone)
  if (upstreamId === undefined || !person) return undefined
  const type = textOf(raw['type']) ?? textOf(sent?.['type']) ?? 'unknown'
  const atMs = stampMsOf(raw['timestamp']) ?? place.receivedAtMs
  const { account, space } = place
  return { kind: 'message', account, space, direction: 'out', upstreamId, atMs, type, person, opensWindow: false, raw }
}

/** What became of a message that was sent; undefined if it has no id or says nothing. */
export function statusOf(raw: JsonObject, place: Place): StatusItem | undefined {
  const upstreamId = textOf(raw['id'])
  const status = textOf(raw['status'])
  if (upstreamId === undefined || status === undefined) return undefined
  return {
    kind: 'status',
    account: place.account,
    space: place.space,
    upstreamId,
    status,
    state: isAboutMessage(raw) ? (STATE_OF.get(status) ?? null) : null,
    atMs: stampMsOf(raw['timestamp']) ?? place.receivedAtMs,
    recipient: recipientOf(raw, place),
    participant: participantOf(raw),
    correlation: textOf(raw['biz_opaque_callback_data']) ?? null,
    failure: failureOf(raw['errors']),
    pricing: pricingOf(raw),
    raw,
  }
}

/** A payment or a call can fail without the message having failed. */
function isAboutMessage(raw: JsonObject): boolean {
  return raw['type'] === undefined || raw['type'] === null || raw['type'] === 'message'
}

/** In a group `recipient_id` is the group's id and names nobody. */
function recipientOf(raw: JsonObject, place: Place): PersonReference | null {
  if (raw['recipient_type'] === 'group') return null
  return withContact(identityOf(raw, STATUS_RECIPIENT), place.contacts, place.isAlone) ?? null
}

function participantOf(raw: JsonObject): string | null {
  const written = firstText(raw, PARTICIPANT_PHONE)
  return phoneOf(written) ?? written ?? firstText(raw, PARTICIPANT_USER) ?? null
}

function failureOf(errors: unknown): StatusItem['failure'] {
  const error = objectOf(Array.isArray(errors) ? errors[0] : undefined)
  const code = integerOf(error?.['code'])
  if (!error || code === undefined) return null
  const title = firstText(error, ['title', 'message']) ?? ''
  return { code, title: title.slice(0, TITLE_CHARS_MAX).toWellFormed() }
}

/** One of the platform's group samples has the price inside `conversation`. */
function pricingOf(raw: JsonObject): StatusItem['pricing'] {
  const pricing = objectOf(raw['pricing']) ?? objectOf(objectOf(raw['conversation'])?.['pricing'])
  if (!pricing) return null
  const billable = pricing['billable']
  return {
    category: textOf(pricing['category']) ?? null,
    type: textOf(pricing['type']) ?? null,
    model: textOf(pricing['pricing_model']) ?? null,
    billable: typeof billable === 'boolean' ? billable : null,
  }
}
