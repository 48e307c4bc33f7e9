import { createHmac } from 'node:crypto'
import { contactOf, idsOf, type Person } from './customers.ts'
import { statusError } from './graph-error.ts'
import type { JsonObject } from './json.ts'
import type { SimulatedNumber } from './settings.ts'

/** A message of a customer on its way to the gateway. */
export interface MessageUpdate {
  kind: 'message'
  number: SimulatedNumber
  person: Person
  id: string
  /** The platform's message object without its sender. */
  message: JsonObject
  /** Set in a group. */
  groupId?: string
  /** Whether another application owns the thread. */
  isStandby?: boolean
}

/** What became of a send, on its way to the gateway. */
export interface StatusUpdate {
  kind: 'status'
  number: SimulatedNumber
  person: Person
  id: string
  status: 'sent' | 'delivered' | 'read' | 'played' | 'failed'
  atMs: number
  correlation: string | null
  /** The price's category: `service`, `utility`, `marketing` or `authentication`, in a group `group_service` … */
  category: string
  errorCode: number | null
  /** In a group: its id, and the members of whom it tells, all in one webhook. */
  group?: { id: string; members: readonly Person[]; participantName: string }
}

/** Anything else that the platform says: a change of its own. */
export interface FieldUpdate {
  kind: 'field'
  /** The number through which it comes. */
  number: SimulatedNumber
  id: string
  field: string
  value: unknown
  /** The entry's id; the platform's rule: the business account, at some events the portfolio. */
  entryId: string
  /** The entry's stamp in seconds; the platform's rule: only where a change is not about messages. */
  timeS: number | null
}

export type Update = MessageUpdate | StatusUpdate | FieldUpdate

interface Entry {
  id: string
  timeS: number | null
  changes: JsonObject[]
  /** Messages and statuses of one number in one field share a change. */
  shared: Map<string, (MessageUpdate | StatusUpdate)[]>
}

/** The envelope of these updates, grouped by account and number, as the platform batches them. */
export function webhookOf(updates: readonly Update[]): JsonObject {
  const entries = new Map<string, Entry>()
  for (const update of updates) place(entries, update)
  return {
    object: 'whatsapp_business_account',
    entry: [...entries.values()].map(({ id, timeS, changes, shared }) => ({
      id,
      ...(timeS !== null && { time: timeS }),
      changes: [...[...shared].map(([key, list]) => sharedChange(key.split(' ')[0] ?? '', list)), ...changes],
    })),
  }
}

function place(entries: Map<string, Entry>, update: Update): void {
  const id = update.kind === 'field' ? update.entryId : update.number.wabaId
  const timeS = update.kind === 'field' ? update.timeS : null
  const key = `${id} ${timeS}`
  const entry: Entry = entries.get(key) ?? { id, timeS, changes: [], shared: new Map() }
  entries.set(key, entry)
  if (update.kind === 'field') {
    entry.changes.push({ value: update.value, field: update.field })
    return
  }
  const field = update.kind === 'message' && update.isStandby ? 'standby' : 'messages'
  const slot = `${field} ${update.number.phoneNumberId}`
  const list = entry.shared.get(slot)
  if (list) list.push(update)
  else entry.shared.set(slot, [update])
}

function sharedChange(field: string, updates: readonly (MessageUpdate | StatusUpdate)[]): JsonObject {
  const [first] = updates
  const contacts = new Map<string, JsonObject>()
  const messages: JsonObject[] = []
  const statuses: JsonObject[] = []
  for (const update of updates) {
    for (const person of toldContacts(update)) contacts.set(person.userId, contactOf(person))
    if (update.kind === 'message') messages.push(messageOf(update))
    else statuses.push(...statusesOf(update))
  }
  const content = {
    ...(contacts.size > 0 && { contacts: [...contacts.values()] }),
    ...(messages.length > 0 && { messages }),
    ...(statuses.length > 0 && { statuses }),
  }
  const frame = first ? frameOf(first.number) : {}
  return { value: field === 'standby' ? { ...frame, standby: content } : { ...frame, ...content }, field }
}

/** What each value about a number begins with. */
export function frameOf(number: SimulatedNumber): JsonObject {
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: digitsOf(number), phone_number_id: number.phoneNumberId },
  }
}

/** A number's digits, as the platform writes senders. */
export function digitsOf(number: SimulatedNumber): string {
  return number.display.replaceAll(/\D/g, '')
}

/** The platform's rule: no contact on a failed status, nor on a system notice. */
function toldContacts(update: MessageUpdate | StatusUpdate): readonly Person[] {
  if (update.kind === 'message') return update.message['type'] === 'system' ? [] : [update.person]
  if (update.status === 'failed') return []
  return update.group ? update.group.members : [update.person]
}

function messageOf({ person, message, groupId }: MessageUpdate): JsonObject {
  return {
    ...idsOf(person, ['from', 'from_user_id', 'from_parent_user_id']),
    ...(groupId !== undefined && { group_id: groupId }),
    ...message,
  }
}

/** One status; of a group one for each member, who are told of together. */
function statusesOf(update: StatusUpdate): JsonObject[] {
  const { group } = update
  if (!group) {
    const names = ['recipient_id', 'recipient_user_id', 'recipient_parent_user_id'] as const
    return [statusOf(update, idsOf(update.person, names), true)]
  }
  return group.members.map((member, index) => {
    const ids = {
      recipient_id: group.id,
      recipient_type: 'group',
      ...idsOf(member, [
        group.participantName,
        'recipient_participant_user_id',
        'recipient_participant_parent_user_id',
      ]),
    }
    // The platform's rule: of the members' statuses one carries the price.
    return statusOf(update, ids, index === 0)
  })
}

function statusOf(update: StatusUpdate, recipient: JsonObject, isPriced: boolean): JsonObject {
  const { status } = update
  return {
    id: update.id,
    status,
    timestamp: String(Math.floor(update.atMs / 1000)),
    ...recipient,
    ...(update.correlation !== null && { biz_opaque_callback_data: update.correlation }),
    // The platform's rule: the price comes with `sent` and with one of delivered and read.
    ...(isPriced &&
      (status === 'sent' || status === 'delivered') && {
        pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: update.category },
      }),
    ...(status === 'failed' && { errors: [statusError(update.errorCode ?? 131000)] }),
  }
}

/**
 * JSON in the platform's spelling: everything beyond ASCII as `\u00e9`, and `\/` for a slash. A receiver that checks
 * the signature over re-serialised JSON instead of the raw bytes fails on it.
 */
export function escapedJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The value of `X-Hub-Signature-256` for these bytes. */
export function signatureOf(bytes: Uint8Array | string, appSecret: string): string {
  return `sha256=${createHmac('sha256', appSecret).update(bytes).digest('hex')}`
}
