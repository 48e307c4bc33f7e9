/**
 * Sends through a platform that loses answers, spoils them, invents them or refuses for its limits, and compares what
 * both sides know. Exit code 1 where anything was lost, sent twice or stuck.
 *
 *   bun scripts/faults/platform.ts [--messages 5000] [--seed 1] [--share 0.3] [--limits-only | --faults-only]
 */
import { parseArgs } from 'node:util'
import { runPlatformFaults } from '../../src/testing/platform-faults.ts'
import { runPlatformLimits } from '../../src/testing/platform-limits.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    share: { type: 'string', default: '0.3' },
    'limits-only': { type: 'boolean', default: false },
    'faults-only': { type: 'boolean', default: false },
  },
})
const SETTLE_MS = 600_000
let bad = 0

if (!values['limits-only']) {
  const report = await runPlatformFaults({
    seed: Number(values.seed),
    messages: Number(values.messages),
    faultShare: Number(values.share),
    settleMs: SETTLE_MS,
  })
  const { lost, doubled, stuck, wrong } = report
  bad += lost.length + doubled.length + stuck.length + wrong.length
  const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0)
  console.log(JSON.stringify(report, null, 2))
  console.log(
    `${values.messages} messages, ${faults} faults: lost ${lost.length}, sent twice ${doubled.length}, stuck ${stuck.length}, wrong ${wrong.length}; ` +
      `95 % bound of each ${((3 / faults) * 100).toFixed(2)} % a fault; in doubt ${report.inDoubt}, settled by a status ${report.settled}, p95 ${report.settledSecondsP95} s`,
  )
}
if (!values['faults-only']) {
  for (const retryAfterS of [null, 1]) {
    const report = await runPlatformLimits({ allowed: 20, seconds: 15, retryAfterS })
    bad += report.doubled
    console.log(`The platform takes 20 a second, Retry-After ${retryAfterS ?? 'absent'}: ${JSON.stringify(report)}`)
  }
}
process.exit(bad === 0 ? 0 : 1)
