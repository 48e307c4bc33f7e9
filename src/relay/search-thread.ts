import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { DAY_MS, pause, systemClock, yieldToLoop } from '../core/clock.ts'
import { codeOf, Failure, type FailureData, failureData, nameOfError } from '../core/failure.ts'
import type { Principal } from '../core/principal.ts'
import { maySee } from '../people/may-see.ts'
import { houseRow } from '../records/house-row.ts'
import { openRecordsReadonly } from '../records/open.ts'
import { seeing } from '../records/page.ts'
import { assignedTo, type SearchAsk, Searcher, type SearchViewer } from '../records/search.ts'
import { SearchFeed } from '../records/search-feed.ts'
import { SearchGarbage } from '../records/search-garbage.ts'
import { SearchIndex } from '../records/search-index.ts'
import { SearchTerms, TERMS_VERSION } from '../records/search-terms.ts'
import { Views } from '../records/views.ts'
import { searchKeyName } from '../records/workspace.ts'
import type { Db } from '../storage/database.ts'
import { failThread, serveThread } from '../storage/serve-thread.ts'
import { stepAside } from '../storage/step-aside.ts'
import { stepBack } from '../storage/step-back.ts'
import { Vault } from '../vault/vault.ts'

/** Messages that are taken in at once, some 15 ms: a search waits that long at most. */
const STEP_MESSAGES = 250
/** While older messages are taken in, the thread rests so many times as long as it has worked. */
const REST_SHARE = 1
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 300_000
/** How often it is looked whether the night has come in which the index is merged, and what was erased with it. */
const NIGHT_LOOK_MS = 600_000
const NIGHT_HOUR = 3
/** A damaged file is made anew so often in one process; after that something else is wrong. */
const DAMAGES_MAX = 3

export interface OpenSearch {
  folder: string
  masterKey: Uint8Array
}

export type SearchAnswer = { text: string } | { failure: FailureData }

/** Whose rows are to be taken out. */
export interface SearchErasure {
  contactIds: readonly number[]
  conversationIds: readonly number[]
  messageIds: readonly number[]
  /** Their keys in the vault, which are destroyed. */
  persons: readonly number[]
}

export interface SearchState {
  /** Messages that are not in the index yet, those of before included where it is made anew. */
  behind: number
  isComplete: boolean
}

export type SearchNotice =
  | { kind: 'state'; state: SearchState }
  /** `fault`: the name of the error; the index goes on, or is tried again later. */
  | { kind: 'fault'; fault: string }
  | { kind: 'damaged' }

declare const self: Worker

interface Parts {
  index: SearchIndex
  feed: SearchFeed
  searcherOf(workspaceId: number): Searcher
}

class SearchThread {
  readonly #path: string
  readonly #records: Db
  readonly #vault: Vault
  readonly #views: Views
  readonly #terms = new Map<number, SearchTerms>()
  readonly #garbage = new SearchGarbage()
  #parts: Parts | undefined
  #isWorking = false
  #isPaused = false
  #isClosing = false
  #retryMs = RETRY_MS_MIN
  #damages = 0
  #mergedDay = 0
  readonly #stop = new AbortController()

