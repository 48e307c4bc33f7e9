/**
 * T03: the Nth fsync and the Nth pwrite of each thread kills the process, fails with an I/O error or finds no space, once
 * or from then on: `bun scripts/faults/broken-calls.ts [--to 30] [--step 1] [--houses 2] [--seed N]`. Needs root and strace.
 */
import { brokenCallFault } from '../../src/testing/crash/broken-calls.ts'
import { STRACE } from '../../src/testing/crash/under.ts'
import { faultArguments, requireTool, runFaults } from './with-faults.ts'

requireTool(STRACE, 'strace')
const given = faultArguments({ from: 1, to: 30, step: 1 })
const faults = []
for (let nth = given.number('from'); nth <= given.number('to'); nth += given.number('step')) {
  for (const call of ['fsync', 'pwrite64'] as const) {
    faults.push(brokenCallFault({ call, nth, harm: 'kill', lasting: false }))
    for (const harm of ['EIO', 'ENOSPC'] as const) {
      for (const lasting of [false, true]) faults.push(brokenCallFault({ call, nth, harm, lasting }))
    }
  }
}
await runFaults(given, faults)
