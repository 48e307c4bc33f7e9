import { describe, expect, test } from 'bun:test'
import { isCarried, judge, nextLoad, type StepFigures, withinTarget } from './judge.ts'

function latencies(within: number, p99 = 5) {
  return { count: 1000, p50: 1, p99, p999: p99, max: p99, within }
}

/** A step that is carried with much to spare, but for what is said. */
function step(load: number, more: Partial<StepFigures> = {}): StepFigures {
  return {
    load,
    answer: latencies(1),
    screen: latencies(1),
    reply: latencies(1),
    refused: 0,
    unanswered: 0,
    socketsClosed: 0,
    applyLagMs: 0,
    diskMs: 1,
    limitUsed: 0.1,
    generatorLateMs: 1,
    cpu: { machine: 0.4, house: 0.2, generator: 0.1 },
    generatorBusiest: 0.2,
    residentBytes: 1,
    ...more,
  }
}

const busy = (machine: number) => ({ cpu: { machine, house: machine - 0.1, generator: 0.1 } })

describe('a storm', () => {
  test('has its ideal at the lowest load, its practical below 85 % of the processors, its breaking where it breaks', () => {
    const steps = [
      step(100),
      step(200, busy(0.6)),
      step(400, busy(0.85)),
      step(800, busy(0.9)),
      step(1600, { refused: 3 }),
    ]
    const { ideal, practical, breaking } = judge(steps)
    expect([ideal?.load, practical?.load, breaking?.load]).toEqual([100, 400, 1600])
  })

  test('looks at the loads and not at the order in which they were tried', () => {
    const steps = [step(100), step(800, { refused: 1 }), step(400), step(600, { unanswered: 1 })]
    const { practical, breaking } = judge(steps)
    expect([practical?.load, breaking?.load]).toEqual([400, 600])
  })

  test('counts nothing as practical that lies above what broke', () => {
    const { ideal, practical, breaking } = judge([step(100, { refused: 1 }), step(200)])
    expect([ideal, practical, breaking?.load]).toEqual([null, null, 100])
  })

  test('that was carried to the end has no breaking load, and nothing gave way', () => {
    expect(judge([step(100), step(200)])).toMatchObject({ breaking: null, gaveWay: null })
  })

  const broken: [name: string, more: Partial<StepFigures>][] = [
    ['fewer than 95 of 100 webhooks are answered in time', { answer: latencies(0.949) }],
    ['fewer than 95 of 100 messages are on a screen in time', { screen: latencies(0.949) }],
    ['fewer than 95 of 100 replies are taken in time', { reply: latencies(0.949) }],
    ['one is refused', { refused: 1 }],
    ['one has no answer', { unanswered: 1 }],
    ['a socket is closed', { socketsClosed: 1 }],
  ]
  test.each(broken)('breaks where %s', (_, more) => {
    expect(isCarried(step(100))).toBe(true)
    expect(isCarried(step(100, more))).toBe(false)
  })

  test('goes by the target that did worst', () => {
    expect(withinTarget(step(1, { answer: latencies(0.99), screen: latencies(0.97), reply: latencies(0.98) }))).toBe(
      0.97,
    )
  })

  const late = { answer: latencies(0.5), screen: latencies(0.5) }
  const causes: [cause: string, more: Partial<StepFigures>][] = [
    ['processor', { ...late, ...busy(0.99) }],
    ['disk', { ...late, diskMs: 50, applyLagMs: 900 }],
    ['apply lag', { refused: 20, applyLagMs: 520 }],
    ["a number's limit", { reply: latencies(0.2), limitUsed: 0.99, ...busy(0.99) }],
    ['sockets', { screen: latencies(0.4) }],
    ['sockets', { socketsClosed: 2 }],
    ['load generator', { ...late, generatorBusiest: 0.99, generatorLateMs: 200, ...busy(0.99) }],
    ['answers', { reply: latencies(0.4) }],
  ]
  test.each(causes)('says that it was the %s', (cause, more) => {
    expect(judge([step(100), step(200, more)]).gaveWay).toBe(cause as never)
  })
})

describe('the next load', () => {
  const bounds = { first: 100, last: 20_000, finer: 3 }

  /** The loads that are tried on a machine that carries so many. */
  function climb(carries: number, given = bounds): number[] {
    const steps: StepFigures[] = []
    for (;;) {
      const load = nextLoad(steps, given)
      if (load === null) return steps.map((one) => one.load)
      steps.push(step(load, load > carries ? { refused: 1 } : {}))
    }
  }

  test('doubles until one breaks, then halves what is between', () => {
    expect(climb(1000)).toEqual([100, 200, 400, 800, 1600, 1200, 1000, 1100])
    expect(climb(1000, { ...bounds, finer: 1 })).toEqual([100, 200, 400, 800, 1600, 1200])
  })

  test('ends at the highest that was asked for', () => {
    expect(climb(100_000, { ...bounds, last: 500 })).toEqual([100, 200, 400, 500])
  })

  test('goes down from a first load that is too much', () => {
    expect(climb(30)).toEqual([100, 50, 25, 38])
    expect(climb(30, { ...bounds, finer: 1 })).toEqual([100, 50])
    expect(climb(1)).toEqual([100, 50, 25, 13])
  })

  test.each([150, 399, 401, 5_000, 19_999])('never ends without an end, on a machine that carries %d', (carries) => {
    const loads = climb(carries)
    expect(loads.length).toBeLessThan(14)
    expect(new Set(loads).size).toBe(loads.length)
  })
})
