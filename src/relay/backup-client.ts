import { open } from 'node:fs/promises'
import { type Clock, pause } from '../core/clock.ts'
import { Thread } from '../storage/thread.ts'
import type { BackupAnswers, BackupNotice } from './backup-thread.ts'
import type { BackupChecked, CheckAsk } from './check-backup.ts'
import type { LookAsk, LookedOver } from './look-over.ts'
import type { BackupAsk, BackupDone } from './take-backup.ts'
import type { LedgerAsk } from './take-ledger.ts'

/**
 * The growing copy is synced nearly without a pause: a disk that has little to write back keeps the journal's own sync
 * waiting for little. At 1,000 webhooks a second the 99.9th percentile of their answers rose by 14 ms, with a pause of
 * 50 ms by 83 (measured, scripts/bench/backup.ts).
 */
const SYNC_MS = 5

/** Where the records are served by this process: the descriptor to read their bytes through. */
export interface Served {
  rawRecords?: number | undefined
}

/** Takes a backup in a thread of its own, which is there only for as long as that lasts. */
export async function takeBackupInThread(thread: URL, ask: BackupAsk & Served, clock: Clock): Promise<BackupDone> {
  return await withThread(thread, clock, (worker) => worker.ask('take', ask))
}

/** Lays the ledger of erasures beside the copies of the keys, in such a thread. */
export async function takeLedgerInThread(thread: URL, ask: LedgerAsk, clock: Clock): Promise<void> {
  await withThread(thread, clock, (worker) => worker.ask('takeLedger', ask))
}

/** Checks a backup in such a thread. */
export async function checkBackupInThread(thread: URL, ask: CheckAsk, clock: Clock): Promise<BackupChecked> {
  return await withThread(thread, clock, (worker) => worker.ask('check', ask))
}

/** Looks at the pages of a database in such a thread. */
export async function lookOverInThread(thread: URL, ask: LookAsk & Served, clock: Clock): Promise<LookedOver> {
  return await withThread(thread, clock, (worker) => worker.ask('look', ask))
}

async function withThread<T>(
  program: URL,
  clock: Clock,
  work: (worker: Thread<BackupAnswers>) => Promise<T>,
): Promise<T> {
  const sync = new PacedSync(clock)
  let hasFailed = false
  const worker = new Thread<BackupAnswers>(new Worker(program), {
    onNotice: (notice) => sync.follow((notice as BackupNotice).path),
    onFailure: () => {
      hasFailed = true
    },
  })
  try {
    return await work(worker).catch((error: unknown) => {
      throw error instanceof Error ? error : new Error(String(error))
    })
  } finally {
    await sync.stop()
    if (!hasFailed) {
      await worker.ask('close').catch(() => {})
      await worker.closed()
    }
  }
}

/** Syncs a file while another thread writes to it. The calls wait in the pool of the runtime, not on this thread. */
class PacedSync {
  readonly #clock: Clock
  readonly #stop = new AbortController()
  #path: string | undefined
  #running: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  follow(path: string): void {
    this.#path = path
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // It may not be there yet, or be renamed by now: the writer syncs it whole at its end.
      if (this.#path !== undefined) await syncOnce(this.#path).catch(() => {})
      await pause(this.#clock, SYNC_MS, this.#stop.signal)
    }
  }
}

async function syncOnce(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}
