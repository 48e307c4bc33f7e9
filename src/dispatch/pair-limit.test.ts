import { describe, expect, test } from 'bun:test'
import { PairLimit } from './pair-limit.ts'

/** Sends as soon as the limit allows, each answered at once; the times. */
function sendAll(pairs: PairLimit, count: number): number[] {
  const times: number[] = []
  let nowMs = 0
  for (let index = 0; index < count; index++) {
    nowMs = Math.max(nowMs, pairs.readyAtMs(7))
    pairs.charge(7, nowMs)
    pairs.arrived(7, nowMs)
    times.push(nowMs)
  }
  return times
}

describe('PairLimit', () => {
  test('lets 45 go in a burst, then one every six seconds', () => {
    const times = sendAll(new PairLimit(10), 49)
    expect(times.slice(0, 45).every((atMs) => atMs === 0)).toBe(true)
    expect(times.slice(45)).toEqual([6_000, 12_000, 18_000, 24_000])
  })

  test('a message that arrived late counts from its arrival', () => {
    const pairs = new PairLimit(10)
    sendAll(pairs, 45)
    pairs.charge(7, 6_000)
    expect(pairs.readyAtMs(7)).toBe(12_000)
    pairs.arrived(7, 280_000)
    expect(pairs.readyAtMs(7)).toBe(280_000 + 6_000 - 44 * 6_000)
  })

  test('a message that never arrived counts for nothing', () => {
    const pairs = new PairLimit(10)
    sendAll(pairs, 44)
    pairs.charge(7, 0)
    expect(pairs.readyAtMs(7)).toBe(6_000)
    pairs.refund(7)
    expect(pairs.readyAtMs(7)).toBe(0)
  })

  test('refused by the platform it is parked for 4^n seconds, until a message is taken again', () => {
    const pairs = new PairLimit(10)
    const parked: number[] = []
    let nowMs = 0
    for (let index = 0; index < 9; index++) {
      pairs.refused(7, 0, nowMs)
      parked.push((pairs.readyAtMs(7) - nowMs) / 1_000)
      nowMs = pairs.readyAtMs(7)
    }
    expect(parked).toEqual([1, 4, 16, 64, 256, 1_024, 4_096, 4_096, 4_096])
    pairs.charge(7, nowMs)
    pairs.arrived(7, nowMs)
    expect(pairs.readyAtMs(7)).toBe(nowMs + 6_000)
    pairs.refused(7, 0, nowMs)
    expect(pairs.readyAtMs(7)).toBe(nowMs + 1_000)
  })

  test('waits longer than 4^n seconds if the platform asks for it', () => {
    const pairs = new PairLimit(10)
    pairs.refused(7, 90_000, 0)
    expect(pairs.readyAtMs(7)).toBe(90_000)
  })

  test('forgets at once what no longer limits, whoever is parked beside it', () => {
    const pairs = new PairLimit(20_000)
    pairs.refused(0, 10_000_000, 0)
    for (let index = 1; index <= 10_000; index++) pairs.charge(index, index * 10)
    expect(pairs.size).toBeLessThan(1_300)
    expect(pairs.readyAtMs(0)).toBe(10_000_000)
    expect(pairs.forgotten).toBe(0)
  })

  test('never remembers more than its bound, and counts what it had to forget', () => {
    const pairs = new PairLimit(100)
    for (let index = 0; index < 1_000; index++) pairs.charge(index, 0)
    expect(pairs.size).toBeLessThanOrEqual(100)
    expect(pairs.forgotten).toBeGreaterThan(0)
  })
})
