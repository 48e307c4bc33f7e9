import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { crashPoint } from '../core/crash-point.ts'
import { watchHold } from '../journal/ship-hold.ts'
import { segmentsIn } from '../journal/shipped-file.ts'
import { goOnFromShipped } from '../journal/shipped-journal.ts'
import { markRestored } from '../records/restored.ts'
import { holdUnfinished } from '../records/send-message.ts'
import {
  type BackupManifest,
  backupNamed,
  faultOfVault,
  isBackupName,
  pooledMediaPath,
  readManifest,
  readMediaList,
} from '../storage/backup-manifest.ts'
import { copyChecked } from '../storage/copy-checked.ts'
import { copyDatabase, syncFile } from '../storage/copy-database.ts'
import { HighWaterMark } from '../storage/high-water.ts'
import { FolderLock } from '../storage/lock.ts'
import { markFinished, markUnfinished, unfinishedIn } from '../storage/unfinished.ts'
import { shownBytes, versionIn } from '../storage/upgrade.ts'
import { ErasureLedger, LEDGER_FILE } from '../vault/erasure-ledger.ts'
import { Vault, WrongMasterKey } from '../vault/vault.ts'
import { type ApplyLedgerOptions, applyLedger } from './apply-ledger.ts'
import { FORMS } from './forms.ts'
import { type House, houseForWork } from './house.ts'
import { vaultCopyOf } from './vault-copy.ts'

/** What a data folder may have before a restore: the lock, how a drill ended, what a disk of its own has at its top. */
const HARMLESS = /^((drill-)?lock\.db(-wal|-shm)?|drill\.json|lost\+found)$/

/** Room that the journal wants when it is applied, beside the copy. */
const SPARE_BYTES = 64 * 1024 * 1024

export interface RestoreOptions extends Omit<ApplyLedgerOptions, 'finishing'> {
  /** A backup, or a folder of backups, of which the newest is taken. */
  from: string
  /** Where the vault's copies are. */
  vaultFrom: string
  /** The erasure ledger of the lost house; null: there is none. */
  ledger: string | null
  /** Another copy of it, which may know of people that the first one does not. */
  otherLedger?: string
  /** The journal as it was shipped; null: only what the backup has. */
  shipped: string | null
  say(line: string): void
}

/** What a restore has done. */
export interface Restored {
  backup: string
  made_at: string
  epoch: string
  counts: BackupManifest['counts']
  /** Entries of the journal that the backup's records had not applied: they are now. */
  journal_entries: number
  /** Of these, what came from the shipped journal. */
  shipped_entries: number
  /** Messages that wait for `release`, or for a status that settles them. */
  held: number
  /** People who came back with the backup and were erased again; null: no ledger was given. */
  erased_again: number | null
}

/** A backup as it is about to be read. */
export interface ChosenBackup {
  /** The folder of backups, which has the media of all of them. */
  folder: string
  path: string
  manifest: BackupManifest
  vaultPath: string
}

/**
 * Makes the data folder from a backup. Until it is done nobody may serve the folder, and a restore that was cut off is
 * made again from its beginning. Nothing is written where the backup cannot be the right one.
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { folder, shipped, masterKey, clock, say } = options
  const chosen = chooseBackup(options)
  await requireReadable(chosen, masterKey)
  for (const path of ledgersOf(options)) requireLedger(path)
  if (shipped !== null) requireShipped(shipped)
  const isGone = shipped === null ? async () => true : watchHold(shipped, clock)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  requireEmpty(folder)
  requireRoom(chosen, folder, { withMedia: true })
  await underLock(folder, async () => {
    markUnfinished(folder, { kind: 'restore' })
    clear(folder)
    crashPoint('restore.begun')
    await copyBackup(chosen, folder, { withMedia: true })
    copyLedgers(ledgersOf(options), folder)
  })
  crashPoint('restore.copied')
  const done = await bringToLife(options, chosen)
  crashPoint('restore.before_end')
  markFinished(folder)
  if (!(await isGone())) say(`A house still ships to ${shipped}: this one does so only once that one has ended`)
  return done
}

/** The backup that is meant, with the vault's copy that opens it. Throws, in words, where there is none. */
export function chooseBackup(
  { from, vaultFrom, masterKey }: Pick<RestoreOptions, 'from' | 'vaultFrom' | 'masterKey'>,
  wanted = 'latest',
): ChosenBackup {
  const isOne = isBackupName(basename(from)) && existsSync(join(from, 'manifest.json'))
  const folder = isOne ? dirname(from) : from
  const name = isOne ? basename(from) : backupNamed(folder, wanted)
  const path = join(folder, name)
  const manifest = readManifest(path)
  const vault = vaultCopyOf(vaultFrom, manifest.name, masterKey)
  if (!vault) {
    throw new Error(`There is no copy of the vault for ${name} in ${vaultFrom}: say where it is with --vault-from`)
  }
  return { folder, path, manifest, vaultPath: join(vaultFrom, vault) }
}

