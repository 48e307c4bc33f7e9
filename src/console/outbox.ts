import { type Api, Problem } from './api.ts'
import type { Accepted } from './wire.ts'

/** A reply that the server has not taken yet. Its key stays the same for life, so that no repeat can double it. */
export interface OutboxItem {
  readonly key: string
  readonly conversationId: string
  readonly body: string
  /** The message that it answers. */
  readonly replyTo: string | null
  /** Whether it takes the conversation over from another application. */
  readonly takeOver?: boolean
  readonly at: string
  readonly phase: 'sending' | 'unsent'
  /** What went wrong. */
  readonly problem: string | null
  /** Whether the server may have taken it although we were not told. Then only a repeat with the same key is safe. */
  readonly isUncertain: boolean
}

/** The part of the browser's storage that is used here. */
export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

interface OutboxDeps {
  api: Pick<Api, 'send'>
  store: Store
  /** Milliseconds between tries; the last one gives up. */
  retryDelaysMs: readonly number[]
  onChange: () => void
  onAccepted: (item: OutboxItem, accepted: Accepted) => void
  /** Whoever writes is not signed in any more. What is unsent waits until they are. */
  onRefused: () => void
}

/** Unsent replies outlive a reload of the page, not the tab. */
const STORE_KEY = 'gatehouse.outbox'
/** A person who has this many unsent replies must look first. */
export const OUTBOX_ITEMS_MAX = 100

/** Hands replies to the server: repeats what did not arrive, keeps what was refused until somebody decides. */
export class Outbox {
  #items: readonly OutboxItem[]
  readonly #deps: OutboxDeps
  /** What is being handed over, by conversation: its replies arrive in the order they were written. */
  readonly #lines = new Map<string, Promise<void>>()
  #closed = false

  constructor(deps: OutboxDeps) {
    this.#deps = deps
    this.#items = readItems(deps.store)
  }

  get items(): readonly OutboxItem[] {
    return this.#items
  }

  /** False when the outbox is full: the text then stays where it was. */
  add(item: Pick<OutboxItem, 'key' | 'conversationId' | 'body' | 'replyTo' | 'takeOver' | 'at'>): boolean {
    if (this.#items.length >= OUTBOX_ITEMS_MAX) return false
    this.#set([...this.#items, { ...item, phase: 'sending', problem: null, isUncertain: false }])
    this.#line(item.conversationId, item.key)
    return true
  }

  retry(key: string): void {
    const item = this.#find(key)
    if (item?.phase !== 'unsent') return
    this.#update(key, { phase: 'sending', problem: null })
    this.#line(item.conversationId, key)
  }

  /** Takes an item out and answers it. */
  take(key: string): OutboxItem | undefined {
    const item = this.#find(key)
    if (item !== undefined) this.#set(this.#items.filter((other) => other.key !== key))
    return item
  }

  /** Takes out what has turned up as a message, by its reference. */
  settle(references: ReadonlySet<string>): void {
    if (this.#items.some((item) => references.has(item.key))) {
      this.#set(this.#items.filter((item) => !references.has(item.key)))
    }
  }

  close(): void {
    this.#closed = true
  }

  /** Behind those of its conversation that are on their way. */
  #line(conversationId: string, key: string): void {
    const before = this.#lines.get(conversationId)
    const line = (before === undefined ? this.#send(key) : before.then(() => this.#send(key))).then(() => {
      if (this.#lines.get(conversationId) === line) this.#lines.delete(conversationId)
    })
    this.#lines.set(conversationId, line)
  }

  async #send(key: string): Promise<void> {
    for (const delayMs of [...this.#deps.retryDelaysMs, null]) {
      const problem = await this.#try(key)
      if (problem === null) return
      // A line that broke, or a server in trouble, may have taken it all the same.
      if (problem.isPassing && problem.status !== 429) this.#update(key, { isUncertain: true })
      // Told that it is not wanted, we know that it was not taken before either: its key would have been known.
      else if (problem.status === 400 || problem.status === 422) this.#update(key, { isUncertain: false })
      if (delayMs === null || !problem.isPassing) {
        this.#update(key, { phase: 'unsent', problem: problem.message })
        return problem.status === 401 ? this.#deps.onRefused() : undefined
      }
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }

  /** One try. Null when there is nothing more to do: the reply is taken, or was taken out meanwhile. */
  async #try(key: string): Promise<Problem | null> {
    const item = this.#find(key)
    if (item === undefined || this.#closed) return null
    try {
      const accepted = await this.#deps.api.send(messageOf(item), key)
      if (this.#closed) return null
      // First the message, then the item, so that there is no moment without either.
      this.#deps.onAccepted(item, accepted)
      this.take(key)
      return null
    } catch (cause) {
      return cause instanceof Problem ? cause : new Problem('internal', 400, 'Something went wrong here.')
    }
  }

  #find(key: string): OutboxItem | undefined {
    return this.#items.find((item) => item.key === key)
  }

  #update(key: string, change: Partial<OutboxItem>): void {
    this.#set(this.#items.map((item) => (item.key === key ? { ...item, ...change } : item)))
  }

  #set(items: readonly OutboxItem[]): void {
    if (this.#closed) return
    this.#items = items
    writeItems(this.#deps.store, items)
    this.#deps.onChange()
  }
}

/** The reference is the key, so that the message is known again when an event brings it before the answer does. */
function messageOf(item: OutboxItem): object {
  return {
    to: item.conversationId,
    type: 'text',
    text: { body: item.body },
    reference: item.key,
    ...(item.replyTo === null ? {} : { context: { message_id: item.replyTo } }),
    ...(item.takeOver ? { take_over: true } : {}),
  }
}

function readItems(store: Store): OutboxItem[] {
  try {
    const items: unknown = JSON.parse(store.getItem(STORE_KEY) ?? '[]')
    if (!Array.isArray(items)) return []
    // What was on its way when the page went may have arrived: the same key makes trying again safe.
    return items.map((item: OutboxItem) =>
      item.phase === 'unsent'
        ? item
        : { ...item, phase: 'unsent', problem: 'The page was closed while it was sent.', isUncertain: true },
    )
  } catch {
    return []
  }
}

function writeItems(store: Store, items: readonly OutboxItem[]): void {
  try {
    if (items.length === 0) store.removeItem(STORE_KEY)
    else store.setItem(STORE_KEY, JSON.stringify(items))
  } catch {
    // Storage is full or switched off: the outbox then lives as long as the page.
  }
}
