import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { SignInLimits } from './sign-in-limits.ts'

const HERE = '192.0.2.7'

function limits() {
  const clock = new FakeClock()
  const all = new SignInLimits(clock)
  const waitOf = (account: string, address: string | null = HERE): number => {
    try {
      all.begin(account, address).takeBack()
      return 0
    } catch (error) {
      return (error as { members: { retry_after_ms: number } }).members.retry_after_ms
    }
  }
  const wrong = (account: string, times: number, address: string | null = HERE) => {
    for (let index = 0; index < times; index++) all.begin(account, address).failed()
  }
  return { clock, all, waitOf, wrong }
}

describe('SignInLimits', () => {
  test('lets five wrong attempts pass, then waits twice as long each time, up to a quarter of an hour', () => {
    const { clock, all, waitOf, wrong } = limits()
    wrong('ada', 5)
    const waits: number[] = []
    for (let index = 0; index < 9; index++) {
      const wait = waitOf('ada')
      waits.push(wait / 1000)
      if (wait === 0) break
      expect(() => all.begin('ada', HERE)).toThrow(expect.objectContaining({ code: 'rate_limited' }))
      clock.advance(wait)
      if (wait < 900_000) wrong('ada', 1)
    }
    expect(waits.slice(0, 6)).toEqual([15, 30, 60, 120, 240, 480])
    expect(Math.max(...waits)).toBe(900)
    expect(waitOf('ada')).toBe(0)
  })

  test('counts many at once as wrong until one of them is right', () => {
    const { all, waitOf } = limits()
    const attempts = Array.from({ length: 5 }, () => all.begin('ada', HERE))
    expect(waitOf('ada')).toBeGreaterThan(0)
    attempts[0]?.succeeded()
    expect(waitOf('ada')).toBe(0)
  })

  test('counts nothing on the address of a firm whose people all come in at once', () => {
    const { all, waitOf } = limits()
    const attempts = Array.from({ length: 500 }, (_, index) => all.begin(`a${index}`, HERE))
    expect(waitOf('somebody')).toBe(0)
    for (const attempt of attempts) attempt.failed()
    expect(waitOf('somebody')).toBeGreaterThan(0)
  })

  test('keeps nobody out who came in from their address before', () => {
    const { all, waitOf, wrong } = limits()
    all.begin('ada', HERE).succeeded()
    wrong('ada', 5, '203.0.113.9')
    expect(waitOf('ada', '203.0.113.9')).toBeGreaterThan(0)
    expect(waitOf('ada', HERE)).toBe(0)
    wrong('ada', 5, HERE)
    expect(waitOf('ada', HERE)).toBeGreaterThan(0)
  })

  test('counts addresses too, an IPv6 network as one', () => {
    const { waitOf, wrong } = limits()
    for (let index = 0; index < 50; index++) wrong(`a${index}`, 1, `2001:db8:1:2::${index.toString(16)}`)
    expect(waitOf('somebody', '2001:db8:1:2:ffff::1')).toBeGreaterThan(0)
    expect(waitOf('somebody', '2001:db8:1:3::1')).toBe(0)
    for (let index = 0; index < 50; index++) wrong(`b${index}`, 1, `2001:db9::${index.toString(16)}`)
    expect(waitOf('somebody', '2001:db9:0:0:ffff::1')).toBeGreaterThan(0)
    expect(waitOf('somebody', '2001:db9:0:1::1')).toBe(0)
    expect(waitOf('somebody', null)).toBe(0)
  })

  test('slows everybody down who is new while somebody goes through a list', () => {
    const { all, waitOf, wrong } = limits()
    all.begin('ada', HERE).succeeded()
    for (let index = 0; index < 1_000; index++) wrong(`a${index}`, 1, `198.51.${index >> 8}.${index & 255}`)
    expect(waitOf('bo', '192.0.2.8')).toBeGreaterThan(0)
    expect(waitOf('ada', HERE)).toBe(0)
  })

  test('remembers a bounded number', () => {
    const { all } = limits()
    const addressOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    for (let index = 0; index < 30_000; index++) all.begin(`a${index}`, addressOf(index)).succeeded()
    expect(all.size).toBe(20_000)
    // Begun and not ended: each counts as wrong.
    for (let index = 0; index < 30_000; index++) all.begin(`b${index}`, addressOf(index))
    expect(all.size).toBe(40_000)
  })
})