/** Throws where the backup is of a newer program, where the vault's copy is damaged, and where the key does not open it. */
export async function requireReadable(chosen: ChosenBackup, masterKey: Uint8Array): Promise<void> {
  const { folder, manifest, path, vaultPath } = chosen
  const fault = await faultOfVault(folder, vaultPath)
  if (fault) throw new Error(`The backup is damaged: ${fault}`)
  const databases = manifest.files.filter((file) => file.path.endsWith('.db') && existsSync(join(path, file.path)))
  for (const form of FORMS) {
    const files = databases.filter((file) => isOfForm(form.label, file.path)).map((file) => join(path, file.path))
    for (const file of form.label === 'vault' ? [vaultPath] : files)
      requireKnown(file, form.migrations.length, manifest)
  }
  try {
    new Vault(vaultPath, masterKey, { readonly: true }).close()
  } catch (cause) {
    if (!(cause instanceof WrongMasterKey)) throw cause
    throw new Error(
      `${vaultPath} was made with another master key: this is not the master key that opens it. Name the file that holds the ` +
        'one of that time as master_key_file (after gatehouse key rotate the one of before); what is backed up from now on opens with this one',
      { cause },
    )
  }
}

/** Throws, with what is wanted, where a folder's disk has no room for a backup. */
export function requireRoom({ manifest }: ChosenBackup, folder: string, { withMedia }: { withMedia: boolean }): void {
  const wanted = manifest.files.reduce(
    (sum, { bytes }) => sum + bytes,
    manifest.vault.bytes + (withMedia ? manifest.media.bytes : 0) + SPARE_BYTES,
  )
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= wanted) return
  throw new Error(
    `There is no room in ${folder}: ${shownBytes(wanted)} are wanted, ${shownBytes(bavail * bsize)} are free`,
  )
}

/** Brings every file of a backup into a folder, each compared with its sum. */
export async function copyBackup(
  chosen: ChosenBackup,
  folder: string,
  { withMedia }: { withMedia: boolean },
): Promise<void> {
  const { manifest, path, vaultPath } = chosen
  for (const file of manifest.files) {
    if (!file.path.endsWith('.db')) continue
    await copyChecked(join(path, file.path), join(folder, file.path), { ...file, label: file.path })
  }
  for (const media of withMedia ? readMediaList(path) : []) {
    const to = join(folder, 'media', media.name.slice(0, 2), media.name)
    await copyChecked(pooledMediaPath(chosen.folder, media.name), to, { ...media, label: `media/${media.name}` })
  }
  const vault = join(folder, 'vault.db')
  rmSync(vault, { force: true })
  copyDatabase(vaultPath, vault)
  chmodSync(vault, 0o600)
  syncFile(vault)
  setJournalMark(folder, manifest.journal.head_seq)
}

