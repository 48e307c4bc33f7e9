/**
 * Cuts the power under the real program, under load, on a disk of its own, and checks that nothing that was promised is
 * gone: `bun scripts/faults/power-cut.ts --cuts 20 [--fs xfs|ext4] [--seed N]`. Needs root and xfsprogs. The disk is a file
 * with XFS or ext4, and the cut is the file system's shutdown, which throws away what was not synced. A control proves it: a writer that commits
 * without syncing (synchronous = NORMAL) has to lose rows on the same disk.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pause, systemClock } from '../../src/core/clock.ts'
import { Db } from '../../src/storage/database.ts'
import { crashText } from '../../src/testing/crash/crash-report.ts'
import { runCrashes, wrongOf } from '../../src/testing/crash/crash-run.ts'
import { type MountedDisk, makeDisk } from '../../src/testing/crash/cut-disk.ts'

const CONTROL_CUTS = 5
const CONTROL_MS = 700

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      cuts: { type: 'string', default: '20' },
      seed: { type: 'string' },
      control: { type: 'string' },
      fs: { type: 'string', default: 'xfs' },
    },
  })
  if (values.control !== undefined) return writeControl(values.control)
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-power-'))
  const disk = await makeDisk(folder, values.fs === 'ext4' ? 'ext4' : 'xfs')
  try {
    const lost = await runControl(disk)
    console.log(`control without sync on ${disk.kind}: ${lost} committed rows lost over ${CONTROL_CUTS} cuts`)
    const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
    const report = await runCrashes({ seed, perPoint: 0, random: Number(values.cuts), disk })
    console.log(crashText(report))
    if (lost === 0) console.log('WRONG: the control lost nothing, so this run proves nothing')
    return lost > 0 && wrongOf(report).length === 0 ? 0 : 1
  } finally {
    await disk.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Rows that a writer without syncs had committed and that are gone after a cut. */
async function runControl(disk: MountedDisk): Promise<number> {
  let lost = 0
  for (let cut = 0; cut < CONTROL_CUTS; cut++) {
    const path = join(disk.mount, `control-${cut}.db`)
    const writer = Bun.spawn([process.execPath, import.meta.path, '--control', path], {
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const said = new Response(writer.stdout).text()
    await pause(systemClock, CONTROL_MS)
    await disk.cut()
    writer.kill('SIGKILL')
    await writer.exited
    await disk.comeBack()
    const committed = Number((await said).trim().split('\n').at(-1))
    lost += committed - countOf(path)
  }
  return lost
}

function countOf(path: string): number {
  try {
    const database = new Db(path)
    const count = database.one<{ count: number }>('SELECT count(*) AS count FROM entries')?.count ?? 0
    database.close()
    return count
  } catch {
    // Not even the table has survived.
    return 0
  }
}

function writeControl(path: string): number {
  const database = new Db(path, { synchronous: 'NORMAL' })
  database.script('CREATE TABLE entries (id INTEGER PRIMARY KEY) STRICT')
  for (let id = 1; ; id++) {
    database.run('INSERT INTO entries (id) VALUES (?1)', id)
    process.stdout.write(`${id}\n`)
  }
}

process.exit(await main())
