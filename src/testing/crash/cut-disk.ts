import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pause, systemClock } from '../../core/clock.ts'
import type { CutDisk } from './crash-run.ts'

const DISK_BYTES = '600M'
const UMOUNT_TRIES = 100
const UMOUNT_PAUSE_MS = 20

export interface MountedDisk extends CutDisk {
  kind: string
  mount: string
  remove(): Promise<void>
}

/** Arguments of mkfs and of xfs_io's shutdown, which works on ext4 too where it is told that this is no XFS. */
const KINDS = {
  xfs: { make: ['mkfs.xfs', '-q'], shutdown: ['xfs_io', '-x', '-c', 'shutdown'] },
  ext4: { make: ['mkfs.ext4', '-q', '-F'], shutdown: ['xfs_io', '-F', '-x', '-c', 'shutdown'] },
} as const

/** A disk in a file, whose power can be cut. Needs root and xfsprogs. */
export async function makeDisk(folder: string, kind: keyof typeof KINDS): Promise<MountedDisk> {
  const image = join(folder, 'disk.img')
  const mount = join(folder, 'disk')
  mkdirSync(mount)
  await must('truncate', '-s', DISK_BYTES, image)
  await must(...KINDS[kind].make, image)
  await must('mount', '-o', 'loop', image, mount)
  const unmount = async () => {
    // The dead process's files are let go a moment after its end.
    for (let tries = 0; !(await run('umount', mount)); tries++) {
      if (tries > UMOUNT_TRIES) throw new Error('The disk stays in use')
      await pause(systemClock, UMOUNT_PAUSE_MS)
    }
  }
  return {
    kind,
    mount,
    dataFolder: join(mount, 'data'),
    cut: () => must(...KINDS[kind].shutdown, mount),
    comeBack: async () => {
      await unmount()
      await must('mount', '-o', 'loop', image, mount)
    },
    remove: async () => {
      await run('umount', mount)
    },
  }
}

/** A disk in memory that can be made full. */
export async function makeSmallDisk(folder: string, size: string): Promise<MountedDisk> {
  const mount = join(folder, 'disk')
  mkdirSync(mount)
  await must('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mount)
  return {
    kind: 'tmpfs',
    mount,
    dataFolder: join(mount, 'data'),
    cut: async () => {},
    comeBack: async () => {},
    remove: async () => {
      await run('umount', mount)
    },
  }
}

async function run(...command: string[]): Promise<boolean> {
  return (await Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' }).exited) === 0
}

async function must(...command: string[]): Promise<void> {
  if (!(await run(...command))) throw new Error(`Failed: ${command.join(' ')}`)
}
