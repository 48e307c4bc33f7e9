import { isObject, type JsonObject, objectMember, textMember } from './json.ts'
import type { FilledTemplate } from './templates.ts'

/** Something on a message that the customer may tap, and what the tap sends. */
export interface Choice {
  kind: 'button_reply' | 'list_reply' | 'button'
  id: string
  title: string
}

/** What a phone shows of a message. */
export interface Preview {
  text: string
  choices: readonly Choice[]
  mediaId: string | null
}

const MEDIA_WORDS: Readonly<Record<string, string>> = {
  image: 'Photo',
  video: 'Video',
  audio: 'Audio',
  document: 'Document',
  sticker: 'Sticker',
}

/** Text kept of one message for the phone's view. */
const PREVIEW_MAX = 4096

/** How a message looks on a phone. */
export function previewOf(type: string, object: JsonObject | undefined, template: FilledTemplate | null): Preview {
  const text = template ? template.text : textOf(type, object)
  return {
    text: text.length > PREVIEW_MAX ? text.slice(0, PREVIEW_MAX) : text,
    choices: template ? templateChoices(template) : type === 'interactive' ? interactiveChoices(object) : [],
    mediaId: MEDIA_WORDS[type] ? (textMember(object, 'id') ?? null) : null,
  }
}

function textOf(type: string, object: JsonObject | undefined): string {
  const media = Object.hasOwn(MEDIA_WORDS, type) ? MEDIA_WORDS[type] : undefined
  if (media)
    return [`[${media}]`, textMember(object, 'filename'), textMember(object, 'caption')].filter(Boolean).join(' ')
  switch (type) {
    case 'text':
      return textMember(object, 'body') ?? ''
    case 'location':
      return ['[Location]', textMember(object, 'name'), textMember(object, 'address')].filter(Boolean).join(' ')
    case 'contacts':
      return ['[Contact card]', ...contactNames(object)].join(' ')
    case 'order':
      return ['[Order]', textMember(object, 'text')].filter(Boolean).join(' ')
    case 'unsupported':
      return '[A kind that is not handed over]'
    case 'request_welcome':
      return '[Opened the chat]'
    case 'pin':
      return '[A message was pinned]'
    case 'button':
      return textMember(object, 'text') ?? '[Button]'
    case 'interactive':
      return interactiveText(object)
    default:
      return `[${type}]`
  }
}

function contactNames(object: JsonObject | undefined): string[] {
  return objectsOf(object?.['contacts']).flatMap(
    (contact) => textMember(objectMember(contact, 'name'), 'formatted_name') ?? [],
  )
}

function interactiveText(object: JsonObject | undefined): string {
  const reply = objectMember(object, 'button_reply') ?? objectMember(object, 'list_reply')
  if (reply) return textMember(reply, 'title') ?? ''
  if (objectMember(object, 'nfm_reply')) return '[Form filled in]'
  const permission = objectMember(object, 'call_permission_reply')
  if (permission) return permission['response'] === 'accept' ? '[Calls allowed]' : '[Calls not allowed]'
  const parts = ['header', 'body', 'footer'].map((part) => textMember(objectMember(object, part), 'text'))
  return parts.filter(Boolean).join('\n') || '[Interactive message]'
}

function interactiveChoices(object: JsonObject | undefined): Choice[] {
  const action = objectMember(object, 'action')
  const buttons = objectsOf(action?.['buttons']).map((button) => choice('button_reply', objectMember(button, 'reply')))
  const rows = objectsOf(action?.['sections'])
    .flatMap((section) => objectsOf(section['rows']))
    .map((row) => choice('list_reply', row))
  return [...buttons, ...rows]
}

function choice(kind: Choice['kind'], object: JsonObject | undefined): Choice {
  return { kind, id: textMember(object, 'id') ?? '', title: textMember(object, 'title') ?? '' }
}

function templateChoices(filled: FilledTemplate): Choice[] {
  const buttons = filled.template.components.find((component) => component['type'] === 'BUTTONS')?.['buttons']
  return objectsOf(buttons)
    .filter((button) => button['type'] === 'QUICK_REPLY')
    .map((button) => {
      const text = textMember(button, 'text') ?? ''
      return { kind: 'button' as const, id: text, title: text }
    })
}

function objectsOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
