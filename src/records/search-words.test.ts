import { describe, expect, test } from 'bun:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { Document, searchableOf } from './search-document.ts'
import { DENSE, folded } from './search-letters.ts'
import { QUERY_CHARACTERS_MAX, QUERY_WORDS_MAX, readQuery } from './search-query.ts'
import { stemOf } from './search-stem.ts'
import { addParts, atomsOf, codesOf } from './search-words.ts'

describe('folded()', () => {
  test.each([
    ['PARCEL', 'parcel'],
    ['Straße', 'strasse'],
    ['ＡＢＣ１', 'abc1'],
    ['ﬁne', 'fine'],
    ['ΣΊΣΥΦΟΣ', 'σίσυφοσ'],
    ['σίσυφος', 'σίσυφοσ'],
    ['İstanbul', 'istanbul'],
    ['cafe\u0301', 'café'],
    ['ﾃﾞｰﾀ', 'データ'],
    ['한국', '한국'],
  ])('%j is %j', (text, wanted) => {
    expect(folded(text)).toBe(wanted)
  })
})

describe('stemOf() gives one stem to', () => {
  test.each([
    ['order', 'orders', 'ordered', 'ordering'],
    ['ship', 'ships', 'shipped', 'shipping'],
    ['box', 'boxes'],
    ['price', 'prices', 'pricing'],
    ['delivery', 'deliveries'],
    ['try', 'tries', 'tried'],
    ['invoice', 'invoices', 'invoiced'],
    ['bestellung', 'bestellungen'],
    ['paket', 'pakete', 'pakets', 'paketen'],
    ['kind', 'kinder', 'kindern', 'kindes'],
    ['haus', 'häuser', 'häusern', 'hause'],
    ['müller', 'muller', 'mueller'],
    ['größe', 'grösse', 'groesse', 'größen'],
    ['заказ', 'заказа', 'заказы', 'заказов', 'заказами'],
    ['доставка', 'доставки', 'доставку', 'доставкой'],
    ['новый', 'новая', 'новые', 'нового'],
    ['счёт', 'счет', 'счета'],
    ['café', 'cafe', 'cafes'],
    ['مُحَمَّد', 'محمد'],
    ['καφές', 'καφεσ'],
  ])('%j, %j …', (...words: unknown[]) => {
    expect(new Set(words.map((word) => stemOf(folded(String(word))))).size).toBe(1)
  })

  test.each([
    ['to', 'toe'],
    ['news', 'newt'],
    ['us', 'use'],
    ['bus', 'bu'],
    ['gh48213', 'gh4821'],
    ['paket', 'pakt'],
    ['он', 'она'],
  ])('different ones to %j and %j', (one, other) => {
    expect(stemOf(one)).not.toBe(stemOf(other))
  })
})

describe('atomsOf()', () => {
  const shown = (text: string) =>
    atomsOf(text, 100).map(({ norm, isGlued, start, end }) => `${isGlued ? '+' : ''}${norm}:${text.slice(start, end)}`)

  test.each([
    ['Hello, World', ['hello:Hello', 'world:World']],
    ['北京大学', ['北:北', '+京:京', '+大:大', '+学:学']],
    ['北京 大学', ['北:北', '+京:京', '大:大', '+学:学']],
    ['iPhone手机', ['iphone:iPhone', '手:手', '+机:机']],
    ['々ー、。', ['々:々', '+ー:ー']],
    ['ค่ะ', ['ค่:ค่', '+ะ:ะ']],
    ['นำ', ['นํ:นำ', '+า:นำ']],
    ['한국', ['한:한', '+국:국']],
    ['한국'.normalize('NFD'), ['한:한국', '+국:한국'].map((one) => one.normalize('NFC'))],
    ['👍 — …', []],
    ["don't", ['don:don', 't:t']],
    ['½ ②', ['12:½', '2:②']],
  ])('of %j', (text, wanted) => {
    expect(shown(text).map((one) => one.normalize('NFC'))).toEqual(wanted)
  })

  test('ends at its bound', () => {
    expect(atomsOf('a b c d', 2)).toHaveLength(2)
    expect(atomsOf('北京大学', 3)).toHaveLength(3)
  })

  test('parts a text exactly where its scripts change', () => {
    const seed = 20
    const random = seededRandom(seed)
    const some = [...'abßÀ 가ᄀ\u1161か\u3099ｶﾞ漢𠀀🙂ภาษา\u0301\u200d-_.12３々ー・\ud800\udc00ြ①']
    const runs = new RegExp(`${DENSE}+|[[\\p{L}\\p{N}\\p{M}]--${DENSE}]+`, 'gv')
    for (let round = 0; round < 3_000; round++) {
      const text = Array.from({ length: 10 }, () => some[Math.floor(random() * some.length)]).join('')
      const wanted = [...text.matchAll(runs)].map((match) => match.index)
      const found = atomsOf(text, 100).filter(({ isCharacter, isGlued }) => !isCharacter || !isGlued)
      expect({ seed, text, starts: found.map(({ start }) => start) }).toEqual({ seed, text, starts: wanted })
    }
  })
})

