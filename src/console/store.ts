import { type MessageState, rankOf } from '../core/message.ts'
import { isAttachment, withAttachment, withEdit, withReaction, withRevoke } from './store-acts.ts'
import { applyPersonEvent, want } from './store-people.ts'
import type { ConversationView, EventRecord, MessageView, NumberView, Page, PersonView } from './wire.ts'

/**
 * What the console knows, and the only ways in which it changes. Two sources feed it: pages fetched over HTTP, which
 * carry the offset they were read at, and events, which carry their own. Every fact remembers the offset it stands at,
 * so a page and the events around it may come in any order and nothing is doubled, lost or turned back.
 */
export interface ConsoleState {
  readonly conversations: ReadonlyMap<string, ConversationEntry>
  /** Ids to show, newest activity first. */
  readonly order: readonly string[]
  readonly list: ListEdge
  readonly threads: ReadonlyMap<string, Thread>
  readonly numbers: readonly NumberView[]
  /** People whose panel was opened. */
  readonly people: ReadonlyMap<string, PersonEntry>
  /** The newest events, to bring a page up to date that was read before they came. */
  readonly recent: readonly EventRecord[]
  /** `recent` has every event above this offset. */
  readonly recentAfter: number
  /** Conversations that events spoke of and of which we have no view: to be fetched. */
  readonly wanted: readonly string[]
}

/** Where the loaded part of a list ends. Beyond the horizon there are holes, so nothing from there is shown. */
export interface ListEdge {
  readonly loaded: boolean
  readonly next: string | null
  readonly horizon: Position | null
}

/** A place in an order by time, then id. */
export interface Position {
  readonly at: string
  readonly id: string
}

export interface ConversationEntry {
  readonly view: ConversationView
  /** The offset that the view stands at. */
  readonly offset: number
  /** The offset that the last message's state stands at. */
  readonly lastOffset: number
}

export interface MessageEntry {
  readonly view: MessageView
  /** The offset that its state stands at. */
  readonly offset: number
}

export interface PersonEntry {
  readonly view: PersonView
  /** The offset that the view stands at. */
  readonly offset: number
}

/** The loaded part of a conversation's messages, oldest first; a horizon without `next` means that it is full. */
export interface Thread extends ListEdge {
  readonly messages: readonly MessageEntry[]
}

/** Events kept to bring late pages up to date: a page is fetched in a second or so, a busy house makes 100 a second. */
export const RECENT_EVENTS_MAX = 1000
/** Messages of one thread in memory, about 1 KB each. */
export const THREAD_MESSAGES_MAX = 5000
/** Threads in memory. The one opened longest ago goes first. */
export const THREADS_MAX = 20
/** Conversations in memory: ten pages of scrolling beyond what anybody scrolls. */
export const CONVERSATIONS_MAX = 3000

/** People in memory. The one opened longest ago goes first. */
export const PEOPLE_MAX = 50

const NO_EDGE: ListEdge = { loaded: false, next: null, horizon: null }

/** A console that knows nothing yet; `head` is the offset it starts to listen at. */
export function emptyState(head: number): ConsoleState {
  return {
    conversations: new Map(),
    order: [],
    list: NO_EDGE,
    threads: new Map(),
    numbers: [],
    people: new Map(),
    recent: [],
    recentAfter: head,
    wanted: [],
  }
}

/** Takes events in, in the order of their offsets. Events that a page already contains change nothing. */
export function applyEvents(state: ConsoleState, events: readonly EventRecord[]): ConsoleState {
  if (events.length === 0) return state
  const draft = draftOf(state)
  for (const event of events) applyEvent(draft, event)
  for (const event of events) if (event.type === 'conversation.created') wantWhatIsSaid(draft, event)
  const recent = [...state.recent, ...events]
  const dropped = recent.splice(0, Math.max(0, recent.length - RECENT_EVENTS_MAX)).at(-1)
  return { ...finish(state, draft), recent, recentAfter: dropped?.offset ?? state.recentAfter }
}

/**
 * Takes in a page of the conversation list. Answers null where events between the page and now are no longer kept: the
 * page must then be fetched again.
 */
