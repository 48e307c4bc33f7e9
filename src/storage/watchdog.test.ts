import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { MainWatch, ownThread, watchThreads, workMsOfThread } from './watchdog.ts'

const THREAD = 7

/** A thread whose answers and whose work the test decides on. */
function watchOne() {
  const clock = new FakeClock()
  const state = { workMs: 0 as number | undefined, answers: true, beats: 0, hangs: [] as string[] }
  const stop = watchThreads(
    clock,
    [
      {
        name: 'book',
        ping: () => (state.answers ? Promise.resolve(THREAD) : new Promise<number>(() => {})),
        beat: () => {
          state.beats += 1
        },
        onHang: (error) => state.hangs.push(error.message),
      },
    ],
    () => state.workMs,
  )
  const settle = async () => {
    for (let turn = 0; turn < 3; turn++) await Promise.resolve()
  }
  const pass = async (seconds: number, workMs = 0) => {
    await settle()
    for (let second = 0; second < seconds; second++) {
      if (state.workMs !== undefined) state.workMs += workMs
      clock.advance(1000)
      await settle()
    }
  }
  return { state, pass, stop }
}

describe('a thread', () => {
  test('that answers is let be, however much it works', async () => {
    const { state, pass } = watchOne()
    await pass(600, 1000)
    expect(state.hangs).toEqual([])
    expect(state.beats).toBe(601)
  })

  test('that works and does not answer hangs, within ten seconds', async () => {
    const { state, pass } = watchOne()
    await pass(4)
    state.answers = false
    await pass(9, 1000)
    expect(state.hangs).toEqual(['The book thread hangs: it has not answered for 3 s, in which it has worked for 3 s'])
    await pass(600, 1000)
    expect(state.hangs).toHaveLength(1)
  })

  test('that waits for a slow disk does not hang for two minutes', async () => {
    const { state, pass } = watchOne()
    await pass(4)
    state.answers = false
    await pass(119)
    expect(state.hangs).toEqual([])
    await pass(3)
    expect(state.hangs).toHaveLength(1)
  })

  test('has half a minute where the system does not say how much it has worked', async () => {
    const { state, pass } = watchOne()
    state.workMs = undefined
    await pass(4)
    state.answers = false
    await pass(28)
    expect(state.hangs).toEqual([])
    await pass(4)
    expect(state.hangs).toHaveLength(1)
  })

  test('is not watched any more once that is over', async () => {
    const { state, pass, stop } = watchOne()
    state.answers = false
    stop()
    await pass(600, 1000)
    expect(state).toMatchObject({ hangs: [], beats: 1 })
  })
})

describe('the main thread', () => {
  function watchMain() {
    const clock = new FakeClock()
    const state = { workMs: 0, ends: 0 }
    const watch = new MainWatch(
      clock,
      () => {
        state.ends += 1
      },
      () => state.workMs,
    )
    const pass = (seconds: number, what: { beats: boolean; workMs: number }) => {
      for (let second = 0; second < seconds; second++) {
        if (what.beats) watch.beat()
        state.workMs += what.workMs
        clock.advance(1000)
      }
    }
    return { clock, state, watch, pass }
  }

  test('that beats may work as much as it likes', () => {
    const { state, pass } = watchMain()
    pass(600, { beats: true, workMs: 1000 })
    expect(state.ends).toBe(0)
  })

  test('that works for eight seconds without a beat is ended', () => {
    const { state, pass } = watchMain()
    pass(10, { beats: true, workMs: 1000 })
    pass(7, { beats: false, workMs: 1000 })
    expect(state.ends).toBe(0)
    pass(3, { beats: false, workMs: 1000 })
    expect(state.ends).toBe(1)
  })

  test('that is stopped or waits is let be', () => {
    const { state, pass } = watchMain()
    pass(10, { beats: true, workMs: 1000 })
    pass(600, { beats: false, workMs: 0 })
    expect(state.ends).toBe(0)
  })
})

test.skipIf(ownThread() === null)(
  'the kernel knows the thread that asks, and how long it has worked (needs /proc)',
  () => {
    const thread = ownThread() ?? 0
    const before = workMsOfThread(thread) ?? Number.NaN
    let sum = 0
    while ((workMsOfThread(thread) ?? 0) < before + 30) sum += 1
    expect(sum).toBeGreaterThan(0)
    expect(workMsOfThread(-1)).toBeUndefined()
  },
)
