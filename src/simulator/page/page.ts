import {
  ask,
  type ChatView,
  type ChoiceView,
  type CustomerView,
  customerPath,
  type HappeningView,
  type HealthView,
  type NumberView,
} from './api.ts'
import { ChatList } from './chat.ts'
import { byId, initialsOf, make } from './dom.ts'
import { PeopleList } from './people.ts'
import { TroublePanel } from './trouble.ts'

const EVENTS_MAX = 100
const HEALTH_MS = 3000

const numberSelect = byId('number', HTMLSelectElement)
const textArea = byId('text', HTMLTextAreaElement)
const readsBox = byId('reads', HTMLInputElement)
const problem = byId('problem', HTMLElement)
const presence = byId('presence', HTMLElement)
let numbers: NumberView[] = []
let loadRound = 0
/** Customers that have been told to read only when their chat is opened. */
const manual = new Set<string>()

const chat = new ChatList(byId('log', HTMLElement), byId('empty', HTMLElement), (choice, messageId) => {
  act(() => tap(choice, messageId))
})
const people = new PeopleList((customer) => {
  chat.clear()
  show('chat')
  act(() => open(customer))
})
const trouble = new TroublePanel(() => numberSelect.value, fail)

function fail(error: unknown): void {
  problem.textContent = error instanceof Error ? error.message : 'Something went wrong.'
  problem.hidden = false
}

/** Runs work for the person at the page and shows what went wrong. */
function act(work: () => Promise<unknown>): void {
  problem.hidden = true
  work().catch(fail)
}

async function open(customer: CustomerView): Promise<void> {
  await load(customer)
  textArea.focus({ preventScroll: true })
}

async function load(customer: CustomerView): Promise<void> {
  const round = ++loadRound
  const number = numberSelect.value
  const path = customerPath(customer.phone, `/messages?number=${encodeURIComponent(number)}`)
  const view = await ask<ChatView>('GET', path)
  if (round !== loadRound) return
  chat.show(view.items)
  presence.textContent = view.is_typing ? 'typing' : presenceText(view)
  presence.classList.toggle('typing', view.is_typing)
  const unread = view.items.some((message) => message.direction === 'received' && message.state !== 'read')
  if (unread && readsBox.checked && document.visibilityState === 'visible') {
    await ask('POST', customerPath(customer.phone, '/read'), { number })
  }
}

function presenceText(view: ChatView): string {
  const display = numbers.find((each) => each.number === numberSelect.value)?.display ?? ''
  if (!view.window_expires_at) return display
  const end = new Date(view.window_expires_at)
  if (end.getTime() < Date.now()) return `${display} · window closed`
  const time = end.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false })
  const isToday = end.toDateString() === new Date().toDateString()
  return `Open until ${isToday ? '' : 'tomorrow '}${time}`
}

/** From now on this customer reads when this page does, not by themselves. */
async function takeOver(customer: CustomerView): Promise<void> {
  if (manual.has(customer.phone)) return
  await ask('PUT', customerPath(customer.phone), { name: customer.name, reads: 'manual' })
  manual.add(customer.phone)
}

async function write(body: Record<string, unknown>): Promise<void> {
  const customer = people.chosen
  await takeOver(customer)
  await ask('POST', customerPath(customer.phone, '/messages'), {
    number: numberSelect.value,
    name: customer.name,
    ...body,
  })
  await load(customer)
}

async function tap(choice: ChoiceView, messageId: string): Promise<void> {
  const context = { id: messageId }
  const { kind, id, title } = choice
  if (kind === 'button') return write({ message: { type: 'button', button: { payload: id, text: title }, context } })
  return write({ message: { type: 'interactive', interactive: { type: kind, [kind]: { id, title } }, context } })
}

async function sendText(): Promise<void> {
  const text = textArea.value
  if (text.trim() === '') return
  textArea.value = ''
  grow()
  try {
    await write({ text })
  } catch (error) {
    if (textArea.value === '') textArea.value = text
    throw error
  }
}

async function sendPhoto(input: HTMLInputElement): Promise<void> {
  const file = input.files?.[0]
  input.value = ''
  if (!file) return
  const { id } = await ask<{ id: string }>('POST', '/_/media', file)
  await write({ message: { type: 'image', image: { id, mime_type: file.type } } })
}

