import { expect, setDefaultTimeout, test } from 'bun:test'
import { backupLoop } from './backup-loop.ts'

// A busy machine takes its time; the long form is scripts/faults/backup-loop.ts.
setDefaultTimeout(60_000)

test('backups that are taken under load restore to all that was acknowledged, with the shipped journal to the last second', async () => {
  const said: string[] = []
  const result = await backupLoop({ rounds: 1, pauseMs: 1_500, say: (line) => void said.push(line) })
  expect(result).toMatchObject({ rounds: 1, damaged: 0, lost: 0, doubled: 0, phantom: 0 })
  expect(result.compared).toBeGreaterThan(10)
  expect(said.length).toBe(1)
})
