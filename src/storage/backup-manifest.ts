import { createReadStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { codeOf } from '../core/failure.ts'

/** What this program writes; a backup of another form is refused in words. */
export const MANIFEST_FORM = 1
export const MANIFEST_FILE = 'manifest.json'
/** The list of media files, beside the manifest: it may be long. */
export const MEDIA_LIST_FILE = 'media.json'
/** The folder that all backups share: media never change, so each is kept once. */
export const MEDIA_POOL = 'media'
/** What a backup is called that is not whole yet. */
export const PART_ENDING = '.part'
const VAULT_ENDING = '.vault.db'
const VAULT_COPY = /^\d{8}T\d{6}Z\.vault\.db$/
const NAME = /^\d{8}T\d{6}Z$/
const MEDIA_NAME = /^[0-9a-f]{32}(\.thumbnail)?$/
const SHA256 = /^[0-9a-f]{64}$/

/** A file of a backup, by its path in the backup's folder, such as `journal/2026-11-22.db`. */
export interface BackupFile {
  path: string
  bytes: number
  sha256: string
}

/** A sealed file in the pool, by its name in the folder media/. */
export interface BackupMedia {
  name: string
  bytes: number
  sha256: string
}

/** What a backup says of itself. */
export interface BackupManifest {
  form: typeof MANIFEST_FORM
  /** The moment it was begun, `20261122T170503Z`; later where a clock that was wrong has left later ones. */
  name: string
  /** The moment, as milliseconds since 1970. */
  made_at: number
  /** The version of the program that made it. */
  program: string
  epoch: string
  /** `version`: the number of the last migration; the rest as in the row of the house. */
  records: { version: number; event_offset: number; applied_seq: number; next_id: number }
  journal: { head_seq: number; days: string[] }
  /** In a destination of its own, by its name there. It may have been rotated away: `vaultCopyOf` says which opens it. */
  vault: { file: string; bytes: number; sha256: string }
  /** All files in the backup's folder but the manifest. */
  files: BackupFile[]
  media: { files: number; bytes: number }
  counts: { messages: number; conversations: number; contacts: number; events: number }
}

/** What is wrong with a backup, in words for the operator. */
class BackupDamaged extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BackupDamaged'
  }
}

export function backupNameOf(epochMs: number): string {
  return new Date(epochMs)
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d{3}/, '')
}

/** The moment that a name tells, to the second. */
export function epochMsOfName(name: string): number {
  return Date.parse(name.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:'))
}

export function isBackupName(name: string): boolean {
  return NAME.test(name)
}

/** What the vault's copy of a backup is called in the vault's folder. */
export function vaultCopyName(name: string): string {
  return name + VAULT_ENDING
}

/** The names of the backups whose vault has a copy in a folder, oldest first. */
export function vaultCopiesIn(vaultFolder: string): string[] {
  if (!existsSync(vaultFolder)) return []
  return readdirSync(vaultFolder)
    .filter((file) => VAULT_COPY.test(file))
    .map((file) => file.slice(0, -VAULT_ENDING.length))
    .sort()
}

/** What is wrong with a copy of the vault, by the manifest of the backup that it was made with, as long as that is there. */
export async function faultOfVault(folder: string, vaultPath: string): Promise<string | undefined> {
  const file = basename(vaultPath)
  const expected = vaultOf(join(folder, file.slice(0, -VAULT_ENDING.length)))
  return expected && (await faultOf(vaultPath, file, expected))
}

/** Undefined where the backup is gone, or damaged: that is not what is asked here. */
function vaultOf(backupPath: string): BackupManifest['vault'] | undefined {
  try {
    return readManifest(backupPath).vault
  } catch {
    return undefined
  }
}

/** The whole backups of a folder, oldest first. */
export function backupsIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => isBackupName(name) && existsSync(join(folder, name, MANIFEST_FILE)))
    .sort()
}

/** The name that was meant: itself, or the newest backup for `latest`. Throws where there is none. */
export function backupNamed(folder: string, wanted: string): string {
  const names = backupsIn(folder)
  const name = wanted === 'latest' ? names.at(-1) : names.find((one) => one === wanted)
  if (name) return name
  throw new Error(
    wanted === 'latest' ? `There is no whole backup in ${folder}` : `There is no whole backup ${wanted} in ${folder}`,
  )
}

/** Where a media file lies in the pool of a backup folder. */
export function pooledMediaPath(folder: string, name: string): string {
  if (!MEDIA_NAME.test(name)) throw new BackupDamaged('The list of media names something that is no media file')
  return join(folder, MEDIA_POOL, name.slice(0, 2), name)
}

