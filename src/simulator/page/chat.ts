import type { ChoiceView, MessageView } from './api.ts'
import { icon, make } from './dom.ts'

/** What may be done to a message. */
export interface ChatHands {
  tap: (choice: ChoiceView, messageId: string) => void
  /** Opens the menu of a message beside this element. */
  menu: (message: MessageView, beside: HTMLElement) => void
}

/** Messages shown of a chat. */
const SHOWN_MAX = 200

/** The messages of one chat; changes what changed and leaves the rest, so that only news is read out. */
export class ChatList {
  readonly #log: HTMLElement
  readonly #empty: HTMLElement
  readonly #hands: ChatHands
  #shown = new Map<string, { element: HTMLElement; state: string; look: string }>()

  constructor(log: HTMLElement, empty: HTMLElement, hands: ChatHands) {
    this.#log = log
    this.#empty = empty
    this.#hands = hands
  }

  /** Forgets the chat that was shown. */
  clear(): void {
    this.#shown.clear()
    this.#log.replaceChildren(this.#empty)
    this.#empty.hidden = false
  }

  show(messages: readonly MessageView[]): void {
    const wasAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 60
    this.#empty.hidden = messages.length > 0
    const latest = messages.slice(-SHOWN_MAX)
    const byId = new Map(messages.map((message) => [message.id, message]))
    let previous: MessageView | undefined
    let hasNew = false
    for (const message of latest) {
      const known = this.#shown.get(message.id)
      if (!known) {
        hasNew = true
        this.#add(message, previous, byId)
      } else if (known.look !== lookOf(message)) {
        const element = this.#bubble(message, byId.get(message.context_id ?? ''))
        if (known.element.classList.contains('turn')) element.classList.add('turn')
        known.element.replaceWith(element)
        this.#shown.set(message.id, { element, state: message.state, look: lookOf(message) })
      } else if (known.state !== message.state) {
        known.element.querySelector('.meta')?.replaceWith(metaOf(message))
        known.state = message.state
      }
      previous = message
    }
    if (hasNew && wasAtEnd) this.#log.scrollTop = this.#log.scrollHeight
  }

  #add(message: MessageView, previous: MessageView | undefined, byId: Map<string, MessageView>): void {
    const day = dayOf(message.at)
    if (!previous || dayOf(previous.at) !== day) this.#log.append(make('p', 'day', day))
    const element = this.#bubble(message, byId.get(message.context_id ?? ''))
    if (previous?.direction !== message.direction) element.classList.add('turn')
    this.#shown.set(message.id, { element, state: message.state, look: lookOf(message) })
    this.#log.append(element)
    while (this.#shown.size > SHOWN_MAX * 2) {
      const [oldest] = this.#shown
      if (!oldest) break
      oldest[1].element.remove()
      this.#shown.delete(oldest[0])
    }
  }

  #bubble(message: MessageView, answered: MessageView | undefined): HTMLElement {
    const author = message.direction === 'written' ? 'You: ' : `${message.author ?? 'The firm'}: `
    const element = make('div', `bubble ${message.direction}`, make('span', 'hidden', author))
    if (message.direction === 'received' && message.author) element.append(make('span', 'who-wrote', message.author))
    if (answered) element.append(make('span', 'quote', answered.text || 'A message'))
    const shown = shownFile(message)
    if (shown) element.append(shown)
    if (message.revoked) element.append(make('span', 'gone', 'This message was deleted'))
    else element.append(shown ? message.text.replace(/^\[\w+\]/, '').trim() : message.text)
    element.append(metaOf(message))
    if (message.direction === 'received' && message.choices.length > 0) element.append(this.#taps(message))
    const hearts = [...new Set(message.reactions.map(({ emoji }) => emoji))].join(' ')
    if (hearts !== '') {
      element.classList.add('has-hearts')
      element.append(make('span', 'hearts', hearts))
    }
    if (!message.revoked) element.append(this.#more(message, element))
    return element
  }

  #more(message: MessageView, bubble: HTMLElement): HTMLElement {
    const button = make('button', 'more', icon('icon-more', 'React, reply, change'))
    button.type = 'button'
    button.addEventListener('click', () => this.#hands.menu(message, button))
    // A long press on a phone, the right button elsewhere.
    bubble.addEventListener('contextmenu', (event) => {
      event.preventDefault()
      this.#hands.menu(message, button)
    })
    return button
  }

  #taps(message: MessageView): HTMLElement {
    const taps = make('div', 'taps')
    for (const choice of message.choices) {
      const button = make('button', '', choice.title)
      button.type = 'button'
      button.addEventListener('click', () => this.#hands.tap(choice, message.id))
      taps.append(button)
    }
    return taps
  }
}

/** What of a message may change but its ticks. */
function lookOf({ text, revoked, edited, reactions }: MessageView): string {
  return JSON.stringify([text, revoked, edited, reactions])
}

/** A picture, sound or film, where the message is one. */
function shownFile(message: MessageView): HTMLElement | null {
  if (message.media_id === null) return null
  const address = `/_/media/${encodeURIComponent(message.media_id)}`
  if (message.type === 'image' || message.type === 'sticker') {
    const picture = make('img', '')
    picture.src = address
    picture.alt = message.type === 'image' ? 'Photo' : 'Sticker'
    picture.addEventListener('error', () => picture.remove())
    return picture
  }
  if (message.type !== 'audio' && message.type !== 'video') return null
  const player = make(message.type, '')
  player.src = address
  player.controls = true
  player.preload = 'metadata'
  return player
}

const TICKS = {
  sent: ['tick-one', 'Sent'],
  delivered: ['tick-two', 'Delivered'],
  read: ['tick-two', 'Read'],
} as const

function metaOf(message: MessageView): HTMLElement {
  const time = make(
    'time',
    '',
    new Date(message.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false }),
  )
  time.dateTime = message.at
  const meta = make('span', 'meta', ...(message.edited ? ['edited '] : []), time)
  if (message.direction === 'written') {
    const [name, label] = TICKS[message.state]
    const tick = icon(name, label)
    tick.classList.add(message.state)
    meta.append(tick)
  }
  return meta
}

function dayOf(at: string): string {
  const day = new Date(at)
  if (day.toDateString() === new Date().toDateString()) return 'Today'
  return day.toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' })
}
