import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs'
import { constants, copyFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crashPoint } from '../core/crash-point.ts'
import { syncFile, syncFolder } from './copy-database.ts'
import { giveToOwner, makeFolder } from './data-folder.ts'
import { Db, type OpenOptions } from './database.ts'
import { type Migration, migrate, newerText, versionOf } from './migrate.ts'
import { SUMS_ENDING } from './page-sums.ts'
import { writeWhole } from './write-whole.ts'

/** What a copy that was made before an upgrade says of itself. */
const BEFORE_FILE = 'before.json'
const BEFORE_FORM = 1
const BEFORE = /^before-(\d+)-(\d+)$/
const PART = '.part'
/** Free space is wanted for the copy and once more: a migration may write a table anew, and the log takes all of it. */
const SPACE_TIMES = 2

/** Databases of one kind in the data folder, and the migrations that this program knows for them. */
export interface Form {
  /** What a person calls it. */
  label: string
  migrations: readonly Migration[]
  open: Pick<OpenOptions, 'secureDelete'>
  /** How `rollback` gets the older form: the copy is put back, or all rows there are go into a new file of the older form. */
  back: 'copy' | 'rows'
  /** What a column that a migration has dropped holds again in an older form: SQL by `table.column`. */
  dropped?: Readonly<Record<string, string>>
  /** Their paths in the folder, such as `records.db`. */
  files(folder: string): string[]
}

/** A database as it was before an upgrade. */
export interface KeptFile {
  path: string
  bytes: number
  version: number
}

/** A copy that was made before an upgrade. */
export interface Before {
  form: typeof BEFORE_FORM
  /** Sums of the versions of all databases: the form of the folder as one number. */
  from: number
  to: number
  /** Milliseconds since 1970. */
  made_at: number
  /** The program that made it, and upgraded. */
  program: string
  files: KeptFile[]
  /** Null until every database is migrated. */
  upgraded_at: number | null
  /** Null until it was gone back to. */
  taken_back_at: number | null
}

interface Found extends KeptFile {
  form: Form
}

export interface UpgradeOptions {
  folder: string
  forms: readonly Form[]
  program: string
  nowMs: number
  /** Progress, a line at a time. */
  say(line: string): void
  /** Without a copy: the folder was made from one just now. */
  withoutCopy?: boolean
  /** Bytes that are free where the folder is. */
  freeBytes?(folder: string): number
}

/** Every database that is there, with its version. Throws where one is newer than this program. */
export function findDatabases(folder: string, forms: readonly Form[]): Found[] {
  return forms.flatMap((form) =>
    form.files(folder).flatMap((path) => {
      const file = join(folder, path)
      if (!existsSync(file)) return []
      const version = versionIn(file)
      if (version > form.migrations.length) throw new Error(newerText(path, version, form.migrations.length))
      return [{ form, path, version, bytes: bytesOf(file) }]
    }),
  )
}

/** Whether anything in the folder is older than this program. A file without a version is new, and nothing is lost with it. */
export function wantsUpgrade(found: readonly Found[]): boolean {
  return pendingOf(found).length > 0
}

/**
 * Brings an existing folder to this program's form. First a copy of every database that changes is made in the folder,
 * synced and renamed when it is whole; then one migration after the other. Killed at any point, the next start goes on.
 * Nobody else may have the folder open.
 */
export async function upgradeFolder(options: UpgradeOptions): Promise<void> {
  const { folder, forms, say } = options
  const found = findDatabases(folder, forms)
  const pending = pendingOf(found)
  if (pending.length > 0) {
    if (!options.withoutCopy && !begunBefore(folder, pending)) await keepBefore(options, found, pending)
    for (const { form, path, version } of pending) migrateFile(options, { form, path, version })
  }
  const begun = begunIn(folder)
  if (begun.length === 0) return
  crashPoint('upgrade.before_end')
  for (const { name, before } of begun) writeBefore(join(folder, name), { ...before, upgraded_at: options.nowMs })
  say(
    'The data folder is upgraded. The copy of before is kept for some days, in which gatehouse rollback goes back to it',
  )
}

/** The copies that were made before upgrades, oldest first. One that cannot be read is left out. */
export function beforesIn(folder: string): { name: string; before: Before }[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => BEFORE.test(name))
    .flatMap((name) => {
      const before = readBefore(join(folder, name))
      return before ? [{ name, before }] : []
    })
    .sort((one, other) => one.before.made_at - other.before.made_at)
}

/** The copies whose upgrade a kill cut off. */
export function begunIn(folder: string): { name: string; before: Before }[] {
  return beforesIn(folder).filter(({ before }) => before.upgraded_at === null && before.taken_back_at === null)
}

/** Removes what no upgrade is taken back to any more, and an upgrade that a kill cut off keeps its own. */
export async function removeOldBefores(folder: string, nowMs: number, keepMs: number): Promise<void> {
  const old = beforesIn(folder).filter(
    ({ before }) => (before.upgraded_at ?? before.taken_back_at) !== null && before.made_at + keepMs <= nowMs,
  )
  // A large file takes its time to go, and the main thread does not wait for it.
  for (const { name } of old) await rm(join(folder, name), { recursive: true })
}