  constructor({ folder, masterKey }: OpenSearch) {
    this.#path = join(folder, 'search.db')
    this.#records = openRecordsReadonly(join(folder, 'records.db'))
    this.#vault = new Vault(join(folder, 'vault.db'), masterKey, { readonly: true })
    this.#views = new Views(
      this.#records,
      this.#vault,
      (channel, type, raw) => must(channelNamed(channel), 'the channel of a message').view(type, raw),
      (channel, type, raw) => must(channelNamed(channel), 'the channel of a message').content(type, raw),
    )
    void this.#watchNight()
  }

  search(ask: SearchAsk, principal: Principal): SearchAnswer {
    try {
      const { searcherOf, feed } = this.#open()
      const page = searcherOf(principal.workspaceId).search(ask, {
        see: seeing(principal.workspaceId, (what) => maySee(principal, what)),
        ...this.#within(principal),
      })
      const { share } = feed.state()
      const isComplete = share === 1
      // When the answer is out.
      setImmediate(() => this.#garbage.add(page.items.length))
      return { text: JSON.stringify({ ...page, complete: isComplete, ...(isComplete ? {} : { progress: share }) }) }
    } catch (error) {
      if (error instanceof Failure) return { failure: failureData(error) }
      this.#fault(error)
      return { failure: failureData(new Failure('unavailable', 'The search is out of order: try again later')) }
    }
  }

  /** What a search may name of what somebody sees: the rest is asked of each message. */
  #within({ workspaceId, scope }: Principal): Pick<SearchViewer, 'conversationIds' | 'numberIds'> {
    if (scope.kind === 'workspace') return { conversationIds: null }
    const conversationIds = assignedTo(this.#records, workspaceId, scope)
    return conversationIds === null ? { conversationIds } : { conversationIds, numberIds: scope.numberIds }
  }

  wake(): void {
    this.#isPaused = false
    if (this.#isWorking) return
    this.#isWorking = true
    this.#work().catch(failThread)
  }

  /** While the book is behind, the processor is for it. */
  rest(): void {
    this.#isPaused = true
  }

  rebuild(): void {
    this.#open().feed.restart()
    this.wake()
  }

  learnMaster(next: Uint8Array): void {
    this.#vault.learnMaster(next)
  }

  erase({ contactIds, conversationIds, messageIds, persons }: SearchErasure): void {
    this.#vault.forget({ persons, names: [] })
    // Whichever workspace they were of: its key has hashed them.
    const workspaces = this.#records.all<{ id: number }>('SELECT id FROM workspaces')
    const terms = workspaces.flatMap(({ id: workspaceId }) => [
      ...conversationIds.map((id) => this.#termsOf(workspaceId).conversation(id)),
      ...contactIds.map((id) => this.#termsOf(workspaceId).author(id)),
    ])
    this.#open().index.erase({ messageIds, contactIds, terms }, systemClock.epochMs())
  }

  /** Until nothing is left in the file of what was taken out of the index. */
  async merge(): Promise<void> {
    const { index } = this.#open()
    let isFirst = true
    while (!this.#isClosing && !index.mergeStep(isFirst)) {
      isFirst = false
      await yieldToLoop()
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#stop.abort()
    while (this.#isWorking) await yieldToLoop()
    this.#parts?.index.close()
    this.#records.close()
    this.#vault.close()
  }

  async #work(): Promise<void> {
    while (!this.#isClosing && !this.#isPaused) {
      const startedMs = systemClock.monoMs()
      try {
        const { feed } = this.#open()
        const isDone = feed.step(STEP_MESSAGES)
        const { behind, missing, share } = feed.state()
        tell({ kind: 'state', state: { behind: missing, isComplete: share === 1 } })
        this.#retryMs = RETRY_MS_MIN
        if (isDone) break
        const isBackfilling = behind === 0
        if (isBackfilling) await pause(systemClock, REST_SHARE * (systemClock.monoMs() - startedMs), this.#stop.signal)
        else await yieldToLoop()
      } catch (error) {
        this.#fault(error)
        await pause(systemClock, this.#retryMs, this.#stop.signal)
        this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2)
      }
    }
    this.#isWorking = false
  }

  /** Opens the index where it is not, and makes it anew where it is damaged or missing. */
  #open(): Parts {
    if (this.#parts && !existsSync(this.#path)) this.#drop()
    this.#parts ??= this.#openParts()
    return this.#parts
  }

  #openParts(): Parts {
    const madeOf = `${houseRow(this.#records).epoch} ${TERMS_VERSION}`
    let index: SearchIndex
    try {
      index = new SearchIndex(this.#path, madeOf)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#setAside()
      index = new SearchIndex(this.#path, madeOf)
    }
    const deps = {
      records: this.#records,
      vault: this.#vault,
      views: this.#views,
      index,
      clock: systemClock,
    }
    const terms = (workspaceId: number) => this.#termsOf(workspaceId)
    const feed = new SearchFeed({
      ...deps,
      terms,
      onFault: (error) => tell({ kind: 'fault', fault: nameOfError(error) }),
    })
    const searcherOf = (workspaceId: number) => new Searcher({ ...deps, terms: terms(workspaceId) })
    return { index, feed, searcherOf }
  }

  #termsOf(workspaceId: number): SearchTerms {
    const known = this.#terms.get(workspaceId)
    if (known) return known
    const key = must(this.#vault.findNamedKey(searchKeyName(workspaceId)), 'the search key of a workspace')
    const terms = new SearchTerms(key)
    this.#terms.set(workspaceId, terms)
    return terms
  }

  #fault(error: unknown): void {
    tell({ kind: 'fault', fault: nameOfError(error) })
    if (!isDamage(error)) return
    this.#drop()
    this.#setAside()
  }

  #drop(): void {
    const parts = this.#parts
    this.#parts = undefined
    try {
      parts?.index.close()
    } catch {
      // It is damaged: there is nothing in it to save.
    }
  }

  #setAside(): void {
    this.#damages++
    if (this.#damages > DAMAGES_MAX) throw new Error('The search index was damaged too often')
    rmSync(`${this.#path}.damaged`, { force: true })
    if (existsSync(this.#path)) renameSync(this.#path, `${this.#path}.damaged`)
    for (const suffix of ['-wal', '-shm']) rmSync(`${this.#path}${suffix}`, { force: true })
    tell({ kind: 'damaged' })
  }

  /** Every night, for one part of the index is searched faster than many; and for a machine that does not run at night. */
  #isMergeDue(): boolean {
    const nowMs = systemClock.epochMs()
    const now = new Date(nowMs)
    const isNight = now.getHours() === NIGHT_HOUR && now.getDate() !== this.#mergedDay
    if (isNight) this.#mergedDay = now.getDate()
    const since = this.#open().index.residueSinceMs()
    return isNight || (since !== null && nowMs - since > DAY_MS)
  }

  async #watchNight(): Promise<void> {
    while (!this.#isClosing) {
      await pause(systemClock, NIGHT_LOOK_MS, this.#stop.signal)
      if (this.#isClosing) return
      try {
        if (this.#isMergeDue()) await this.merge()
      } catch (error) {
        this.#fault(error)
      }
    }
  }
}

function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error) ?? '')
}

function tell(notice: SearchNotice): void {
  self.postMessage({ notice })
}

let thread: SearchThread | undefined

const opened = () => must(thread, 'the search, which is open')

const answers = {
  open(ask: OpenSearch): void {
    stepBack()
    thread = new SearchThread(ask)
    thread.wake()
  },
  search: ({ ask, principal }: { ask: SearchAsk; principal: Principal }) => opened().search(ask, principal),
  wake() {
    stepAside()
    opened().wake()
  },
  rest: () => opened().rest(),
  rebuild: () => opened().rebuild(),
  learnMaster: (next: Uint8Array) => opened().learnMaster(next),
  erase: (what: SearchErasure) => opened().erase(what),
  merge: () => opened().merge(),
  // Also where it could not be opened.
  close: () => thread?.close(),
}

export type SearchAnswers = typeof answers

// What fails ends this thread alone: there is no search until the next start.
serveThread({ answers, refusalOf: nameOfError })
