import { afterEach, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { must } from '../core/assert.ts'
import type { PersonReference } from '../core/inbound.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { actOn, BORIS, beside, CHEN, closeAll, closeNow, openSearch, write } from './search.test-support.ts'

afterEach(closeAll)

describe('the file', () => {
  const TEXT = 'Zwetschgenknödel for Donaudampfschiff 4711-ABCD 北京'

  test('holds neither the words nor their plain hashes', async () => {
    const search = await openSearch()
    await write(search.house, TEXT, { person: BORIS })
    search.follow()
    closeNow(search)
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

  test('finds the phrases among messages that have other pairs of the same term', async () => {
    const search = await openSearch()
    Object.assign(search.terms, { pair: () => 'aaaa' })
    const random = seededRandom(5)
    const wanted: string[] = []
    for (let index = 0; index < 300; index++) {
      const isWanted = random() < (index < 200 ? 0.05 : 0.9)
      const text = isWanted ? `red parcel ${index}` : `parcel red or ${index} green`
      await write(search.house, text)
      if (isWanted) wanted.unshift(text)
    }
    search.follow()
    const found: string[] = []
    for (let below: number | null = null; ; ) {
      const page = search.page({ q: '"red parcel"', limit: 7, below })
      found.push(...page.items.map(({ message }) => String((message['content'] as { text: string }).text)))
      if (page.next === null) break
      below = Number.parseInt(page.next, 36)
    }
    expect(found).toEqual(wanted)
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
    expect(search.feed.state()).toEqual({ behind: 0, missing: 43, share: 0 })
    search.feed.step(20)
    // The newest are found first.
    expect(search.found('parcel')).toEqual((before[0] ?? []).slice(0, 20))
    expect(search.feed.state()).toEqual({ behind: 0, missing: 23, share: 20 / 43 })
    // What comes meanwhile is not kept waiting by what is old.
    await write(search.house, 'parcel of today')
    search.feed.step(20)
    expect(search.found('parcel')[0]).toBe('parcel of today')
    search.follow()
    expect(search.feed.state()).toEqual({ behind: 0, missing: 0, share: 1 })
    expect(asks.map((q) => search.found(q).filter((text) => text !== 'parcel of today'))).toEqual(before)
  })

  test('is emptied where it was made of other records or other terms, and kept where it was not', async () => {
    const search = await openSearch()
    await write(search.house, 'parcel')
    search.follow()
    closeNow(search)
    const same = beside(search.house)
    expect(same.found('parcel')).toEqual(['parcel'])
    closeNow(same)
    const other = beside(search.house, 'another epoch')
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
    search.index.erase(
      { messageIds: [], contactIds: [contactId], terms: [search.terms.conversation(conversationId)] },
      1_000,
    )
    search.index.erase({ messageIds: [], contactIds: [], terms: [] }, 2_000)
    search.forgetKeyOf(person)
    expect(search.found('everybody')).toEqual(['zwetschgenknödel for everybody'])
    expect(search.found({ person: 'Boris' })).toEqual([])
    expect(search.index.residueSinceMs()).toBe(1_000)
    expect(search.holds(term)).toBe(true)
    for (let isFirst = true; !search.index.mergeStep(isFirst); isFirst = false);
    expect(search.index.residueSinceMs()).toBeNull()
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
