import type {
  AttachmentContent,
  ContentKind,
  MessageContent,
  OrderItem,
  Referral,
  SharedPerson,
} from '../../core/content.ts'
import { depthExceeds } from '../depth.ts'
import { attachmentOf } from './attachment.ts'
import { durationOf, outcomeOf } from './calls.ts'
import { firstText } from './people.ts'
import { integerOf, type JsonObject, listOf, numberOf, objectOf, objectsOf, textOf, wordOf } from './read.ts'

/** The platform takes no more in one message; `raw` keeps what a body of another origin holds. */
const PEOPLE_MAX = 257
const PEOPLE_PARTS_MAX = 50
const ORDER_ITEMS_MAX = 1_000
const TEMPLATE_PARTS_MAX = 100
/** Answers of a form come as JSON in a string: it is parsed up to this length and depth. */
const ANSWERS_CHARS_MAX = 262_144
const ANSWERS_DEPTH_MAX = 32

/** Our words for the platform's notices about a person; others keep the platform's. */
const NOTICE_CODES: ReadonlyMap<string, string> = new Map([
  ['user_changed_number', 'number_changed'],
  ['customer_changed_number', 'number_changed'],
  ['user_changed_user_id', 'user_id_changed'],
  ['customer_identity_changed', 'identity_changed'],
])

type Reader = (own: unknown, body: JsonObject) => MessageContent

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['text', (own) => withText({ kind: 'text' }, objectOf(own)?.['body'])],
  ...['image', 'audio', 'voice', 'video', 'document', 'sticker'].map((type): [string, Reader] => [
    type,
    (own, body) => media(type, own, body),
  ]),
  ['location', location],
  ['contacts', contacts],
  ['interactive', interactive],
  ['button', button],
  ['order', order],
  ['template', template],
  ['system', system],
  ['request_welcome', () => ({ kind: 'welcome' })],
  ['unsupported', (_own, body) => unsupported('unsupported', body)],
  ['media_placeholder', (_own, body) => unsupported('media_placeholder', body)],
  ['reaction', (own) => withText({ kind: 'reaction' }, objectOf(own)?.['emoji'])],
  ['edit', edit],
  ['revoke', () => ({ kind: 'revoke' })],
  ['call', (_own, body) => call(body)],
])

/** Whether messages of this type are read here. */
export function isKnownType(type: string): boolean {
  return READERS.has(type)
}

/**
 * What a message says, from the platform's own object: of one that came in or was sent from a phone, of what a standby
 * echo wraps, of the new message in an edit, of a call's step, and of what we send. Never throws.
 */
export function contentOf(type: string, raw: JsonObject): MessageContent {
  const body = Object.hasOwn(raw, type) ? raw : (objectOf(raw['message']) ?? raw)
  const own = Object.hasOwn(body, type) ? body[type] : undefined
  const content = READERS.get(type)?.(own, body) ?? unsupportedOr('other', type, body)
  addContext(content, body)
  return content
}

function withText<Content extends MessageContent>(content: Content, ...texts: unknown[]): Content {
  const text = texts.map(textOf).filter((part) => part !== undefined)
  if (text.length > 0) content.text = text.join('\n')
  return content
}

/** A type whose object did not come, with the platform's reason for that. */
function unsupportedOr(kind: ContentKind, type: string, body: JsonObject): MessageContent {
  return listOf(body['errors']).length > 0 && !Object.hasOwn(body, type) ? unsupported(type, body) : { kind }
}

function unsupported(type: string, body: JsonObject): MessageContent {
  const hint = wordOf(objectOf(body['unsupported'])?.['type']) ?? (type === 'unsupported' ? null : type)
  const error = objectOf(listOf(body['errors'])[0])
  return { kind: 'unsupported', unsupported: { hint, code: integerOf(error?.['code']) ?? null } }
}

function media(type: string, own: unknown, body: JsonObject): MessageContent {
  const attachment = attachmentOf(type, own)
  if (!attachment) return unsupportedOr('attachment', type, body)
  return withText({ kind: 'attachment', attachments: [attachment] }, objectOf(own)?.['caption'])
}

