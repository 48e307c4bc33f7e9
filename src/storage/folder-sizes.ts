import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What takes up the room in the data folder. */
export const FOLDER_PARTS = ['journal', 'records', 'media', 'search', 'vault', 'backups', 'other'] as const
export type FolderPart = (typeof FOLDER_PARTS)[number]
export type FolderSizes = Record<FolderPart, number>

/** The databases whose logs are watched. */
export const LOGGED = ['journal', 'records', 'search', 'vault'] as const
export type Logged = (typeof LOGGED)[number]

/** Beyond so many entries a folder of somebody else's is not counted to its end. */
const WALKED_MAX = 10_000

/** How long it holds what folders of somebody else's have: backups change seldom, and have many files. */
const WALK_HOLDS_MS = 5 * 60_000

/** What was counted lately, by path. */
export type Walks = Map<string, { atMs: number; bytes: number }>

export interface SizesAsk {
  folder: string
  nowMs: number
  /** Kept by the caller from look to look. */
  walks: Walks
  /** Where backups are kept; counted where that is inside the data folder. */
  backupFolder: string | null
  /** Files of messages are counted by their rows: there may be millions. */
  mediaBytes: number
}

/** The sizes of the parts, and of the write-ahead logs. Off the main thread, file by file; what vanishes meanwhile is nothing. */
export async function readFolderSizes(ask: SizesAsk): Promise<{ parts: FolderSizes; logs: Record<Logged, number> }> {
  const parts: FolderSizes = {
    journal: 0,
    records: 0,
    media: ask.mediaBytes,
    search: 0,
    vault: 0,
    backups: 0,
    other: 0,
  }
  const logs: Record<Logged, number> = { journal: 0, records: 0, search: 0, vault: 0 }
  for (const entry of await readdir(ask.folder, { withFileTypes: true })) {
    const path = join(ask.folder, entry.name)
    const part = partOf(entry.name, path === ask.backupFolder)
    if (part === 'media') continue
    if (entry.isDirectory()) parts[part] += part === 'journal' ? await walk(path) : await walkNowAndThen(path, ask)
    else {
      const bytes = await sizeOf(path)
      parts[part] += bytes
      if (isLogged(part) && entry.name.endsWith('-wal')) logs[part] += bytes
    }
  }
  logs.journal = await journalLogs(join(ask.folder, 'journal'))
  return { parts, logs }
}

export function sumOf(parts: FolderSizes): number {
  return FOLDER_PARTS.reduce((sum, part) => sum + parts[part], 0)
}

function partOf(name: string, isBackups: boolean): FolderPart {
  if (isBackups) return 'backups'
  if (name === 'journal' || name === 'media') return name
  const database = /^(records|search|vault)\.db/.exec(name)?.[1]
  return (database as FolderPart | undefined) ?? 'other'
}

function isLogged(part: FolderPart): part is Logged {
  return (LOGGED as readonly string[]).includes(part)
}

async function journalLogs(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  let bytes = 0
  for (const name of names) if (name.endsWith('-wal')) bytes += await sizeOf(join(folder, name))
  return bytes
}

async function walkNowAndThen(folder: string, { walks, nowMs }: SizesAsk): Promise<number> {
  const last = walks.get(folder)
  if (last && nowMs - last.atMs < WALK_HOLDS_MS) return last.bytes
  const bytes = await walk(folder)
  walks.set(folder, { atMs: nowMs, bytes })
  return bytes
}

async function walk(folder: string): Promise<number> {
  const waiting = [folder]
  let bytes = 0
  let count = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      if (++count > WALKED_MAX) return bytes
      const path = join(next, entry.name)
      if (entry.isDirectory()) waiting.push(path)
      else bytes += await sizeOf(path)
    }
  }
  return bytes
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : 0
}
