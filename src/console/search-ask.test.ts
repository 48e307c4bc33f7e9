import { describe, expect, test } from 'bun:test'
import { filtersSet, isTurned, NO_FILTERS, type SearchAsk, type SearchFilters, searchAsk } from './search-ask.ts'

const day = (text: string) => new Date(`${text}T00:00`).toISOString()

describe('a search', () => {
  const cases: [what: string, words: string, filters: Partial<SearchFilters>, ask: SearchAsk | null][] = [
    ['of nothing is none', '  ', {}, null],
    ['of a half written day is none', '', { firstDay: '2026-1', lastDay: '' }, null],
    ['of words', ' parcel ', {}, { q: 'parcel' }],
    ['of a kind alone', '', { kind: 'order' }, { kind: 'order' }],
    [
      'of everything',
      'x',
      { direction: 'out', kind: 'text', number: '1', person: ' Ada ' },
      { q: 'x', direction: 'out', kind: 'text', number: '1', person: 'Ada' },
    ],
    [
      'of days has both of them whole',
      '',
      { firstDay: '2026-02-27', lastDay: '2026-02-28' },
      { from: day('2026-02-27'), to: day('2026-03-01') },
    ],
  ]
  test.each(cases)('%s', (_what, words, filters, ask) => {
    expect(searchAsk(words, null, { ...NO_FILTERS, ...filters })).toEqual(ask)
  })

  test('in a conversation names it, but a conversation alone is no search', () => {
    expect(searchAsk('x', 'cnv_1', NO_FILTERS)).toEqual({ q: 'x', conversation_id: 'cnv_1' })
    expect(searchAsk('', 'cnv_1', NO_FILTERS)).toBeNull()
  })
})

test('filters are counted where they narrow something down', () => {
  expect(filtersSet(NO_FILTERS)).toBe(0)
  expect(filtersSet({ ...NO_FILTERS, person: ' ', kind: 'text', direction: 'in' })).toBe(2)
})

test('a last day before the first is said, the same day is one', () => {
  expect(isTurned({ ...NO_FILTERS, firstDay: '2026-02-02', lastDay: '2026-02-01' })).toBe(true)
  expect(isTurned({ ...NO_FILTERS, firstDay: '2026-02-02', lastDay: '2026-02-02' })).toBe(false)
  expect(isTurned({ ...NO_FILTERS, lastDay: '2026-02-02' })).toBe(false)
})
