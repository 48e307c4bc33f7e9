import type { MessageState } from '../core/message.ts'
import { type Api, Problem } from './api.ts'
import { type Draft, Drafts } from './drafts.ts'
import { FileShelf } from './file-shelf.ts'
import { Mailroom } from './mailroom.ts'
import { Outbox, type OutboxItem, type Store } from './outbox.ts'
import { may } from './rights.ts'
import { applyEvents, applyPerson, applySent, type ConsoleState, emptyState, offsetOf, type Thread } from './store.ts'
import { isPerson } from './store-acts.ts'
import type { EventRecord, Me, MessageView, PersonView } from './wire.ts'

/** How the line to the server stands. `outdated`: the server speaks a later language than this page. */
export interface Connection {
  readonly kind: 'connecting' | 'live' | 'reconnecting' | 'outdated'
  readonly sinceMs: number
}

/** All that the screen shows, as one value that is replaced when anything changes. */
export interface DeskState {
  readonly data: ConsoleState
  readonly open: string | null
  readonly connection: Connection
  readonly me: Me | null
  readonly outbox: readonly OutboxItem[]
  readonly draft: Draft
  /** Why something could not be loaded, by what it was: `list`, a conversation's id, `older` and its id, `message` and its id. */
  readonly problems: ReadonlyMap<string, string>
  /** What is being loaded, named as in `problems`. */
  readonly loading: ReadonlySet<string>
  /** A sentence for those who listen to the page. */
  readonly announcement: string
  /** The message to show, once it is loaded: what was chosen in a search. */
  readonly sought: string | null
}

/** What a realtime connection needs of us, and what it gives. */
export interface LiveOptions {
  after: number
  epoch: string
  ticket: () => Promise<string>
  onEvents: (events: readonly EventRecord[]) => void
  onConnected: (isConnected: boolean) => void
  /** The server will not have this connection again. */
  onEnded: (isOutdated: boolean) => void
  /** The place we stood at is gone: everything must be loaded afresh. */
  onGone: () => void
}

export interface DeskDeps {
  api: Api
  connect: (options: LiveOptions) => { close(): void }
  store: Store
  nowMs: () => number
  newKey: () => string
  /** An address for bytes that the page has, and its end. */
  makeUrl: (blob: Blob) => string
  dropUrl: (url: string) => void
  /** Whether somebody can see the page. */
  isVisible: () => boolean
  /** The key no longer works. */
  onRefused: () => void
  /** Whoever sits here does not work in this workspace any more. */
  onLost: () => void
}

/** Milliseconds between tries of a reply; a reply is worth 30 seconds of trying, as the server's own deadline. */
const SEND_RETRY_DELAYS_MS = [500, 1500, 4000, 8000]
const LOAD_RETRY_MS_MAX = 15_000
/** People who listen to the page hear at most one sentence in this time. */
const ANNOUNCE_EVERY_MS = 4000

/** The console without its looks: holds the state, loads what is missing, listens, sends. */
export class Desk {
  #state: DeskState
  readonly files: FileShelf
  readonly #deps: DeskDeps
  readonly #drafts: Drafts
  readonly #outbox: Outbox
  readonly #mailroom: Mailroom
  readonly #listeners = new Set<() => void>()
  #live: { close(): void } | null = null
  #closed = false
  #starting = false
  #unannounced: { names: Set<string>; count: number; timer: boolean } = { names: new Set(), count: 0, timer: false }

