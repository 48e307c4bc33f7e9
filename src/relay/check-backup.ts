import { join } from 'node:path'
import { messageOf } from '../core/failure.ts'
import { dayKeyName } from '../journal/entry.ts'
import { JournalReader } from '../journal/journal-reader.ts'
import { recordsFacts } from '../records/backup-facts.ts'
import { compareRandomCells } from '../records/drill-cells.ts'
import { openRecordsReadonly } from '../records/open.ts'
import {
  type BackupManifest,
  faultOfVault,
  faultsOfFiles,
  faultsOfMedia,
  readManifest,
  readMediaList,
} from '../storage/backup-manifest.ts'
import { faultsOfDatabase } from '../storage/copy-database.ts'
import { Vault } from '../vault/vault.ts'
import { vaultCopyOf } from './vault-copy.ts'

/** Entries of one read of the journal. */
const ENTRIES_MAX = 1000
/** More faults of one backup tell nothing new. */
const FAULTS_MAX = 50

export interface CheckAsk {
  folder: string
  vaultFolder: string
  name: string
  masterKey: Uint8Array
  /** Sealed cells that are opened at random places. */
  cells: number
}

export interface BackupChecked {
  name: string
  ok: boolean
  /** What is wrong, in words; at most 50. */
  faults: string[]
  files: number
  media: number
  /** Entries of the journal whose chain was followed. */
  entries: number
  /** Days of the journal whose keys are destroyed by now: nothing of them can be looked at. */
  days_ended: number
  cells: { opened: number; erased: number }
  /** The copy of the vault that opened it. */
  vault: string | null
}

/** Looks at everything in a backup: its sums, its databases, the journal's chain, and sealed cells with the vault's copy. */
export async function checkBackup(ask: CheckAsk, random: () => number): Promise<BackupChecked> {
  const checked: BackupChecked = {
    name: ask.name,
    ok: false,
    faults: [],
    files: 0,
    media: 0,
    entries: 0,
    days_ended: 0,
    cells: { opened: 0, erased: 0 },
    vault: null,
  }
  await collect(checked, () => checkAll(ask, checked, random))
  checked.ok = checked.faults.length === 0
  checked.faults.splice(FAULTS_MAX)
  return checked
}

async function checkAll(ask: CheckAsk, checked: BackupChecked, random: () => number): Promise<void> {
  const path = join(ask.folder, ask.name)
  const manifest = readManifest(path)
  checked.files = manifest.files.length
  checked.faults.push(...missingFiles(manifest), ...(await faultsOfFiles(path, manifest)))
  for (const file of manifest.files.filter((one) => one.path.endsWith('.db'))) {
    checked.faults.push(...faultsOfDatabase(join(path, file.path), file.path))
  }
  await collect(checked, async () => {
    const media = readMediaList(path)
    checked.media = media.length
    if (media.length !== manifest.media.files) checked.faults.push('media.json does not list what the manifest counts')
    checked.faults.push(...(await faultsOfMedia(ask.folder, media)))
  })
  await collect(checked, async () => checkRecords(path, manifest, checked))
  const file = vaultCopyOf(ask.vaultFolder, ask.name, ask.masterKey)
  if (file === undefined) {
    checked.faults.push(`There is no copy of the vault that opens it in ${ask.vaultFolder}`)
    return
  }
  checked.vault = file
  const vaultPath = join(ask.vaultFolder, file)
  const fault = await faultOfVault(ask.folder, vaultPath)
  checked.faults.push(...(fault ? [fault] : []), ...faultsOfDatabase(vaultPath, file))
  await collect(checked, async () => openSealed({ ...ask, path, vaultPath }, { manifest, checked, random }))
}

/** A manifest that was shortened would leave out what has to be there. */
function missingFiles(manifest: BackupManifest): string[] {
  const listed = new Set(manifest.files.map((file) => file.path))
  const wanted = ['records.db', 'media.json', ...manifest.journal.days.map((day) => `journal/${day}.db`)]
  return wanted.filter((path) => !listed.has(path)).map((path) => `The manifest does not list ${path}`)
}

function checkRecords(path: string, manifest: BackupManifest, checked: BackupChecked): void {
  const records = openRecordsReadonly(join(path, 'records.db'))
  try {
    const facts = recordsFacts(records)
    const pairs: [string, unknown, unknown][] = [
      ['epoch', facts.epoch, manifest.epoch],
      ['applied sequence', facts.appliedSeq, manifest.records.applied_seq],
      ['event offset', facts.eventOffset, manifest.records.event_offset],
      ['messages', facts.counts.messages, manifest.counts.messages],
      ['conversations', facts.counts.conversations, manifest.counts.conversations],
      ['contacts', facts.counts.contacts, manifest.counts.contacts],
      ['events', facts.counts.events, manifest.counts.events],
    ]
    for (const [what, found, said] of pairs) {
      if (found !== said)
        checked.faults.push(`records.db: ${what} is ${String(found)}, the manifest says ${String(said)}`)
    }
    if (manifest.journal.head_seq < facts.appliedSeq)
      checked.faults.push('The journal ends before what the records applied')
  } finally {
    records.close()
  }
}

interface Sealed {
  path: string
  vaultPath: string
  masterKey: Uint8Array
  cells: number
}

interface Checking {
  manifest: BackupManifest
  checked: BackupChecked
  random: () => number
}

function openSealed(ask: Sealed, { manifest, checked, random }: Checking): void {
  const vault = new Vault(ask.vaultPath, ask.masterKey, { readonly: true })
  try {
    followChain(join(ask.path, 'journal'), manifest, vault, checked)
    const records = openRecordsReadonly(join(ask.path, 'records.db'))
    try {
      const { opened, erased, broken } = compareRandomCells({ records, vault }, null, { count: ask.cells, random })
      checked.cells = { opened, erased }
      if (broken > 0) checked.faults.push(`records.db: ${broken} of ${ask.cells} sealed cells do not open`)
      if (manifest.counts.messages > 0 && opened + erased === 0)
        checked.faults.push('records.db: no sealed cell was opened')
    } finally {
      records.close()
    }
  } finally {
    vault.close()
  }
}

/** Every entry is opened and follows the one before, up to the head that the manifest names. */
function followChain(folder: string, manifest: BackupManifest, vault: Vault, checked: BackupChecked): void {
  const journal = new JournalReader(folder, (day) => vault.findNamedKey(dayKeyName(day)))
  try {
    const alive = manifest.journal.days.filter((day) => !vault.isDestroyed(dayKeyName(day)))
    checked.days_ended = manifest.journal.days.length - alive.length
    const first = alive.map((day) => journal.firstSeq(day)).find((seq) => seq !== undefined)
    if (first === undefined) return
    let last = first - 1
    for (;;) {
      const entries = journal.read(last, ENTRIES_MAX)
      checked.entries += entries.length
      const end = entries.at(-1)
      if (!end) break
      last = end.seq
    }
    last = journal.accountedAfter(last)
    const { head_seq } = manifest.journal
    if (last !== head_seq) checked.faults.push(`The journal ends at entry ${last}, the manifest says ${head_seq}`)
  } finally {
    journal.close()
  }
}

/** What cannot even be looked at is a fault like any other; the rest is looked at all the same. */
async function collect(checked: BackupChecked, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    checked.faults.push(messageOf(error))
  }
}
