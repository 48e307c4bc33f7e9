import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { DayFile, daysIn } from '../journal/day-file.ts'
import { dayKeyName, type Entry } from '../journal/entry.ts'
import { beginErasureOfPerson, type ErasureTask } from '../records/erasure.ts'
import { cutBody } from '../records/redaction.ts'
import { markFinished, type Unfinished, unfinishedIn } from '../storage/unfinished.ts'
import { ErasureLedger, LEDGER_FILE } from '../vault/erasure-ledger.ts'
import { Vault } from '../vault/vault.ts'
import { Eraser } from './erasure.ts'
import { houseForWork } from './house.ts'
import { removeSearchIndex } from './search-client.ts'

const READ_BYTES_MAX = 4 * 1024 * 1024

export interface ApplyLedgerOptions {
  clock: Clock
  log: Log
  threads: { journal: URL; book: URL; scan: URL; search: URL; upgrade: URL }
  /** The folder as it was restored, with the ledger of the house, which no backup holds. */
  folder: string
  masterKey: Uint8Array
  /** What the folder is unfinished of. */
  finishing?: Unfinished['kind']
}

/**
 * Erases again whom the house had erased, in a folder that was restored from an older copy: before it serves, and before
 * it applies what its journal holds. Nobody else may have the folder open. Answers how many persons came back and went.
 */
export async function applyLedger(options: ApplyLedgerOptions): Promise<{ persons: number; journalEntries: number }> {
  const { folder, masterKey } = options
  const ledger = new ErasureLedger(join(folder, LEDGER_FILE))
  const vault = new Vault(join(folder, 'vault.db'), masterKey)
  try {
    const journalEntries = cutJournal(join(folder, 'journal'), ledger, vault)
    vault.close()
    return { persons: await erasePersons(options, ledger), journalEntries }
  } finally {
    vault.close()
    ledger.close()
  }
}

function cutJournal(folder: string, ledger: ErasureLedger, vault: Vault): number {
  const seqs = ledger.cutSeqs()
  let count = 0
  if (seqs.length === 0) return count
  for (const day of daysIn(folder)) {
    const key = vault.findNamedKey(dayKeyName(day))
    if (!key) continue
    const file = new DayFile({ folder, day, key })
    try {
      for (const seq of seqs) if (cutEntry(file, seq, ledger)) count++
    } finally {
      file.close()
    }
  }
  return count
}

/** An entry that was cut less often than the ledger says is a copy from before. */
function cutEntry(file: DayFile, seq: number, ledger: ErasureLedger): boolean {
  const tag = file.tagOf(seq)
  const cuts = tag ? ledger.cutsOf(seq, tag) : []
  if (cuts.length === 0) return false
  const entry: Entry | undefined = file.read(seq - 1, 1, READ_BYTES_MAX)[0]
  if (entry?.seq !== seq) return false
  const missing = cuts.slice(entry.timesCut ?? 0)
  for (const paths of missing) {
    entry.body = entry.body.length === 0 ? entry.body : cutBody(entry.body, paths)
    file.overwrite([{ seq, body: entry.body }])
  }
  return missing.length > 0
}

/** The journal is applied only after: who was erased and came back would be taken for who they were before. */
async function erasePersons(options: ApplyLedgerOptions, ledger: ErasureLedger): Promise<number> {
  const house = houseForWork({ ...options, leavesJournal: true, webhookBacklogMs: 500 })
  const { journalHead: head } = await house.open()
  const untilMs = ({ persons, requestedAtMs }: ErasureTask) =>
    Math.max(...persons.map((person) => ledger.askedAtOf(person) ?? requestedAtMs))
  const eraser = new Eraser({
    house,
    clock: options.clock,
    log: options.log,
    scanThread: options.threads.scan,
    forget: () => {},
    eraseFromSearch: async () => removeSearchIndex(options.folder),
    filesRemoved: async () => true,
    onState: () => {},
    journal: { head, untilMs },
  })
  let count = 0
  for (const person of ledger.persons()) {
    const { id } = await house.book.ask(beginErasureOfPerson, { person, by: 'ledger' })
    if (id !== null) count++
  }
  await eraser.start()
  await eraser.finished()
  await house.close()
  return count
}

/**
 * After an upgrade was taken back: erases in the older records whom the house has erased since, before anybody reads them.
 * Where nothing is unfinished it costs a look for a file. Answers how many persons went; undefined where none had to.
 */
export async function eraseAgain(options: Omit<ApplyLedgerOptions, 'finishing'>): Promise<number | undefined> {
  if (unfinishedIn(options.folder)?.kind !== 'erasures') return undefined
  const { persons } = await applyLedger({ ...options, finishing: 'erasures' })
  markFinished(options.folder)
  return persons
}
