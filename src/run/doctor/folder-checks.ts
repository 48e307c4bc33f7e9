import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import { type Clock, HOUR_MS } from '../../core/clock.ts'
import { messageOf, nameOfError } from '../../core/failure.ts'
import type { HouseFacts } from '../../gateway/house-facts.ts'
import { sourceOf } from '../../http/webhooks.ts'
import { lastEntryAtMs, readJournalTail } from '../../journal/checkup.ts'
import { dayKeyName } from '../../journal/entry.ts'
import {
  checkPagesOf,
  checkSumsOf,
  faultOfAccounts,
  mediaBytesIn,
  readLostKeys,
  readRecordsFacts,
} from '../../records/checkup.ts'
import { readBackupState } from '../../relay/backup-state.ts'
import { readDrill } from '../../relay/drill-result.ts'
import type { Setup } from '../../setup.ts'
import { DiskHistory } from '../../storage/disk-history.ts'
import { readFolderSizes, sumOf } from '../../storage/folder-sizes.ts'
import { readMark } from '../../storage/high-water.ts'
import { readSpace } from '../../storage/space.ts'
import { countErased, LEDGER_FILE } from '../../vault/erasure-ledger.ts'
import { Vault } from '../../vault/vault.ts'
import { checkBackups, checkCopiesPlace, checkDrill, checkShipping } from './backups.ts'
import {
  checkAccounts,
  checkJournalTail,
  checkLedger,
  checkLostKeys,
  checkMark,
  checkMasterKey,
  checkPages,
  checkQuarantine,
  checkSums,
} from './databases.ts'
import { checkFileSystem, checkForecast, checkLogs, checkQuota, checkSpace, checkSyncs, measureSyncs } from './disk.ts'
import type { Finding } from './finding.ts'
import { fail } from './finding.ts'
import { checkLag, checkNumbers } from './house.ts'
import { checkLastWebhook } from './platform.ts'

/** What the checks of one run share. */
export interface Checkup {
  config: Config
  setup: Setup
  clock: Clock
  /** What the running house says; undefined where none runs. */
  facts: HouseFacts | undefined
}

const GB = 1_000_000_000

export async function checkDisk({ config, clock, facts }: Checkup): Promise<Finding[]> {
  const { dataDir } = config
  const space = await readSpace(dataDir)
  const history = new DiskHistory(dataDir)
  await history.load(clock.epochMs())
  const now = { atMs: clock.epochMs(), freeBytes: space.freeBytes }
  const quotaBytes = config.storage.quotaGb === undefined ? null : config.storage.quotaGb * GB
  const { parts, logs } = facts?.space ?? (await sizesOf(dataDir, quotaBytes !== null))
  const findings = [
    checkSpace(space),
    checkForecast(facts ? facts.space.fullInSeconds : history.secondsUntilUsed(now, space.freeBytes)),
    checkQuota(sumOf(parts), quotaBytes),
    checkFileSystem(space.kind),
    await checkSyncs(() => measureSyncs(dataDir, clock)),
    checkLogs(logs),
  ]
  const media = join(dataDir, 'media')
  const ofMedia = existsSync(media) ? await readSpace(media) : space
  // Files of messages may lie on a disk of their own.
  if (ofMedia.totalBytes !== space.totalBytes) {
    findings.push(...[checkSpace(ofMedia), checkFileSystem(ofMedia.kind, 'media folder')].map(ofMediaFolder))
  }
  return findings
}

/** Without a house that counts them all the time, the files of messages are only counted where somebody wants to know. */
function sizesOf(dataDir: string, withMedia: boolean) {
  const mediaBytes = withMedia ? mediaBytesOf(join(dataDir, 'records.db')) : 0
  return readFolderSizes({ folder: dataDir, nowMs: 0, walks: new Map(), backupFolder: null, mediaBytes })
}

function mediaBytesOf(records: string): number {
  try {
    return mediaBytesIn(records)
  } catch {
    // Missing or damaged records have findings of their own.
    return 0
  }
}

function ofMediaFolder(finding: Finding): Finding {
  return { ...finding, id: `${finding.id}.media`, what: `media: ${finding.what}` }
}

/** Keys, records, journal, quarantine, numbers: read beside the house, which is not held up. */
export function checkFolder(checkup: Checkup): Finding[] {
  const { config, setup } = checkup
  const path = (name: string) => join(config.dataDir, name)
  const hasVault = existsSync(path('vault.db'))
  const opened = hasVault ? openVault(path('vault.db'), setup.masterKey) : null
  const error = opened !== null && 'error' in opened ? opened.error : null
  const findings = [checkMasterKey(error, { vault: hasVault, records: existsSync(path('records.db')) })]
  if (opened === null || 'error' in opened) return findings
  try {
    const keyOf = (day: string) => opened.vault.findNamedKey(dayKeyName(day))
    return [
      ...findings,
      ...tried('key.whole', () => checkBesideRecords(config.dataDir, opened.vault)),
      ...tried('journal.chain', () => checkJournal(checkup, keyOf)),
    ]
  } finally {
    opened.vault.close()
  }
}

