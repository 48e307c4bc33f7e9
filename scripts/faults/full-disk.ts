/**
 * T05: the disk is full for a while, and is not: `bun scripts/faults/full-disk.ts [--rounds 5] [--seconds 5] [--seed N]`.
 * Needs root, to mount one in memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeSmallDisk } from '../../src/testing/crash/cut-disk.ts'
import { fullDiskFault } from '../../src/testing/crash/machine-faults.ts'
import { faultArguments, runFaults } from './with-faults.ts'

const given = faultArguments({ rounds: 5, seconds: 5 })
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-full-'))
const disk = await makeSmallDisk(folder, '120m')
process.on('exit', () => {
  Bun.spawnSync(['umount', disk.mount])
  rmSync(folder, { recursive: true, force: true })
})
const faults = Array.from({ length: given.number('rounds') }, () => fullDiskFault(disk, given.number('seconds')))
await runFaults({ ...given, houses: 1 }, faults, { disk })
