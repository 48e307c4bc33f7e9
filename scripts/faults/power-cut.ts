/**
 * Cuts the power under the real program, under load, on a disk of its own, and checks that nothing that was promised is
 * gone: `bun scripts/faults/power-cut.ts --cuts 20 [--seed N]`. Needs root and xfsprogs. The disk is a file with XFS,
 * and the cut is XFS's shutdown, which throws away what was not synced. A control proves it: a writer that commits
 * without syncing (synchronous = NORMAL) has to lose rows on the same disk.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pause, systemClock } from '../../src/core/clock.ts'
import { Db } from '../../src/storage/database.ts'
import { crashText } from '../../src/testing/crash/crash-report.ts'
import { type CutDisk, runCrashes, wrongOf } from '../../src/testing/crash/crash-run.ts'

const DISK_BYTES = '600M'
const CONTROL_CUTS = 5
const CONTROL_MS = 700
const UMOUNT_TRIES = 50

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { cuts: { type: 'string', default: '20' }, seed: { type: 'string' }, control: { type: 'string' } },
  })
  if (values.control !== undefined) return writeControl(values.control)
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-power-'))
  const disk = await makeDisk(folder)
  try {
    const lost = await runControl(disk)
    console.log(`control without sync: ${lost} committed rows lost over ${CONTROL_CUTS} cuts`)
    const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
    const report = await runCrashes({ seed, perPoint: 0, random: Number(values.cuts), disk })
    console.log(crashText(report))
    if (lost === 0) console.log('WRONG: the control lost nothing, so this run proves nothing')
    return lost > 0 && wrongOf(report).length === 0 ? 0 : 1
  } finally {
    await run('umount', disk.mount)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function makeDisk(folder: string): Promise<CutDisk & { mount: string }> {
  const image = join(folder, 'disk.img')
  const mount = join(folder, 'disk')
  mkdirSync(mount)
  await must('truncate', '-s', DISK_BYTES, image)
  await must('mkfs.xfs', '-q', image)
  await must('mount', '-o', 'loop', image, mount)
  return {
    mount,
    dataFolder: join(mount, 'data'),
    cut: () => must('xfs_io', '-x', '-c', 'shutdown', mount),
    comeBack: async () => {
      // The dead process's files are let go a moment after its end.
      for (let tries = 0; !(await run('umount', mount)); tries++) {
        if (tries > UMOUNT_TRIES) throw new Error('The disk stays in use')
        await pause(systemClock, 20)
      }
      await must('mount', '-o', 'loop', image, mount)
    },
  }
}

/** Rows that a writer without syncs had committed and that are gone after a cut. */
async function runControl(disk: CutDisk & { mount: string }): Promise<number> {
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

async function run(...command: string[]): Promise<boolean> {
  return (await Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' }).exited) === 0
}

async function must(...command: string[]): Promise<void> {
  if (!(await run(...command))) throw new Error(`Failed: ${command.join(' ')}`)
}

process.exit(await main())
