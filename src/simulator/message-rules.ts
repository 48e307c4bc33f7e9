import { GraphRefusal } from './graph-error.ts'
import { checkInteractive } from './interactive-rules.ts'
import { isObject, type JsonObject, objectMember, parseJson, textMember } from './json.ts'
import { type FilledTemplate, fillTemplate } from './templates.ts'

/** A send whose body is right. */
export interface SendRequest {
  kind: 'send'
  /** Digits of E.164, the business-scoped user id, or the id of a group. */
  to: { phone: string } | { userId: string } | { groupId: string }
  /** The recipient as the caller wrote it. */
  input: string
  type: string
  /** The object of the type. */
  object: JsonObject
  /** The message it answers. */
  contextId: string | null
  /** `biz_opaque_callback_data`: comes back in every status. */
  correlation: string | null
  template: FilledTemplate | null
}

/** A message of a customer is marked as read, perhaps with a typing sign. */
export interface ReadRequest {
  kind: 'read'
  messageId: string
  typing: boolean
}

const CORRELATION_MAX = 512
const TEXT_MAX = 4096
const CAPTION_MAX = 1024
const MEDIA_TYPES = ['image', 'video', 'audio', 'document', 'sticker']

/** The platform's rule: what may be sent to a group; a pin goes nowhere else. */
const GROUP_TYPES = ['text', ...MEDIA_TYPES, 'template', 'pin']

/**
 * Reads the body of `POST /{number}/messages` as the platform does. `hasMedia` tells whether a media id is known.
 * Throws a `GraphRefusal` for what the platform refuses.
 */
export function readSend(bodyText: string, hasMedia: (id: string) => boolean): SendRequest | ReadRequest {
  const body = parseJson(bodyText)
  if (!isObject(body)) throw new GraphRefusal(100, 'The request body is not a JSON object.')
  if (body['messaging_product'] === undefined) {
    throw new GraphRefusal(100, 'The parameter messaging_product is required.')
  }
  if (body['messaging_product'] !== 'whatsapp') {
    throw new GraphRefusal(100, 'Param messaging_product must be one of {WHATSAPP}.')
  }
  if (body['status'] !== undefined) return readMarkRead(body)
  const { to, input } = readRecipient(body)
  const type = body['type'] ?? 'text'
  if (typeof type !== 'string') throw new GraphRefusal(131009, 'type must be a string.')
  const check = CHECKS.get(type)
  if (!check) throw new GraphRefusal(131051)
  const object = type === 'contacts' ? { contacts: body['contacts'] } : body[type]
  if (object === undefined) throw new GraphRefusal(131008, `Parameter ${type} is required for type ${type}.`)
  if (!isObject(object)) throw new GraphRefusal(131009, `Parameter ${type} must be an object.`)
  check(object, type)
  checkMediaId(type, object, hasMedia)
  if ('groupId' in to ? !GROUP_TYPES.includes(type) : type === 'pin') throw new GraphRefusal(131051)
  const template = type === 'template' ? fillTemplate(object) : null
  return {
    kind: 'send',
    to,
    input,
    type,
    object,
    contextId: readContext(body, type),
    correlation: readCorrelation(body),
    template,
  }
}

function readMarkRead(body: JsonObject): ReadRequest {
  if (body['status'] !== 'read') throw new GraphRefusal(131009, 'status must be read.')
  const messageId = body['message_id']
  if (messageId === undefined) throw new GraphRefusal(131008, 'message_id is required.')
  if (typeof messageId !== 'string' || messageId === '') throw new GraphRefusal(131009, 'message_id must be a string.')
  const typing = body['typing_indicator']
  if (typing === undefined) return { kind: 'read', messageId, typing: false }
  if (!isObject(typing) || typing['type'] !== 'text') {
    throw new GraphRefusal(131009, 'typing_indicator.type must be text.')
  }
  return { kind: 'read', messageId, typing: true }
}

function readRecipient(body: JsonObject): { to: SendRequest['to']; input: string } {
  const kind = body['recipient_type']
  if (kind !== undefined && kind !== 'individual' && kind !== 'group') {
    throw new GraphRefusal(131009, 'recipient_type must be individual or group.')
  }
  return kind === 'group' ? readGroup(body) : readPerson(body)
}

function readGroup({ to }: JsonObject): { to: SendRequest['to']; input: string } {
  if (typeof to !== 'string' || to === '') throw new GraphRefusal(131009, 'to must be the id of a group.')
  return { to: { groupId: to }, input: to }
}

function readPerson({ to, recipient }: JsonObject): { to: SendRequest['to']; input: string } {
  if (to === undefined && recipient === undefined) throw new GraphRefusal(100, 'The parameter to is required.')
  if (to !== undefined) {
    const digits = typeof to === 'string' || typeof to === 'number' ? String(to).replaceAll(/[\s()+-]/g, '') : ''
    if (!/^[1-9]\d{6,14}$/.test(digits)) throw new GraphRefusal(131009, 'to must be a phone number.')
    return { to: { phone: digits }, input: String(to) }
  }
  if (typeof recipient !== 'string' || !/^[A-Z]{2}\.[A-Za-z0-9.]{1,138}$/.test(recipient)) {
    throw new GraphRefusal(131009, 'recipient must be a business-scoped user id.')
  }
  return { to: { userId: recipient }, input: recipient }
}

function readContext(body: JsonObject, type: string): string | null {
  const context = body['context']
  if (context === undefined) return null
  if (type === 'reaction') throw new GraphRefusal(100, 'context is not allowed with a reaction.')
  const messageId = isObject(context) ? context['message_id'] : undefined
  if (typeof messageId === 'string' && messageId !== '' && messageId.length <= 512) return messageId
  throw new GraphRefusal(131009, 'context.message_id must be the id of a message.')
}

