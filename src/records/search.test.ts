import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { showId } from '../core/ids.ts'
import type { ActItem, PersonReference } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, TEST_MASTER_KEY, type TestBook } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { declared, queued, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { Vault } from '../vault/vault.ts'
import { declareApp, declareNumber } from './number.ts'
import { openRecordsReadonly } from './open.ts'
import { queueMessage } from './queue-message.ts'
import { type SearchAsk, Searcher, type SearchPage, type SearchViewer } from './search.ts'
import { SearchFeed } from './search-feed.ts'
import { SearchIndex } from './search-index.ts'
import { SearchTerms } from './search-terms.ts'
import { Views } from './views.ts'

const EVERYTHING: SearchAsk = {
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
const OWNER: SearchViewer = { see: SEES_ALL, conversationIds: null }
const BORIS: PersonReference = { phone: '+4917098765432', userId: 'DE.1002', name: 'Boris Müller-Lüdenscheidt' }
const CHEN: PersonReference = { phone: '+8613800138000', userId: 'CN.7', name: '王小明' }

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
    const deps = { records: this.#records, vault: this.#vault, views, terms, index: this.index }
    this.feed = new SearchFeed({ ...deps, onFault: (error) => void this.faults.push(error) })
    this.searcher = new Searcher({ ...deps, clock: house.clock })
    this.terms = terms
    this.#deps = deps
  }

  /** Until everything is in the index. */
  follow(stepMessages = 250): void {
    while (!this.feed.step(stepMessages).isDone);
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
afterEach(() => {
  for (const one of opened.splice(0).reverse()) one.close()
})

async function openHouse(): Promise<TestBook> {
  const house = openTestBook()
  opened.push(house)
  await house.ask(declareApp, { id: 'whatsapp/main', portfolio: 'acme' })
  await house.ask(declareNumber, declared())
  return house
}

async function openSearch(): Promise<TestSearch> {
  const search = new TestSearch(await openHouse())
  opened.push(search)
  return search
}

let lastId = 0
async function write(house: TestBook, text: string, more: Parameters<typeof textItem>[2] = {}): Promise<string> {
  const id = `wamid.${++lastId}`
  house.clock.advance(1000)
  await house.give(textItem(id, house.clock.epochMs(), { text, ...more }))
  return id
}

describe('what is found', () => {
  test.each([
    [
      'Is my parcel on its way?',
      ['parcel', 'PARCEL', 'parcels', 'is my', '"on its way"', 'way parcel'],
      ['"way its"', 'parc', 'x'],
    ],
    [
      'Wann kommt die Bestellung, Herr Müller?',
      ['Bestellungen', 'muller', 'Mueller', 'MÜLLER', '"herr müller"'],
      ['Herrn Meier'],
    ],
    ['Где мой заказ?', ['заказы', 'ЗАКАЗ', 'мой'], ['доставка']],
    ['我昨天下的订单什么时候可以发货', ['订单', '订', '发货', '什么时候', '"昨天下的订单"'], ['单订', '货发', '昨的']],
    ['注文した商品がまだ届いていません', ['商品', '届いて', 'ません'], ['品商']],
    ['ขอบคุณค่ะ', ['ขอบคุณ', 'คุณ'], ['คุขอ']],
    ['배송은 언제 되나요', ['배송', '언제'], ['송배']],
    [
      'order 30-20418-B please',
      ['30-20418-B', '3020418b', '30-204', '20418', '204', '0418', '"30-20418"'],
      ['20419', '418'],
    ],
    ['code GH48213x', ['gh48213x', 'gh4', 'GH482', '8213'], ['h48', '482']],
    ['call +49 151 1234-5678', ['+49 151 12345678', '4915112345678', '5678', '+49 151 123'], ['1679']],
    ['write to anna.b@example.com', ['anna.b@example.com', 'anna.b@ex', 'ann', 'example'], ['nna']],
    ['Straße ΣΊΣΥΦΟΣ ﬁn ＡＢＣ', ['strasse', 'STRASSE', 'σισυφος', 'fin', 'abc'], ['strase x']],
    ['don’t café naïve', ['"don’t"', "don't", 'cafe', 'naive'], ['do']],
  ])('in %j', async (text, finds, misses) => {
    const search = await openSearch()
    await write(search.house, text)
    await write(search.house, 'Something else altogether.')
    search.follow()
    for (const q of finds) expect({ q, found: search.found(q) }).toEqual({ q, found: [text] })
    for (const q of misses) expect({ q, found: search.found(q) }).toEqual({ q, found: [] })
    expect(search.faults).toEqual([])
  })

  test('all words must be there, and the quoted ones exactly so and in this order', async () => {
    const search = await openSearch()
    await write(search.house, 'two parcels came')
    await write(search.house, 'the parcel came too')
    search.follow()
    expect(search.found('parcel came')).toEqual(['the parcel came too', 'two parcels came'])
    expect(search.found('"parcel came"')).toEqual(['the parcel came too'])
    expect(search.found('"parcels" came')).toEqual(['two parcels came'])
    expect(search.found('parcel two too')).toEqual([])
  })

  test('says where it stands in the text', async () => {
    const search = await openSearch()
    await write(search.house, 'My parcel: 北京大学, order 30-20418-B!')
    search.follow()
    const marked = (q: string) =>
      search.page({ q }).items.map(({ message, highlights }) => {
        const text = String((message['content'] as { text: string }).text)
        return highlights.map(([start, end]) => text.slice(start, end))
      })
    expect(marked('parcels')).toEqual([['parcel']])
    expect(marked('京大 my')).toEqual([['My', '京大']])
    expect(marked('"北京大学, order"')).toEqual([['北京大学, order']])
    expect(marked('30-204')).toEqual([['30-20418-B']])
  })
})

function actOn(targetUpstreamId: string, act: 'edit' | 'revoke', more: Partial<ActItem>, atMs: number): ActItem {
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

describe('what has changed', () => {
  test('an edited message is found by its new words and not by its old ones', async () => {
    const search = await openSearch()
    const id = await write(search.house, 'the first wording')
    search.follow()
    const edited = { type: 'text', raw: { type: 'text', text: { body: 'the second wording' } } }
    await search.house.give(actOn(id, 'edit', { edited }, search.house.clock.epochMs()))
    // Also before the index hears of it, nobody finds what is not there any more.
    expect(search.found('first')).toEqual([])
    search.follow()
    expect(search.found('first')).toEqual([])
    expect(search.found('second')).toEqual(['the second wording'])
    expect(search.found('wording')).toEqual(['the second wording'])
  })

  test('a message that was taken back is not found', async () => {
    const search = await openSearch()
    const id = await write(search.house, 'never mind this')
    await write(search.house, 'mind the other')
    search.follow()
    await search.house.give(actOn(id, 'revoke', {}, search.house.clock.epochMs()))
    expect(search.found('mind')).toEqual(['mind the other'])
    search.follow()
    expect(search.found('mind')).toEqual(['mind the other'])
  })

  test('an act is no message of its own', async () => {
    const search = await openSearch()
    const id = await write(search.house, 'a wording')
    const edited = { type: 'text', raw: { type: 'text', text: { body: 'another wording' } } }
    await search.house.give(actOn(id, 'edit', { edited }, search.house.clock.epochMs()))
    search.follow()
    expect(search.found('another')).toEqual(['another wording'])
  })
})

describe('what it may be narrowed to', () => {
  test('a person, by name, phone, user id and contact, however they are called now', async () => {
    const search = await openSearch()
    const { house } = search
    await write(house, 'hello from Anna')
    await write(house, 'hello from Boris', { person: BORIS })
    await write(house, '你好', { person: CHEN })
    search.follow()
    for (const person of [
      'Boris',
      'bor',
      'Mueller',
      'müller-lüdenscheidt',
      'Lüden',
      '+49 170 98765432',
      '491709876',
      '5432',
      'DE.1002',
    ]) {
      expect({ person, found: search.found({ person }) }).toEqual({ person, found: ['hello from Boris'] })
    }
    expect(search.found({ person: '小明' })).toEqual(['你好'])
    expect(search.found({ person: '王' })).toEqual(['你好'])
    expect(search.found({ person: 'Nobody' })).toEqual([])
    expect(search.found({ person: 'boris', q: 'anna' })).toEqual([])
    await write(house, 'it is me', { person: { ...BORIS, name: 'Borja' } })
    search.follow()
    expect(search.found({ person: 'Borja' })).toEqual(['it is me', 'hello from Boris'])
    const contact = house.database.one<{ id: number }>('SELECT contact_id AS id FROM conversations ORDER BY id LIMIT 1')
    expect(search.found({ person: showId('contact', contact?.id ?? 0) })).toEqual(['hello from Anna'])
  })

  test('a conversation, a number, a direction, a kind', async () => {
    const search = await openSearch()
    const { house } = search
    await write(house, 'one two')
    await write(house, 'two three', { person: BORIS, account: { id: '200', display: '+15550783882' } })
    const conversations = house.database.all<{ id: number }>('SELECT id FROM conversations ORDER BY id')
    const [first = 0, second = 0] = conversations.map(({ id }) => id)
    await house.ask(
      queueMessage,
      queued({ kind: 'conversation', id: first }, { content: { type: 'text', text: { body: 'our two' } } }),
    )
    search.follow()
    expect(search.found('two')).toEqual(['our two', 'two three', 'one two'])
    expect(search.found({ q: 'two', conversationId: second })).toEqual(['two three'])
    expect(search.found({ q: 'two', account: '200' })).toEqual(['two three'])
    expect(search.found({ q: 'two', account: 'unknown' })).toEqual([])
    expect(search.found({ q: 'two', direction: 'out' })).toEqual(['our two'])
    expect(search.found({ q: 'two', direction: 'in' })).toEqual(['two three', 'one two'])
    expect(search.found({ kind: 'text' })).toHaveLength(3)
    expect(search.found({ kind: 'location' })).toEqual([])
    expect(search.found({ conversationId: first, direction: 'in' })).toEqual(['one two'])
  })

  test('a time, to the millisecond, over days and months', async () => {
    const search = await openSearch()
    const { house } = search
    const day = 86_400_000
    const times: number[] = []
    for (let index = 0; index < 12; index++) {
      house.clock.advance(9 * day)
      times.push(house.clock.epochMs())
      await house.give(textItem(`wamid.time.${index}`, house.clock.epochMs(), { text: `message ${index}` }))
    }
    search.follow()
    const random = seededRandom(5)
    for (let round = 0; round < 60; round++) {
      const [from = 0, until = 0] = [0, 1].map(() => Math.floor(random() * 12)).sort((one, other) => one - other)
      const fromMs = random() < 0.2 ? null : (times[from] ?? 0) + (random() < 0.5 ? 0 : 1)
      const untilMs = random() < 0.2 ? null : (times[until] ?? 0) + (random() < 0.5 ? 0 : 1)
      const wanted = times.flatMap((at, index) =>
        (fromMs === null || at >= fromMs) && (untilMs === null || at < untilMs) ? [`message ${index}`] : [],
      )
      expect({ fromMs, untilMs, found: search.found({ q: 'message', fromMs, untilMs }) }).toEqual({
        fromMs,
        untilMs,
        found: wanted.reverse(),
      })
    }
  })
})

describe('pages', () => {
  test('are newest first, and each goes on where the last one ended', async () => {
    const search = await openSearch()
    const wanted: string[] = []
    for (let index = 0; index < 23; index++) {
      await write(search.house, index % 3 === 0 ? `nothing ${index}` : `parcel ${index}`)
      if (index % 3 !== 0) wanted.unshift(`parcel ${index}`)
    }
    search.follow(7)
    const found: string[] = []
    let below: number | null = null
    let pages = 0
    do {
      const page = search.page({ q: 'parcel', limit: 5, below })
      found.push(...page.items.map(({ message }) => String((message['content'] as { text: string }).text)))
      expect(page.more).toBe(false)
      below = page.next === null ? null : Number.parseInt(page.next, 36)
      pages++
    } while (below !== null)
    expect(found).toEqual(wanted)
    expect(pages).toBe(3)
  })

  test('show a restricted viewer their conversations only, by name or one by one', async () => {
    const search = await openSearch()
    const people = Array.from({ length: 8 }, (_, index) => ({
      phone: `+49151000000${index}`,
      userId: `DE.${index}`,
      name: `P${index}`,
    }))
    for (let index = 0; index < 40; index++)
      await write(search.house, `parcel ${index}`, { person: people[index % 8] ?? BORIS })
    search.follow()
    const ids = search.house.database
      .all<{ id: number }>('SELECT id FROM conversations ORDER BY id')
      .map(({ id }) => id)
    const allowed = [ids[1] ?? 0, ids[5] ?? 0]
    const wanted = Array.from({ length: 40 }, (_, index) => 39 - index)
      .filter((index) => index % 8 === 1 || index % 8 === 5)
      .map((index) => `parcel ${index}`)
    const see: SearchViewer['see'] = ({ conversationId }) => conversationId !== null && allowed.includes(conversationId)
    expect(search.found('parcel', { see, conversationIds: allowed })).toEqual(wanted)
    expect(search.found('parcel', { see, conversationIds: null })).toEqual(wanted)
    // A list that is out of date lets nothing through that may not be seen.
    expect(search.found('parcel', { see, conversationIds: ids })).toEqual(wanted)
    expect(search.found('parcel', { see, conversationIds: [] })).toEqual([])
  })

  test('end early, and say so, where too much would have to be looked at', async () => {
    const search = await openSearch()
    for (let index = 0; index < 30; index++) await write(search.house, `parcel ${index}`)
    search.follow()
    // Each look at the clock takes a millisecond.
    const { clock } = search.house
    const slow = {
      epochMs: () => clock.epochMs(),
      monoMs: () => (clock.advance(1), clock.monoMs()),
      after: () => () => {},
    }
    const searcher = new Searcher({ ...search.parts(), clock: slow })
    const found: number[] = []
    let below: number | null = null
    let cuts = 0
    do {
      const page: SearchPage = searcher.search({ ...EVERYTHING, q: 'parcel', below }, OWNER)
      found.push(page.items.length)
      if (page.more) cuts++
      expect(page.more).toBe(page.next !== null)
      below = page.next === null ? null : Number.parseInt(page.next, 36)
    } while (below !== null)
    expect(found.reduce((sum, count) => sum + count, 0)).toBe(30)
    expect(cuts).toBeGreaterThan(0)
  })
})

describe('the file', () => {
  const TEXT = 'Zwetschgenknödel for Donaudampfschiff 4711-ABCD 北京'

  test('holds neither the words nor their plain hashes', async () => {
    const search = await openSearch()
    await write(search.house, TEXT, { person: BORIS })
    search.follow()
    search.close()
    opened.splice(opened.indexOf(search), 1)
    const bytes = readFileSync(search.path)
    const isIn = (needle: string | Uint8Array) => bytes.includes(needle as never)
    expect(isIn('message_terms')).toBe(true)
    const words = [
      'zwetschgenknödel',
      'zwetschgenknodel',
      'donaudampfschiff',
      '4711',
      '4711abcd',
      'abcd',
      '北京',
      '北',
      'boris',
      'müller',
      '491709876',
      '+4917098765432',
    ]
    for (const word of words) {
      expect({ word, found: isIn(word) }).toEqual({ word, found: false })
      for (const name of ['sha256', 'sha1', 'md5', 'sha512'] as const) {
        const hash = new Bun.CryptoHasher(name).update(word).digest()
        expect(isIn(hash.subarray(0, 5))).toBe(false)
        expect(isIn(hash.toString('hex').slice(0, 10))).toBe(false)
      }
    }
  })

  test('is made anew from the records, and finds the same', async () => {
    const search = await openSearch()
    const random = seededRandom(3)
    for (let index = 0; index < 40; index++)
      await write(search.house, `parcel ${Math.floor(random() * 10)} of ${index}`)
    search.follow(13)
    const asks = ['parcel', '3', 'of', '"parcel 4"', '5 of']
    const before = asks.map((q) => search.found(q))
    search.feed.restart()
    expect(search.found('parcel')).toEqual([])
    expect(search.feed.state()).toEqual({ behind: 0, share: 0 })
    search.feed.step(20)
    // The newest are found first.
    expect(search.found('parcel')).toEqual((before[0] ?? []).slice(0, 20))
    expect(search.feed.state().share).toBeLessThan(1)
    // What comes meanwhile is not kept waiting by what is old.
    await write(search.house, 'parcel of today')
    search.feed.step(20)
    expect(search.found('parcel')[0]).toBe('parcel of today')
    search.follow()
    expect(search.feed.state()).toEqual({ behind: 0, share: 1 })
    expect(asks.map((q) => search.found(q).filter((text) => text !== 'parcel of today'))).toEqual(before)
  })

  test('is emptied where it was made of other records or other terms, and kept where it was not', async () => {
    const search = await openSearch()
    await write(search.house, 'parcel')
    search.follow()
    search.close()
    opened.splice(opened.indexOf(search), 1)
    const same = new TestSearch(search.house)
    expect(same.found('parcel')).toEqual(['parcel'])
    same.close()
    const other = new TestSearch(search.house, 'another epoch')
    opened.push(other)
    expect(other.found('parcel')).toEqual([])
    other.follow()
    expect(other.found('parcel')).toEqual(['parcel'])
  })

  test('holds nothing of an erased person after the merge, and everything of the others', async () => {
    const search = await openSearch()
    await write(search.house, 'zwetschgenknödel for everybody')
    await write(search.house, 'donaudampfschiff for everybody', { person: BORIS })
    search.follow()
    const { id: contactId = 0, person = 0 } =
      search.house.database.one<{ id: number; person: number }>(
        'SELECT id, person FROM contacts ORDER BY id DESC LIMIT 1',
      ) ?? {}
    const { id: conversationId = 0 } =
      search.house.database.one<{ id: number }>('SELECT id FROM conversations WHERE contact_id = ?1', contactId) ?? {}
    const term = search.terms.word('donaudampfschif')
    search.index.erase({ messageIds: [], contactIds: [contactId], terms: [search.terms.conversation(conversationId)] })
    search.forgetKeyOf(person)
    expect(search.found('everybody')).toEqual(['zwetschgenknödel for everybody'])
    expect(search.found({ person: 'Boris' })).toEqual([])
    expect(search.index.hasResidue()).toBe(true)
    expect(search.holds(term)).toBe(true)
    for (let isFirst = true; !search.index.mergeStep(isFirst); isFirst = false);
    expect(search.index.hasResidue()).toBe(false)
    expect(search.holds(term)).toBe(false)
    expect(search.holds(search.terms.word('zwetschgenknodel'))).toBe(true)
    expect(search.found('everybody')).toEqual(['zwetschgenknödel for everybody'])
  })
})

describe('whatever is written', () => {
  const WORDS = [
    ...[
      'parcel',
      'parcels',
      'the',
      'The',
      'order',
      'ordered',
      'Straße',
      'Müller',
      'mueller',
      'заказ',
      'заказа',
      'É',
      'x1',
      'gh48213',
    ],
    ...[
      '30-20418-B',
      'a.b@example.com',
      '+49 151 1234567',
      '北京',
      '北京大学',
      '学',
      '注文した',
      'ขอบคุณ',
      '배송은',
      '👍',
      '—',
      '2026-11-22',
      "don't",
    ],
  ]

  test('any word and any phrase of it finds it, until it is edited, taken back or erased', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const search = await openSearch()
      const random = seededRandom(seed)
      const pick = <T>(list: readonly T[]): T => must(list[Math.floor(random() * list.length)], 'one of the list')
      const sentence = () =>
        Array.from({ length: 1 + Math.floor(random() * 7) }, () => pick(WORDS)).join(pick([' ', ', ', '\n', '  ']))
      const written: { id: string; text: string; person: PersonReference }[] = []
      for (let index = 0; index < 25; index++) {
        const text = `${sentence()} .${index}.`
        const person = pick([BORIS, CHEN])
        written.push({ id: await write(search.house, text, { person }), text, person })
        if (random() < 0.3) search.feed.step(1 + Math.floor(random() * 5))
      }
      search.follow()
      for (const { text } of written) {
        const words = text.split(/[\s,]+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
        const start = Math.floor(random() * words.length)
        const some = words.slice(start, start + 3)
        for (const q of [pick(words), `"${some.join(' ')}"`, `${pick(words)} ${pick(words)}`]) {
          const hit = search
            .page({ q })
            .items.find(({ message }) => (message['content'] as { text: string }).text === text)
          expect({ seed, q, text, isFound: hit !== undefined }).toEqual({ seed, q, text, isFound: true })
        }
      }
      // What is found has what was asked for: nothing comes from the index alone.
      for (const q of ['parcel', '北京', '"the order"', 'muller']) {
        for (const { highlights } of search.page({ q }).items) expect(highlights.length).toBeGreaterThan(0)
      }
      const edited = pick(written)
      const revoked = pick(written.filter((one) => one !== edited))
      const atMs = search.house.clock.epochMs()
      const raw = { type: 'text', text: { body: 'nothing of it is left' } }
      await search.house.give(actOn(edited.id, 'edit', { edited: { type: 'text', raw }, person: edited.person }, atMs))
      await search.house.give(actOn(revoked.id, 'revoke', { person: revoked.person }, atMs))
      search.follow()
      for (const { text } of [edited, revoked]) {
        const last = /\.(\d+)\.$/.exec(text)?.[1] ?? ''
        const texts = search.found(last)
        expect({ seed, text, texts }).toEqual({ seed, text, texts: texts.filter((other) => other !== text) })
      }
      expect(search.faults).toEqual([])
    }
  })
})
