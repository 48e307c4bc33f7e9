import { expect, test } from 'bun:test'
import { testSeed } from '../test-seed.ts'
import { brokenCallFault } from './broken-calls.ts'
import { crashText } from './crash-report.ts'
import { type Fault, runCrashes, wrongOf } from './crash-run.ts'
import { lockFault } from './machine-faults.ts'
import { pauseFault, stopFault, threadFault } from './process-faults.ts'
import { STRACE } from './under.ts'

/* Short forms of what scripts/faults does at length. */

const TEST_MS_MAX = 120_000

async function strike(faults: readonly Fault[]): Promise<void> {
  const seed = testSeed()
  const report = await runCrashes({ seed, perPoint: 0, random: 0, faults, mayFail: true })
  const text = crashText(report)
  expect(wrongOf(report), text).toEqual([])
  expect(report.messagesIn, text).toBeGreaterThan(60)
}

test(
  'a house that is asked to end, stopped, kept from its records, or whose threads die or hang, loses nothing',
  () =>
    strike([
      stopFault(false),
      stopFault(true),
      pauseFault(1500),
      lockFault('records', 'writing', 1),
      threadFault('book.after_commit', 'throw', 'book'),
      threadFault('journal.before_commit', 'hang', 'journal'),
    ]),
  TEST_MS_MAX,
)

test.skipIf(STRACE === null)(
  'a call of the kernel that fails, or in which the process dies, loses nothing (needs strace)',
  () =>
    strike([
      brokenCallFault({ call: 'fsync', harm: 'kill', nth: 12, lasting: false }),
      brokenCallFault({ call: 'fsync', harm: 'EIO', nth: 20, lasting: true }),
      brokenCallFault({ call: 'pwrite64', harm: 'EIO', nth: 90, lasting: false }),
      brokenCallFault({ call: 'pwrite64', harm: 'ENOSPC', nth: 100, lasting: false }),
    ]),
  TEST_MS_MAX,
)
