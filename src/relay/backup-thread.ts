import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { readThrough } from '../storage/raw-file.ts'
import { serveThread } from '../storage/serve-thread.ts'
import { stepBack } from '../storage/step-back.ts'
import type { Served } from './backup-client.ts'
import { type CheckAsk, checkBackup } from './check-backup.ts'
import { type LookAsk, lookOver } from './look-over.ts'
import { type BackupAsk, takeBackup } from './take-backup.ts'
import { type LedgerAsk, takeLedgerAlone } from './take-ledger.ts'

/** Something to sync piece by piece while it grows. */
export interface BackupNotice {
  kind: 'writing'
  path: string
}

declare const self: Worker

const answers = {
  take(ask: BackupAsk & Served) {
    stepBack()
    readServed(join(ask.dataDir, 'records.db'), ask)
    return takeBackup(ask, systemClock, (path) => {
      self.postMessage({ notice: { kind: 'writing', path } satisfies BackupNotice })
    })
  },
  takeLedger: (ask: LedgerAsk) => takeLedgerAlone(ask),
  check(ask: CheckAsk) {
    stepBack()
    return checkBackup(ask, Math.random)
  },
  look(ask: LookAsk & Served) {
    stepBack()
    readServed(ask.path, ask)
    return lookOver(ask, systemClock)
  },
  close() {},
}

export type BackupAnswers = typeof answers

function readServed(path: string, { rawRecords }: Served): void {
  if (rawRecords !== undefined) readThrough(path, rawRecords)
}

// What fails is told to whoever asked; nothing else is touched by it.
serveThread({ answers })