  constructor(deps: DeskDeps) {
    this.#deps = deps
    this.#drafts = new Drafts(deps.store)
    this.#outbox = new Outbox({
      api: deps.api,
      store: deps.store,
      retryDelaysMs: SEND_RETRY_DELAYS_MS,
      onChange: () => this.#set({ outbox: this.#outbox.items }),
      onAccepted: (item, accepted) => this.#onAccepted(item, accepted.id, accepted.state),
      onRefused: () => this.#refused(),
    })
    this.#mailroom = new Mailroom({
      api: deps.api,
      data: () => this.#state.data,
      change: (data) => this.#setData(data),
      onBusy: (problems, loading) => this.#set({ problems, loading }),
      onRefused: () => this.#refused(),
    })
    this.files = new FileShelf({ ...deps, onRefused: () => this.#refused() })
    this.#state = {
      data: emptyState(0),
      open: null,
      connection: { kind: 'connecting', sinceMs: deps.nowMs() },
      me: null,
      outbox: this.#outbox.items,
      draft: this.#drafts.get(''),
      problems: new Map(),
      loading: new Set(),
      announcement: '',
      sought: null,
    }
  }

  /** The state now. Bound, as React wants it. */
  readonly read = (): DeskState => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Loads everything and listens from there; tries until it works or the key is refused. */
  async start(): Promise<void> {
    if (this.#starting) return
    this.#starting = true
    try {
      await this.#loadUntilDone()
    } finally {
      this.#starting = false
    }
  }

  async #loadUntilDone(): Promise<void> {
    for (let delayMs = 1000; !this.#closed; delayMs = Math.min(delayMs * 2, LOAD_RETRY_MS_MAX)) {
      try {
        return await this.#load()
      } catch (cause) {
        if (cause instanceof Problem && cause.status === 401) return this.#refused()
        this.#connected(false)
        const problem = cause instanceof Problem ? cause.message : 'Something went wrong here.'
        this.#set({ problems: new Map(this.#state.problems).set('list', problem) })
      }
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }

  close(): void {
    this.#closed = true
    this.files.close()
    this.#outbox.close()
    this.#live?.close()
    this.#live = null
  }

  /** Shows a conversation, or none. */
  open(id: string | null): void {
    if (id !== this.#state.open) {
      this.#set({ open: id, draft: this.#drafts.get(id ?? '') })
      this.#mailroom.forgetRead()
    }
    if (id !== null && this.#state.data.list.loaded) void this.#mailroom.openThread(id)
    this.#markRead()
  }

  loadMoreConversations(): void {
    void this.#mailroom.moreConversations()
  }

  loadOlderMessages(id: string): void {
    void this.#mailroom.olderMessages(id)
  }

  /** Tries again what could not be loaded. */
  reload(): void {
    const { open, data } = this.#state
    if (open !== null && data.threads.get(open)?.loaded !== true) void this.#mailroom.openThread(open)
    void this.#mailroom.moreConversations()
  }

  changeDraft(change: Partial<Draft>): void {
    const { open } = this.#state
    if (open === null) return
    this.#drafts.set(open, change)
    this.#set({ draft: this.#drafts.get(open) })
  }

  /** Sends the draft of the open conversation; if wanted, also where another application holds it. */
  send(takeOver = false): void {
    const { open, draft } = this.#state
    const body = draft.text.trim()
    if (open === null || body === '') return
    const at = new Date(this.#deps.nowMs()).toISOString()
    const item = { key: this.#deps.newKey(), conversationId: open, body, replyTo: draft.replyTo, takeOver, at }
    if (this.#outbox.add(item)) this.changeDraft({ text: '', replyTo: null })
  }

  retryUnsent(key: string): void {
    this.#outbox.retry(key)
  }

  /** Takes an unsent reply out; `edit` puts its text back into the reply box. */
  removeUnsent(key: string, edit: boolean): void {
    const item = this.#outbox.take(key)
    if (!edit || item === undefined) return
    const text = [this.#state.draft.text, item.body].filter((part) => part !== '').join('\n')
    this.changeDraft({ text, replyTo: item.replyTo })
  }

  act(messageId: string, action: 'retry' | 'cancel'): void {
    void this.#mailroom.act(messageId, action)
  }

  /** Loads a thread until a message is in it, and says that it is the one to show. */
  seek(conversationId: string, messageId: string): void {
    this.#set({ sought: messageId })
    void this.#mailroom.seek(conversationId, messageId)
  }

  /** The sought message was shown, or is not sought any more. */
  found(): void {
    if (this.#state.sought !== null) this.#set({ sought: null })
  }

  /** Asks the server something for one part of the screen. A key that is refused ends the whole desk. */
  async ask<T>(run: (api: Api) => Promise<T>): Promise<T> {
    try {
      return await run(this.#deps.api)
    } catch (cause) {
      if (cause instanceof Problem && cause.status === 401) this.#refused()
      throw cause
    }
  }

  /** Shows what a message said that its author took back, to whoever may see it. */
  async showRevoked(id: string): Promise<MessageView> {
    return await this.ask((api) => api.revokedMessage(id))
  }

  /** Reads a person, and keeps them up to date from then on. */
  async loadPerson(id: string): Promise<void> {
    const asOf = offsetOf(this.#state.data)
    this.keepPerson(await this.ask((api) => api.person(id)), asOf)
  }

  keepPerson(person: PersonView, asOf = offsetOf(this.#state.data)): void {
    this.#setData(applyPerson(this.#state.data, person, asOf))
  }

  /** The page was shown or hidden. */
  visibilityChanged(): void {
    this.#mailroom.forgetRead()
    this.#markRead()
  }

  async #load(): Promise<void> {
    this.#live?.close()
    const me = await this.#me()
    if (this.#closed) return
    this.#mailroom.forgetAll()
    this.#set({ me, data: emptyState(me.head) })
    await Promise.all([this.#mailroom.firstConversations(), this.#mailroom.numbers()])
    if (this.#closed) return
    this.#live = this.#deps.connect({
      after: me.head,
      epoch: me.epoch,
      ticket: () => this.#askOfNothing((api) => api.ticket()),
      onEvents: (events) => this.#onEvents(events),
      onConnected: (isConnected) => this.#connected(isConnected),
      onEnded: (isOutdated) => this.#onEnded(isOutdated),
      onGone: () => void this.start(),
    })
    this.open(this.#state.open)
  }

  #me(): Promise<Me> {
    return this.#askOfNothing((api) => api.me())
  }

  /** Asks what names no thing: what is not found, then, is the workspace. */
  async #askOfNothing<T>(run: (api: Api) => Promise<T>): Promise<T> {
    try {
      return await this.ask(run)
    } catch (cause) {
      if (!this.#closed && cause instanceof Problem && cause.status === 404) this.#deps.onLost()
      throw cause
    }
  }

  #onEvents(events: readonly EventRecord[]): void {
    const before = this.#state.data
    this.#setData(applyEvents(before, events))
    // Whatever one may see is another now: nothing that was shown until then is worth keeping.
    if (events.some((event) => Array.isArray(event.data['conversation_ids']))) void this.start()
    if (events.some((event) => event.type === 'number.state')) void this.#mailroom.numbers()
    for (const { data } of events) this.#forgetErased(data['contact'])
    void this.#mailroom.fetchWanted()
    for (const event of events) this.#announce(event)
  }

  /** What was being written to somebody who was erased, and stands to be read out, goes too. */
  #forgetErased(person: unknown): void {
    if (!isPerson(person) || person.erased !== true) return
    for (const { view } of this.#state.data.conversations.values()) {
      if (view.contact.id !== person.id) continue
      this.#drafts.set(view.id, { text: '', replyTo: null })
      for (const item of this.#outbox.items) if (item.conversationId === view.id) this.#outbox.take(item.key)
    }
    this.#unannounced.names.clear()
    this.#set({ announcement: '', draft: this.#drafts.get(this.#state.open ?? '') })
  }

  #onAccepted(item: OutboxItem, id: string, state: MessageState): void {
    this.#setData(
      applySent(this.#state.data, {
        id,
        conversation_id: item.conversationId,
        direction: 'out',
        type: 'text',
        text: { body: item.body },
        at: item.at,
        state,
        reference: item.key,
        ...(item.replyTo === null ? {} : { context: { message_id: item.replyTo } }),
      }),
    )
  }

  #setData(data: ConsoleState): void {
    const { open, data: before } = this.#state
    this.#set({ data })
    this.#outbox.settle(referencesIn(data.threads))
    if (open === null) return
    const cameOrWent = before.conversations.has(open) !== data.conversations.has(open)
    const isToBeReadAnew = before.threads.has(open) && !data.threads.has(open)
    if (cameOrWent || isToBeReadAnew) this.open(open)
    this.#markRead()
  }

  #markRead(): void {
    const { open } = this.#state
    if (open !== null && this.#deps.isVisible() && may(this.#state, 'messages.reply'))
      void this.#mailroom.markRead(open)
  }

  #connected(isConnected: boolean): void {
    const kind = isConnected ? 'live' : this.#state.connection.kind === 'connecting' ? 'connecting' : 'reconnecting'
    if (kind === this.#state.connection.kind) return
    this.#set({ connection: { kind, sinceMs: this.#deps.nowMs() } })
    this.#mailroom.forgetRead()
    if (isConnected && this.#state.problems.size > 0) this.reload()
  }

  #onEnded(isOutdated: boolean): void {
    if (isOutdated) return this.#set({ connection: { kind: 'outdated', sinceMs: this.#deps.nowMs() } })
    setTimeout(() => void this.start(), LOAD_RETRY_MS_MAX)
    // Whoever was suspended is out now, not when it is tried again.
    this.#me().catch(() => {})
  }

  #announce(event: EventRecord): void {
    const message = event.data['message'] as { direction?: string; conversation_id?: string } | undefined
    if (event.type !== 'message.received' || message?.direction !== 'in') return
    const contact = this.#state.data.conversations.get(message.conversation_id ?? '')?.view.contact
    this.#unannounced.count += 1
    this.#unannounced.names.add(contact?.name ?? contact?.phone ?? 'somebody')
    if (this.#unannounced.timer) return
    this.#unannounced.timer = true
    setTimeout(() => this.#sayAnnounced(), ANNOUNCE_EVERY_MS)
  }

  #sayAnnounced(): void {
    const { names, count } = this.#unannounced
    this.#unannounced = { names: new Set(), count: 0, timer: false }
    const from = names.size <= 2 ? [...names].join(' and ') : `${names.size} people`
    this.#set({ announcement: `${count === 1 ? 'New message' : `${count} new messages`} from ${from}` })
  }

  #refused(): void {
    if (this.#closed) return
    this.close()
    this.#deps.onRefused()
  }

  #set(change: Partial<DeskState>): void {
    if (this.#closed) return
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** The references of the newest messages: an unsent reply is never far up. */
function referencesIn(threads: ReadonlyMap<string, Thread>): Set<string> {
  const references = new Set<string>()
  for (const thread of threads.values()) {
    for (const { view } of thread.messages.slice(-100)) {
      if (typeof view.reference === 'string') references.add(view.reference)
    }
  }
  return references
}
