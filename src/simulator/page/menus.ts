import { ask, type CustomerView, customerPath, type MessageView, type SampleView } from './api.ts'
import { byId, make } from './dom.ts'

/** What the menus do for the person at the page. */
export interface MenuHands {
  customer: () => CustomerView
  number: () => string
  write: (body: Record<string, unknown>) => Promise<void>
  act: (work: () => Promise<unknown>) => void
  /** The customer has another phone from now on. */
  moved: (customer: CustomerView) => void
  /** The text that is written from now on answers this message, or replaces it. */
  about: (kind: 'reply' | 'edit', message: MessageView) => void
}

const FILES = ['image', 'video', 'audio', 'document', 'sticker'] as const

/** Things to do besides writing, each with its address and body. */
const DEEDS: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['Call the firm, who does not answer', '/calls', { outcome: 'missed' }],
  ['Call the firm and talk for a minute', '/calls', { outcome: 'finished', duration_s: 61 }],
  ['Stop its advertising', '/preferences', { value: 'stop' }],
  ['Have its advertising again', '/preferences', { value: 'resume' }],
  ['Get another user id', '/changes', { user_id: true }],
  ['Get a new phone with the same number', '/changes', { keys: true }],
]

/** The menu of everything that may be sent or done. */
export async function fillAttachMenu(hands: MenuHands): Promise<void> {
  const menu = byId('attach', HTMLElement)
  place(menu, byId('attach-open', HTMLElement))
  const choose = (work: () => Promise<unknown>) => {
    menu.hidePopover()
    hands.act(work)
  }
  for (const type of FILES) {
    const input = byId(`file-${type}`, HTMLInputElement)
    input.addEventListener('change', () => choose(() => sendFile(hands, type, input)))
  }
  const { items } = await ask<{ items: SampleView[] }>('GET', '/_/samples')
  byId('samples', HTMLElement).append(
    ...items.map(({ sample, plain }) => entry(plain, () => choose(() => hands.write({ sample })))),
  )
  byId('deeds', HTMLElement).append(
    entry('Move to another phone number', () => choose(() => move(hands))),
    ...DEEDS.map(([plain, path, body]) =>
      entry(plain, () =>
        choose(() => {
          const own = path === '/changes' ? body : { number: hands.number(), ...body }
          return ask('POST', customerPath(hands.customer().phone, path), own)
        }),
      ),
    ),
  )
}

/** To a number that belongs to nobody: 555-0100 to 555-0199. The user id changes with it, as on the platform. */
async function move(hands: MenuHands): Promise<void> {
  const { name, phone } = hands.customer()
  const last = String(Math.floor(Math.random() * 100)).padStart(2, '0')
  const next = `+1${212 + Math.floor(Math.random() * 700)}55501${last}`
  await ask('POST', customerPath(phone, '/changes'), { phone: next, user_id: true })
  hands.moved({ name, phone: next })
}

async function sendFile(hands: MenuHands, type: (typeof FILES)[number], input: HTMLInputElement): Promise<void> {
  const file = input.files?.[0]
  input.value = ''
  if (!file) return
  const { id } = await ask<{ id: string }>('POST', '/_/media', file)
  const object = {
    id,
    mime_type: file.type || 'application/octet-stream',
    ...(type === 'audio' && { voice: byId('voice', HTMLInputElement).checked }),
    ...(type === 'document' && { filename: file.name }),
  }
  await hands.write({ message: { type, [type]: object } })
}

const EMOJIS = ['👍', '❤️', '😂', '😮', '😢', '🙏']

/** The menu of one message. */
export function openMessageMenu(hands: MenuHands, message: MessageView, beside: HTMLElement): void {
  const menu = byId('acts', HTMLElement)
  const own = message.reactions.find(({ by }) => by === hands.customer().phone)?.emoji
  const choose = (work: () => Promise<unknown>) => {
    menu.hidePopover()
    hands.act(work)
  }
  const write = (type: string, object: Record<string, unknown>) => () =>
    hands.write({ message: { type, [type]: object } })
  const emojis = EMOJIS.map((emoji) => {
    const button = make('button', '', emoji)
    button.type = 'button'
    button.setAttribute('aria-pressed', String(emoji === own))
    button.setAttribute('aria-label', emoji === own ? `Take ${emoji} back` : `React with ${emoji}`)
    const reaction = { message_id: message.id, emoji: emoji === own ? '' : emoji }
    button.addEventListener('click', () => choose(write('reaction', reaction)))
    return button
  })
  const about = (kind: 'reply' | 'edit') => () => {
    menu.hidePopover()
    hands.about(kind, message)
  }
  const isMine = message.direction === 'written'
  menu.replaceChildren(
    make('div', 'emojis', ...emojis),
    make(
      'ul',
      'menu-list',
      entry('Reply', about('reply')),
      entry('Forward to the firm', () =>
        choose(() =>
          hands.write({ message: { type: 'text', text: { body: message.text }, context: { forwarded: true } } }),
        ),
      ),
      ...(isMine && message.type === 'text' ? [entry('Edit', about('edit'))] : []),
      ...(isMine
        ? [entry('Delete for everybody', () => choose(write('revoke', { original_message_id: message.id })))]
        : []),
    ),
  )
  place(menu, beside)
  menu.showPopover()
  menu.querySelector('button')?.focus()
}

function entry(words: string, run: () => void): HTMLElement {
  const button = make('button', '', words)
  button.type = 'button'
  button.addEventListener('click', run)
  return make('li', '', button)
}

/** Puts a menu beside an element whenever it opens, inside the window. */
function place(menu: HTMLElement, beside: HTMLElement): void {
  const put = () => {
    const at = beside.getBoundingClientRect()
    const { offsetWidth: width, offsetHeight: height } = menu
    const above = at.top - height - 6
    menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`
    menu.style.top = `${above > 8 ? above : Math.max(8, Math.min(at.bottom + 6, innerHeight - height - 8))}px`
  }
  menu.ontoggle = () => {
    if (menu.matches(':popover-open')) put()
  }
}
