import { describe, expect, test } from 'bun:test'
import { Lateness } from './lateness.ts'

/** Takes so many requests under way. */
function leave(lateness: Lateness, count: number, nowMs: number): number[] {
  return Array.from({ length: count }, () => {
    const lateMs = lateness.ofNext(nowMs)
    lateness.left(nowMs)
    return lateMs
  })
}

describe('Lateness', () => {
  test('a request is later where every connection is in use, and none is after its answer', () => {
    const lateness = new Lateness()
    expect(leave(lateness, 2, 0)).toEqual([150, 150])
    lateness.ended(100)
    expect(leave(lateness, 2, 100)).toEqual([0, 150])
  })

  test('connections that nobody has used for ten seconds count as closed, those in use do not', () => {
    const lateness = new Lateness()
    leave(lateness, 3, 0)
    lateness.ended(20_000)
    expect(leave(lateness, 2, 24_000)).toEqual([0, 150])
    for (let index = 0; index < 4; index++) lateness.ended(24_000)
    expect(leave(lateness, 1, 28_999)).toEqual([0])
    expect(leave(lateness, 1, 60_000)).toEqual([150])
  })

  test('a process that came late is late for some seconds, beyond what the fence has room for, within bounds', () => {
    const lateness = new Lateness()
    leave(lateness, 1, 0)
    lateness.ended(0)
    lateness.lagged(15, 0)
    expect(lateness.ofNext(0)).toBe(0)
    lateness.lagged(75, 10)
    expect(lateness.ofNext(4_000)).toBe(60)
    lateness.lagged(1e6, 4_000)
    expect(lateness.ofNext(4_000)).toBe(185)
    expect(lateness.ofNext(20_000)).toBe(150)
  })
})
