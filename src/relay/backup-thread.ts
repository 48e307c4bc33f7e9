import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { readThrough } from '../storage/raw-file.ts'
import { serveThread } from '../storage/serve-thread.ts'
import { stepBack } from '../storage/step-back.ts'
import type { Question } from '../storage/thread.ts'
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

function answer({ name, args }: Question): unknown {
  switch (name) {
    case 'take': {
      stepBack()
      const ask = args as BackupAsk & Served
      readServed(join(ask.dataDir, 'records.db'), ask)
      return takeBackup(ask, systemClock, (path) => {
        self.postMessage({ notice: { kind: 'writing', path } satisfies BackupNotice })
      })
    }
    case 'take_ledger':
      return takeLedgerAlone(args as LedgerAsk)
    case 'check':
      stepBack()
      return checkBackup(args as CheckAsk, Math.random)
    case 'look':
      stepBack()
      readServed((args as LookAsk).path, args as Served)
      return lookOver(args as LookAsk, systemClock)
    case 'close':
      return undefined
    default:
      throw new Error(`Unknown question: ${name}`)
  }
}

function readServed(path: string, { rawRecords }: Served): void {
  if (rawRecords !== undefined) readThrough(path, rawRecords)
}

// What fails is told to whoever asked; nothing else is touched by it.
serveThread({ answer })
