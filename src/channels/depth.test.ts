import { describe, expect, test } from 'bun:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { DEPTH_MAX, depthExceeds } from './depth.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('depthExceeds()', () => {
  const cases: [name: string, text: string, exceeds: boolean][] = [
    ['an empty text', '', false],
    ['a plain value', '"text"', false],
    ['exactly the limit', nested(DEPTH_MAX), false],
    ['one more than the limit', nested(DEPTH_MAX + 1), true],
    ['objects and arrays in turn', '{"a":['.repeat(33) + ']}'.repeat(33), true],
    ['a long flat list', `[${'{},'.repeat(1000)}{}]`, false],
    ['brackets inside a string', `"${'['.repeat(500)}"`, false],
    ['brackets after an escaped quote', `"\\"${'['.repeat(500)}"`, false],
    ['brackets after a string that ends with a backslash', `["\\\\",${nested(DEPTH_MAX)}]`, true],
    ['brackets inside a name', `{"${'{'.repeat(500)}":1}`, false],
    ['a string without an end', `"${'['.repeat(500)}`, false],
    ['a backslash at the very end', '"\\', false],
    ['closing brackets first', `${']'.repeat(500)}${'['.repeat(DEPTH_MAX + 1)}`, true],
    ['multi-byte characters around', `["ü€😀",${nested(DEPTH_MAX)}]`, true],
  ]
  test.each(cases)('%s', (_name, text, exceeds) => {
    expect(depthExceeds(bytes(text), DEPTH_MAX)).toBe(exceeds)
  })

  test('counts as a parser does, for random values with random strings', () => {
    const seed = 20261122
    const random = seededRandom(seed)
    for (let round = 0; round < 2_000; round++) {
      const [value, depth] = randomValue(random, 12)
      const text = JSON.stringify(value)
      const found = [depthExceeds(bytes(text), depth - 1), depthExceeds(bytes(text), depth)]
      expect(found, `seed ${seed}, round ${round}`).toEqual([depth > 0, false])
    }
  })
})

const STRINGS = ['', '[', '{{', '"', '\\', '\\"[', ']}', 'ü"{', '\u0000[', '\ud800[']

/** A value and how deep it nests. */
function randomValue(random: () => number, depthMax: number): [value: unknown, depth: number] {
  const pick = () => STRINGS[Math.floor(random() * STRINGS.length)] ?? ''
  if (depthMax === 0 || random() < 0.3) return [random() < 0.8 ? pick() : null, 0]
  const members = Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, depthMax - 1))
  const depth = 1 + Math.max(0, ...members.map((member) => member[1]))
  if (random() < 0.5) return [members.map((member) => member[0]), depth]
  // Names are numbered, or equal ones would drop the deepest member.
  return [Object.fromEntries(members.map((member, index) => [`${index}${pick()}`, member[0]])), depth]
}
