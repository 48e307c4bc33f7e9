import { afterEach, describe, expect, test } from 'bun:test'
import { showId } from '../core/ids.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { queued, textItem } from '../testing/test-items.ts'
import { seeing } from './page.ts'
import { queueMessage } from './queue-message.ts'
import { actOn, BORIS, CHEN, closeAll, EVERYTHING, OWNER, openSearch, write } from './search.test-support.ts'
import { Searcher, type SearchPage, type SearchViewer } from './search.ts'

afterEach(closeAll)

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
    // What they took back is not to stay in the file either.
    expect(search.index.residueSinceMs()).toBe(search.house.clock.epochMs())
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
    const see = seeing(1, ({ conversationId }) => conversationId !== null && allowed.includes(conversationId))
    expect(search.found('parcel', { see, conversationIds: allowed })).toEqual(wanted)
    expect(search.found('parcel', { see, conversationIds: null })).toEqual(wanted)
    // A list that is out of date lets nothing through that may not be seen.
    expect(search.found('parcel', { see, conversationIds: ids })).toEqual(wanted)
    expect(search.found('parcel', { see, conversationIds: [] })).toEqual([])
  })

  test.each([
    ['few', [3, 40, 41, 170, 299]],
    ['few, of which the first look like many', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200, 299]],
    ['many', Array.from({ length: 150 }, (_, index) => index * 2)],
    ['none', []],
  ])('are the same whether what fits is gone through upwards or downwards: %s', async (_name, fitting) => {
    const search = await openSearch()
    const isFitting = new Set(fitting)
    // The two words stand in each, but follow each other in few.
    for (let index = 0; index < 300; index++)
      await write(search.house, isFitting.has(index) ? `red parcel ${index}` : `parcel red ${index}`)
    search.follow()
    const found: string[] = []
    let below: number | null = null
    do {
      const page = search.page({ q: '"red parcel"', limit: 50, below })
      found.push(...page.items.map(({ message }) => String((message['content'] as { text: string }).text)))
      below = page.next === null ? null : Number.parseInt(page.next, 36)
    } while (below !== null)
    expect(found).toEqual([...isFitting].reverse().map((index) => `red parcel ${index}`))
  })

  test('of a restricted viewer go on where the last one ended, by conversations and by numbers', async () => {
    const search = await openSearch()
    const people = Array.from({ length: 5 }, (_, index) => ({
      phone: `+4915100000${index}0`,
      userId: `DE.${index}`,
      name: 'P',
    }))
    for (let index = 0; index < 60; index++)
      await write(search.house, `red parcel ${index}`, { person: people[index % 5] ?? BORIS })
    search.follow()
    const rows = search.house.database.all<{ id: number; number_id: number }>(
      'SELECT id, number_id FROM conversations ORDER BY id',
    )
    const third = rows[2]?.id ?? 0
    const pagesOf = (viewer: SearchViewer) => {
      const found: string[] = []
      let below: number | null = null
      do {
        const page = search.page({ q: 'red parcel', limit: 4, below }, viewer)
        found.push(...page.items.map(({ message }) => String((message['content'] as { text: string }).text)))
        below = page.next === null ? null : Number.parseInt(page.next, 36)
      } while (below !== null)
      return found
    }
    const all = Array.from({ length: 60 }, (_, index) => 59 - index)
    const wanted = all.filter((index) => index % 5 === 2).map((index) => `red parcel ${index}`)
    expect(pagesOf({ see: OWNER.see, conversationIds: [third] })).toEqual(wanted)
    const numberIds = [rows[0]?.number_id ?? 0]
    expect(pagesOf({ see: OWNER.see, conversationIds: [], numberIds })).toEqual(
      all.map((index) => `red parcel ${index}`),
    )
    expect(pagesOf({ see: OWNER.see, conversationIds: [], numberIds: [99] })).toEqual([])
  })

  test('end early, and say so, where too much would have to be looked at', async () => {
    const search = await openSearch()
    for (let index = 0; index < 30; index++) await write(search.house, `parcel ${index}`)
    search.follow()
    // Each look at the clock takes a millisecond.
    const { clock } = search.house
    const slow = {
      epochMs: () => clock.epochMs(),
      monoMs: () => {
        clock.advance(1)
        return clock.monoMs()
      },
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