function location(own: unknown): MessageContent {
  const raw = objectOf(own)
  const latitude = numberOf(raw?.['latitude'])
  const longitude = numberOf(raw?.['longitude'])
  const content = withText({ kind: 'location' } as MessageContent, raw?.['name'], raw?.['address'])
  if (!raw || latitude === undefined || longitude === undefined) return content
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return content
  const place: NonNullable<MessageContent['place']> = { latitude, longitude }
  for (const member of ['name', 'address', 'url'] as const) {
    const text = textOf(raw[member])
    if (text !== undefined) place[member] = text
  }
  content.place = place
  return content
}

function contacts(own: unknown): MessageContent {
  const people = objectsOf(own, PEOPLE_MAX).map(sharedPersonOf)
  return withText({ kind: 'contacts', people }, ...people.map(({ name, phones }) => name ?? phones[0]))
}

/** Whoever answers a request for their phone number has no name here. */
function sharedPersonOf(raw: JsonObject): SharedPerson {
  const name = objectOf(raw['name'])
  const parts = [textOf(name?.['first_name']), textOf(name?.['last_name'])].filter((part) => part !== undefined)
  return {
    name: textOf(name?.['formatted_name']) ?? (parts.length > 0 ? parts.join(' ') : null),
    phones: textsOf(raw['phones'], ['phone', 'wa_id']),
    emails: textsOf(raw['emails'], ['email']),
    organization: textOf(objectOf(raw['org'])?.['company']) ?? null,
  }
}

function textsOf(list: unknown, members: readonly string[]): string[] {
  return objectsOf(list, PEOPLE_PARTS_MAX).flatMap((raw) => firstText(raw, members) ?? [])
}

/** What a customer answered, or, where it has an `action`, what we asked. */
function interactive(own: unknown, body: JsonObject): MessageContent {
  const raw = objectOf(own)
  const type = textOf(raw?.['type'])
  if (!raw || type === undefined) return unsupportedOr('interactive', 'interactive', body)
  if (objectOf(raw['action'])) return asked(raw)
  const answer = objectOf(raw[type]) ?? {}
  switch (type) {
    case 'button_reply':
    case 'list_reply':
      return choice(answer['id'], answer['title'], answer['description'])
    case 'nfm_reply':
      return form(answer)
    case 'call_permission_reply': {
      const response = wordOf(answer['response']) ?? ''
      return { kind: 'permission', choice: { id: response, title: response } }
    }
    case 'payment_method':
      return choice(answer['reference_id'], answer['payment_method'])
    case 'product':
      return withProduct({ kind: 'choice' }, answer)
    default:
      return { kind: 'interactive' }
  }
}

function asked(raw: JsonObject): MessageContent {
  const header = objectOf(raw['header'])
  const texts = [header?.['text'], objectOf(raw['body'])?.['text'], objectOf(raw['footer'])?.['text']]
  const content = withText({ kind: 'interactive' } as MessageContent, ...texts)
  const type = textOf(header?.['type']) ?? ''
  const attachment = attachmentOf(type, header?.[type])
  if (attachment) content.attachments = [attachment]
  return content
}

function choice(id: unknown, title: unknown, description?: unknown): MessageContent {
  const chosen: NonNullable<MessageContent['choice']> = { id: textOf(id) ?? null, title: textOf(title) ?? '' }
  const more = textOf(description)
  if (more !== undefined) chosen.description = more
  return withText({ kind: 'choice', choice: chosen }, title, description)
}

function form(answer: JsonObject): MessageContent {
  const answers = answersOf(answer['response_json'])
  const token = textOf(answers?.['flow_token']) ?? null
  return withText({ kind: 'form', form: { name: textOf(answer['name']) ?? null, token, answers } }, answer['body'])
}

/** The platform does not promise that it is an object, nor that it is JSON. */
function answersOf(json: unknown): JsonObject | null {
  if (typeof json !== 'string' || json.length > ANSWERS_CHARS_MAX) return objectOf(json) ?? null
  if (depthExceeds(new TextEncoder().encode(json), ANSWERS_DEPTH_MAX)) return null
  try {
    return objectOf(JSON.parse(json)) ?? null
  } catch {
    return null
  }
}