export function applyConversationPage(state: ConsoleState, page: Page<ConversationView>): ConsoleState | null {
  if (page.as_of < state.recentAfter) return null
  const draft = draftOf(state)
  for (const view of page.items) putWhole(draft, view, page.as_of)
  const last = page.items.at(-1)
  const full = draft.conversations.size >= CONVERSATIONS_MAX
  const horizon = last === undefined ? state.list.horizon : positionOf(last)
  draft.list = { loaded: true, next: full ? null : page.next, horizon: page.next === null ? null : horizon }
  replay(draft, state, page.as_of)
  return finish(state, draft)
}

/** Takes in a page of a thread, newest first as it is sent. Null: see `applyConversationPage`. */
export function applyThreadPage(state: ConsoleState, id: string, page: Page<MessageView>): ConsoleState | null {
  if (page.as_of < state.recentAfter) return null
  const draft = draftOf(state)
  const known = draft.threads.get(id)
  const byId = new Map(known?.messages.map((entry) => [entry.view.id, entry]))
  for (const view of page.items) {
    const entry = byId.get(view.id)
    if (entry === undefined || entry.offset <= page.as_of) {
      byId.set(view.id, { view, offset: page.as_of })
    }
  }
  const last = page.items.at(-1)
  const horizon = last === undefined ? (known?.horizon ?? null) : positionOfMessage(last)
  // Most recently opened last, so that the first is the one to forget.
  draft.threads.delete(id)
  draft.threads.set(id, {
    loaded: true,
    next: byId.size >= THREAD_MESSAGES_MAX ? null : page.next,
    horizon: page.next === null ? null : horizon,
    messages: [...byId.values()].sort(byPlace),
  })
  const oldest = draft.threads.keys().next().value
  if (draft.threads.size > THREADS_MAX && oldest !== undefined) draft.threads.delete(oldest)
  replay(draft, state, page.as_of)
  return finish(state, draft)
}

/** Takes in one conversation, fetched when `asOf` was the newest offset known. */
export function applyConversation(state: ConsoleState, view: ConversationView, asOf: number): ConsoleState {
  const draft = draftOf(state)
  putWhole(draft, view, asOf)
  draft.wanted = draft.wanted.filter((id) => id !== view.id)
  replay(draft, state, asOf)
  return finish(state, draft)
}

/** Takes in a person, fetched when `asOf` was the newest offset known. */
export function applyPerson(state: ConsoleState, view: PersonView, asOf: number): ConsoleState {
  const draft = draftOf(state)
  draft.people.delete(view.id)
  draft.people.set(view.id, { view, offset: asOf })
  const oldest = draft.people.keys().next().value
  if (draft.people.size > PEOPLE_MAX && oldest !== undefined) draft.people.delete(oldest)
  replay(draft, state, asOf)
  return finish(state, draft)
}

/** Sets the unread count to zero, if nothing newer than `upto` has come meanwhile. */
export function applyRead(state: ConsoleState, id: string, upto: string): ConsoleState {
  const entry = state.conversations.get(id)
  if (entry === undefined || entry.view.unread === 0 || newestIn(state.threads.get(id))?.id !== upto) return state
  const conversations = new Map(state.conversations)
  conversations.set(id, { ...entry, view: { ...entry.view, unread: 0 } })
  return { ...state, conversations }
}

/** Somebody looks at a thread that is loaded: others are forgotten before it. */
export function touchThread(state: ConsoleState, id: string): ConsoleState {
  const thread = state.threads.get(id)
  if (thread === undefined) return state
  const threads = new Map(state.threads)
  threads.delete(id)
  return { ...state, threads: threads.set(id, thread) }
}

/** Adds a message that this console has just handed over, unless an event was faster. Its place is below all events. */
export function applySent(state: ConsoleState, view: MessageView): ConsoleState {
  const draft = draftOf(state)
  putMessage(draft, view, 0)
  touchConversation(draft, view, 0)
  return finish(state, draft)
}

/** Forgets a conversation that was wanted and is not to be had. */
export function dropWanted(state: ConsoleState, id: string): ConsoleState {
  return { ...state, wanted: state.wanted.filter((other) => other !== id) }
}