function readCorrelation(body: JsonObject): string | null {
  const value = body['biz_opaque_callback_data']
  if (value === undefined) return null
  if (typeof value === 'string' && value.length <= CORRELATION_MAX) return value
  throw new GraphRefusal(100, `biz_opaque_callback_data must be a string of at most ${CORRELATION_MAX} characters.`)
}

type Check = (object: JsonObject, type: string) => void

const CHECKS: ReadonlyMap<string, Check> = new Map(
  Object.entries({
    text: checkText,
    image: checkMedia,
    video: checkMedia,
    audio: checkMedia,
    document: checkMedia,
    sticker: checkMedia,
    location: checkLocation,
    contacts: checkContacts,
    reaction: checkReaction,
    interactive: checkInteractive,
    pin: checkPin,
    // The template's own check needs its result; see `readSend`.
    template: () => {},
  }),
)

function checkText(object: JsonObject): void {
  const body = object['body']
  if (body === undefined || body === '') throw new GraphRefusal(131008, "Parameter text['body'] is required.")
  if (typeof body !== 'string') throw new GraphRefusal(131009, "Param text['body'] must be a string.")
  if ([...body].length > TEXT_MAX) {
    throw new GraphRefusal(100, `Param text['body'] must be at most ${TEXT_MAX} characters long.`)
  }
}

function checkMedia(object: JsonObject, type: string): void {
  const { id, link, caption, filename } = object
  if (id === undefined && link === undefined) {
    throw new GraphRefusal(131008, `Parameter ${type} needs an id or a link.`)
  }
  if (id !== undefined && link !== undefined) {
    throw new GraphRefusal(100, `Param ${type} takes either an id or a link, not both.`)
  }
  if (link !== undefined && !(typeof link === 'string' && isWebAddress(link))) {
    throw new GraphRefusal(131009, `Param ${type}['link'] is not a valid URI.`)
  }
  checkCaption(caption, type)
  if (filename !== undefined && (type !== 'document' || typeof filename !== 'string')) {
    throw new GraphRefusal(100, `Unexpected key filename on param ${type}.`)
  }
}

function checkCaption(caption: unknown, type: string): void {
  if (caption === undefined) return
  if (type === 'audio' || type === 'sticker') throw new GraphRefusal(100, `Unexpected key caption on param ${type}.`)
  if (typeof caption !== 'string') throw new GraphRefusal(131009, `Param ${type}['caption'] must be a string.`)
  if ([...caption].length > CAPTION_MAX) {
    throw new GraphRefusal(100, `Param ${type}['caption'] must be at most ${CAPTION_MAX} characters long.`)
  }
}

function checkMediaId(type: string, object: JsonObject, hasMedia: (id: string) => boolean): void {
  if (!MEDIA_TYPES.includes(type) || object['id'] === undefined) return
  const id = object['id']
  if ((typeof id === 'string' || typeof id === 'number') && hasMedia(String(id))) return
  throw new GraphRefusal(100, `Param ${type}['id'] is not a valid whatsapp business account media attachment ID.`)
}

/** Whether the text is an http or https address. */
function isWebAddress(text: string): boolean {
  if (text.length > 2048 || !URL.canParse(text)) return false
  const { protocol } = new URL(text)
  return protocol === 'https:' || protocol === 'http:'
}

function checkLocation(object: JsonObject): void {
  for (const [name, most] of [
    ['latitude', 90],
    ['longitude', 180],
  ] as const) {
    const value = object[name]
    if (value === undefined) throw new GraphRefusal(131008, `Parameter location['${name}'] is required.`)
    const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof degrees !== 'number' || !(Math.abs(degrees) <= most)) {
      throw new GraphRefusal(131009, `Param location['${name}'] must be a number of degrees.`)
    }
  }
}

function checkContacts(object: JsonObject): void {
  const contacts = object['contacts']
  if (contacts === undefined) throw new GraphRefusal(131008, 'Parameter contacts is required for type contacts.')
  if (!Array.isArray(contacts) || contacts.length === 0) {
    throw new GraphRefusal(131009, 'Parameter contacts must be a list with at least one contact.')
  }
  for (const contact of contacts) {
    const name = objectMember(isObject(contact) ? contact : undefined, 'name')
    if (!textMember(name, 'formatted_name')) {
      throw new GraphRefusal(131008, "Parameter contacts[]['name']['formatted_name'] is required.")
    }
    if (Object.keys(name ?? {}).length < 2) {
      throw new GraphRefusal(131009, 'A name needs one more part besides formatted_name.')
    }
  }
}

function checkReaction(object: JsonObject): void {
  if (!textMember(object, 'message_id')) throw new GraphRefusal(131008, "Parameter reaction['message_id'] is required.")
  if (typeof object['emoji'] !== 'string') throw new GraphRefusal(131008, "Parameter reaction['emoji'] is required.")
}

/** The platform's rule: a pin holds 1 to 30 days. */
function checkPin(object: JsonObject): void {
  if (object['type'] !== 'pin' && object['type'] !== 'unpin') {
    throw new GraphRefusal(131009, "Param pin['type'] must be pin or unpin.")
  }
  if (!textMember(object, 'message_id')) throw new GraphRefusal(131008, "Parameter pin['message_id'] is required.")
  const days = Number(object['expiration_days'] ?? 7)
  if (!(days >= 1 && days <= 30)) throw new GraphRefusal(131009, "Param pin['expiration_days'] must be 1 to 30.")
}
