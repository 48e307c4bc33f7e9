/**
 * Takes backups of a house under load and restores each: from itself alone, and with the journal as it was shipped until
 * then. Everything that was acknowledged has to be there, once.
 *
 *   bun scripts/faults/backup-loop.ts [--rounds 20] [--pause 5]
 */
import { parseArgs } from 'node:util'
import { backupLoop } from '../../src/testing/backup-loop.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, pause: { type: 'string', default: '5' } },
})
const result = await backupLoop({
  rounds: Number(values.rounds),
  pauseMs: Number(values.pause) * 1000,
  say: (line) => console.log(line),
})
console.log(JSON.stringify(result, null, 2))
const { lost, doubled, phantom, damaged } = result
process.exit(lost + doubled + phantom + damaged === 0 ? 0 : 1)