describe('codesOf()', () => {
  test.each([
    ['nothing here', []],
    ['order 30-20418-B', ['3020418b', '3020418', '20418']],
    ['GH48213', ['gh48213']],
    ['a.b@example.com', ['abexamplecom']],
    ['+49 (151) 123-4567', ['491511234567', '1234567', '4567']],
    ['call 123', []],
    ['on 2026', ['2026']],
  ])('of %j', (text, wanted) => {
    expect([...new Set(codesOf(text).map(({ joined }) => joined))].sort()).toEqual([...wanted].sort())
  })

  test('takes no time for texts that are made to take it', () => {
    for (const text of [
      '1'.repeat(600_000),
      '1 '.repeat(300_000),
      'a.'.repeat(300_000),
      `${'a'.repeat(600_000)}@`,
      '((((('.repeat(120_000),
    ]) {
      const startedMs = performance.now()
      codesOf(`${text}@1`)
      // In proportion to its length it takes some milliseconds, even on a busy machine; by its square, minutes.
      expect(performance.now() - startedMs).toBeLessThan(10_000)
    }
  })
})

describe('addParts()', () => {
  test.each([
    ['48213', ['48213', '482', '4821', '8213']],
    ['anna', ['ann', 'anna']],
    ['li', ['li']],
    ['ab1', ['ab1']],
  ])('of %j', (joined, wanted) => {
    const parts = new Set<string>()
    addParts(parts, joined)
    expect([...parts].sort()).toEqual([...wanted].sort())
  })
})

describe('searchableOf()', () => {
  test('takes what a person can read, wherever it stands', () => {
    const found = searchableOf({
      attachments: [{ file_name: 'Invoice 7.pdf' }],
      content: {
        kind: 'contacts',
        text: 'Meet Ada',
        place: { name: 'Rathaus', address: 'Markt 1', latitude: 1 },
        people: [
          { name: 'Ada Lovelace', phones: ['+441234567'], emails: ['ada@example.com'], organization: 'Engines' },
        ],
        choice: { id: 'x', title: 'Yes', description: null },
        form: { name: 'f', answers: { size: 'XL', more: { colour: 'blue', count: 3, deep: true } } },
        order: { catalog_id: 'C1', items: [{ product_id: 'P7', quantity: 1 }] },
        referral: { headline: 'Sale', body: 'Only today' },
        product: { product_id: 'P8' },
      },
      template: { name: 'n', components: [{ type: 'body', parameters: [{ type: 'text', text: 'Grace' }] }] },
    })
    expect(found?.names).toEqual(['Ada Lovelace', 'Engines'])
    expect(found?.more).toEqual([
      ...['Invoice 7.pdf', 'Rathaus', 'Markt 1', 'Yes', 'Sale', 'Only today', 'P8', 'C1', 'P7', '+441234567'],
      ...['ada@example.com', 'XL', 'blue', '3', 'Grace'],
    ])
    const { loose } = new Document({ text: '', more: found?.more ?? [], names: found?.names ?? [] })
    for (const part of ['lov', 'lovel', 'ada', 'eng', '4567', 'adaexa'])
      expect({ part, is: loose.has(stemOf(part)) }).toEqual({ part, is: true })
  })

  test('is nothing where nothing is shown, and never throws', () => {
    for (const view of [{}, { content: null }, { content: [] }, { erased: true }, { content: { text: 'x' } }]) {
      expect(searchableOf(view)).toBeUndefined()
    }
    for (const content of [
      { kind: 'x', people: [null, 1], order: 'no', form: { answers: [[[[[[['x']]]]]]] }, place: [] },
    ]) {
      expect(searchableOf({ content, attachments: 'no', template: 7 })?.more).toEqual([])
    }
  })
})

describe('readQuery() refuses', () => {
  test.each([
    ['nothing', '', 'Nothing to search for'],
    ['what holds no word', ' "—" 👍 ', 'Nothing to search for'],
    ['too much text', 'a'.repeat(QUERY_CHARACTERS_MAX + 1), 'Too long'],
    ['too many words', 'a '.repeat(QUERY_WORDS_MAX + 1), 'Too many words'],
  ])('%s', (_what, text, message) => {
    expect(() => readQuery(text, '/q')).toThrow(message)
  })

  test('but takes a quote that is not closed, as long as it may be', () => {
    expect(readQuery('"on its way', '/q')).toHaveLength(1)
    expect(readQuery('a '.repeat(QUERY_WORDS_MAX), '/q')).toHaveLength(QUERY_WORDS_MAX)
    expect(readQuery('字'.repeat(4 * QUERY_WORDS_MAX), '/q')).toHaveLength(1)
  })
})