/** A restored folder before it may serve: older than what has happened since, and told so. */
async function bringToLife(options: RestoreOptions, { manifest }: ChosenBackup): Promise<Restored> {
  const { folder, clock, ledger, shipped, say } = options
  const epoch = randomUUID()
  const wentOn = shipped === null ? null : goOn(options, shipped)
  markRestored(join(folder, 'records.db'), { epoch, nowMs: clock.epochMs() })
  // Before anything of the journal is applied: it names them too.
  const erased = ledger === null ? null : (await applyLedger({ ...options, finishing: 'restore' })).persons
  const house = await openRestored(options)
  let held = 0
  try {
    await house.caughtUp()
    for (let isDone = false; !isDone; ) {
      const some = await house.book.ask(holdUnfinished, null)
      held += some.held
      isDone = some.isDone
    }
  } finally {
    await house.close()
  }
  say('The data folder is restored')
  const head = wentOn?.head ?? manifest.journal.head_seq
  return {
    backup: manifest.name,
    made_at: new Date(manifest.made_at).toISOString(),
    epoch,
    counts: manifest.counts,
    journal_entries: head - manifest.records.applied_seq,
    shipped_entries: wentOn?.entries ?? 0,
    held,
    erased_again: erased,
  }
}

/** Opens a folder that is being restored, which nobody else may. */
export async function openRestored(options: Omit<ApplyLedgerOptions, 'finishing'>): Promise<House> {
  const house = houseForWork({ ...options, finishing: 'restore', webhookBacklogMs: 500 })
  await house.open()
  return house
}

/** A disk that is not mounted looks like an empty folder: what is there would be left out without a word. */
function requireShipped(folder: string): void {
  if (segmentsIn(folder).length > 0) return
  throw new Error(
    `There is no shipped journal in ${folder}: --journal wants what was [backup] ship_folder; without it, leave --journal out`,
  )
}

function goOn({ folder, masterKey }: RestoreOptions, shipFolder: string): { entries: number; head: number } {
  const vault = new Vault(join(folder, 'vault.db'), masterKey)
  try {
    const ask = { shipFolder, journalFolder: join(folder, 'journal'), masterKey, vault }
    const wentOn = goOnFromShipped(ask)
    vault.commit()
    setJournalMark(folder, wentOn.head)
    return wentOn
  } finally {
    vault.close()
  }
}

function setJournalMark(folder: string, headSeq: number): void {
  mkdirSync(join(folder, 'journal'), { recursive: true, mode: 0o700 })
  const mark = new HighWaterMark(join(folder, 'journal', 'high-water'))
  mark.write(headSeq)
  mark.close()
}

function requireKnown(file: string, known: number, { program, name }: BackupManifest): void {
  const version = versionIn(file)
  if (version <= known) return
  throw new Error(
    `The backup ${name} was made by a newer Gatehouse (${program}): restore it with that program. ` +
      `${basename(file)} is of version ${version}, this one knows up to ${known}`,
  )
}

function isOfForm(label: string, path: string): boolean {
  return label === 'journal' ? path.startsWith('journal/') : path === `${label}.db`
}

function requireLedger(path: string): void {
  if (!existsSync(path)) throw new Error(`There is no erasure ledger at ${path}`)
  new ErasureLedger(path, { readonly: true }).close()
}

function ledgersOf({ ledger, otherLedger }: RestoreOptions): string[] {
  return [ledger, otherLedger].filter((path) => path !== null && path !== undefined)
}

/** Whoever one of them knows to be erased is. */
function copyLedgers([from, ...others]: readonly string[], folder: string): void {
  if (from === undefined) return
  const to = join(folder, LEDGER_FILE)
  copyDatabase(from, to)
  if (others.length > 0) {
    const ledger = new ErasureLedger(to)
    for (const other of others) ledger.takeIn(other)
    ledger.close()
  }
  chmodSync(to, 0o600)
  syncFile(to)
}

function requireEmpty(folder: string): void {
  if (unfinishedIn(folder)?.kind === 'restore') return
  const found = readdirSync(folder).filter((name) => !HARMLESS.test(name))
  if (found.length === 0) return
  throw new Error(
    `The data folder ${folder} is not empty: a restore makes a new one. Move the old one away and keep it, ` +
      `for it has what the backup has not, and the erasure ledger (--ledger OLD/${LEDGER_FILE})`,
  )
}

/** What a restore that was cut off has left: all of it is made again. */
function clear(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!HARMLESS.test(name) && name !== 'unfinished.json') rmSync(join(folder, name), { recursive: true })
  }
}

async function underLock(folder: string, work: () => Promise<void>): Promise<void> {
  const lock = new FolderLock(join(folder, 'lock.db'))
  try {
    await work()
  } finally {
    lock.release()
  }
}
