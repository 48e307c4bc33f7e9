import {
  ask,
  type ChatView,
  type ChoiceView,
  type CustomerView,
  customerPath,
  type GroupView,
  type HappeningView,
  type HealthView,
  type MessageView,
  type NumberView,
} from './api.ts'
import { ChatList } from './chat.ts'
import { byId, initialsOf, make } from './dom.ts'
import { FurtherPanel } from './further.ts'
import { fillAttachMenu, type MenuHands, openMessageMenu } from './menus.ts'
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

/** What the text that is written is about: a reply to a message, or a message's new text. */
let about: { kind: 'reply' | 'edit'; message: MessageView } | null = null

const hands: MenuHands = {
  customer: () => people.chosen,
  number: () => numberNow(),
  write: (body) => write(body),
  act: (work) => act(work),
  moved: (customer) => {
    people.choose(customer)
    act(() => people.refresh())
  },
  about: (kind, message) => setAbout({ kind, message }),
}
const chat = new ChatList(byId('log', HTMLElement), byId('empty', HTMLElement), {
  tap: (choice, messageId) => act(() => tap(choice, messageId)),
  menu: (message, beside) => openMessageMenu(hands, message, beside),
})
const people = new PeopleList((customer) => {
  chat.clear()
  setAbout(null)
  show('chat')
  further.tellGroups()
  act(() => open(customer))
})
const trouble = new TroublePanel(() => numberNow(), fail)
const further = new FurtherPanel({
  customer: () => people.chosen,
  number: () => numberNow(),
  act: (work) => act(() => work().then(() => load(people.chosen))),
  groupsChanged: (groups) => showGroups(groups),
})

const GROUP = 'group:'
let groups: readonly GroupView[] = []

/** The group whose chat is shown, if it is one. */
function groupNow(): GroupView | undefined {
  const { value } = numberSelect
  return value.startsWith(GROUP) ? groups.find((group) => group.id === value.slice(GROUP.length)) : undefined
}

/** The number whose chat is shown, or that the shown group is with. */
function numberNow(): string {
  return groupNow()?.number ?? numberSelect.value
}

/** Offers the customer's groups beside the numbers. */
function showGroups(own: readonly GroupView[]): void {
  const before = numberSelect.value
  groups = own
  for (const option of [...numberSelect.options]) if (option.value.startsWith(GROUP)) option.remove()
  for (const { id, subject } of own) numberSelect.append(new Option(`Group: ${subject}`, `${GROUP}${id}`))
  numberSelect.value = before
  if (numberSelect.selectedIndex < 0) numberSelect.selectedIndex = 0
  numberSelect.closest('label')?.toggleAttribute('hidden', numberSelect.options.length < 2)
  if (numberSelect.value !== before) changeChat()
}

function setAbout(now: typeof about): void {
  about = now
  byId('about', HTMLElement).hidden = now === null
  byId('about-text', HTMLElement).textContent =
    now === null ? '' : `${now.kind === 'reply' ? 'Answering' : 'Changing'}: ${now.message.text}`
  if (now?.kind === 'edit') textArea.value = now.message.text
  if (now) textArea.focus()
}

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
  const group = groupNow()
  if (group) {
    const view = await ask<{ items: MessageView[] }>('GET', `/_/groups/${encodeURIComponent(group.id)}/messages`)
    if (round !== loadRound) return
    chat.show(
      view.items.map((message) =>
        message.author === customer.phone ? message : { ...message, direction: 'received' },
      ),
    )
    presence.textContent = `${group.members.length} in the group`
    return
  }
  const number = numberSelect.value
  const path = customerPath(customer.phone, `/messages?number=${encodeURIComponent(number)}`)
  const view = await ask<ChatView>('GET', path)
  if (round !== loadRound) return
  chat.show(view.items)
  presence.textContent = view.is_typing ? 'typing' : presenceText(view)
  presence.classList.toggle('typing', view.is_typing)
  byId('standby', HTMLInputElement).checked = view.is_standby
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
  const group = groupNow()
  await takeOver(customer)
  await ask('POST', customerPath(customer.phone, '/messages'), {
    ...(group ? { group: group.id } : { number: numberSelect.value }),
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
  const now = about
  setAbout(null)
  try {
    await write(bodyOf(text, now))
  } catch (error) {
    if (textArea.value === '') textArea.value = text
    throw error
  }
}

function bodyOf(text: string, now: typeof about): Record<string, unknown> {
  if (now === null) return { text }
  const { id } = now.message
  const message = { type: 'text', text: { body: text } }
  if (now.kind === 'reply') return { message: { ...message, context: { id } } }
  return { message: { type: 'edit', edit: { original_message_id: id, message } } }
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
    act(() => Promise.all([load(people.chosen), people.refresh(), trouble.refresh(), further.refresh()]))
  })
  source.addEventListener('groups', () => {
    act(() => further.refresh().then(() => (groupNow() ? load(people.chosen) : undefined)))
  })
  source.addEventListener('chats', (event) => {
    const chats: { phone: string; number: string }[] = JSON.parse(event.data)
    for (const { phone } of chats) people.markNews(phone)
    if (groupNow() || chats.some((each) => each.phone === people.chosen.phone && each.number === numberSelect.value)) {
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
  const name = groupNow()?.subject ?? number?.alias ?? 'The firm'
  byId('chat-title', HTMLElement).textContent = name
  byId('firm-avatar', HTMLElement).textContent = initialsOf(name)
}

function changeChat(): void {
  nameNumber()
  setAbout(null)
  chat.clear()
  act(() => load(people.chosen))
}

function listen(): void {
  // A region that scrolls must be reachable by keyboard.
  byId('log', HTMLElement).tabIndex = 0
  byId('write', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    act(sendText)
  })
  textArea.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    act(sendText)
  })
  textArea.addEventListener('input', grow)
  byId('about-end', HTMLButtonElement).addEventListener('click', () => {
    if (about?.kind === 'edit') textArea.value = ''
    setAbout(null)
  })
  readsBox.addEventListener('change', () => act(() => load(people.chosen)))
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') act(() => load(people.chosen))
  })
  numberSelect.addEventListener('change', changeChat)
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
  await Promise.all([fillAttachMenu(hands), further.start()])
  void showLink()
  setInterval(() => void showLink(), HEALTH_MS)
}

act(start)
