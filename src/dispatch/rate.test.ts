import { describe, expect, test } from 'bun:test'
import { CATCH_UP_MS, LearnedRate, Pace, paceMs } from './rate.ts'

describe('LearnedRate', () => {
  test('starts at the ceiling, or at the default of the platform where none is set', () => {
    expect(new LearnedRate(1_000, 0).limitAt(0)).toBe(1_000)
    expect(new LearnedRate(20, 0).limitAt(0)).toBe(20)
    expect(new LearnedRate(null, 0).limitAt(0)).toBe(80)
    expect(() => new LearnedRate(0, 0)).toThrow()
  })

  test('falls to seven tenths and comes back by a twentieth of the ceiling every ten seconds', () => {
    const rate = new LearnedRate(80, 0)
    rate.throttled(1_000, 1_000)
    const seen = [1_000, 10_999, 11_000, 21_000, 61_000, 71_000, 500_000].map((atMs) => rate.limitAt(atMs))
    expect(seen).toEqual([56, 56, 60, 64, 80, 80, 80])
  })

  test('is cut once for what left before the cut, and again for what left after', () => {
    const rate = new LearnedRate(80, 0)
    rate.throttled(900, 1_000)
    rate.throttled(950, 1_010)
    expect(rate.limitAt(1_010)).toBe(56)
    rate.throttled(1_020, 1_100)
    expect(rate.limitAt(1_100)).toBe(39)
  })

  test('never falls below one message per second', () => {
    const rate = new LearnedRate(2, 0)
    for (let atMs = 0; atMs < 100; atMs++) rate.throttled(atMs, atMs)
    expect(rate.limitAt(100)).toBe(1)
  })

  test('a new ceiling lowers what is above it and keeps what was learned below', () => {
    const rate = new LearnedRate(80, 0)
    rate.setCeiling(40, 0)
    expect(rate.limitAt(0)).toBe(40)
    rate.setCeiling(100, 0)
    expect(rate.limitAt(0)).toBe(100)
    rate.throttled(1, 1)
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

  test('a number that had nothing to send saves nothing up', () => {
    const pace = new Pace()
    pace.take(0, 0, 80)
    pace.take(5_000, 5_000, 80)
    expect(pace.readyAtMs).toBe(5_012.75)
  })
})
