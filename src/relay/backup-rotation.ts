import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  backupsIn,
  MEDIA_POOL,
  PART_ENDING,
  readMediaList,
  vaultCopiesIn,
  vaultCopyName,
} from '../storage/backup-manifest.ts'

export interface Rotation {
  folder: string
  vaultFolder: string
  /** Whole backups that stay, the newest ones. */
  keep: number
  /** Copies of the vault that stay: a later one opens an older backup too. */
  vaultKeep: number
}

/** What a run that was cut off left behind. */
export function removeLeftovers({ folder, vaultFolder }: Pick<Rotation, 'folder' | 'vaultFolder'>): void {
  for (const place of new Set([folder, vaultFolder])) {
    if (!existsSync(place)) continue
    for (const name of readdirSync(place)) {
      if (/^\d{8}T\d{6}Z(\.vault\.db)?\.part$/.test(name)) rmSync(join(place, name), { recursive: true, force: true })
    }
  }
}

/** Takes away the oldest backups, copies of the vault, and media that no backup names any more. */
export function rotate(rotation: Rotation): { backups: string[]; media: number } {
  const { folder, vaultFolder, keep, vaultKeep } = rotation
  const gone = backupsIn(folder).slice(0, -keep)
  for (const name of gone) {
    // By this name it counts as cut off, whenever the removing is.
    const part = join(folder, name + PART_ENDING)
    renameSync(join(folder, name), part)
    rmSync(part, { recursive: true, force: true })
  }
  for (const name of vaultCopiesIn(vaultFolder).slice(0, -vaultKeep)) {
    rmSync(join(vaultFolder, vaultCopyName(name)), { force: true })
  }
  return { backups: gone, media: removeUnnamedMedia(folder) }
}

function removeUnnamedMedia(folder: string): number {
  const pool = join(folder, MEDIA_POOL)
  const named = namedMedia(folder)
  if (!named || !existsSync(pool)) return 0
  let count = 0
  for (const part of readdirSync(pool)) {
    for (const name of readdirSync(join(pool, part))) {
      if (named.has(name)) continue
      rmSync(join(pool, part, name), { force: true })
      count++
    }
  }
  return count
}

/** Undefined where a list cannot be read: then nothing is known to be unnamed. */
function namedMedia(folder: string): Set<string> | undefined {
  try {
    return new Set(backupsIn(folder).flatMap((name) => readMediaList(join(folder, name)).map((one) => one.name)))
  } catch {
    return undefined
  }
}
