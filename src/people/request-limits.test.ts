import { describe, expect, test } from 'bun:test'
import { Failure } from '../core/failure.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { RequestLimits } from './request-limits.ts'

function openLimits(requestsPerSecond = 10) {
  const clock = new FakeClock()
  let refused = 0
  const limits = new RequestLimits(
    clock,
    () => requestsPerSecond,
    () => refused++,
  )
  /** Asks so often at this moment; how many were let through. */
  const ask = (key: string, count: number) => {
    let taken = 0
    for (let index = 0; index < count; index++) {
      try {
        limits.take(key)
        taken += 1
      } catch {
        // Counted by what was not taken.
      }
    }
    return taken
  }
  return { clock, limits, ask, refusedCount: () => refused }
}

describe('a key', () => {
  test('may ask for four seconds’ worth at once, and then at its rate', () => {
    const { clock, ask, refusedCount } = openLimits(10)
    expect(ask('a', 100)).toBe(40)
    expect(refusedCount()).toBe(60)
    clock.advance(1000)
    expect(ask('a', 100)).toBe(10)
    clock.advance(99)
    expect(ask('a', 1)).toBe(0)
    clock.advance(1)
    expect(ask('a', 2)).toBe(1)
  })

  test('that keeps asking while it is refused is let through as soon as one that waits', () => {
    const { clock, ask } = openLimits(10)
    ask('a', 1000)
    let taken = 0
    for (let tick = 0; tick < 100; tick++) {
      clock.advance(50)
      taken += ask('a', 20)
    }
    expect(taken).toBe(50)
  })

  test('takes nothing from another', () => {
    const { ask } = openLimits(10)
    expect(ask('a', 1000)).toBe(40)
    expect(ask('b', 40)).toBe(40)
  })

  test('saves up no more than that, however long it was quiet', () => {
    const { clock, ask } = openLimits(10)
    clock.advance(3_600_000)
    expect(ask('a', 100)).toBe(40)
  })

  test('is told when to come again', () => {
    const { clock, limits, ask } = openLimits(10)
    ask('a', 40)
    let failure: unknown
    try {
      limits.take('a')
    } catch (error) {
      failure = error
    }
    expect(failure).toBeInstanceOf(Failure)
    expect(failure).toMatchObject({ code: 'rate_limited', members: { retry_after_ms: 100 } })
    clock.advance(100)
    expect(ask('a', 1)).toBe(1)
  })
})

test('keys that are used no more are forgotten, and the busy ones are not', () => {
  const { ask } = openLimits(1)
  for (let key = 0; key < 10_005; key++) {
    ask(`key ${key}`, 1)
    ask('busy', 1)
  }
  expect(ask('busy', 1)).toBe(0)
})