export function writeManifest(backupPath: string, manifest: BackupManifest): void {
  writeFileSync(join(backupPath, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
}

/** Reads and checks the form of a backup's manifest. Throws `BackupDamaged`. */
export function readManifest(backupPath: string): BackupManifest {
  const found = readJson(join(backupPath, MANIFEST_FILE), MANIFEST_FILE)
  return manifestOf(found)
}

/** One entry a line, so that a long list can be looked through by hand. */
export function writeMediaList(backupPath: string, media: readonly BackupMedia[]): void {
  const lines = media.map((one) => JSON.stringify(one)).join(',\n')
  writeFileSync(join(backupPath, MEDIA_LIST_FILE), `[\n${lines}\n]\n`, { mode: 0o600 })
}

/** The media files of a backup. Throws `BackupDamaged`. */
export function readMediaList(backupPath: string): BackupMedia[] {
  const found = readJson(join(backupPath, MEDIA_LIST_FILE), MEDIA_LIST_FILE)
  if (!Array.isArray(found)) throw new BackupDamaged(`${MEDIA_LIST_FILE} is no list`)
  return found.map((one: unknown) => {
    const { name, bytes, sha256 } = objectOf(one, MEDIA_LIST_FILE)
    if (typeof name !== 'string' || !MEDIA_NAME.test(name) || !isCount(bytes) || !isSha256(sha256)) {
      throw new BackupDamaged(`${MEDIA_LIST_FILE} has an entry that is no media file`)
    }
    return { name, bytes, sha256 }
  })
}

/** SHA-256 of a file as hexadecimal digits, read piece by piece. `rest` may pause between pieces. */
export async function sha256Of(path: string, rest?: () => Promise<void>): Promise<string> {
  const hasher = new Bun.CryptoHasher('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    hasher.update(piece as Uint8Array)
    await rest?.()
  }
  return hasher.digest('hex')
}

/** What is wrong with a file that has a length and a sum, in words; undefined where it is as it was written. */
async function faultOf(
  path: string,
  label: string,
  expected: { bytes: number; sha256: string },
): Promise<string | undefined> {
  if (!existsSync(path)) return `${label} is missing`
  const { size } = statSync(path)
  if (size !== expected.bytes) return `${label} has ${size} bytes instead of ${expected.bytes}`
  return (await sha256Of(path)) === expected.sha256 ? undefined : `${label} was changed: its SHA-256 is another`
}

/** What is wrong with the files in a backup's folder; media and vault are looked at apart. */
export async function faultsOfFiles(backupPath: string, manifest: BackupManifest): Promise<string[]> {
  const faults: string[] = []
  for (const file of manifest.files) {
    const fault = await faultOf(join(backupPath, file.path), file.path, file)
    if (fault) faults.push(fault)
  }
  return faults
}

/** What is wrong with the media files of a backup in the pool. */
export async function faultsOfMedia(folder: string, media: readonly BackupMedia[]): Promise<string[]> {
  const faults: string[] = []
  for (const file of media) {
    const fault = await faultOf(pooledMediaPath(folder, file.name), `media/${file.name}`, file)
    if (fault) faults.push(fault)
  }
  return faults
}

function manifestOf(found: unknown): BackupManifest {
  const manifest = objectOf(found, MANIFEST_FILE)
  if (manifest['form'] !== MANIFEST_FORM) {
    throw new BackupDamaged(`The backup is of a form that this Gatehouse does not know: ${String(manifest['form'])}`)
  }
  const records = objectOf(manifest['records'], 'records')
  const journal = objectOf(manifest['journal'], 'journal')
  const counts = objectOf(manifest['counts'], 'counts')
  const media = objectOf(manifest['media'], 'media')
  const numbers = [
    manifest['made_at'],
    ...['version', 'event_offset', 'applied_seq', 'next_id'].map((key) => records[key]),
    journal['head_seq'],
    ...['messages', 'conversations', 'contacts', 'events'].map((key) => counts[key]),
    media['files'],
    media['bytes'],
  ]
  const { name, program, epoch, files, vault } = manifest
  const isWhole =
    numbers.every(isCount) &&
    typeof name === 'string' &&
    isBackupName(name) &&
    typeof program === 'string' &&
    typeof epoch === 'string' &&
    Array.isArray(journal['days']) &&
    Array.isArray(files) &&
    files.every(isBackupFile) &&
    isVault(vault)
  if (!isWhole) throw new BackupDamaged(`${MANIFEST_FILE} is not whole`)
  return manifest as unknown as BackupManifest
}

function isBackupFile(value: unknown): boolean {
  const { path, bytes, sha256 } = objectOf(value, 'files')
  // It comes from outside the house: nothing in it may lead out of the backup's folder.
  const isInside = typeof path === 'string' && /^(journal\/)?[\w-]+\.(db|json)$/.test(path)
  return isInside && isCount(bytes) && isSha256(sha256)
}

function isVault(value: unknown): boolean {
  const { file, bytes, sha256 } = objectOf(value, 'vault')
  return typeof file === 'string' && VAULT_COPY.test(file) && isCount(bytes) && isSha256(sha256)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isSha256(value: unknown): value is string {
  return typeof value === 'string' && SHA256.test(value)
}

function objectOf(value: unknown, label: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new BackupDamaged(`The backup's ${label} cannot be understood`)
}

function readJson(path: string, label: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new BackupDamaged(`${label} cannot be read: ${codeOf(cause) ?? 'unknown error'}`, {
      cause,
    })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BackupDamaged(`${label} is no JSON: it was changed, or its writing was cut off`, { cause })
  }
}
