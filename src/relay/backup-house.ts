import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { syncFile } from '../storage/copy-database.ts'
import { keyedHash } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'

/** Says in a folder of backups whose they are. */
const HOUSE_FILE = 'house'

/** Stays the same when the master key is changed, and in a house that was restored; it says nothing of any key. */
export function houseMarkOf(vault: Pick<Vault, 'findNamedKey'>): string {
  return keyedHash(must(vault.findNamedKey('house'), 'the key of the house'), 'backups').toHex()
}

/**
 * Throws where another house keeps its backups: each removes what is older than its own, so one of the two, or a data
 * folder that was begun anew by mistake, would in a few days have removed all of the other's. An unmarked folder is taken.
 */
export function claimForHouse(folder: string, mark: string): void {
  const path = join(folder, HOUSE_FILE)
  const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  if (found === mark) return
  if (found !== '') {
    throw new Error(
      `${folder} has the backups of another house, which this one would remove in time: choose another folder. ` +
        `A data folder that was begun anew is another house. Only if nobody needs them, remove ${path}`,
    )
  }
  writeFileSync(path, `${mark}\n`, { mode: 0o600 })
  syncFile(path)
}
