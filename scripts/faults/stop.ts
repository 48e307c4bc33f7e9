/**
 * T31: SIGTERM under load, and now and then a second one: `bun scripts/faults/stop.ts [--rounds 40] [--houses 2] [--seed N]`.
 */
import { stopFault } from '../../src/testing/crash/process-faults.ts'
import { faultArguments, runFaults } from './with-faults.ts'

/** One in so many is asked twice. */
const FORCED_EVERY = 4
const given = faultArguments({ rounds: 40 })
const faults = Array.from({ length: given.number('rounds') }, (_, index) => stopFault(index % FORCED_EVERY === 3))
await runFaults(given, faults)
