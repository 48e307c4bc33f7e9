import { expect } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import type { ActItem, PersonReference } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, TEST_MASTER_KEY, type TestBook } from '../testing/open-test-book.ts'
import { TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { Vault } from '../vault/vault.ts'
import { openRecordsReadonly } from './open.ts'
import { type SearchAsk, Searcher, type SearchPage, type SearchViewer } from './search.ts'
import { SearchFeed } from './search-feed.ts'
import { SearchIndex } from './search-index.ts'
import { SearchTerms } from './search-terms.ts'
import { Views } from './views.ts'

export const EVERYTHING: SearchAsk = {
  q: null,
  person: null,
  conversationId: null,
  account: null,
  direction: null,
  kind: null,
  fromMs: null,
  untilMs: null,
  limit: 50,
  below: null,
}
export const OWNER: SearchViewer = { see: SEES_ALL, conversationIds: null }
export const BORIS: PersonReference = { phone: '+4917098765432', userId: 'DE.1002', name: 'Boris Müller-Lüdenscheidt' }
export const CHEN: PersonReference = { phone: '+8613800138000', userId: 'CN.7', name: '王小明' }

/** A book with an index beside it, both moved by hand. */
class TestSearch {
  readonly house: TestBook
  readonly path: string
  readonly faults: unknown[] = []
  readonly #records
  readonly #vault
  readonly #deps
  readonly index: SearchIndex
  readonly feed: SearchFeed
  readonly searcher: Searcher
  readonly terms: SearchTerms

  constructor(house: TestBook, madeOf = 'test') {
    this.house = house
    this.path = join(house.folder, 'search.db')
    this.#records = openRecordsReadonly(join(house.folder, 'records.db'))
    this.#vault = new Vault(join(house.folder, 'vault.db'), TEST_MASTER_KEY, { readonly: true })
    const channel = must(channelNamed('whatsapp'), 'the channel')
    const views = new Views(
      this.#records,
      this.#vault,
      (_channel, type, raw) => channel.view(type, raw),
      (_channel, type, raw) => channel.content(type, raw),
    )
    const terms = new SearchTerms(must(this.#vault.findNamedKey('search'), 'the search key'))
    this.index = new SearchIndex(this.path, madeOf, { synchronous: 'OFF' })
    const deps = { records: this.#records, vault: this.#vault, views, terms, index: this.index, clock: house.clock }
    this.feed = new SearchFeed({ ...deps, terms: () => terms, onFault: (error) => void this.faults.push(error) })
    this.searcher = new Searcher(deps)
    this.terms = terms
    this.#deps = deps
  }

  /** Until everything is in the index. */
  follow(stepMessages = 250): void {
    while (!this.feed.step(stepMessages));
    expect(this.faults).toEqual([])
  }

  page(ask: Partial<SearchAsk>, viewer: SearchViewer = OWNER): SearchPage {
    return this.searcher.search({ ...EVERYTHING, ...ask }, viewer)
  }

  /** The texts that are found, newest first. */
  found(ask: Partial<SearchAsk> | string, viewer: SearchViewer = OWNER): string[] {
    return this.page(typeof ask === 'string' ? { q: ask } : ask, viewer).items.map(({ message }) =>
      String((message['content'] as { text?: string } | undefined)?.text),
    )
  }

  /** What a searcher or a feed of a test's own is made of. */
  parts() {
    return this.#deps
  }

  /** Whether a term stands anywhere in the file: FTS5 leaves out what it shares with the term before it. */
  holds(term: string): boolean {
    const files = [this.path, `${this.path}-wal`].filter((path) => existsSync(path))
    return files.some((path) => readFileSync(path).includes(term.slice(3)))
  }

  forgetKeyOf(person: number): void {
    this.#vault.forget({ persons: [person], names: [] })
  }

  close(): void {
    this.index.close()
    this.#records.close()
    this.#vault.close()
  }
}

const opened: { close(): void }[] = []

/** For `afterEach`: everything that a test has opened, the last first. */
export function closeAll(): void {
  for (const one of opened.splice(0).reverse()) one.close()
}

async function openHouse(): Promise<TestBook> {
  const house = openTestBook()
  opened.push(house)
  await house.declare()
  return house
}

export async function openSearch(): Promise<TestSearch> {
  return beside(await openHouse())
}

/** An index beside a book, as a start opens it. */
export function beside(house: TestBook, madeOf?: string): TestSearch {
  const search = new TestSearch(house, madeOf)
  opened.push(search)
  return search
}

/** Before the test ends, as a stop closes it. */
export function closeNow(search: TestSearch): void {
  search.close()
  opened.splice(opened.indexOf(search), 1)
}

let lastId = 0

/** A customer writes. Answers the platform's id. */
export async function write(house: TestBook, text: string, more: Parameters<typeof textItem>[2] = {}): Promise<string> {
  const id = `wamid.${++lastId}`
  house.clock.advance(1000)
  await house.give(textItem(id, house.clock.epochMs(), { text, ...more }))
  return id
}

/** An act of a customer on a message, by its platform id. */
export function actOn(targetUpstreamId: string, act: 'edit' | 'revoke', more: Partial<ActItem>, atMs: number): ActItem {
  const upstreamId = `wamid.act.${++lastId}`
  return {
    kind: 'act',
    act,
    account: TEST_ACCOUNT,
    space: 'messages',
    direction: 'in',
    upstreamId,
    targetUpstreamId,
    atMs,
    person: { phone: '+4915112345678', userId: 'DE.1001', name: 'Anna Beispiel' },
    opensWindow: false,
    raw: { id: upstreamId, type: act },
    ...more,
  }
}
