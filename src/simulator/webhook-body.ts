import { createHmac } from 'node:crypto'
import { type Customer, contactOf, type Identity } from './customers.ts'
import { statusError } from './graph-error.ts'
import type { JsonObject } from './json.ts'
import type { SimulatedNumber } from './settings.ts'

/** The person an update is about, as it was when it happened. */
export interface Person {
  phone: string
  name: string
  userId: string
  identity: Identity
}

/** The person as the platform tells them now. */
export function personOf({ phone, name, userId, identity }: Customer): Person {
  return { phone, name, userId, identity }
}

/** A message of a customer on its way to the gateway. */
export interface MessageUpdate {
  kind: 'message'
  number: SimulatedNumber
  person: Person
  id: string
  /** The platform's message object without its sender. */
  message: JsonObject
}

/** What became of a send, on its way to the gateway. */
export interface StatusUpdate {
  kind: 'status'
  number: SimulatedNumber
  person: Person
  id: string
  status: 'sent' | 'delivered' | 'read' | 'failed'
  atMs: number
  correlation: string | null
  /** The price's category: `service`, `utility`, `marketing` or `authentication`. */
  category: string
  errorCode: number | null
}

export type Update = MessageUpdate | StatusUpdate

/** The envelope of these updates, grouped by account and number, as the platform batches them. */
export function webhookOf(updates: readonly Update[]): JsonObject {
  const accounts = new Map<string, Map<string, Update[]>>()
  for (const update of updates) {
    const { wabaId, phoneNumberId } = update.number
    const numbers = accounts.get(wabaId) ?? new Map<string, Update[]>()
    accounts.set(wabaId, numbers)
    const list = numbers.get(phoneNumberId)
    if (list) list.push(update)
    else numbers.set(phoneNumberId, [update])
  }
  return {
    object: 'whatsapp_business_account',
    entry: [...accounts].map(([id, numbers]) => ({
      id,
      changes: [...numbers.values()].map((list) => ({ value: valueOfChange(list), field: 'messages' })),
    })),
  }
}

function valueOfChange(updates: readonly Update[]): JsonObject {
  const number = updates[0]?.number
  const contacts = new Map<string, JsonObject>()
  const messages: JsonObject[] = []
  const statuses: JsonObject[] = []
  for (const update of updates) {
    if (tellsContact(update)) contacts.set(update.person.userId, contactOf(update.person))
    if (update.kind === 'message') messages.push(messageOf(update))
    else statuses.push(statusOf(update))
  }
  return {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: number?.display.replace('+', ''), phone_number_id: number?.phoneNumberId },
    ...(contacts.size > 0 && { contacts: [...contacts.values()] }),
    ...(messages.length > 0 && { messages }),
    ...(statuses.length > 0 && { statuses }),
  }
}

/** The platform's rule: no contact on a failed status, nor on a system notice. */
function tellsContact(update: Update): boolean {
  return update.kind === 'message' ? update.message['type'] !== 'system' : update.status !== 'failed'
}

function messageOf({ person, message }: MessageUpdate): JsonObject {
  return {
    ...(person.identity !== 'user_id' && { from: person.phone }),
    ...(person.identity !== 'phone' && { from_user_id: person.userId }),
    ...message,
  }
}

function statusOf(update: StatusUpdate): JsonObject {
  const { person, status } = update
  return {
    id: update.id,
    status,
    timestamp: String(Math.floor(update.atMs / 1000)),
    ...(person.identity !== 'user_id' && { recipient_id: person.phone }),
    ...(person.identity !== 'phone' && { recipient_user_id: person.userId }),
    ...(update.correlation !== null && { biz_opaque_callback_data: update.correlation }),
    // The platform's rule: the price comes with `sent` and with one of delivered and read.
    ...((status === 'sent' || status === 'delivered') && {
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
