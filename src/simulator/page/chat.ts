import type { ChoiceView, MessageView } from './api.ts'
import { icon, make } from './dom.ts'

/** Messages shown of a chat. */
const SHOWN_MAX = 200

/** The messages of one chat; changes what changed and leaves the rest, so that only news is read out. */
export class ChatList {
  readonly #log: HTMLElement
  readonly #empty: HTMLElement
  readonly #tap: (choice: ChoiceView, messageId: string) => void
  #shown = new Map<string, { element: HTMLElement; state: string }>()

  constructor(log: HTMLElement, empty: HTMLElement, tap: (choice: ChoiceView, messageId: string) => void) {
    this.#log = log
    this.#empty = empty
    this.#tap = tap
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
    this.#shown.set(message.id, { element, state: message.state })
    this.#log.append(element)
    while (this.#shown.size > SHOWN_MAX * 2) {
      const [oldest] = this.#shown
      if (!oldest) break
      oldest[1].element.remove()
      this.#shown.delete(oldest[0])
    }
  }

  #bubble(message: MessageView, answered: MessageView | undefined): HTMLElement {
    const author = message.direction === 'written' ? 'You: ' : 'The firm: '
    const element = make('div', `bubble ${message.direction}`, make('span', 'hidden', author))
    if (answered) element.append(make('span', 'quote', answered.text))
    const hasPicture = message.type === 'image' && message.media_id !== null
    if (hasPicture) {
      const picture = make('img', '')
      picture.src = `/_/media/${message.media_id}`
      picture.alt = 'Photo'
      picture.addEventListener('error', () => picture.remove())
      element.append(picture)
    }
    element.append(hasPicture ? message.text.replace('[Photo]', '').trim() : message.text, metaOf(message))
    if (message.direction === 'received' && message.choices.length > 0) element.append(this.#taps(message))
    return element
  }

  #taps(message: MessageView): HTMLElement {
    const taps = make('div', 'taps')
    for (const choice of message.choices) {
      const button = make('button', '', choice.title)
      button.type = 'button'
      button.addEventListener('click', () => this.#tap(choice, message.id))
      taps.append(button)
    }
    return taps
  }
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
  const meta = make('span', 'meta', time)
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
