import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../storage/write-whole.ts'

/** Its name in the data folder. No backup takes it along. */
const BACKUP_STATE_FILE = 'backup-state.json'

/** How the last backups ended, for whoever asks later. Times are milliseconds since 1970. */
export interface BackupState {
  last_success: { name: string; at: number; seconds: number; bytes: number; folder: string } | null
  last_failure: { at: number; reason: string } | null
}

const NOTHING_YET: BackupState = { last_success: null, last_failure: null }

/** What is known; nothing where no backup was ever asked for or the file is torn. */
export function readBackupState(dataDir: string): BackupState {
  try {
    const found = JSON.parse(readFileSync(join(dataDir, BACKUP_STATE_FILE), 'utf8')) as Partial<BackupState>
    return { last_success: found.last_success ?? null, last_failure: found.last_failure ?? null }
  } catch {
    return NOTHING_YET
  }
}

export function writeBackupState(dataDir: string, state: BackupState): void {
  writeWhole(join(dataDir, BACKUP_STATE_FILE), `${JSON.stringify(state, null, 2)}\n`)
}
