import type { ActItem, IdentityChange, InboundItem, MessageItem, PersonReference } from '../../core/inbound.ts'
import { attachmentsOf } from './attachment.ts'
import { isKnownType } from './content.ts'
import { firstText, type IdentityFields, identityOf, withContact } from './people.ts'
import type { Place } from './place.ts'
import { type JsonObject, objectOf, stampMsOf, textOf, wordOf } from './read.ts'

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

const BEFORE: IdentityFields = {
  phone: ['from'],
  userId: ['previous_user_id', 'from_user_id'],
  parentUserId: ['previous_parent_user_id', 'from_parent_user_id'],
}

/** `new_wa_id` was the name before version 12 of the platform's API. */
const AFTER: IdentityFields = {
  phone: ['wa_id', 'new_wa_id'],
  userId: ['user_id'],
  parentUserId: ['parent_user_id'],
}

/** Notices that somebody has another phone number or another user id. */
const IDENTITY_CHANGES: ReadonlySet<string> = new Set(['user_changed_number', 'user_changed_user_id'])

/**
 * Types that are no message of the customer: a notice of the platform, or a change to a message that is already there.
 */
const DOES_NOT_OPEN_WINDOW: ReadonlySet<string> = new Set(['system', 'edit', 'revoke'])

/** What the platform says of an older message. `ERROR` is its word for what did not go out. */
const HISTORY_STATE: ReadonlyMap<string, NonNullable<NonNullable<MessageItem['history']>['state']>> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
  ['error', 'failed'],
  ['failed', 'failed'],
])

/** A message of a customer, or what they did to one; undefined if it has no id or names nobody. */
export function messageOf(raw: JsonObject, place: Place): InboundItem | undefined {
  const upstreamId = textOf(raw['id'])
  if (upstreamId === undefined) return undefined
  const type = textOf(raw['type']) ?? 'unknown'
  const change = type === 'system' ? identityChangeOf(raw) : undefined
  const person = change?.before ?? withContact(identityOf(raw, SENDER), place.contacts, place.isAlone)
  if (!person) return undefined
  const said = { raw, content: raw, type, upstreamId, person, direction: 'in' } as const
  const item = actOf(said, place) ?? plainOf(said, place)
  if (change && item.kind === 'message') item.identity = { to: change.to }
  return item
}

/**
 * A message that the firm sent from somewhere else. From its phone it looks like a message with a `to`; in a standby
 * thread it wraps the body of the send in `message`.
 */
export function echoOf(raw: JsonObject, place: Place): InboundItem | undefined {
  const upstreamId = textOf(raw['id'])
  if (upstreamId === undefined) return undefined
  const content = textOf(raw['type']) === undefined ? (objectOf(raw['message']) ?? raw) : raw
  const type = textOf(content['type']) ?? 'unknown'
  const groupId = groupOfEcho(raw, content)
  if (groupId !== undefined) {
    // Who wrote it there is the firm, and a group is no person.
    const said = { raw, content, type, upstreamId, person: {}, groupId, direction: 'out' } as const
    return actOf(said, place) ?? plainOf(said, place)
  }
  const named = identityOf(raw, ECHO_RECIPIENT)
  const isNamed = named.phone !== undefined || named.userId !== undefined
  const identity = isNamed ? named : identityOf(content, ECHO_RECIPIENT)
  // Samples were seen with the two sides changed: our own number is never the customer's.
  const isTurned = identity.phone !== undefined && identity.phone === place.account.display
  const person = withContact(isTurned ? identityOf(raw, SENDER) : identity, place.contacts, place.isAlone)
  if (!person) return undefined
  const said = { raw, content, type, upstreamId, person, direction: 'out' } as const
  return actOf(said, place) ?? plainOf(said, place)
}

/** The group that the firm wrote to: named as in what comes from it, or as the body of a send names it. */
function groupOfEcho(raw: JsonObject, content: JsonObject): string | undefined {
  const named = textOf(raw['group_id']) ?? textOf(content['group_id'])
  if (named !== undefined) return named
  if (raw['recipient_type'] !== 'group' && content['recipient_type'] !== 'group') return undefined
  return textOf(content['to']) ?? textOf(raw['to'])
}

/** Something that was said, by whom it is about. */
export interface Said {
  raw: JsonObject
  /** Where the object of the type stands: `raw`, or what a standby echo wraps. */
  content: JsonObject
  type: string
  upstreamId: string
  person: PersonReference
  /** Where `raw` does not name the group as messages do. */
  groupId?: string
  direction: 'in' | 'out'
}

