import { chmodSync, existsSync, renameSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, pause } from '../core/clock.ts'
import { crashPoint } from '../core/crash-point.ts'
import { copyDay, endOfCopies } from '../journal/copy-day.ts'
import { daysIn } from '../journal/day-file.ts'
import { type RecordsFacts, recordsFacts } from '../records/backup-facts.ts'
import { requireAccounts } from '../records/lost-commits.ts'
import { openRecordsReadonly } from '../records/open.ts'
import {
  type BackupFile,
  type BackupManifest,
  backupNameOf,
  backupsIn,
  epochMsOfName,
  MANIFEST_FILE,
  MANIFEST_FORM,
  MEDIA_LIST_FILE,
  PART_ENDING,
  sha256Of,
  vaultCopiesIn,
  vaultCopyName,
  writeManifest,
  writeMediaList,
} from '../storage/backup-manifest.ts'
import { copyDatabase, faultsOfDatabase, syncFile, syncFolder } from '../storage/copy-database.ts'
import { giveToOwner, makeFolder } from '../storage/data-folder.ts'
import { damageText, lookThrough } from '../storage/page-look.ts'
import { relieveLog } from '../storage/summed-log.ts'
import { Vault } from '../vault/vault.ts'
import { type PooledMedia, poolMedia } from './backup-media.ts'
import { type Rotation, removeLeftovers, rotate } from './backup-rotation.ts'
import { claimForHouse, isInside, requireOutside } from './house-places.ts'
import { markOf, takeLedger } from './take-ledger.ts'

/** What is left free on the disk beside the copy. */
const SPARE_BYTES = 64 * 1024 * 1024

export interface BackupAsk extends Rotation {
  dataDir: string
  masterKey: Uint8Array
  /** The vault's copy may lie beside what it opens. */
  vaultBeside: boolean
  /** The version of the program. */
  program: string
  /** Rests so many times as long as it has worked, for the sake of what runs beside it. */
  restShare: number
}

export interface BackupDone {
  name: string
  seconds: number
  /** Of the backup's own files, the vault's copy and the media that came into the pool. */
  bytes: number
  head_seq: number
  counts: BackupManifest['counts']
  media: { files: number; added: number; missing: number }
  removed: string[]
}

/** Told the file that is growing, so that somebody can sync it piece by piece. */
export type OnWriting = (path: string) => void

/**
 * Takes a backup, beside the house or where none runs: records, media, then the journal, then the vault, so that the
 * journal holds all that the records have applied and the vault every key that any of it needs.
 */
export async function takeBackup(ask: BackupAsk, clock: Clock, onWriting: OnWriting): Promise<BackupDone> {
  const taking = new Taking(ask, clock, onWriting)
  try {
    return await taking.run()
  } catch (error) {
    // Half a backup would hold the room that may be what is wanting.
    removeLeftovers(ask)
    throw error
  }
}

class Taking {
  readonly #ask: BackupAsk
  readonly #clock: Clock
  readonly #onWriting: OnWriting
  readonly #startedMs: number
  readonly #name: string
  readonly #part: string
  readonly #madeAtMs: number
  #workedSinceMs: number

  constructor(ask: BackupAsk, clock: Clock, onWriting: OnWriting) {
    this.#ask = ask
    this.#clock = clock
    this.#onWriting = onWriting
    this.#startedMs = clock.monoMs()
    this.#workedSinceMs = this.#startedMs
    requireApart(ask)
    // Before anything is removed there: what is half-way may be another house's.
    const mark = markOf(ask)
    for (const folder of [ask.folder, ask.vaultFolder]) claimForHouse(folder, { mark, dataDir: ask.dataDir })
    removeLeftovers(ask)
    this.#madeAtMs = clock.epochMs()
    this.#name = nextName(ask, this.#madeAtMs)
    this.#part = join(ask.folder, this.#name + PART_ENDING)
  }

