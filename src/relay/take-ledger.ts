import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PART_ENDING } from '../storage/backup-manifest.ts'
import { copyDatabase, syncFile, syncFolder } from '../storage/copy-database.ts'
import { giveToOwner } from '../storage/data-folder.ts'
import { relieveLog } from '../storage/summed-log.ts'
import { countErased, DAMAGED_ENDING, LEDGER_FILE, LedgerDamaged } from '../vault/erasure-ledger.ts'
import { Vault } from '../vault/vault.ts'
import { claimForHouse, houseMarkOf, requireOutside } from './house-places.ts'

export interface LedgerAsk {
  dataDir: string
  vaultFolder: string
  masterKey: Uint8Array
}

/**
 * Lays whom the house has erased beside the copies of the keys: only the newest of it, apart from whatever could bring
 * them back. One that knows of more people stays: the house was then restored without it. One that is damaged is put aside.
 */
export function takeLedger({ dataDir, vaultFolder }: Pick<LedgerAsk, 'dataDir' | 'vaultFolder'>): void {
  const [from, to] = [join(dataDir, LEDGER_FILE), join(vaultFolder, LEDGER_FILE)]
  if (!existsSync(from)) return
  const count = countErased(from)
  if (countInCopy(to) > count) return
  const part = to + PART_ENDING
  rmSync(part, { force: true })
  copyDatabase(from, part)
  relieveLog(from)
  syncFile(part)
  chmodSync(part, 0o600)
  giveToOwner(part)
  renameSync(part, to)
  syncFolder(vaultFolder)
}

function countInCopy(path: string): number {
  try {
    return countErased(path)
  } catch (error) {
    if (!(error instanceof LedgerDamaged)) throw error
    renameSync(path, path + DAMAGED_ENDING)
    return 0
  }
}

/** The same by itself, as after an erasure: the place has to be one of this house. */
export function takeLedgerAlone(ask: LedgerAsk): void {
  requireOutside(ask.vaultFolder, ask.dataDir)
  claimForHouse(ask.vaultFolder, { mark: markOf(ask), dataDir: ask.dataDir })
  takeLedger(ask)
}

/** What says in a place for copies that it is this house's. */
export function markOf({ dataDir, masterKey }: Pick<LedgerAsk, 'dataDir' | 'masterKey'>): string {
  const vault = new Vault(join(dataDir, 'vault.db'), masterKey, { readonly: true })
  try {
    return houseMarkOf(vault)
  } finally {
    vault.close()
  }
}
