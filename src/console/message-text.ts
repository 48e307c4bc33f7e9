import type { MessageView } from './wire.ts'

/** What a message says, in words: its text, or what it is and whatever its sender wrote beside it. */
export interface MessageText {
  /** What kind of message it is, for anything that is not plain text. */
  kind: string | null
  text: string | null
  /** Something dry to tell, such as why there is nothing to see. */
  note: string | null
}

type Members = Record<string, unknown>
type Describe = (object: Members, message: MessageView) => Partial<MessageText>

/** One entry for each type that the platform names. Anything else is named as it came. */
const DESCRIBE: Readonly<Record<string, Describe>> = {
  text: (text) => ({ text: textOf(text['body']), note: textOf(text['body']) === null ? 'Text without content' : null }),
  image: (image) => ({ kind: 'Image', text: textOf(image['caption']) }),
  video: (video) => ({ kind: 'Video', text: textOf(video['caption']) }),
  audio: (audio) => ({ kind: audio['voice'] === true ? 'Voice message' : 'Audio' }),
  document: (file) => ({ kind: 'Document', note: textOf(file['filename']), text: textOf(file['caption']) }),
  sticker: (sticker) => ({ kind: sticker['animated'] === true ? 'Animated sticker' : 'Sticker' }),
  location: describeLocation,
  contacts: (_, message) => ({ kind: 'Contact card', text: contactNames(message['contacts']) }),
  reaction: (reaction) => {
    const emoji = textOf(reaction['emoji'])
    return emoji === null ? { kind: 'Reaction', note: 'taken back' } : { kind: 'Reaction', text: emoji }
  },
  interactive: describeInteractive,
  button: (button) => ({ kind: 'Button', text: textOf(button['text']) }),
  order: (order) => {
    const items = order['product_items']
    const count = Array.isArray(items) ? items.length : 0
    return { kind: 'Order', text: textOf(order['text']), note: count === 1 ? '1 item' : `${count} items` }
  },
  template: (template) => ({ kind: 'Template', text: textOf(template['name']) }),
  system: (system) => ({ kind: 'System notice', text: textOf(system['body']) }),
  unsupported: () => ({
    kind: 'Unsupported message',
    note: 'WhatsApp does not pass this kind of message on. It can be seen on the phone only.',
  }),
}

/** What to show of a message. Never the platform's object itself: a type we do not know is named, nothing more. */
export function describeMessage(message: MessageView): MessageText {
  if (message['erased'] === true) return { kind: 'Erased', text: null, note: 'What it said was erased on request.' }
  const describe = DESCRIBE[message.type] ?? (() => ({}))
  const own = DESCRIBE[message.type] === undefined ? `Message of type “${message.type}”` : null
  return { kind: own, text: null, note: null, ...describe(membersOf(message[message.type]), message) }
}

/** The same in one line, for the list and for quotes. */
export function previewOf(message: MessageView): string {
  const { kind, text, note } = describeMessage(message)
  const line = text ?? (kind === null || message.type === 'document' || message.type === 'order' ? note : null)
  return [kind, line?.replace(/\s+/g, ' ')].filter((part) => part).join(': ')
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

function describeLocation(location: Members): Partial<MessageText> {
  const name = [textOf(location['name']), textOf(location['address'])].filter((part) => part !== null).join(', ')
  const { latitude, longitude } = location
  const place = typeof latitude === 'number' && typeof longitude === 'number' ? `${latitude}, ${longitude}` : null
  return { kind: 'Location', text: name === '' ? null : name, note: place }
}

function describeInteractive(object: Members): Partial<MessageText> {
  const choice = membersOf(object['button_reply'] ?? object['list_reply'])
  const chosen = textOf(choice['title'])
  if (chosen !== null) return { kind: 'Choice', text: chosen, note: textOf(choice['description']) }
  if (object['nfm_reply'] !== undefined)
    return { kind: 'Form, filled in', text: textOf(membersOf(object['nfm_reply'])['body']) }
  return { kind: 'Interactive message', text: textOf(membersOf(object['body'])['text']) }
}

function contactNames(contacts: unknown): string | null {
  if (!Array.isArray(contacts)) return null
  const names = contacts.map((contact) => textOf(membersOf(membersOf(contact)['name'])['formatted_name']))
  return names.filter((name) => name !== null).join(', ') || null
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {}
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null
}
