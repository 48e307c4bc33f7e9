import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { canonicalJson } from './canonical-json.ts'

describe('canonicalJson()', () => {
  test('is the same text in whatever order the members came, and another for another value', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled)
      if (typeof value !== 'object' || value === null) return value
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, member]) => [name, shuffled(member)]),
      )
    }
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(canonicalJson(shuffled(one))).toBe(canonicalJson(one))
        expect(JSON.parse(canonicalJson(one))).toEqual(JSON.parse(JSON.stringify(one)))
        const isSame = Bun.deepEquals(JSON.parse(canonicalJson(one)), JSON.parse(canonicalJson(other)), true)
        expect(canonicalJson(one) === canonicalJson(other)).toBe(isSame)
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})