/**
 * Where keys are destroyed, no copy of them may stay. What `rollback` needs of them it takes from the file that is in use.
 */
export function removeBeforeCopies(folder: string, path: string): void {
  for (const { name } of beforesIn(folder)) {
    const copy = join(folder, name, path)
    if (!existsSync(copy)) continue
    rmSync(copy)
    syncFolder(dirname(copy))
  }
}

/** The version of a database that nobody has open. */
export function versionIn(file: string): number {
  const database = new Db(file, { readonly: true, cacheKib: 64 })
  try {
    return versionOf(database)
  } finally {
    database.close()
  }
}

function pendingOf(found: readonly Found[]): Found[] {
  return found.filter(({ form, version }) => version > 0 && version < form.migrations.length)
}

/** A copy whose upgrade a kill cut off, if it has all that is still to be migrated, as it is now. */
function begunBefore(folder: string, pending: readonly Found[]): boolean {
  return begunIn(folder).some(({ before }) =>
    pending.every(({ path, version }) => before.files.some((kept) => kept.path === path && kept.version <= version)),
  )
}

async function keepBefore(options: UpgradeOptions, found: readonly Found[], pending: readonly Found[]): Promise<void> {
  const { folder, say, program, nowMs } = options
  const from = found.reduce((sum, { version }) => sum + version, 0)
  const to = found.reduce((sum, { form }) => sum + form.migrations.length, 0)
  const bytes = pending.reduce((sum, one) => sum + one.bytes, 0)
  requireSpace(options, bytes)
  const name = `before-${from}-${to}`
  const part = join(folder, name + PART)
  for (const left of readdirSync(folder)) {
    if (left.startsWith('before-') && left.endsWith(PART)) rmSync(join(folder, left), { recursive: true })
  }
  makeFolder(part)
  say(`Upgrading the data folder from form ${from} to ${to}: first a copy of ${shownBytes(bytes)}`)
  for (const { path, bytes: size } of pending) {
    say(`  copying ${path} (${shownBytes(size)})`)
    await copyAtRest(join(folder, path), join(part, path))
    crashPoint('upgrade.copying')
  }
  const files = pending.map(({ path, version, bytes: size }) => ({ path, bytes: size, version }))
  writeBefore(part, {
    form: BEFORE_FORM,
    from,
    to,
    made_at: nowMs,
    program,
    files,
    upgraded_at: null,
    taken_back_at: null,
  })
  crashPoint('upgrade.copied')
  const kept = join(folder, name)
  // Of an upgrade that was taken back and is made again: the newer copy is the one that counts.
  rmSync(kept, { recursive: true, force: true })
  renameSync(part, kept)
  syncFolder(folder)
  crashPoint('upgrade.kept')
}

function requireSpace({ folder, freeBytes = freeBytesOf }: UpgradeOptions, bytes: number): void {
  const wanted = bytes * SPACE_TIMES
  const free = freeBytes(folder)
  if (free >= wanted) return
  throw new Error(
    `Cannot upgrade the data folder: a copy is made first, which wants ${shownBytes(wanted)} of free space, and ` +
      `${shownBytes(free)} are free. Nothing was changed: make room, or start the older program again`,
  )
}

/** Copies a database that nobody has open, with what is only in its log, durably. */
export async function copyAtRest(from: string, to: string): Promise<void> {
  const database = new Db(from)
  try {
    database.script('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
  makeFolder(dirname(to))
  // Where the file system can, nothing is copied until either of them changes.
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  giveToOwner(to)
  syncFile(to)
  syncFolder(dirname(to))
}

function migrateFile({ folder, say }: UpgradeOptions, { form, path }: Pick<Found, 'form' | 'path' | 'version'>): void {
  // Its pages are about to be others.
  rmSync(join(folder, path + SUMS_ENDING), { force: true })
  const database = new Db(join(folder, path), form.open)
  try {
    migrate(database, path, form.migrations, (migration) => {
      say(`  ${path}: ${migration.name}`)
      crashPoint('upgrade.migrating')
    })
    database.script('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

function readBefore(path: string): Before | undefined {
  try {
    const found = JSON.parse(readFileSync(join(path, BEFORE_FILE), 'utf8')) as Before
    return found.form === BEFORE_FORM && Array.isArray(found.files) ? found : undefined
  } catch {
    return undefined
  }
}

/** Durable when this returns. */
export function writeBefore(path: string, before: Before): void {
  writeWhole(join(path, BEFORE_FILE), `${JSON.stringify(before, null, 2)}\n`)
}

function bytesOf(file: string): number {
  return [file, `${file}-wal`].reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0)
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

/** `1.2 GB`, in the units that disks are sold by. */
export function shownBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
