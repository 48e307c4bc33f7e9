import { describe, expect, test } from 'bun:test'
import { HOUR_MS } from '../core/clock.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ClockTrust } from './clock-trust.ts'

function open(operatorTrusts = false) {
  const clock = new FakeClock()
  const trust = new ClockTrust(clock, { operatorTrusts })
  const dateAt = (apartMs: number) => new Date(clock.epochMs() + apartMs).toUTCString()
  return { clock, trust, dateAt }
}

describe('the wall clock', () => {
  test('is not believed before a platform has said the time', () => {
    const { trust } = open()
    expect(trust.isTrusted()).toBeFalse()
    trust.note(null)
    trust.note('yesterday')
    expect(trust.isTrusted()).toBeFalse()
  })

  test.each([
    [0, true],
    [4 * 60_000, true],
    [-4 * 60_000, true],
    [6 * 60_000, false],
    [-6 * 60_000, false],
    [-10 * 24 * HOUR_MS, false],
  ])('is believed where the platform is %d ms apart: %p', (apartMs, isTrusted) => {
    const { trust, dateAt } = open()
    trust.note(dateAt(apartMs))
    expect(trust.isTrusted()).toBe(isTrusted)
  })

  test('stays believed while it moves like the monotonic clock, however long', () => {
    const { clock, trust, dateAt } = open()
    trust.note(dateAt(0))
    clock.advance(30 * 24 * HOUR_MS)
    expect(trust.isTrusted()).toBeTrue()
  })

  test.each([20 * 24 * HOUR_MS, -20 * 24 * HOUR_MS])('is not believed after a jump of %d ms', (byMs) => {
    const { clock, trust, dateAt } = open()
    trust.note(dateAt(0))
    clock.advance(HOUR_MS)
    clock.jump(byMs)
    expect(trust.isTrusted()).toBeFalse()
    // The platform goes on saying the true time, and then the clock is set right.
    trust.note(dateAt(-byMs))
    expect(trust.isTrusted()).toBeFalse()
    clock.jump(-byMs)
    trust.note(dateAt(0))
    expect(trust.isTrusted()).toBeTrue()
  })

  test('is believed where the operator vouches for it', () => {
    const { trust, dateAt } = open(true)
    trust.note(dateAt(HOUR_MS))
    expect(trust.isTrusted()).toBeTrue()
  })

  test('is heard of in what a server answers', async () => {
    const { clock, trust } = open()
    const server = Bun.serve({
      port: 0,
      fetch: () => new Response('', { headers: { Date: new Date(clock.epochMs()).toUTCString() } }),
    })
    const response = await trust.fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST' })
    await server.stop(true)
    expect(response.status).toBe(200)
    expect(trust.isTrusted()).toBeTrue()
  })
})
