import { describe, expect, test } from 'bun:test'
import { CATCH_UP_MS, LearnedRate, Pace, paceMs } from './rate.ts'

describe('LearnedRate', () => {
  test('starts at the ceiling, or at the default of the platform where none is set', () => {
    expect(new LearnedRate(1_000).limitAt(0)).toBe(1_000)
    expect(new LearnedRate(20).limitAt(0)).toBe(20)
    expect(new LearnedRate(null).limitAt(0)).toBe(80)
    expect(() => new LearnedRate(0)).toThrow()
  })

  test('falls to what fitted, and comes back by one, two, four … after 20 s and then every ten', () => {
    const rate = new LearnedRate(80)
    rate.throttled(1_000, 60, 1_000)
    const seen = [1_000, 20_999, 21_000, 31_000, 41_000, 51_000, 61_000].map((atMs) => rate.limitAt(atMs))
    expect(seen).toEqual([60, 60, 61, 63, 67, 75, 80])
  })

  test('falls to seven tenths at most, and by a place at least', () => {
    for (const [ceiling, fitted, expected] of [
      [80, 3, 56],
      [80, 79, 79],
      [80, 80, 79],
      [80, 95, 79],
      [20, 30, 19],
      [1_000, 1_000, 992],
      [2, 0, 1],
    ] as const) {
      const rate = new LearnedRate(ceiling)
      rate.throttled(0, fitted, 100)
      expect({ ceiling, fitted, limit: rate.limitAt(100) }).toEqual({ ceiling, fitted, limit: expected })
    }
  })

  test('is cut once for what left before the cut, and again for what left after', () => {
    const rate = new LearnedRate(80)
    rate.throttled(900, 0, 1_000)
    rate.throttled(950, 0, 1_010)
    expect(rate.limitAt(1_010)).toBe(56)
    rate.throttled(1_020, 0, 1_100)
    expect(rate.limitAt(1_100)).toBe(39)
  })

  test('is cut once a second for what inbound explains', () => {
    const rate = new LearnedRate(80)
    for (let atMs = 0; atMs < 2_000; atMs += 100) rate.throttled(atMs, 100, atMs + 50)
    expect(rate.limitAt(2_000)).toBe(78)
  })

  test('never falls below one message per second', () => {
    const rate = new LearnedRate(2)
    for (let atMs = 0; atMs < 100; atMs++) rate.throttled(atMs, 0, atMs)
    expect(rate.limitAt(100)).toBe(1)
  })

  test('a new ceiling lowers what is above it and keeps what was learned below', () => {
    const rate = new LearnedRate(80)
    rate.setCeiling(40, 0)
    expect(rate.limitAt(0)).toBe(40)
    rate.setCeiling(100, 0)
    expect(rate.limitAt(0)).toBe(100)
    rate.throttled(1, 0, 1)
    rate.setCeiling(1_000, 2)
    expect(rate.limitAt(2)).toBe(70)
  })
})

describe('Pace', () => {
  test('spaces departures evenly, two hundredths below the limit', () => {
    const pace = new Pace()
    pace.take(0, 0, 80)
    expect(pace.readyAtMs).toBe(12.75)
    expect(paceMs(80) * 80).toBe(1_020)
  })

  test('a late sender catches up at most a tenth of a second', () => {
    const pace = new Pace()
    pace.take(0, 0, 80)
    pace.take(5_000, 0, 80)
    expect(pace.readyAtMs).toBe(5_000 - CATCH_UP_MS + 12.75)
  })

  test('gives way to what arrives late, as much in all and a place at a time, once until it had nothing to send', () => {
    const pace = new Pace()
    const take = (atMs: number, lateMs: number) => {
      pace.take(atMs, 0, 80)
      pace.slip(lateMs, 80)
      return pace.readyAtMs - atMs
    }
    let atMs = 0
    const spaces: number[] = []
    for (let index = 0; index < 5; index++) {
      const spaceMs = take(atMs, 30)
      spaces.push(spaceMs)
      atMs += spaceMs
    }
    expect(spaces).toEqual([25.5, 25.5, 17.25, 12.75, 12.75])
    expect(take(atMs + 5_000, 30)).toBe(25.5 - 100)
  })

  test('a number that had nothing to send saves nothing up', () => {
    const pace = new Pace()
    pace.take(0, 0, 80)
    pace.take(5_000, 5_000, 80)
    expect(pace.readyAtMs).toBe(5_012.75)
  })
})
