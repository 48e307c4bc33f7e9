/**
 * T07: another program holds the records, the journal or the vault in a transaction that writes, or reads:
 * `bun scripts/faults/lock.ts [--longest 30] [--seed N]`.
 */
import { lockFault } from '../../src/testing/crash/machine-faults.ts'
import { faultArguments, runFaults } from './with-faults.ts'

const given = faultArguments({ longest: 30 })
const faults = [1, 5, 30]
  .filter((seconds) => seconds <= given.number('longest'))
  .flatMap((seconds) => [
    lockFault('records', 'writing', seconds),
    lockFault('journal', 'writing', seconds),
    lockFault('vault', 'writing', seconds),
    lockFault('records', 'reading', seconds),
    lockFault('journal', 'reading', seconds),
  ])
await runFaults(given, faults)
