import { resolve } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { Ballast } from '../storage/ballast.ts'
import { DiskHistory } from '../storage/disk-history.ts'
import { readFolderSizes, type Walks } from '../storage/folder-sizes.ts'
import { readSpace } from '../storage/space.ts'
import type { House } from './house.ts'
import { SpaceWatch } from './space-watch.ts'

const GB = 1_000_000_000

export interface SpaceOptions {
  clock: Clock
  log: Log
  house: Pick<House, 'isStoring'>
  dataDir: string
  /** As the configuration has them now. */
  backupFolder(): string | undefined
  quotaGb(): number | undefined
  mediaBytes(): Promise<number>
}

/** Builds what watches the room in the data folder. */
export function createSpace(options: SpaceOptions): SpaceWatch {
  const { clock, log, house } = options
  const folder = resolve(options.dataDir)
  const walks: Walks = new Map()
  return new SpaceWatch({
    clock,
    log,
    quotaBytes: () => {
      const quotaGb = options.quotaGb()
      return quotaGb === undefined ? null : quotaGb * GB
    },
    storing: () => {
      const { journal, book, isLocked } = house.isStoring()
      return isLocked ? 'locked' : journal && book ? 'yes' : 'full'
    },
    readSpace: () => readSpace(folder),
    readSizes: async () => {
      const backupFolder = options.backupFolder()
      return await readFolderSizes({
        folder,
        nowMs: clock.monoMs(),
        walks,
        backupFolder: backupFolder === undefined ? null : resolve(backupFolder),
        mediaBytes: await options.mediaBytes(),
      })
    },
    ballast: new Ballast(folder),
    history: new DiskHistory(folder),
  })
}
