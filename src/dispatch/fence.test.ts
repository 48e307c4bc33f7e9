import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { FENCE_WINDOW_MS, Fence } from './fence.ts'

describe('Fence', () => {
  test('lets through at most the limit in any window, and says exactly when there is a place', () => {
    const steps = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 40 }), (gaps, limit) => {
        const fence = new Fence()
        const sent: number[] = []
        let nowMs = 0
        for (const gapMs of gaps) {
          nowMs += gapMs
          const inWindow = sent.filter((atMs) => nowMs - atMs < FENCE_WINDOW_MS).length
          const waitMs = fence.charge(limit, nowMs)
          expect(waitMs > 0).toBe(inWindow >= limit)
          if (waitMs > 0) expect(waitMs).toBeCloseTo((sent[sent.length - limit] ?? 0) + FENCE_WINDOW_MS - nowMs, 6)
          else sent.push(nowMs)
        }
      }),
    )
  })

  test('asked again after the wait it named, it opens', () => {
    const fence = new Fence()
    expect(fence.charge(1, 0)).toBe(0)
    const waitMs = fence.charge(1, 400)
    expect(waitMs).toBe(FENCE_WINDOW_MS - 400)
    expect(fence.charge(1, 400 + waitMs)).toBe(0)
  })

  test('a lower limit holds at once, a higher one too', () => {
    const fence = new Fence()
    for (let index = 0; index < 10; index++) expect(fence.charge(10, index)).toBe(0)
    expect(fence.charge(5, 10)).toBe(5 + FENCE_WINDOW_MS - 10)
    expect(fence.charge(11, 10)).toBe(0)
  })

  test('counts what it could not refuse, and forgets it with the window', () => {
    const fence = new Fence()
    for (let index = 0; index < 100; index++) fence.record(0)
    expect(fence.count(0)).toBe(100)
    expect(fence.charge(80, 1)).toBeGreaterThan(0)
    expect(fence.count(FENCE_WINDOW_MS)).toBe(0)
    expect(fence.charge(80, FENCE_WINDOW_MS)).toBe(0)
  })

  test('what may be late on its way holds its place for as much longer, whatever left after it', () => {
    const fence = new Fence()
    expect(fence.charge(2, 0, 100)).toBe(0)
    expect(fence.charge(2, 10)).toBe(0)
    expect(fence.charge(2, 20)).toBe(10 + FENCE_WINDOW_MS - 20)
    expect(fence.charge(2, 10 + FENCE_WINDOW_MS)).toBe(0)
    expect(fence.charge(2, 20 + FENCE_WINDOW_MS)).toBe(80)
    expect(fence.count(99 + FENCE_WINDOW_MS)).toBe(2)
    expect(fence.count(100 + FENCE_WINDOW_MS)).toBe(1)
  })

  test('a clock that seems to go back does not open it', () => {
    const fence = new Fence()
    fence.charge(1, 5_000)
    expect(fence.charge(1, 1_000)).toBe(FENCE_WINDOW_MS)
  })
})
