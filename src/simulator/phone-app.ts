import { Failure } from '../core/failure.ts'
import { chatMessageOf, contextIdOf } from './chat-view.ts'
import { readContent, readPhone, type WrittenMessage } from './customer-input.ts'
import { type Customer, contactOf, idsOf, personOf } from './customers.ts'
import { fieldUpdate } from './field-update.ts'
import { needText, readChoice, readCount, readList, readObject, readText } from './input.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'
import { digitsOf } from './webhook-body.ts'
import { complete, reachCustomer } from './writing.ts'

/** What the firm's people do on its phone, in the messaging app itself, beside the gateway. */

const TEXT_MAX = 200

/** `POST /_/echoes`: the firm writes on its phone, or another application in a thread that it owns. The id. */
export function echo(platform: Platform, input: unknown): string {
  const body = readObject(input, ['number', 'to', 'text', 'message', 'sample', 'standby'])
  const number = platform.numberOf(readText(body, 'number', TEXT_MAX))
  const customer = reachCustomer(platform, needText(body, 'to', TEXT_MAX))
  const message = readContent(body)
  const isStandby = body['standby'] === true
  const id = platform.makeId(customer.phone)
  const nowMs = platform.clock.epochMs()
  const chat = platform.customers.chat(customer, number.phoneNumberId)
  const said = complete(platform, message, () => digitsOf(number))
  const shown = chatMessageOf(chat.messages, {
    id,
    direction: 'received',
    type: message.type,
    message: said,
    template: null,
    contextId: contextIdOf(said),
    atMs: nowMs,
    state: 'delivered',
    echo: null,
    by: 'firm',
  })
  if (shown) platform.customers.addMessage(customer, chat, shown)
  const stamp = { id, timestamp: String(Math.floor(nowMs / 1000)) }
  const update = isStandby
    ? standbyEcho(platform, number, customer, { ...stamp, said })
    : fieldUpdate(platform, number, 'smb_message_echoes', {
        contacts: [contactOf(personOf(customer))],
        message_echoes: [{ from: digitsOf(number), ...recipientOf(customer), ...stamp, ...said }],
      })
  platform.owe([{ ...update, id }], 0)
  platform.changes.note('firm', `Message (${message.type}) from the firm's phone on ${number.alias}`, nowMs)
  platform.changes.tell({ kind: 'chat', phone: customer.phone, number: number.phoneNumberId })
  return id
}

function recipientOf(customer: Customer): JsonObject {
  return idsOf(personOf(customer), ['to', 'to_user_id', 'to_parent_user_id'])
}

/** The platform's rule: in a thread that another application owns, the echo holds the body of its send. */
function standbyEcho(
  platform: Platform,
  number: SimulatedNumber,
  customer: Customer,
  { id, timestamp, said }: { id: string; timestamp: string; said: JsonObject },
) {
  const { identity, phone, userId } = customer
  const recipient = identity === 'user_id' ? { recipient: userId } : { to: phone }
  const message = { messaging_product: 'whatsapp', recipient_type: 'individual', ...recipient, ...said }
  return fieldUpdate(platform, number, 'standby', {
    standby: { contacts: [contactOf(personOf(customer))], message_echoes: [{ id, timestamp, message }] },
  })
}

const THREADS_MAX = 200
const THREAD_MESSAGES_MAX = 500
const HISTORY_DAYS_MAX = 180
const DAY_S = 86_400

/** `POST /_/history`: the platform brings what was written before; answers how much. */
export function bringHistory(platform: Platform, input: unknown): { threads: number; messages: number } {
  const body = readObject(input, ['number', 'threads', 'made', 'phase', 'chunk_order', 'progress', 'declined'])
  const number = platform.numberOf(readText(body, 'number', TEXT_MAX))
  if (body['declined'] === true) {
    const errors = [
      {
        code: 2593109,
        title: 'History sharing is turned off by the business from the WhatsApp Business App',
        message: 'History sharing is turned off by the business from the WhatsApp Business App',
        error_data: { details: 'History sharing is turned off by the business from the WhatsApp Business App' },
      },
    ]
    platform.owe([fieldUpdate(platform, number, 'history', { history: [{ errors }] })], 0)
    return { threads: 0, messages: 0 }
  }
  const threads = body['made'] === undefined ? readThreads(body) : madeThreads(platform, body['made'])
  const later: JsonObject[] = []
  const shown = threads.map((thread) => historyThread(platform, number, thread, later))
  const metadata = {
    phase: readCount(body, 'phase', { least: 0, most: 2 }) ?? 0,
    chunk_order: readCount(body, 'chunk_order', { least: 1, most: 10_000 }) ?? 1,
    progress: readCount(body, 'progress', { least: 0, most: 100 }) ?? 100,
  }
  platform.owe([fieldUpdate(platform, number, 'history', { history: [{ metadata, threads: shown }] })], 0)
  // The platform's rule: a file is a placeholder first and comes by itself afterwards.
  if (later.length > 0) platform.owe([fieldUpdate(platform, number, 'history', { messages: later })], 20)
  const messages = threads.reduce((sum, thread) => sum + thread.messages.length, 0)
  platform.changes.note('firm', `History of ${threads.length} chats brought`, platform.clock.epochMs())
  return { threads: threads.length, messages }
}

interface HistoryThread {
  phone: string
  messages: { isOwn: boolean; message: WrittenMessage; agoS: number; status: string }[]
}

