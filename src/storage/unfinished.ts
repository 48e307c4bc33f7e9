import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { syncFolder } from './copy-database.ts'
import { writeWhole } from './write-whole.ts'

/** While this file is there the folder is not what it is to be, and nobody may serve it. */
const UNFINISHED_FILE = 'unfinished.json'

/**
 * What is under way: a restore, an upgrade that is taken back, or, once all files are there, the erasures that have to be
 * made again before anybody may read.
 */
export type Unfinished = { kind: 'restore' } | { kind: 'rollback'; before: string } | { kind: 'erasures' }

/** Undefined where the folder is whole. */
export function unfinishedIn(folder: string): Unfinished | undefined {
  const path = join(folder, UNFINISHED_FILE)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Unfinished) : undefined
}

/** Durable when this returns. */
export function markUnfinished(folder: string, what: Unfinished): void {
  writeWhole(join(folder, UNFINISHED_FILE), `${JSON.stringify(what)}\n`)
}

/** Durable when this returns. */
export function markFinished(folder: string): void {
  const path = join(folder, UNFINISHED_FILE)
  rmSync(path, { force: true })
  syncFolder(dirname(path))
}

/** What has to be done first, in words; undefined where the folder is whole or whoever asks is about to finish it. */
export function refusalOfUnfinished(folder: string, finishing: Unfinished['kind'] | undefined): string | undefined {
  const found = unfinishedIn(folder)
  if (!found || found.kind === finishing) return undefined
  switch (found.kind) {
    case 'restore':
      return 'The restore of this data folder was not finished. Restore it once more: gatehouse restore'
    case 'rollback':
      return 'An upgrade of this data folder was not wholly taken back. Go on with it: gatehouse rollback'
    case 'erasures':
      return 'People who were erased are to be erased in this older copy too: gatehouse serve does that before it serves'
  }
}