/** The newest offset that is known here: what is fetched from now on is at least as new. */
export function offsetOf(state: ConsoleState): number {
  return state.recent.at(-1)?.offset ?? state.recentAfter
}

/** The newest message of a thread. */
export function newestIn(thread: Thread | undefined): MessageView | undefined {
  return thread?.messages.at(-1)?.view
}

/** How many of the loaded conversations have something unread. */
export function unreadConversations(state: ConsoleState): number {
  let count = 0
  for (const id of state.order) if ((state.conversations.get(id)?.view.unread ?? 0) > 0) count += 1
  return count
}

/** A state that is being changed. */
export interface Draft {
  conversations: Map<string, ConversationEntry>
  threads: Map<string, Thread>
  people: Map<string, PersonEntry>
  list: ListEdge
  wanted: string[]
}

function draftOf(state: ConsoleState): Draft {
  return {
    conversations: new Map(state.conversations),
    threads: new Map(state.threads),
    people: new Map(state.people),
    list: state.list,
    wanted: [...state.wanted],
  }
}

function finish(state: ConsoleState, draft: Draft): ConsoleState {
  const entries = [...draft.conversations.values()].sort((a, b) => -compare(positionOf(a.view), positionOf(b.view)))
  for (const extra of entries.splice(CONVERSATIONS_MAX)) {
    // One that is open, or was just now, is listed no more and stays.
    if (!draft.threads.has(extra.view.id)) draft.conversations.delete(extra.view.id)
    const end = entries.at(-1)
    if (end !== undefined) draft.list = { ...draft.list, next: null, horizon: positionOf(end.view) }
  }
  const { horizon } = draft.list
  const shown = horizon === null ? entries : entries.filter(({ view }) => compare(positionOf(view), horizon) >= 0)
  return { ...state, ...draft, order: shown.map((entry) => entry.view.id) }
}

/** Applies again what came after a page was read. Facts that stand at a later offset are left alone. */
function replay(draft: Draft, state: ConsoleState, asOf: number): void {
  for (const event of state.recent) if (event.offset > asOf) applyEvent(draft, event)
}

function applyEvent(draft: Draft, event: EventRecord): void {
  const { data, offset } = event
  if (event.type === 'conversation.gone' || event.type === 'conversation.visible') return applyMove(draft, event)
  if (isConversation(data['conversation'])) putConversation(draft, data['conversation'], offset)
  const message = isMessage(data['message']) ? data['message'] : null
  const carries = event.type === 'message.received' || event.type === 'message.state'
  if (carries && message !== null) {
    putMessage(draft, message, offset)
    touchConversation(draft, message, offset)
  }
  if (event.type === 'message.state') applyMessageState(draft, event)
  else if (event.type === 'contact.updated') applyPersonEvent(draft, event)
  else applyAct(draft, event)
}

/** One that an import brings is told without its messages: what was said in it, and when, is fetched. */
function wantWhatIsSaid(draft: Draft, { data }: EventRecord): void {
  if (!isConversation(data['conversation'])) return
  const { id } = data['conversation']
  if (draft.conversations.get(id)?.view.last_message === null) want(draft, id)
}

/** A conversation that left what may be seen here, or came into it. */
function applyMove(draft: Draft, { type, data, offset }: EventRecord): void {
  const shown = isConversation(data['conversation']) ? data['conversation'].id : data['conversation_id']
  if (typeof shown !== 'string' || (draft.conversations.get(shown)?.offset ?? 0) >= offset) return
  draft.wanted = draft.wanted.filter((id) => id !== shown)
  // What the event tells of it is not all that a list shows, so it is fetched.
  if (type === 'conversation.visible') return void draft.wanted.push(shown)
  draft.conversations.delete(shown)
  draft.threads.delete(shown)
}

