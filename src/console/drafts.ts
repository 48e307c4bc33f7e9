import type { Store } from './outbox.ts'

/** What somebody was writing in one conversation. */
export interface Draft {
  readonly text: string
  /** The message that is being answered. */
  readonly replyTo: string | null
}

const STORE_KEY = 'gatehouse.drafts'
/** Drafts kept; the one touched longest ago goes first. */
const DRAFTS_MAX = 200
const EMPTY: Draft = { text: '', replyTo: null }

/** Unfinished replies, one for each conversation. They outlive a reload of the page, not the tab. */
export class Drafts {
  readonly #drafts: Map<string, Draft>
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.#drafts = readDrafts(store)
  }

  get(conversationId: string): Draft {
    return this.#drafts.get(conversationId) ?? EMPTY
  }

  set(conversationId: string, change: Partial<Draft>): void {
    const draft = { ...this.get(conversationId), ...change }
    this.#drafts.delete(conversationId)
    if (draft.text !== '' || draft.replyTo !== null) this.#drafts.set(conversationId, draft)
    const oldest = this.#drafts.keys().next().value
    if (this.#drafts.size > DRAFTS_MAX && oldest !== undefined) this.#drafts.delete(oldest)
    try {
      this.#store.setItem(STORE_KEY, JSON.stringify([...this.#drafts]))
    } catch {
      // Storage is full or switched off: drafts then live as long as the page.
    }
  }
}

/** The person that what the tab keeps belongs to. */
const OWNER_KEY = 'gatehouse.owner'

/** Forgets everything that this console keeps in the tab. */
export function forgetStored(store: Store): void {
  for (const key of [STORE_KEY, OWNER_KEY, 'gatehouse.outbox', 'gatehouse.key']) store.removeItem(key)
}

/** Somebody came in: what another person was writing in this tab is forgotten, their own goes on. */
export function claimStored(store: Store, personId: string): void {
  if (store.getItem(OWNER_KEY) === personId) return
  forgetStored(store)
  try {
    store.setItem(OWNER_KEY, personId)
  } catch {
    // Storage is full or switched off: then nothing is kept that could be somebody else's.
  }
}

function readDrafts(store: Store): Map<string, Draft> {
  try {
    return new Map(JSON.parse(store.getItem(STORE_KEY) ?? '[]') as [string, Draft][])
  } catch {
    return new Map()
  }
}
