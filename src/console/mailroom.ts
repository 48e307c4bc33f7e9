import { type Api, Problem } from './api.ts'
import {
  applyConversation,
  applyConversationPage,
  applyRead,
  applyThreadPage,
  type ConsoleState,
  dropWanted,
  newestIn,
  offsetOf,
  touchThread,
} from './store.ts'

interface MailroomDeps {
  api: Api
  data: () => ConsoleState
  change: (data: ConsoleState) => void
  onBusy: (problems: ReadonlyMap<string, string>, loading: ReadonlySet<string>) => void
  /** The key no longer works. */
  onRefused: () => void
}

/** Tries of a page that was overtaken by more events than are kept. */
const PAGE_TRIES_MAX = 3
/** A message that is sought may be this far up: as many messages as a thread holds here. */
const SEEK_PAGES_MAX = 25
const SEEK_ITEMS = 200
/** After a failed try to mark as read, or to fetch what an event spoke of. */
const RETRY_MS = 5000

/** Fetches: pages, single conversations, numbers; and the small requests beside them. One of a kind at a time. */
export class Mailroom {
  readonly #deps: MailroomDeps
  readonly #problems = new Map<string, string>()
  readonly #loading = new Set<string>()
  /** The newest message up to which each conversation was marked as read. */
  readonly #readUpto = new Map<string, string>()
  /** Grows when everything is loaded afresh: answers to older questions are thrown away. */
  #generation = 0
  #numbersAsked = 0

  constructor(deps: MailroomDeps) {
    this.#deps = deps
  }

  forgetAll(): void {
    this.#generation += 1
    this.#problems.clear()
    this.#loading.clear()
    this.#readUpto.clear()
    this.#tell()
  }

  /** Lets conversations be marked as read again. */
  forgetRead(): void {
    this.#readUpto.clear()
  }

  /** Rejects when it fails: without a list there is nothing to listen for. */
  async firstConversations(): Promise<void> {
    await this.#page((data) => this.#deps.api.conversations().then((page) => applyConversationPage(data(), page)))
  }