/** Something that was done to a message. */
function applyAct(draft: Draft, { type, data, offset }: EventRecord): void {
  const conversationId = data['conversation_id']
  if (typeof conversationId !== 'string') return
  const id = data['message_id']
  const upstreamId = data['upstream_id']
  const isIt = (view: MessageView) =>
    typeof id === 'string' ? view.id === id : typeof upstreamId === 'string' && view.upstream_id === upstreamId
  const alter = (change: (view: MessageView) => MessageView) =>
    changeMessage(draft, conversationId, isIt, { offset, change })
  if (type === 'message.reaction') {
    alter((view) => withReaction(view, data))
    openWindow(draft, conversationId, data['window_expires_at'])
  } else if (type === 'message.edited') {
    const edited = data['message']
    if (isMessage(edited)) alter((view) => withEdit(view, edited, data['at']))
  } else if (type === 'message.revoked') alter((view) => withRevoke(view, data))
  else if (type === 'message.media') {
    const attachment = data['attachment']
    if (isAttachment(attachment)) alter((view) => withAttachment(view, attachment))
  }
}

/** Changes one message wherever it is shown: in its thread, and as its conversation's last one. */
function changeMessage(
  draft: Draft,
  conversationId: string,
  isIt: (view: MessageView) => boolean,
  { offset, change }: { offset: number; change: (view: MessageView) => MessageView },
): void {
  const thread = draft.threads.get(conversationId)
  const index = thread?.messages.findLastIndex((entry) => isIt(entry.view)) ?? -1
  const entry = thread?.messages[index]
  if (thread !== undefined && entry !== undefined && entry.offset < offset) {
    const changed = { view: change(entry.view), offset }
    draft.threads.set(conversationId, { ...thread, messages: thread.messages.with(index, changed) })
  }
  const known = draft.conversations.get(conversationId)
  const last = known?.view.last_message
  if (!known || !last || !isIt(last) || known.lastOffset >= offset) return
  const view = { ...known.view, last_message: change(last) }
  draft.conversations.set(conversationId, { ...known, view, lastOffset: offset })
}

/** A reaction of the customer opens the window too. */
function openWindow(draft: Draft, conversationId: string, until: unknown): void {
  const known = draft.conversations.get(conversationId)
  if (known === undefined || typeof until !== 'string') return
  if (until <= (known.view.window_expires_at ?? '')) return
  draft.conversations.set(conversationId, { ...known, view: { ...known.view, window_expires_at: until } })
}

/** As an event tells of it: what is known at its offset is at least as much. */
function putConversation(draft: Draft, said: ConversationView, offset: number): void {
  if ((draft.conversations.get(said.id)?.offset ?? -1) < offset) putWhole(draft, said, offset)
}

/** As it was read when everything up to the offset was known. */
function putWhole(draft: Draft, said: ConversationView, offset: number): void {
  const known = draft.conversations.get(said.id)
  if (known !== undefined && known.offset > offset) return
  // An event tells what it knows; what it leaves out stays as it was.
  const view: ConversationView = Object.assign({ last_message_at: null, standby: false }, known?.view, said)
  // Nothing is left there that could be read.
  if (view.contact.erased === true) view.unread = 0
  draft.conversations.set(view.id, { ...withLast(known, view, { message: said.last_message, offset }), offset })
}

/** Shows a message as its conversation's last one, and asks for the conversation where it is unknown. */
function touchConversation(draft: Draft, message: MessageView, offset: number): void {
  const id = message.conversation_id
  const known = draft.conversations.get(id)
  if (known === undefined) return want(draft, id)
  const before = known.view.last_message_at
  // Where it stands in the list goes by the server's clock alone.
  const isFirst = before === null || known.view.last_message === null
  const isNewer = offset > 0 && (isFirst || message.at > before)
  const view = isNewer ? { ...known.view, last_message_at: message.at } : known.view
  draft.conversations.set(id, withLast(known, view, { message, offset }))
}

/** The view with the newer of two last messages: the later in the thread, or of one message the later word about it. */
function withLast(
  known: ConversationEntry | undefined,
  view: ConversationView,
  other: { message: MessageView | null | undefined; offset: number },
): ConversationEntry {
  const before = known?.view.last_message ?? null
  const keep = { message: before, offset: known?.lastOffset ?? 0 }
  const chosen = before !== null && (!other.message || !isLater(keep, other.message, other.offset)) ? keep : other
  return {
    view: { ...view, last_message: chosen.message ?? null },
    offset: known?.offset ?? other.offset,
    lastOffset: chosen.offset,
  }
}

