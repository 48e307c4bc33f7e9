import { expect, setDefaultTimeout, test } from 'bun:test'
import { runPlatformFaults } from './platform-faults.ts'
import { runPlatformLimits } from './platform-limits.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(240_000)

test('whatever happens to requests and answers, nothing is lost, sent twice or stuck, and doubt is settled by its id', async () => {
  const seed = 20261122
  // Near a half of faults the breaker opens, and for up to a minute once its probes fail too: the long form has that.
  const report = await runPlatformFaults({ seed, messages: 160, faultShare: 0.25, settleMs: 100_000 })
  const { lost, doubled, stuck, wrong } = report
  expect({ seed, lost, doubled, stuck, wrong }).toEqual({ seed, lost: [], doubled: [], stuck: [], wrong: [] })
  expect(report.inDoubt).toBeGreaterThan(10)
  expect(report.settled).toBeGreaterThan(5)
  expect(Object.keys(report.faults).length).toBeGreaterThan(8)
})

test('a platform that takes less than was thought slows its number down, and neither its codes nor other numbers wait for long', async () => {
  const report = await runPlatformLimits({ allowed: 20, seconds: 4, retryAfterS: null })
  expect(report.doubled).toBe(0)
  expect(report.refused).toBeGreaterThan(0)
  expect(report.usedRatio).toBeGreaterThan(0.3)
  expect(report.urgentMsMax).toBeLessThan(10_000)
  expect(report.otherMsMax).toBeLessThan(10_000)
})