function grow(): void {
  textArea.style.height = 'auto'
  textArea.style.height = `${Math.min(textArea.scrollHeight + 2, 130)}px`
}

function show(view: string): void {
  document.body.dataset['view'] = view
  for (const tab of document.querySelectorAll<HTMLElement>('[data-go]')) {
    tab.setAttribute('aria-pressed', String(tab.dataset['go'] === view))
  }
}

const events = byId('events', HTMLElement)

function showHappenings(items: readonly HappeningView[], more: number): void {
  events.querySelector('.none')?.remove()
  if (more > 0) events.prepend(make('li', '', make('time', '', ''), make('span', '', `and ${more} more`)))
  for (const { at, tone, text } of items) {
    const time = make('time', '', new Date(at).toLocaleTimeString([], { hour12: false }))
    events.prepend(make('li', tone, time, make('span', '', text)))
  }
  while (events.childElementCount > EVENTS_MAX) events.lastElementChild?.remove()
  if (events.childElementCount === 0) events.append(make('li', 'none', 'Nothing yet.'))
}

function watch(): void {
  const source = new EventSource('/_/stream')
  source.addEventListener('open', () => {
    events.replaceChildren()
    act(() => Promise.all([load(people.chosen), people.refresh(), trouble.refresh()]))
  })
  source.addEventListener('chats', (event) => {
    const chats: { phone: string; number: string }[] = JSON.parse(event.data)
    for (const { phone } of chats) people.markNews(phone)
    if (chats.some((each) => each.phone === people.chosen.phone && each.number === numberSelect.value)) {
      load(people.chosen).catch(fail)
    }
  })
  source.addEventListener('happenings', (event) => {
    const { items, more } = JSON.parse(event.data)
    showHappenings(items, more)
  })
  source.addEventListener('faults', () => void trouble.refresh().catch(fail))
}

const LINK_WORDS: Readonly<Record<string, string>> = {
  verified: 'Gateway connected',
  waiting: 'Waiting for the gateway',
  refused: 'The gateway refuses the webhook',
}

async function showLink(): Promise<void> {
  const link = byId('link', HTMLElement)
  try {
    const { handshake, webhooks } = await ask<HealthView>('GET', '/_/health')
    const waiting = webhooks.pending > 0 ? `, ${webhooks.pending} webhooks wait` : ''
    const text = `${LINK_WORDS[handshake.state] ?? handshake.state}${waiting}`
    if (link.textContent !== text) link.textContent = text
    link.dataset['state'] = handshake.state
    link.title = handshake.detail
  } catch {
    link.textContent = 'The simulator is away'
    link.dataset['state'] = 'away'
  }
}

function nameNumber(): void {
  const number = numbers.find((each) => each.number === numberSelect.value)
  byId('chat-title', HTMLElement).textContent = number?.alias ?? 'The firm'
  byId('firm-avatar', HTMLElement).textContent = initialsOf(number?.alias ?? 'F')
}

function listen(): void {
  // A region that scrolls must be reachable by keyboard.
  byId('log', HTMLElement).tabIndex = 0
  byId('write', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    act(sendText)
  })
  textArea.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    act(sendText)
  })
  textArea.addEventListener('input', grow)
  const photo = byId('photo', HTMLInputElement)
  photo.addEventListener('change', () => act(() => sendPhoto(photo)))
  readsBox.addEventListener('change', () => act(() => load(people.chosen)))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') act(() => load(people.chosen))
  })
  numberSelect.addEventListener('change', () => {
    nameNumber()
    chat.clear()
    act(() => load(people.chosen))
  })
  for (const tab of document.querySelectorAll<HTMLElement>('[data-go]')) {
    tab.addEventListener('click', () => show(tab.dataset['go'] ?? 'chat'))
  }
}

async function start(): Promise<void> {
  const { items } = await ask<{ items: NumberView[] }>('GET', '/_/numbers')
  numbers = items
  for (const { number, alias } of items) numberSelect.append(new Option(alias, number))
  numberSelect.closest('label')?.toggleAttribute('hidden', items.length < 2)
  nameNumber()
  people.draw()
  listen()
  watch()
  void showLink()
  setInterval(() => void showLink(), HEALTH_MS)
}

act(start)
