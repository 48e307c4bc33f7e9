import { describe, expect, test } from 'bun:test'
import { Breaker } from './breaker.ts'

describe('Breaker', () => {
  test('opens after five failures in a row, twice as long after each failed probe, up to a bound', () => {
    const breaker = new Breaker(0)
    for (let index = 0; index < 4; index++) breaker.failed(index, index)
    expect(breaker.tripped).toBe(false)
    const openMs: number[] = []
    let nowMs = 5
    for (let index = 0; index < 7; index++) {
      breaker.failed(nowMs, nowMs)
      openMs.push(breaker.openUntilMs - nowMs)
      nowMs = breaker.openUntilMs
    }
    expect(openMs).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000])
    expect(breaker.opened).toBe(7)
  })

  test('one answer in between keeps it closed, one answer to a probe closes it', () => {
    const breaker = new Breaker(0)
    for (let index = 0; index < 12; index++) {
      if (index % 4 === 3) breaker.answered(index, index)
      else if (index < 8) breaker.failed(index, index)
    }
    expect(breaker.tripped).toBe(false)
    for (let index = 20; index < 25; index++) breaker.failed(index, index)
    expect(breaker.tripped).toBe(true)
    breaker.answered(10, 30)
    expect(breaker.tripped).toBe(true)
    breaker.answered(breaker.openUntilMs, breaker.openUntilMs + 50)
    expect(breaker.tripped).toBe(false)
    expect(breaker.openUntilMs).toBe(0)
  })

  test('opens when more than half of twenty fail, though never five in a row', () => {
    const breaker = new Breaker(0)
    for (let index = 0; index < 30 && !breaker.tripped; index++) {
      if (index % 3 === 0) breaker.answered(index, index)
      else breaker.failed(index, index)
      expect(breaker.opened).toBe(index >= 19 ? 1 : 0)
    }
    expect(breaker.opened).toBe(1)
  })

  test('failures of requests that left before it opened say nothing new', () => {
    const breaker = new Breaker(0)
    for (let index = 0; index < 5; index++) breaker.failed(0, 100)
    const untilMs = breaker.openUntilMs
    for (let index = 0; index < 50; index++) breaker.failed(50, 200)
    expect(breaker.openUntilMs).toBe(untilMs)
  })

  test('holds until the time the platform named, and a shorter one changes nothing', () => {
    const breaker = new Breaker(0)
    breaker.holdUntil(60_000, 0)
    breaker.holdUntil(30_000, 1)
    expect(breaker.openUntilMs).toBe(60_000)
    expect(breaker.opened).toBe(1)
  })
})
