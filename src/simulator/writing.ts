import { Failure } from '../core/failure.ts'
import { chatMessageOf, contextIdOf } from './chat-view.ts'
import { readWho, readWrite, type WriteInput, type WrittenMessage } from './customer-input.ts'
import { type ChatMessage, type Customer, personOf } from './customers.ts'
import type { Group } from './groups.ts'
import { isObject, type JsonObject, objectMember, textMember } from './json.ts'
import { RECEIVED_MS } from './media.ts'
import type { Platform } from './platform.ts'
import { sampleMedia } from './sample-media.ts'
import type { SimulatedNumber } from './settings.ts'
import { digitsOf, type MessageUpdate } from './webhook-body.ts'

/** A customer writes, alone or in a group; the ids of the messages, which are queued for delivery. */
export function writeMessages(platform: Platform, who: string, input: unknown): string[] {
  const write = readWrite(input)
  const group = write.group === undefined ? null : platform.groups.of(write.group)
  const number = group?.number ?? platform.numberOf(write.number)
  if (!platform.outbox.hasRoom(write.count)) throw new Failure('unavailable', 'Too many webhooks wait for the gateway')
  const customer = reachCustomer(platform, who)
  if (group && !group.members.has(customer.phone)) throw new Failure('conflict', 'Not a member of this group')
  if (write.name !== undefined) customer.name = write.name
  if (write.username !== undefined) customer.username = write.username
  if (write.userId !== undefined) platform.customers.setUserId(customer, write.userId)
  const place = { number, group }
  const updates = Array.from({ length: write.count }, () => writeOne(platform, customer, place, write))
  const size = write.batch ?? 1
  for (let start = 0; start < updates.length; start += size) platform.owe(updates.slice(start, start + size), 0)
  platform.changes.tell({ kind: 'chat', phone: customer.phone, number: number.phoneNumberId })
  return updates.map((update) => update.id)
}

/** The customer whom an address names by phone or user id, made if there is none. */
export function reachCustomer(platform: Platform, who: string): Customer {
  const named = readWho(who)
  const { customers } = platform
  return 'phone' in named ? customers.reach(named.phone, true) : customers.reachUserId(named.userId, true)
}

/** The customer whom an address names, who must be there. */
export function customerOf(platform: Platform, who: string): Customer {
  const found = findCustomer(platform, who)
  if (found) return found
  throw new Failure('not_found', 'No such customer')
}

/** The customer whom an address names, if there is one. */
export function findCustomer(platform: Platform, who: string): Customer | undefined {
  const named = readWho(who)
  return 'phone' in named ? platform.customers.find(named.phone) : platform.customers.findByUserId(named.userId)
}

function writeOne(
  platform: Platform,
  customer: Customer,
  { number, group }: { number: SimulatedNumber; group: Group | null },
  write: WriteInput,
): MessageUpdate {
  const nowMs = platform.clock.epochMs()
  const id = platform.makeId(customer.phone)
  const chat = group ? null : platform.customers.chat(customer, number.phoneNumberId)
  const messages = group?.messages ?? chat?.messages ?? []
  const { type } = write.message
  const stamp = { id, timestamp: String(Math.floor(nowMs / 1000)) }
  const message = { ...complete(platform, write.message, whoWrote(messages, customer, number)), ...stamp }
  const shown = chatMessageOf(messages, {
    id,
    direction: 'written',
    type,
    message,
    template: null,
    contextId: contextIdOf(message),
    atMs: nowMs,
    state: 'sent',
    echo: null,
    by: customer.phone,
    ...(group && { author: customer.phone }),
  })
  if (shown && group) group.add(shown)
  if (shown && chat) platform.customers.addMessage(customer, chat, shown)
  if (chat && !CLOSED_TYPES.includes(type)) chat.lastWroteAtMs = nowMs
  const meter = platform.meter(number.phoneNumberId)
  meter.inbound.add(platform.clock.monoMs())
  meter.counted.add(platform.clock.monoMs())
  return {
    kind: 'message',
    number,
    person: personOf(customer),
    id,
    message,
    ...(group && { groupId: group.id }),
    ...(chat?.isStandby && { isStandby: true }),
  }
}

/** Types that do not open the window. */
const CLOSED_TYPES: readonly string[] = ['system', 'edit', 'revoke']

/** Who wrote the message of an id, in digits. */
function whoWrote(messages: readonly ChatMessage[], customer: Customer, number: SimulatedNumber) {
  return (id: string): string => {
    const answered = messages.findLast((message) => message.id === id)
    return answered?.direction === 'written' ? (answered.author ?? customer.phone) : digitsOf(number)
  }
}

/**
 * The message as the platform would say it: media with their file, a reply with its author, an unsupported kind with
 * its error.
 */
export function complete(platform: Platform, message: WrittenMessage, authorOf: (id: string) => string): JsonObject {
  const whole: JsonObject = { ...withMedia(platform, message) }
  const edited = message.type === 'edit' ? objectMember(objectMember(message, 'edit'), 'message') : undefined
  const editedType = textMember(edited, 'type')
  if (edited && editedType !== undefined) {
    whole['edit'] = { ...objectMember(message, 'edit'), message: withMedia(platform, { ...edited, type: editedType }) }
  }
  const context = objectMember(message, 'context')
  const answered = contextIdOf(message)
  if (context && answered !== null) {
    const { message_id: _, ...rest } = context
    whole['context'] = { from: authorOf(answered), ...rest, id: answered }
  }
  if (message.type === 'unsupported' && message['errors'] === undefined) whole['errors'] = [UNSUPPORTED]
  return whole
}

const UNSUPPORTED = {
  code: 131051,
  title: 'Message type unknown',
  message: 'Message type unknown',
  error_data: { details: 'Message type is currently not supported.' },
}

/** A media message without a file gets a small one, so that whoever fetches it gets something true. */
function withMedia(platform: Platform, message: WrittenMessage): JsonObject {
  const { type } = message
  const object = message[type]
  const { media } = platform
  const nowMs = platform.clock.epochMs()
  if (!isObject(object)) return message
  const sample = sampleMedia(type, object)
  if (!sample) return message
  const named = typeof object['id'] === 'string' ? object['id'] : undefined
  const file =
    named === undefined ? media.add(sample.bytes, sample.mimeType, nowMs, RECEIVED_MS) : media.find(named, nowMs)
  if (!file) return message
  const { sha256, mimeType, id } = file
  const address = platform.settings.webhookMediaUrl && { url: media.address(id, platform.baseUrl, nowMs) }
  return { ...message, [type]: { mime_type: mimeType, sha256, ...address, ...sample.more, ...object, id } }
}