  async moreConversations(): Promise<void> {
    const cursor = this.#deps.data().list.next
    if (cursor === null) return
    await this.#once('list', () =>
      this.#page((data) => this.#deps.api.conversations(cursor).then((page) => applyConversationPage(data(), page))),
    )
  }

  /** Loads a conversation and its newest messages where they are not there yet. */
  async openThread(id: string): Promise<void> {
    await this.#once(id, async () => {
      if (this.#deps.data().threads.has(id)) this.#deps.change(touchThread(this.#deps.data(), id))
      else await this.#page((data) => this.#deps.api.messages(id).then((page) => applyThreadPage(data(), id, page)))
      // After its thread: one that is older than all that the list keeps is kept for it.
      if (!this.#deps.data().conversations.has(id)) await this.#conversation(id)
    })
  }

  async olderMessages(id: string): Promise<void> {
    const cursor = this.#deps.data().threads.get(id)?.next
    if (typeof cursor !== 'string') return
    await this.#once(`older ${id}`, () =>
      this.#page((data) => this.#deps.api.messages(id, cursor).then((page) => applyThreadPage(data(), id, page))),
    )
  }

  /** Loads older messages until one is there, or the thread is full. */
  async seek(id: string, messageId: string): Promise<void> {
    await this.openThread(id)
    for (let pages = 0; pages < SEEK_PAGES_MAX; pages += 1) {
      const thread = this.#deps.data().threads.get(id)
      const cursor = thread?.next
      if (typeof cursor !== 'string' || thread?.messages.some((entry) => entry.view.id === messageId)) return
      await this.#once(`older ${id}`, () =>
        this.#page((data) =>
          this.#deps.api.messages(id, cursor, SEEK_ITEMS).then((page) => applyThreadPage(data(), id, page)),
        ),
      )
      // A page that could not be had: what went wrong stands at the thread's top.
      if (this.#deps.data().threads.get(id)?.next === cursor) return
    }
  }

  async numbers(): Promise<void> {
    this.#numbersAsked += 1
    await this.#once('numbers', async () => {
      // What changed while they were read makes another look.
      for (let seen = 0; seen !== this.#numbersAsked; ) {
        seen = this.#numbersAsked
        const generation = this.#generation
        const page = await this.#deps.api.numbers().catch((cause: unknown) => this.#passing(cause))
        if (generation !== this.#generation) return
        // Nobody would ask for them by hand: what is shown of them would stay as it is.
        if (page === null) return this.#later(() => this.numbers())
        this.#deps.change({ ...this.#deps.data(), numbers: page.items })
      }
    })
  }

  /** Fetches the conversations that events spoke of and that we do not know. */
  async fetchWanted(): Promise<void> {
    await this.#once('wanted', async () => {
      for (let id = this.#deps.data().wanted[0]; id !== undefined; id = this.#deps.data().wanted[0]) {
        try {
          await this.#conversation(id)
        } catch (cause) {
          if (cause instanceof Problem && cause.isPassing) return this.#later(() => this.fetchWanted())
          // Not for our eyes, or gone.
          this.#deps.change(dropWanted(this.#deps.data(), id))
          if (cause instanceof Problem && cause.status === 401) throw cause
        }
      }
    })
  }

  async markRead(id: string): Promise<void> {
    const upto = newestIn(this.#deps.data().threads.get(id))?.id
    const unread = this.#deps.data().conversations.get(id)?.view.unread ?? 0
    // One that comes late stands above the newest, which was marked before.
    if (unread === 0) this.#readUpto.delete(id)
    if (upto === undefined || unread === 0 || this.#readUpto.get(id) === upto) return
    this.#readUpto.set(id, upto)
    try {
      await this.#deps.api.markRead(id, upto)
      this.#deps.change(applyRead(this.#deps.data(), id, upto))
    } catch {
      // The count stays, which is the truth. The next change tries again.
      setTimeout(() => this.#readUpto.delete(id), RETRY_MS)
    }
  }

  /** Asks for another try or for none. What came of it arrives as an event. */
  async act(messageId: string, action: 'retry' | 'cancel'): Promise<void> {
    await this.#once(`message ${messageId}`, () => this.#deps.api.act(messageId, action))
  }

  /** Null for what passes; throws what does not. */
  #passing(cause: unknown): null {
    if (cause instanceof Problem && cause.isPassing) return null
    throw cause
  }

  /** Once more after a while, unless everything has been loaded afresh by then. */
  #later(run: () => Promise<void>): void {
    const generation = this.#generation
    setTimeout(() => void (generation === this.#generation && run()), RETRY_MS)
  }

  async #conversation(id: string): Promise<void> {
    const asOf = offsetOf(this.#deps.data())
    const generation = this.#generation
    const view = await this.#deps.api.conversation(id)
    if (generation !== this.#generation) return
    this.#deps.change(applyConversation(this.#deps.data(), view, asOf))
  }

  async #page(fetch: (data: () => ConsoleState) => Promise<ConsoleState | null>): Promise<void> {
    const generation = this.#generation
    for (let tries = 0; tries < PAGE_TRIES_MAX; tries += 1) {
      const next = await fetch(this.#deps.data)
      if (generation !== this.#generation) return
      if (next !== null) return this.#deps.change(next)
    }
    throw new Problem('overtaken', 0, 'So much is happening that the page could not keep up.')
  }

  /** Does one thing at a time under a name, and keeps what went wrong under the same name. */
  async #once(name: string, run: () => Promise<unknown>): Promise<void> {
    if (this.#loading.has(name)) return
    const generation = this.#generation
    this.#loading.add(name)
    this.#problems.delete(name)
    this.#tell()
    try {
      await run()
    } catch (cause) {
      if (cause instanceof Problem && cause.status === 401) return this.#deps.onRefused()
      if (generation !== this.#generation) return
      this.#problems.set(name, cause instanceof Problem ? cause.message : 'Something went wrong here.')
    } finally {
      if (generation === this.#generation) {
        this.#loading.delete(name)
        this.#tell()
      }
    }
  }

  #tell(): void {
    this.#deps.onBusy(new Map(this.#problems), new Set(this.#loading))
  }
}