/** A quick reply of a template. */
function button(own: unknown): MessageContent {
  const raw = objectOf(own)
  return choice(raw?.['payload'], raw?.['text'])
}

function order(own: unknown): MessageContent {
  const raw = objectOf(own)
  const items = objectsOf(raw?.['product_items'], ORDER_ITEMS_MAX).map(orderItemOf)
  return withText({ kind: 'order', order: { catalogId: textOf(raw?.['catalog_id']) ?? null, items } }, raw?.['text'])
}

function orderItemOf(raw: JsonObject): OrderItem {
  const price = numberOf(raw['item_price'])
  return {
    productId: textOf(raw['product_retailer_id']) ?? '',
    quantity: numberOf(raw['quantity']) ?? 0,
    price: textOf(raw['item_price']) ?? (price === undefined ? null : String(price)),
    currency: textOf(raw['currency']) ?? null,
  }
}

function template(own: unknown): MessageContent {
  const raw = objectOf(own)
  const language = textOf(objectOf(raw?.['language'])?.['code']) ?? textOf(raw?.['language']) ?? null
  const content: MessageContent = { kind: 'template', template: { name: textOf(raw?.['name']) ?? '', language } }
  const attachments = headerFilesOf(raw?.['components'])
  if (attachments.length > 0) content.attachments = attachments
  return content
}

function headerFilesOf(components: unknown): AttachmentContent[] {
  return objectsOf(components, TEMPLATE_PARTS_MAX)
    .filter((component) => wordOf(component['type']) === 'header')
    .flatMap((component) => objectsOf(component['parameters'], TEMPLATE_PARTS_MAX))
    .slice(0, TEMPLATE_PARTS_MAX)
    .flatMap((parameter) => {
      const type = textOf(parameter['type']) ?? ''
      return attachmentOf(type, parameter[type]) ?? []
    })
}

function system(own: unknown): MessageContent {
  const raw = objectOf(own)
  const word = wordOf(raw?.['type']) ?? 'unknown'
  return withText({ kind: 'notice', notice: { code: NOTICE_CODES.get(word) ?? word } }, raw?.['body'])
}

/** What the message says now. Edits of edits are not known; one would be shown as what it is. */
function edit(own: unknown): MessageContent {
  const message = objectOf(objectOf(own)?.['message'])
  const type = textOf(message?.['type'])
  if (!message || type === undefined || type === 'edit') return { kind: 'edit' }
  return { ...contentOf(type, message), kind: 'edit' }
}

function call(body: JsonObject): MessageContent {
  const isStep = Object.hasOwn(body, 'event')
  return {
    kind: 'call',
    call: { outcome: isStep ? outcomeOf(body['status']) : null, durationS: durationOf(body) },
  }
}

/** What any message may have: that it was forwarded, what it is about, where the customer came from. */
function addContext(content: MessageContent, body: JsonObject): void {
  const context = objectOf(body['context'])
  if (context?.['frequently_forwarded'] === true) content.forwarded = 'often'
  else if (context?.['forwarded'] === true) content.forwarded = 'once'
  const product = objectOf(context?.['referred_product'])
  if (product) withProduct(content, product)
  const referral = objectOf(body['referral'])
  if (referral) content.referral = referralOf(referral)
  const summary = textOf(objectOf(objectOf(body['conversation_context'])?.['summary'])?.['text'])
  if (summary !== undefined) content.summary = summary
}

function withProduct(content: MessageContent, raw: JsonObject): MessageContent {
  const productId = firstText(raw, ['product_retailer_id', 'product_id'])
  if (productId !== undefined) content.product = { catalogId: textOf(raw['catalog_id']) ?? null, productId }
  return content
}

function referralOf(raw: JsonObject): Referral {
  return {
    sourceId: textOf(raw['source_id']) ?? null,
    sourceType: textOf(raw['source_type']) ?? null,
    url: textOf(raw['source_url']) ?? null,
    headline: textOf(raw['headline']) ?? null,
    body: textOf(raw['body']) ?? null,
    clickId: textOf(raw['ctwa_clid']) ?? null,
  }
}
