/**
 * T30: a thread dies or runs in circles, under load: `bun scripts/faults/hang.ts [--rounds 5] [--seed N]`.
 */
import { threadFault } from '../../src/testing/crash/process-faults.ts'
import { faultArguments, runFaults } from './with-faults.ts'

const given = faultArguments({ rounds: 5 })
const faults = Array.from({ length: given.number('rounds') }, () => [
  threadFault('journal.before_commit', 'hang', 'journal'),
  threadFault('journal.after_commit', 'throw', 'journal'),
  threadFault('book.before_commit', 'hang', 'book'),
  threadFault('book.between_commits', 'hang', 'book'),
  threadFault('book.after_commit', 'throw', 'book'),
  threadFault('journal.before_answers', 'hang', 'main'),
]).flat()
await runFaults(given, faults)
