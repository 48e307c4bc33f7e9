/**
 * T12: every sync takes 150 ms, 1 s, 5 s: `bun scripts/faults/slow-disk.ts [--seconds 20] [--longest 5000] [--seed N]`. Needs
 * root and strace.
 */
import { slowDiskFault } from '../../src/testing/crash/machine-faults.ts'
import { STRACE } from '../../src/testing/crash/under.ts'
import { faultArguments, requireTool, runFaults } from './with-faults.ts'

requireTool(STRACE, 'strace')
const given = faultArguments({ seconds: 20, longest: 5000 })
const faults = [150, 1000, 5000]
  .filter((syncMs) => syncMs <= given.number('longest'))
  .map((syncMs) => slowDiskFault(syncMs, given.number('seconds')))
await runFaults(given, faults)
