import { join } from 'node:path'
import { vaultCopiesIn, vaultCopyName } from '../storage/backup-manifest.ts'
import { Vault, WrongMasterKey } from '../vault/vault.ts'

/**
 * The file of the vault's copy that opens a backup with a master key: its own, else the next later one that does, which has
 * all keys that are not destroyed. Where none does, its own all the same; undefined where there is none.
 */
export function vaultCopyOf(vaultFolder: string, name: string, masterKey: Uint8Array): string | undefined {
  const files = vaultCopiesIn(vaultFolder)
    .filter((one) => one >= name)
    .map(vaultCopyName)
  return files.find((file) => opensWith(join(vaultFolder, file), masterKey)) ?? files[0]
}

/** Whether there are copies of the vault, and the newest opens with another master key only. */
export function isOfOtherKey(vaultFolder: string, masterKey: Uint8Array): boolean {
  const newest = vaultCopiesIn(vaultFolder).at(-1)
  return newest !== undefined && !opensWith(join(vaultFolder, vaultCopyName(newest)), masterKey)
}

/** What is damaged is found by whoever opens it. */
function opensWith(path: string, masterKey: Uint8Array): boolean {
  try {
    new Vault(path, masterKey, { readonly: true }).close()
    return true
  } catch (error) {
    return !(error instanceof WrongMasterKey)
  }
}
