import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { DAY_MS, HOUR_MS } from './clock.ts'
import { RecordTime } from './record-time.ts'

/** Looks as the book does: each look is an input. */
function opened() {
  const clock = new FakeClock()
  const time = new RecordTime(clock)
  const look = () => {
    const nowMs = time.nowMs()
    time.note(nowMs)
    return nowMs
  }
  return { clock, time, look }
}

describe('RecordTime', () => {
  test('is the wall clock while nobody sets it', () => {
    const { clock, time, look } = opened()
    for (let count = 0; count < 100; count++) {
      clock.advance(7)
      expect(look()).toBe(clock.epochMs())
    }
    expect(time.aheadMs()).toBe(0)
  })

  test('follows the wall clock forth', () => {
    const { clock, look } = opened()
    look()
    clock.jump(DAY_MS)
    expect(look()).toBe(clock.epochMs())
  })

  test.each([HOUR_MS, DAY_MS])(
    'goes on by itself after the wall clock went back by %i ms, and is caught up',
    (jumpMs) => {
      const { clock, time, look } = opened()
      clock.jump(jumpMs)
      const beforeMs = look()
      clock.jump(-jumpMs)
      expect(look()).toBe(beforeMs)
      clock.advance(10_000)
      expect(look()).toBe(beforeMs + 5000)
      expect(time.aheadMs()).toBe(jumpMs - 5000)
      clock.advance(2 * jumpMs)
      expect(look()).toBe(clock.epochMs())
      expect(time.aheadMs()).toBe(0)
    },
  )

  test('does not stand still under inputs that come faster than its milliseconds', () => {
    const { clock, look } = opened()
    clock.jump(HOUR_MS)
    const beforeMs = look()
    clock.jump(-HOUR_MS)
    for (let count = 0; count < 10_000; count++) {
      clock.advance(0.1)
      look()
    }
    expect(look()).toBe(beforeMs + 500)
  })

  test('goes on from the last input of the process before', () => {
    const { clock, time } = opened()
    const lastMs = clock.epochMs() + HOUR_MS
    time.note(lastMs)
    clock.advance(60_000)
    expect(time.nowMs()).toBe(lastMs + 30_000)
  })

  test('never goes back, however often the clock is set', () => {
    const seed = 20_261_122
    const random = seededRandom(seed)
    const { clock, look } = opened()
    for (let count = 0, lastMs = 0; count < 10_000; count++) {
      if (random() < 0.2) clock.jump((random() - 0.5) * 2 * (random() < 0.5 ? 1000 : DAY_MS))
      clock.advance(random() * 5000)
      const nowMs = look()
      expect(nowMs, `seed ${seed}`).toBeGreaterThanOrEqual(lastMs)
      lastMs = nowMs
    }
  })

  const ahead: [name: string, aheadMs: number, inMs: number][] = [
    ['the wall clock leads', 0, 20_000],
    ['it is far ahead', HOUR_MS, 20_000],
    ['the wall clock catches up on the way', 4000, 20_000],
    ['the moment is now', HOUR_MS, 0],
  ]
  test.each(ahead)('says how long it takes to a moment, where %s', (_, aheadMs, inMs) => {
    const { clock, time } = opened()
    clock.jump(aheadMs)
    time.note(time.nowMs())
    clock.jump(-aheadMs)
    const atMs = time.nowMs() + inMs
    const waitMs = time.untilMs(atMs)
    clock.advance(waitMs)
    expect(time.nowMs()).toBe(atMs)
    expect(time.untilMs(atMs - 10)).toBeLessThan(0)
  })
})
