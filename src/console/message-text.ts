import type { AttachmentView, ContentView, MessageView } from './wire.ts'

/** What a message says in one line, for lists, quotes and those who listen. */
export interface MessageText {
  /** What kind of message it is, for anything that is not plain text. */
  kind: string | null
  text: string | null
  /** Something dry to tell, such as why there is nothing to see. */
  note: string | null
}

type Describe = (content: ContentView, message: MessageView) => Partial<MessageText>

/** One entry for each kind of content. A kind of a later server is named by the message's type. */
const DESCRIBE: Readonly<Record<string, Describe>> = {
  text: ({ text }) => (text === undefined ? { note: 'Text without content' } : {}),
  attachment: (_, message) => attachmentText(message),
  location: ({ place, text }) => ({
    kind: 'Location',
    text: placeWords(text) ?? (place === undefined ? null : `${place.latitude}, ${place.longitude}`),
  }),
  contacts: ({ people }) => ({ kind: (people?.length ?? 0) > 1 ? 'Contact cards' : 'Contact card' }),
  choice: ({ choice, product }) => ({ kind: 'Choice', text: choice?.title ?? product?.product_id ?? null }),
  form: ({ form }) => ({ kind: form?.name === 'address_message' ? 'Address' : 'Form, filled in' }),
  order: ({ order, text }) => {
    const count = order?.items.reduce((sum, item) => sum + item.quantity, 0) ?? 0
    return { kind: 'Order', text: text ?? (count === 1 ? '1 item' : `${count} items`) }
  },
  permission: ({ choice }) => ({
    kind: 'Calls',
    text: choice?.id === 'accept' ? 'You may call' : choice?.id === 'reject' ? 'You may not call' : null,
  }),
  notice: ({ notice, text }) => ({ text: noticeWords(notice?.code ?? '', text) }),
  call: (content, message) => ({ kind: callWords(content, message), text: null }),
  template: ({ template, text }) => ({ kind: 'Template', text: text ?? template?.name ?? null }),
  interactive: () => ({ kind: 'Interactive message' }),
  welcome: () => ({ text: 'Opened the chat for the first time' }),
  unsupported: ({ unsupported }) => ({
    kind: 'Unsupported message',
    note: unsupportedWords(unsupported?.hint ?? null, unsupported?.code ?? null),
  }),
}

/** What to say of a message. Never the platform's object itself: a kind we do not know is named, nothing more. */
export function describeMessage(message: MessageView): MessageText {
  if (message.erased === true) return { kind: 'Erased', text: null, note: 'What it said was erased on request.' }
  if (message.content === undefined && message.revoked !== undefined) {
    return { kind: null, text: null, note: revokedWords(message) }
  }
  const content = contentOf(message)
  const describe = DESCRIBE[content.kind]
  const own = describe === undefined ? `Message of type “${message.type}”` : null
  return { kind: own, text: content.text ?? null, note: null, ...describe?.(content, message) }
}

/** The same in one line, for the list and for quotes. */
export function previewOf(message: MessageView): string {
  const { kind, text, note } = describeMessage(message)
  const line = text ?? (kind === null || kind === 'Document' ? note : null)
  return [kind, line?.replace(/\s+/g, ' ')].filter((part) => part).join(': ')
}

/** What a message says. One that this page has just made itself has only its text. */
export function contentOf(message: MessageView): ContentView {
  if (message.content !== undefined) return message.content
  const text = (message['text'] as { body?: unknown } | undefined)?.body
  if (typeof text === 'string') return { kind: 'text', text }
  return { kind: message.type === 'text' ? 'text' : 'other' }
}

/** Whether it is told in the middle of the thread rather than said by somebody. */
export function isNotice(message: MessageView): boolean {
  return message.content?.kind === 'notice' || message.content?.kind === 'welcome'
}