  async run(): Promise<BackupDone> {
    const { folder } = this.#ask
    requireSpace(this.#ask)
    makeFolder(join(this.#part, 'journal'))
    const { facts, media } = await this.#takeRecords()
    crashPoint('backup.records_copied')
    const days = await this.#takeJournal()
    const head = endOfCopies(join(this.#part, 'journal')).seq
    if (head < facts.appliedSeq) {
      throw new Error(`The journal ends at entry ${head}, but the records have applied ${facts.appliedSeq}`)
    }
    const vault = await this.#takeVault()
    takeLedger(this.#ask)
    writeMediaList(this.#part, media.media)
    const manifest: BackupManifest = {
      form: MANIFEST_FORM,
      name: this.#name,
      made_at: this.#madeAtMs,
      program: this.#ask.program,
      epoch: facts.epoch,
      records: {
        version: facts.version,
        event_offset: facts.eventOffset,
        applied_seq: facts.appliedSeq,
        next_id: facts.nextId,
      },
      journal: { head_seq: head, days },
      vault,
      files: await this.#filesOf(days),
      media: { files: media.media.length, bytes: media.media.reduce((sum, one) => sum + one.bytes, 0) },
      counts: facts.counts,
    }
    writeManifest(this.#part, manifest)
    syncFile(join(this.#part, MANIFEST_FILE))
    syncFolder(join(this.#part, 'journal'))
    syncFolder(this.#part)
    crashPoint('backup.before_rename')
    giveToOwner(this.#part)
    renameSync(this.#part, join(folder, this.#name))
    syncFolder(folder)
    const removed = rotate(this.#ask).backups
    return this.#done(manifest, media, removed)
  }

  async #takeRecords(): Promise<{ facts: RecordsFacts; media: PooledMedia }> {
    const { dataDir, folder } = this.#ask
    this.#copy(join(dataDir, 'records.db'), join(this.#part, 'records.db'))
    await this.#requireUndamaged('records.db')
    const accounts = join(dataDir, 'accounts.db')
    if (existsSync(accounts)) this.#copy(accounts, join(this.#part, 'accounts.db'))
    const records = openRecordsReadonly(join(this.#part, 'records.db'))
    try {
      requireAccounts(records, dataDir, false)
      const media = await poolMedia({ dataDir, folder, records, rest: () => this.#rest() })
      return { facts: recordsFacts(records), media }
    } finally {
      records.close()
    }
  }

  /** After the copy: what it was made of was sound. The backups that are there stay, since none is taken. */
  async #requireUndamaged(name: string): Promise<void> {
    const damaged: number[] = []
    for (const look of lookThrough(join(this.#ask.dataDir, name))) {
      damaged.push(...look.damaged)
      await this.#rest()
    }
    if (damaged.length > 0) throw new Error(`${damageText(name, damaged)}. Restore the newest backup`)
  }

  async #takeJournal(): Promise<string[]> {
    const from = join(this.#ask.dataDir, 'journal')
    const to = join(this.#part, 'journal')
    const days: string[] = []
    for (const day of daysIn(from)) {
      this.#onWriting(join(to, `${day}.db`))
      if ((await copyDay({ from, to }, day, () => this.#rest())) === undefined) continue
      syncFile(join(to, `${day}.db`))
      chmodSync(join(to, `${day}.db`), 0o600)
      days.push(day)
    }
    return days
  }

  /** Whole in its own folder before the backup has its name: there is no backup without its keys. */
  async #takeVault(): Promise<BackupManifest['vault']> {
    const { dataDir, vaultFolder, masterKey } = this.#ask
    const file = vaultCopyName(this.#name)
    const part = join(vaultFolder, file + PART_ENDING)
    this.#copy(join(dataDir, 'vault.db'), part)
    const faults = faultsOfDatabase(part, 'vault.db')
    if (faults.length > 0) throw new Error(`The copy of the vault is damaged: ${faults.join('; ')}`)
    // Throws where this is not the key that opens it.
    new Vault(part, masterKey, { readonly: true }).close()
    giveToOwner(part)
    renameSync(part, join(vaultFolder, file))
    syncFolder(vaultFolder)
    const path = join(vaultFolder, file)
    return { file, bytes: statSync(path).size, sha256: await sha256Of(path) }
  }

  async #filesOf(days: readonly string[]): Promise<BackupFile[]> {
    const paths = ['records.db', 'accounts.db', MEDIA_LIST_FILE, ...days.map((day) => `journal/${day}.db`)]
    const files: BackupFile[] = []
    for (const path of paths) {
      const whole = join(this.#part, path)
      if (!existsSync(whole)) continue
      files.push({ path, bytes: statSync(whole).size, sha256: await sha256Of(whole, () => this.#rest()) })
    }
    syncFile(join(this.#part, MEDIA_LIST_FILE))
    return files
  }

  #copy(from: string, to: string): void {
    this.#onWriting(to)
    copyDatabase(from, to)
    relieveLog(from)
    syncFile(to)
    chmodSync(to, 0o600)
  }

  async #rest(): Promise<void> {
    const workedMs = this.#clock.monoMs() - this.#workedSinceMs
    if (this.#ask.restShare > 0) await pause(this.#clock, workedMs * this.#ask.restShare)
    this.#workedSinceMs = this.#clock.monoMs()
  }

  #done(manifest: BackupManifest, { media, added, missing }: PooledMedia, removed: string[]): BackupDone {
    return {
      name: manifest.name,
      seconds: (this.#clock.monoMs() - this.#startedMs) / 1000,
      bytes: manifest.files.reduce((sum, file) => sum + file.bytes, manifest.vault.bytes),
      head_seq: manifest.journal.head_seq,
      counts: manifest.counts,
      media: { files: media.length, added, missing },
      removed,
    }
  }
}

/** Behind all that are there: the newest is known by its name, also where the clock was wrong when they were made. */
function nextName({ folder, vaultFolder }: BackupAsk, nowMs: number): string {
  const newest = [backupsIn(folder), vaultCopiesIn(vaultFolder)].flatMap((names) => names.slice(-1))
  let nameMs = Math.max(nowMs, ...newest.map((name) => epochMsOfName(name) + 1000))
  while (existsSync(join(folder, backupNameOf(nameMs)))) nameMs += 1000
  return backupNameOf(nameMs)
}

/** Throws where this is not the key that opens the vault. */
/** Throws where the vault's copy would lie with what it opens, unless that is wanted. Makes nothing. */
function requireApart({ folder, vaultFolder, dataDir, vaultBeside }: BackupAsk): void {
  for (const place of [folder, vaultFolder]) requireOutside(place, dataDir)
  if (vaultBeside) return
  if (isInside(folder, vaultFolder) || isInside(vaultFolder, folder)) {
    throw new Error(
      "The vault's copy would lie with the backup that it opens: choose another place for it with --vault-to or " +
        'backup.vault_folder, or say that you want it so with --vault-beside or backup.vault_beside',
    )
  }
}

function requireSpace({ dataDir, folder }: BackupAsk): void {
  const journal = daysIn(join(dataDir, 'journal')).map((day) => join('journal', `${day}.db`))
  const needed = ['records.db', 'records.db-wal', 'accounts.db', ...journal]
    .map((file) => statSync(join(dataDir, file), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, SPARE_BYTES)
  const { bavail, bsize } = statfsSync(folder)
  if (bavail * bsize >= needed) return
  throw new Error(
    `There is no space for a backup in ${folder}: ${megabytes(bavail * bsize)} MB are free, ${megabytes(needed)} MB are needed`,
  )
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}
