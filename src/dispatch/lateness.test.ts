import { describe, expect, test } from 'bun:test'
import { Lateness } from './lateness.ts'

/** Takes so many requests under way: which of them have to open a connection. */
function leave(lateness: Lateness, count: number, nowMs: number): boolean[] {
  return Array.from({ length: count }, () => {
    const opens = lateness.opensNext(nowMs)
    lateness.left(nowMs)
    return opens
  })
}

describe('Lateness', () => {
  test('a request opens a connection where all that are known are in use', () => {
    const lateness = new Lateness()
    expect(leave(lateness, 2, 0)).toEqual([true, true])
    lateness.ended(100)
    expect(leave(lateness, 2, 100)).toEqual([false, true])
  })

  test('connections that nobody has used for ten seconds count as closed, those in use do not', () => {
    const lateness = new Lateness()
    leave(lateness, 3, 0)
    lateness.ended(20_000)
    expect(leave(lateness, 2, 24_000)).toEqual([false, true])
    for (let index = 0; index < 4; index++) lateness.ended(24_000)
    expect(leave(lateness, 1, 28_999)).toEqual([false])
    expect(leave(lateness, 1, 60_000)).toEqual([true])
  })

  test('learns from the answers what opening costs, sooner that it costs more than that it costs less', () => {
    const lateness = new Lateness()
    expect(lateness.openingMs).toBe(150)
    for (let index = 0; index < 50; index++) {
      lateness.learn(200 + (index % 5), false)
      lateness.learn(280 + (index % 5), true)
    }
    expect(lateness.openingMs).toBeWithin(80, 90)
    for (let index = 0; index < 50; index++) lateness.learn(201, true)
    expect(lateness.openingMs).toBeLessThan(5)
    for (let index = 0; index < 4; index++) lateness.learn(1_000, true)
    expect(lateness.openingMs).toBeWithin(130, 151)
  })

  test('a process that came late is late for some seconds, beyond what is usual, within bounds', () => {
    const lateness = new Lateness()
    lateness.lagged(25, 0)
    expect(lateness.lagMs(0)).toBe(0)
    lateness.lagged(75, 10)
    expect(lateness.lagMs(2_000)).toBe(60)
    lateness.lagged(1e6, 2_000)
    expect(lateness.lagMs(2_000)).toBe(185)
    expect(lateness.lagMs(10_000)).toBe(0)
  })
})
