import { copyFileSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf } from '../core/failure.ts'
import { filesNamed } from '../records/backup-facts.ts'
import {
  type BackupMedia,
  backupsIn,
  PART_ENDING,
  pooledMediaPath,
  readMediaList,
  sha256Of,
} from '../storage/backup-manifest.ts'
import { syncFile, syncFolder } from '../storage/copy-database.ts'
import { giveToOwner, makeFolder } from '../storage/data-folder.ts'
import type { Db } from '../storage/database.ts'
import { INCOMING, thumbnailName } from './media-folder.ts'

const NAMES_MAX = 1000

export interface PooledMedia {
  media: BackupMedia[]
  /** Files that came into the pool now. */
  added: number
  /** Files that a row names and that are not there: they were taken away meanwhile, or are lost. */
  missing: number
}

export interface PoolAsk {
  dataDir: string
  /** The folder of the backups. */
  folder: string
  /** The copy of the records. */
  records: Db
  rest(): Promise<void>
}

/** Brings every file that the copied records name into the pool. Files never change, so each is linked or copied once. */
export async function poolMedia(ask: PoolAsk): Promise<PooledMedia> {
  const known = knownMedia(ask.folder)
  const touched = new Set<string>()
  const done: PooledMedia = { media: [], added: 0, missing: 0 }
  for (let after = ''; ; ) {
    const named = filesNamed(ask.records, after, NAMES_MAX)
    for (const { file, hasThumbnail } of named) {
      for (const name of hasThumbnail ? [file, thumbnailName(file)] : [file]) {
        await poolOne(ask, name, { known, touched, done })
      }
    }
    after = named.at(-1)?.file ?? after
    if (named.length < NAMES_MAX) break
  }
  for (const folder of touched) syncFolder(folder)
  return done
}

interface Pooling {
  known: ReadonlyMap<string, BackupMedia>
  touched: Set<string>
  done: PooledMedia
}

async function poolOne(ask: PoolAsk, name: string, { known, touched, done }: Pooling): Promise<void> {
  const path = pooledMediaPath(ask.folder, name)
  const isNew = !existsSync(path)
  if (isNew && !bring(ask.dataDir, name, path)) {
    done.missing++
    return
  }
  if (isNew) {
    done.added++
    touched.add(dirname(path))
    touched.add(dirname(dirname(path)))
  }
  const before = known.get(name)
  if (before && !isNew) done.media.push(before)
  else done.media.push({ name, bytes: statSync(path).size, sha256: await sha256Of(path, ask.rest) })
}

/** False where the file is not in the data folder. */
function bring(dataDir: string, name: string, target: string): boolean {
  makeFolder(dirname(target))
  const media = join(dataDir, 'media')
  const place = join(media, name.slice(0, 2), name)
  for (const from of [place, join(media, INCOMING, name), place]) {
    if (existsSync(from) && linkOrCopy(from, target)) return true
  }
  return false
}

function linkOrCopy(from: string, target: string): boolean {
  try {
    linkSync(from, target)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    // Another file system, or one that has no links.
    const part = target + PART_ENDING
    rmSync(part, { force: true })
    copyFileSync(from, part)
    syncFile(part)
    giveToOwner(part)
    renameSync(part, target)
    return true
  }
}

/** Sums of what the newest backup has in the pool: what does not change is read once. */
function knownMedia(folder: string): ReadonlyMap<string, BackupMedia> {
  const newest = backupsIn(folder).at(-1)
  if (newest === undefined) return new Map()
  try {
    return new Map(readMediaList(join(folder, newest)).map((one) => [one.name, one]))
  } catch {
    // It is damaged: everything is read again.
    return new Map()
  }
}
