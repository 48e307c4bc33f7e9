import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { syncFolder } from './copy-database.ts'
import { giveToOwner } from './data-folder.ts'

/** Writes a small file so that whoever reads it finds the old one or the new one whole, also after a power cut. */
export function writeWhole(path: string, text: string): void {
  const part = `${path}.part`
  const file = openSync(part, 'w', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  giveToOwner(part)
  renameSync(part, path)
  syncFolder(dirname(path))
}