export function plainOf(said: Said, place: Place): MessageItem {
  const { raw, content, type, upstreamId, person, direction } = said
  const item: MessageItem = {
    kind: 'message',
    account: place.account,
    space: place.space,
    direction,
    upstreamId,
    ...stampOf(raw, place),
    type,
    person,
    opensWindow: opensWindow(said, place),
    raw,
  }
  const groupId = said.groupId ?? textOf(raw['group_id'])
  if (groupId !== undefined) item.group = { id: groupId }
  const attachments = attachmentsOf(type, content)
  if (attachments) item.attachments = attachments
  if (place.isHistory) item.history = historyOf(raw)
  if (!isKnownType(type)) item.isUnknown = true
  return item
}

/** When it was, by the platform's stamp; where there is none, when it came in, and that it is so. */
function stampOf(raw: JsonObject, place: Place): Pick<MessageItem, 'atMs' | 'isUnstamped'> {
  const atMs = stampMsOf(raw['timestamp'])
  return atMs === undefined ? { atMs: place.receivedAtMs, isUnstamped: true } : { atMs }
}

/**
 * What somebody did to another message. One that does not say to which, or an edit that does not bring the new
 * message, is no act: it stays a message of its type.
 */
export function actOf(said: Said, place: Place): ActItem | undefined {
  const what = whatWasDone(said)
  if (!what) return undefined
  const { raw, upstreamId, person, direction } = said
  const item: ActItem = {
    kind: 'act',
    ...what,
    account: place.account,
    space: place.space,
    direction,
    upstreamId,
    ...stampOf(raw, place),
    person,
    opensWindow: opensWindow(said, place),
    raw,
  }
  const groupId = said.groupId ?? textOf(raw['group_id'])
  if (groupId !== undefined) item.group = { id: groupId }
  const attachments = what.edited && attachmentsOf(what.edited.type, what.edited.raw)
  if (attachments) item.attachments = attachments
  if (place.isHistory) item.history = historyOf(raw)
  return item
}

type Deed = Pick<ActItem, 'act' | 'targetUpstreamId' | 'emoji' | 'edited'>

function whatWasDone({ type, content }: Said): Deed | undefined {
  if (type !== 'reaction' && type !== 'edit' && type !== 'revoke') return undefined
  const deed = objectOf(content[type])
  const targetUpstreamId = deed && firstText(deed, type === 'reaction' ? ['message_id'] : ['original_message_id'])
  if (targetUpstreamId === undefined) return undefined
  if (type === 'revoke') return { act: type, targetUpstreamId }
  if (type === 'reaction') return { act: type, targetUpstreamId, emoji: textOf(deed?.['emoji']) ?? null }
  const message = objectOf(deed?.['message'])
  return message && { act: type, targetUpstreamId, edited: { type: editedType(message), raw: message } }
}

function editedType(message: JsonObject): string {
  return textOf(message['type']) ?? (objectOf(message['text']) ? 'text' : 'unknown')
}

function opensWindow({ type, direction }: Said, place: Place): boolean {
  return direction === 'in' && !place.isHistory && !DOES_NOT_OPEN_WINDOW.has(type)
}

function historyOf(raw: JsonObject): NonNullable<MessageItem['history']> {
  const word = wordOf(objectOf(raw['history_context'])?.['status'])
  return { state: HISTORY_STATE.get(word ?? '') ?? null }
}

/**
 * Who somebody was and who they are now. `contacts` is not asked: it may introduce either of the two. Undefined where
 * the notice is about something else, or does not say both.
 */
function identityChangeOf(raw: JsonObject): { before: PersonReference; to: IdentityChange['to'] } | undefined {
  const system = objectOf(raw['system'])
  if (!system || !IDENTITY_CHANGES.has(textOf(system['type']) ?? '')) return undefined
  const before = identityOf({ ...system, ...raw }, BEFORE)
  const to = identityOf(system, AFTER)
  const isNamed = (person: PersonReference) => person.phone !== undefined || person.userId !== undefined
  if (!isNamed(before) || !isNamed(to)) return undefined
  const isSame = before.phone === to.phone && before.userId === to.userId && before.parentUserId === to.parentUserId
  return isSame ? undefined : { before, to }
}
