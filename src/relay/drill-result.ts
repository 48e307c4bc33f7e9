import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../storage/write-whole.ts'

/** Its name in the data folder. No backup takes it along. */
const DRILL_FILE = 'drill.json'

/** How the last try to restore a backup ended, for whoever asks later. Times are milliseconds since 1970. */
export interface DrillResult {
  at: number
  ok: boolean
  /** The backup that was tried; null where there was none. */
  backup: string | null
  /** What is wrong, in words; empty where nothing is. */
  faults: string[]
  /** How long it took. */
  seconds: number
  /** The last good one, also where this one was none. */
  last_success_at: number | null
}

/** Null where none was ever made, or the file is torn. */
export function readDrill(dataDir: string): DrillResult | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, DRILL_FILE), 'utf8')) as DrillResult
  } catch {
    return null
  }
}

export function writeDrill(dataDir: string, result: Omit<DrillResult, 'last_success_at'>): void {
  const last = result.ok ? result.at : (readDrill(dataDir)?.last_success_at ?? null)
  writeWhole(join(dataDir, DRILL_FILE), `${JSON.stringify({ ...result, last_success_at: last }, null, 2)}\n`)
}
