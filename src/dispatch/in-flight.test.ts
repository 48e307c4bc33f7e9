import { describe, expect, test } from 'bun:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { InFlight } from './in-flight.ts'

describe('InFlight', () => {
  test('learns about the 95th percentile of the answers', () => {
    const random = seededRandom(11)
    const inFlight = new InFlight()
    let sum = 0
    for (let index = 0; index < 6_000; index++) {
      inFlight.taken()
      inFlight.finished(100 + 200 * random())
      if (index >= 2_000) sum += inFlight.latencyMs
    }
    expect(inFlight.count).toBe(0)
    expect(sum / 4_000).toBeGreaterThan(260)
    expect(sum / 4_000).toBeLessThan(310)
  })

  test.each([
    ['a fast upstream at a low rate needs the least', 20, 30, 8],
    ['a slow upstream gets the most of its rate', 80, 20_000, 64],
    ['a fast number gets more', 1_000, 20_000, 800],
  ])('%s', (_, rate, answerMs, places) => {
    const inFlight = new InFlight()
    for (let index = 0; index < 3_000; index++) {
      inFlight.taken()
      inFlight.finished(answerMs)
    }
    expect(inFlight.placesMax(rate)).toBe(places)
  })
})