function isLater(known: { message: MessageView | null; offset: number }, other: MessageView, offset: number): boolean {
  if (known.message === null) return true
  if (known.message.id === other.id) return offset > known.offset && progresses(known.message.state, other.state)
  return compare(positionOfMessage(other), positionOfMessage(known.message)) > 0
}

function putMessage(draft: Draft, view: MessageView, offset: number): void {
  const thread = draft.threads.get(view.conversation_id)
  if (thread === undefined) return
  const known = thread.messages.find((entry) => entry.view.id === view.id)
  if (known !== undefined && (known.offset > 0 || offset === 0)) return
  // What this console made itself gives way: the server's stamp decides its place.
  const others = known === undefined ? thread.messages : thread.messages.filter((entry) => entry !== known)
  // Below the horizon it comes with its page; shown now it would hide the hole between.
  if (thread.horizon !== null && compare(positionOfMessage(view), thread.horizon) < 0) return
  const entry: MessageEntry = { view, offset }
  const index = others.findLastIndex((other) => byPlace(other, entry) < 0) + 1
  const messages = others.toSpliced(index, 0, entry)
  const excess = messages.splice(0, Math.max(0, messages.length - THREAD_MESSAGES_MAX)).length
  const first = messages[0]
  const edge = excess > 0 && first !== undefined ? { next: null, horizon: positionOfMessage(first.view) } : {}
  draft.threads.set(view.conversation_id, { ...thread, ...edge, messages })
}

function applyMessageState(draft: Draft, event: EventRecord): void {
  const { data, offset } = event
  const id = data['message_id']
  const conversationId = data['conversation_id']
  if (typeof id !== 'string' || typeof conversationId !== 'string' || typeof data['state'] !== 'string') return
  const change = {
    state: data['state'] as MessageState,
    reason: typeof data['reason'] === 'string' ? data['reason'] : null,
    ...(typeof data['upstream_id'] === 'string' ? { upstream_id: data['upstream_id'] } : {}),
  }
  changeMessage(draft, conversationId, (view) => view.id === id, {
    offset,
    change: (view) => (progresses(view.state, change.state) ? { ...view, ...change } : view),
  })
}

/**
 * Whether a message may go from one state to another. What the platform reported never goes back; before that, and
 * after a failure that is tried again, the later event is right. A failure may still follow "accepted" and "sent".
 */
export function progresses(from: MessageState, to: MessageState): boolean {
  if (rankOf(from) === 0) return true
  if (to === 'failed') return rankOf(from) <= rankOf('sent')
  return rankOf(to) > rankOf(from)
}

function positionOf(view: ConversationView): Position {
  return { at: view.last_message_at ?? view.created_at, id: view.id }
}

function positionOfMessage(view: MessageView): Position {
  return { at: view.at, id: view.id }
}

/**
 * Times of one form (RFC 3339, UTC, milliseconds) sort as text. The platform's stamps are whole seconds, so many are
 * equal; ids are growing numbers in some base, of which the shorter is the smaller.
 */
function compare(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1
  if (a.id === b.id) return 0
  if (a.id.length !== b.id.length) return a.id.length - b.id.length
  return a.id < b.id ? -1 : 1
}

function byPlace(a: MessageEntry, b: MessageEntry): number {
  return compare(positionOfMessage(a.view), positionOfMessage(b.view))
}

function isConversation(value: unknown): value is ConversationView {
  if (typeof value !== 'object' || value === null) return false
  const view = value as Partial<ConversationView>
  return typeof view.id === 'string' && typeof view.created_at === 'string' && typeof view.contact === 'object'
}

function isMessage(value: unknown): value is MessageView {
  if (typeof value !== 'object' || value === null) return false
  const view = value as Partial<MessageView>
  return typeof view.id === 'string' && typeof view.conversation_id === 'string' && typeof view.at === 'string'
}
