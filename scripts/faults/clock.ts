/**
 * T10: the wall clock is set forth and back, stepped every second, and set to 2038: `bun scripts/faults/clock.ts [--seed N]`.
 * Needs `apt-get install libfaketime`.
 */
import { systemClock } from '../../src/core/clock.ts'
import { clockFault } from '../../src/testing/crash/machine-faults.ts'
import { FAKETIME } from '../../src/testing/crash/under.ts'
import { faultArguments, requireTool, runFaults } from './with-faults.ts'

requireTool(FAKETIME, 'libfaketime')
const given = faultArguments({ step: 2000 })
const stepMs = given.number('step')
const HOUR_S = 3600
const DAY_S = 86_400
/** Behind the last second of a 32-bit clock. */
const TO_2038_S = Math.round((Date.UTC(2038, 0, 20) - systemClock.epochMs()) / 1000)
await runFaults(given, [
  clockFault('+1 h and back', [HOUR_S, 0], stepMs),
  clockFault('-1 h and back', [-HOUR_S, 0], stepMs),
  clockFault(
    'stepped',
    Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 1 : -1) * (index + 1) * 10),
    1000,
  ),
  clockFault('-1 d and back', [-DAY_S, 0], stepMs),
  clockFault('+1 d and back', [DAY_S, 0], stepMs),
  clockFault('to 2038 and back', [TO_2038_S, 0], stepMs),
])
