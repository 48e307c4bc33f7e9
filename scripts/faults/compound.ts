/**
 * T04: the power is cut under load, the next start is killed at its Nth call, the one after it meets a broken disk:
 * `bun scripts/faults/compound.ts [--rounds 30] [--seed N]`. Needs root, xfsprogs and strace.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDisk } from '../../src/testing/crash/cut-disk.ts'
import { compoundFault } from '../../src/testing/crash/machine-faults.ts'
import { STRACE } from '../../src/testing/crash/under.ts'
import { faultArguments, requireTool, runFaults } from './with-faults.ts'

requireTool(STRACE, 'strace')
const given = faultArguments({ rounds: 30 })
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-compound-'))
const disk = await makeDisk(folder, 'xfs')
process.on('exit', () => {
  Bun.spawnSync(['umount', disk.mount])
  rmSync(folder, { recursive: true, force: true })
})
const faults = Array.from({ length: given.number('rounds') }, (_, index) => compoundFault(disk, index + 1))
await runFaults({ ...given, houses: 1 }, faults, { disk })