function readThreads(body: JsonObject): HistoryThread[] {
  const threads = readList(body, 'threads', THREADS_MAX)
  if (!threads) throw new Failure('invalid', 'Either threads, made or declined is needed', { path: 'threads' })
  return threads.map((thread) => {
    const known = readObject(thread, ['phone', 'messages'], 'threads')
    const messages = readList(known, 'messages', THREAD_MESSAGES_MAX) ?? []
    return { phone: readPhone(needText(known, 'phone', TEXT_MAX)), messages: messages.map(readHistoryMessage) }
  })
}

function readHistoryMessage(input: unknown): HistoryThread['messages'][number] {
  const body = readObject(input, ['direction', 'text', 'message', 'sample', 'ago_s', 'status'], 'threads.messages')
  return {
    isOwn: readChoice(body, 'direction', ['in', 'out'] as const) === 'out',
    message: readContent(body),
    agoS: readCount(body, 'ago_s', { least: 0, most: HISTORY_DAYS_MAX * DAY_S }) ?? DAY_S,
    status: readChoice(body, 'status', ['PENDING', 'SENT', 'DELIVERED', 'READ', 'PLAYED', 'ERROR'] as const) ?? 'READ',
  }
}

const MADE_WORDS = ['Good morning', 'Is it ready?', 'Yes, since noon', 'Thank you', 'Until tomorrow', 'On my way']

/** So many chats of so many messages, out of the platform's own head. */
function madeThreads(platform: Platform, input: unknown): HistoryThread[] {
  const body = readObject(input, ['threads', 'messages'], 'made')
  const threads = readCount(body, 'threads', { least: 1, most: THREADS_MAX }) ?? 1
  const messages = readCount(body, 'messages', { least: 1, most: THREAD_MESSAGES_MAX }) ?? 10
  return Array.from({ length: threads }, (_, thread) => ({
    phone: `44770090${String(thread).padStart(4, '0')}`,
    messages: Array.from({ length: messages }, (__, index) => ({
      isOwn: index % 2 === 1,
      message: { type: 'text', text: { body: MADE_WORDS[index % MADE_WORDS.length] ?? '' } },
      agoS: 2 * DAY_S + (messages - index) * 600 + Math.floor(platform.random() * 60),
      status: 'READ',
    })),
  }))
}

const MEDIA_TYPES = ['image', 'audio', 'video', 'document', 'sticker']

function historyThread(
  platform: Platform,
  number: SimulatedNumber,
  thread: HistoryThread,
  later: JsonObject[],
): JsonObject {
  const customer = platform.customers.reach(thread.phone, true)
  const chat = platform.customers.chat(customer, number.phoneNumberId)
  const nowMs = platform.clock.epochMs()
  const messages = thread.messages.map(({ isOwn, message, agoS, status }) => {
    const id = platform.makeId(customer.phone)
    const atMs = nowMs - agoS * 1000
    const from = isOwn ? digitsOf(number) : customer.phone
    const said = complete(platform, message, () => digitsOf(number))
    const stamped = { from, id, timestamp: String(Math.floor(atMs / 1000)) }
    const shown = chatMessageOf(chat.messages, {
      id,
      direction: isOwn ? 'received' : 'written',
      type: message.type,
      message: said,
      template: null,
      contextId: contextIdOf(said),
      atMs,
      state: 'read',
      echo: null,
      by: isOwn ? 'firm' : customer.phone,
    })
    if (shown) platform.customers.addMessage(customer, chat, shown)
    const isMedia = MEDIA_TYPES.includes(message.type)
    if (isMedia) later.push({ ...stamped, ...said })
    return { ...stamped, ...(isMedia ? { type: 'media_placeholder' } : said), history_context: { status } }
  })
  chat.messages.sort((left, right) => left.atMs - right.atMs)
  platform.changes.tell({ kind: 'chat', phone: customer.phone, number: number.phoneNumberId })
  return { id: customer.phone, messages }
}

const ENTRIES_MAX = 500

/** `POST /_/address-book`: entries of the phone's address book; answers how many. */
export function syncAddressBook(platform: Platform, input: unknown): number {
  const body = readObject(input, ['number', 'contacts'])
  const number = platform.numberOf(readText(body, 'number', TEXT_MAX))
  const contacts = readList(body, 'contacts', ENTRIES_MAX)
  if (!contacts?.every(isObject)) {
    throw new Failure('invalid', 'Must be a list of objects with phone, full_name and action', { path: 'contacts' })
  }
  const timestamp = String(Math.floor(platform.clock.epochMs() / 1000))
  const state_sync = contacts.map((input) => {
    const entry = readObject(input, ['phone', 'full_name', 'first_name', 'action'], 'contacts')
    const action = readChoice(entry, 'action', ['add', 'remove'] as const) ?? 'add'
    const full = readText(entry, 'full_name', TEXT_MAX)
    const first = readText(entry, 'first_name', TEXT_MAX) ?? full?.split(' ')[0]
    const contact = {
      ...(full !== undefined && action === 'add' && { full_name: full, first_name: first }),
      phone_number: readPhone(needText(entry, 'phone', TEXT_MAX)),
    }
    return { type: 'contact', contact, action, metadata: { timestamp } }
  })
  platform.owe([fieldUpdate(platform, number, 'smb_app_state_sync', { state_sync })], 0)
  return state_sync.length
}