/** Names of files by their kind, as one says them. */
export function attachmentName({ kind, voice, animated }: Pick<AttachmentView, 'kind' | 'voice' | 'animated'>): string {
  switch (kind) {
    case 'image':
      return 'Image'
    case 'audio':
      return voice ? 'Voice message' : 'Audio'
    case 'video':
      return 'Video'
    case 'sticker':
      return animated ? 'Animated sticker' : 'Sticker'
    default:
      return 'Document'
  }
}

/** By the platform's type, where a message came without a word on its files: what we sent ourselves. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  image: 'Image',
  video: 'Video',
  audio: 'Audio',
  voice: 'Voice message',
  document: 'Document',
  sticker: 'Sticker',
}

function attachmentText(message: MessageView): Partial<MessageText> {
  const [first] = message.attachments ?? []
  if (first === undefined) return { kind: TYPE_NAMES[message.type] ?? 'File' }
  return { kind: attachmentName(first), note: first.file_name }
}

function placeWords(text: string | undefined): string | null {
  return text === undefined ? null : text.split('\n').join(', ')
}

const NOTICES: Readonly<Record<string, string>> = {
  number_changed: 'Changed their phone number',
  user_id_changed: 'Has a new user id',
  identity_changed: 'Has a new phone, or installed the app anew',
}

function noticeWords(code: string, text: string | undefined): string {
  return NOTICES[code] ?? text ?? `Notice: ${code.replaceAll('_', ' ')}`
}

/** How a call went, in words. */
function callWords(content: ContentView, message: MessageView): string {
  const isIn = message.direction === 'in'
  const outcome = content.call?.outcome ?? null
  const seconds = content.call?.duration_s ?? null
  if (outcome === null) return isIn ? 'Is calling' : 'Call under way'
  if (outcome === 'completed') {
    return `${isIn ? 'Call' : 'Outgoing call'}${seconds === null ? '' : `, ${durationWords(seconds)}`}`
  }
  if (outcome === 'rejected') return isIn ? 'Call, turned down' : 'Outgoing call, turned down'
  return isIn ? 'Missed call' : 'Outgoing call, not answered'
}

/** Minutes and seconds. */
function durationWords(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  const rest = Math.round(seconds % 60)
  return minutes === 0 ? `${rest} s` : `${minutes} min ${rest} s`
}

const HINTS: Readonly<Record<string, string>> = {
  poll: 'a poll',
  edit: 'an edit',
  view_once: 'something to be seen once',
  event: 'an event',
  group_invite: 'an invitation to a group',
}

/** Why there is nothing to see of a message that the platform does not hand over. */
function unsupportedWords(hint: string | null, code: number | null): string {
  if (code === 131052) return 'The platform could not take the file that the customer sent, or it was too large.'
  if (hint === 'media_placeholder') return 'A file of an older message, which the platform did not bring along.'
  if (code === 131060) return 'This message can be seen in the app on the phone only.'
  const what = hint === null ? 'this kind of message' : (HINTS[hint] ?? `“${hint.replaceAll('_', ' ')}”`)
  return `WhatsApp does not pass ${what} on. It can be seen on the phone only.`
}

/** What stands in the place of a message that its author took back. */
export function revokedWords(message: MessageView): string {
  return message.direction === 'in' ? 'The customer took this message back' : 'This message was taken back'
}

/** How many bytes a file has, as people say it. */
export function sizeWords(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} KB`
  return `${(bytes / 1_000_000).toFixed(bytes < 9_950_000 ? 1 : 0)} MB`
}

/** A piece of text that is either plain or an address to open. */
export interface TextPiece {
  text: string
  href: string | null
}

/** Cuts a text at the web addresses in it. Punctuation at an address's end belongs to the sentence. */
export function linksIn(text: string): TextPiece[] {
  const pieces: TextPiece[] = []
  let end = 0
  for (const match of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const address = match[0].replace(/[.,;:!?'’)\]]+$/, '')
    if (!URL.canParse(address)) continue
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), href: null })
    pieces.push({ text: address, href: address })
    end = match.index + address.length
  }
  if (end < text.length) pieces.push({ text: text.slice(end), href: null })
  return pieces
}
