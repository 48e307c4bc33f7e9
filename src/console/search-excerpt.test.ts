import { expect, test } from 'bun:test'
import { excerptOf } from './search-excerpt.ts'

const shown = (...args: Parameters<typeof excerptOf>) =>
  excerptOf(...args)
    .map(({ text, isHit }) => (isHit ? `[${text}]` : text))
    .join('')

const LONG = `${'word '.repeat(40)}needle ${'more '.repeat(60)}`

test.each<[string, string, [number, number][], string]>([
  ['a short text whole', 'Do you have it?', [[7, 11]], 'Do you [have] it?'],
  [
    'several places in any order',
    'aa bb cc',
    [
      [6, 8],
      [0, 2],
    ],
    '[aa] bb [cc]',
  ],
  ['no place at all', 'Hello', [], 'Hello'],
  [
    'places that make no sense',
    'Hello',
    [
      [-1, 2],
      [3, 3],
      [4, 99],
    ],
    'Hello',
  ],
  [
    'places that lie in each other',
    'Hello',
    [
      [0, 4],
      [1, 3],
    ],
    '[Hell]o',
  ],
])('an excerpt shows %s', (_, text, hits, expected) => {
  expect(shown(text, hits)).toBe(expected)
})

test('an excerpt of a long text begins with a whole word near the first place, and is bounded', () => {
  const at = LONG.indexOf('needle')
  const text = shown(LONG, [[at, at + 6]])
  expect(text).toMatch(/^… (word ){6,8}\[needle\] more /)
  expect(text.endsWith(' …')).toBe(true)
  expect(text.length).toBeLessThan(240)
})
