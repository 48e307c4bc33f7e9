import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { recordsFacts } from '../records/backup-facts.ts'
import { type ComparedCells, compareRandomCells } from '../records/drill-cells.ts'
import { openRecordsReadonly } from '../records/open.ts'
import { pooledMediaPath, readMediaList } from '../storage/backup-manifest.ts'
import type { Db } from '../storage/database.ts'
import { markUnfinished } from '../storage/unfinished.ts'
import type { ApplyLedgerOptions } from './apply-ledger.ts'
import { type ChosenBackup, chooseBackup, copyBackup, openRestored, requireReadable, requireRoom } from './restore.ts'

/** Where a backup is tried: in the data folder, so on its disk. What a kill has left is removed by the next. */
const DRILL_FOLDER = 'drill'
const CELLS = 100

export interface DrillOptions extends Omit<ApplyLedgerOptions, 'finishing' | 'folder'> {
  dataDir: string
  from: string
  vaultFrom: string
  /** The name of a backup, or `latest`. */
  backup: string
  random: () => number
}

/** What was tried, and what came of it. */
export interface Drilled {
  backup: string
  made_at: string
  counts: { messages: number; conversations: number; contacts: number; events: number }
  /** Entries of the journal that were applied, as a start would. */
  journal_entries: number
  media: number
  cells: ComparedCells
  faults: string[]
}

/**
 * Restores a backup beside the house, opens it as a start would, compares it with what it says of itself and with the
 * living house, and removes it. Media are not copied: each is looked for in the pool. Throws where it gets nowhere.
 */
export async function drill(options: DrillOptions): Promise<Drilled> {
  const { dataDir, masterKey } = options
  const chosen = chooseBackup(options, options.backup)
  await requireReadable(chosen, masterKey)
  const folder = join(dataDir, DRILL_FOLDER)
  rmSync(folder, { recursive: true, force: true })
  requireRoom(chosen, dataDir, { withMedia: false })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    markUnfinished(folder, { kind: 'restore' })
    await copyBackup(chosen, folder, { withMedia: false })
    return await tryOut({ ...options, folder }, chosen)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function tryOut(options: DrillOptions & { folder: string }, chosen: ChosenBackup): Promise<Drilled> {
  const { folder, dataDir, random } = options
  const { manifest } = chosen
  const faults = [...faultsOfCounts(folder, chosen), ...faultsOfPool(chosen)]
  const house = await openRestored(options)
  try {
    await house.caughtUp()
    const copy = { records: house.records(), vault: house.vault() }
    const live = openLive(dataDir)
    const compared = live ? { records: live, lastId: manifest.records.next_id } : null
    const cells = compareRandomCells(copy, compared, { count: CELLS, random })
    live?.close()
    if (cells.broken > 0) faults.push(`${cells.broken} of ${CELLS} sealed cells do not open`)
    if (cells.other > 0) faults.push(`${cells.other} messages are others than in the living house`)
    if (manifest.counts.messages > 0 && cells.opened + cells.erased === 0) faults.push('No sealed cell was opened')
    return {
      backup: manifest.name,
      made_at: new Date(manifest.made_at).toISOString(),
      counts: manifest.counts,
      journal_entries: manifest.journal.head_seq - manifest.records.applied_seq,
      media: manifest.media.files,
      cells,
      faults,
    }
  } finally {
    await house.close()
  }
}

function faultsOfCounts(folder: string, { manifest }: ChosenBackup): string[] {
  const records = openRecordsReadonly(join(folder, 'records.db'))
  try {
    const { counts } = recordsFacts(records)
    return (['messages', 'conversations', 'contacts', 'events'] as const).flatMap((what) =>
      counts[what] === manifest.counts[what]
        ? []
        : [`There are ${counts[what]} ${what}; the manifest says ${manifest.counts[what]}`],
    )
  } finally {
    records.close()
  }
}

function faultsOfPool({ folder, path }: ChosenBackup): string[] {
  const wrong = readMediaList(path).filter(({ name, bytes }) => {
    const file = pooledMediaPath(folder, name)
    return !existsSync(file) || statSync(file).size !== bytes
  })
  return wrong.length === 0 ? [] : [`${wrong.length} media files are missing or of another size`]
}

/** The records of the living house, where there is one. */
function openLive(dataDir: string): Db | undefined {
  const path = join(dataDir, 'records.db')
  return existsSync(path) ? openRecordsReadonly(path) : undefined
}
