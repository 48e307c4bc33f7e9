/**
 * T11: the house is stopped (SIGSTOP) and let go on: `bun scripts/faults/pause.ts [--seconds 60] [--rounds 3] [--seed N]`.
 */
import { pauseFault } from '../../src/testing/crash/process-faults.ts'
import { faultArguments, runFaults } from './with-faults.ts'

const given = faultArguments({ seconds: 60, rounds: 3 })
const faults = Array.from({ length: given.number('rounds') }, () => pauseFault(given.number('seconds') * 1000))
await runFaults(given, faults)