/** What has to belong to the records: keys, credentials, the ledger. */
function checkBesideRecords(folder: string, vault: Vault): Finding[] {
  const records = join(folder, 'records.db')
  const lost = readLostKeys(records, vault)
  return [checkLostKeys(lost), checkAccounts(faultOfAccounts(folder)), checkLedger(faultOfLedger(folder))]
}

function faultOfLedger(folder: string): string | null {
  try {
    countErased(join(folder, LEDGER_FILE))
    return null
  } catch (error) {
    return messageOf(error)
  }
}

function openVault(path: string, masterKey: Uint8Array): { vault: Vault } | { error: string } {
  try {
    return { vault: new Vault(path, masterKey, { readonly: true }) }
  } catch (error) {
    // Its own sentence for a wrong key and for damage that it finds; of anything else only the code.
    const isOurs = error instanceof Error && error.message.startsWith('Cannot open ')
    return { error: isOurs ? error.message : `The vault does not open: ${nameOfError(error)}` }
  }
}

function checkJournal({ config, setup, clock, facts }: Checkup, keyOf: (day: string) => Uint8Array | undefined) {
  const folder = join(config.dataDir, 'journal')
  const records = join(config.dataDir, 'records.db')
  // The marks first: what is committed meanwhile only raises what they are held against.
  const journalMark = readMark(join(folder, 'high-water'))
  const recordsMark = readMark(join(config.dataDir, 'records-high-water'))
  const tail = readJournalTail(folder, keyOf)
  const nowMs = clock.epochMs()
  const findings = [checkJournalTail(tail.error, tail.checked)]
  if (tail.error === null) findings.push(checkMark('journal', journalMark, tail.head))
  for (const { id } of setup.apps) {
    findings.push(checkLastWebhook(id, lastEntryAtMs(folder, sourceOf('whatsapp', id), keyOf), nowMs))
  }
  return [
    ...findings,
    ...tried('records.pages', () => {
      const { said, isWhole } = checkPagesOf(records)
      const { progress, appliedSeq, quarantine, numbers } = readRecordsFacts(records)
      return [
        checkPages('records', said, isWhole),
        checkSums('records', checkSumsOf(records, Math.random), facts?.damagedPages ?? 0),
        checkMark('records', recordsMark, progress),
        checkLag(facts, Math.max(0, tail.head - appliedSeq)),
        checkQuarantine(quarantine.count, quarantine.oldestAtMs, nowMs),
        ...checkNumbers(numbers),
      ]
    }),
  ]
}

/** Whatever a damaged file does to a check, the others are made. */
function tried(id: string, check: () => Finding[]): Finding[] {
  try {
    return check()
  } catch (error) {
    return [fail(id, `It could not be read: ${nameOfError(error)}`, 'Look at the disk; then restore a backup')]
  }
}

export function checkCopies({ config, clock, facts }: Checkup): Finding[] {
  const nowMs = clock.epochMs()
  const { last_success, last_failure } = readBackupState(config.dataDir)
  const drill = readDrill(config.dataDir)
  const everyMs = config.backup.folder === undefined ? null : config.backup.everyHours * HOUR_MS
  const lastFailure = last_failure && { atMs: last_failure.at, reason: last_failure.reason }
  return [
    checkBackups({ everyMs, lastSuccessAtMs: last_success?.at ?? null, lastFailure }, nowMs),
    checkCopiesPlace(copiesOnDiskOf(config)),
    checkShipping(facts, config.backup.shipFolder !== undefined),
    checkDrill(drill && { atMs: drill.at, isGood: drill.ok, reason: drill.faults[0] ?? null }, nowMs),
  ]
}

function copiesOnDiskOf({ backup, dataDir }: Config): string[] {
  const places = { folder: backup.folder, vault_folder: backup.vaultFolder, ship_folder: backup.shipFolder }
  const data = diskOf(dataDir)
  return Object.entries(places).flatMap(([key, path]) => (path !== undefined && diskOf(path) === data ? [key] : []))
}

/** Null where it is not there yet, or not for whoever asks. */
function diskOf(path: string): number | null {
  try {
    return statSync(path).dev
  } catch {
    return null
  }
}
