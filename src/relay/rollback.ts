import { randomUUID } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { houseProgress } from '../records/house-row.ts'
import { markRestored } from '../records/restored.ts'
import { FolderLock } from '../storage/lock.ts'
import { planRollback, rollbackFolder } from '../storage/rollback.ts'
import { markFinished, markUnfinished } from '../storage/unfinished.ts'
import type { Form } from '../storage/upgrade.ts'
import { countErased, LEDGER_FILE } from '../vault/erasure-ledger.ts'
import { removeSearchIndex } from './search-client.ts'

export interface TakeBack {
  folder: string
  forms: readonly Form[]
  nowMs: number
  /** Only says what would be done. */
  isTrial: boolean
  say(line: string): void
}

/** What going back means, or has meant. */
export interface TakenBack {
  /** The copy that was gone back to. */
  copy: string
  made_at: string
  databases: { path: string; from: number; to: number }[]
  /** Events since the copy, which are lost; what platforms said comes back from the journal. */
  events_lost: number
  /** Entries of the journal that the older program applies once more. */
  journal_entries: number
  /** People who are erased again before the folder serves. */
  erased_again: number
}

/**
 * Takes the newest upgrade back: the records are again as they were before it, under a new epoch and with everything held
 * that was waiting to be sent; keys, the journal and the ledger keep what came since, so that the older program applies anew
 * what platforms have said. Refused while the house runs.
 */
export async function takeBack({ folder, forms, nowMs, isTrial, say }: TakeBack): Promise<TakenBack> {
  if (!existsSync(folder)) throw new Error('There is no data folder')
  const lock = new FolderLock(join(folder, 'lock.db'))
  try {
    const plan = planRollback(folder, forms)
    const { name, before, steps } = plan
    const answer: TakenBack = {
      copy: name,
      made_at: new Date(before.made_at).toISOString(),
      databases: steps.map(({ path, from, to }) => ({ path, from, to })),
      ...lostSince(folder, join(folder, name)),
      erased_again: countErased(join(folder, LEDGER_FILE)),
    }
    if (isTrial) return answer
    const epoch = randomUUID()
    const onPutBack = (path: string) => markRestored(path, { epoch, nowMs })
    await rollbackFolder({ folder, plan, nowMs, say, onPutBack })
    // Both begin anew with the older records.
    rmSync(join(folder, 'records-high-water'), { force: true })
    removeSearchIndex(folder)
    if (answer.erased_again > 0) markUnfinished(folder, { kind: 'erasures' })
    else markFinished(folder)
    return answer
  } finally {
    lock.release()
  }
}

function lostSince(folder: string, copy: string): { events_lost: number; journal_entries: number } {
  const now = join(folder, 'records.db')
  const then = join(copy, 'records.db')
  // The records were not changed by the upgrade, or they are back already.
  if (!existsSync(then)) return { events_lost: 0, journal_entries: 0 }
  const [since, until] = [houseProgress(then), houseProgress(now)]
  return {
    events_lost: Math.max(0, until.head - since.head),
    journal_entries: Math.max(0, until.appliedSeq - since.appliedSeq),
  }
}
