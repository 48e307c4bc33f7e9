import { closeSync, fdatasyncSync, fsyncSync, openSync } from 'node:fs'
import { messageOf } from '../core/failure.ts'
import { Db } from './database.ts'

/**
 * Copies a database beside its writer, as of one commit. The copy is compact, has no log beside it and is opened read-only
 * without one. It is not synced.
 */
export function copyDatabase(from: string, to: string): void {
  const database = new Db(from, { readonly: true, cacheKib: 8192 })
  try {
    database.copyTo(to)
  } finally {
    database.close()
  }
}

/** What SQLite finds wrong with a file that nobody writes to; empty where it is sound. */
export function faultsOfDatabase(path: string, label: string): string[] {
  try {
    const database = new Db(path, { readonly: true })
    try {
      const found = database.all<{ quick_check: string }>('PRAGMA quick_check(5)').map((row) => row.quick_check)
      return found.length === 1 && found[0] === 'ok' ? [] : found.map((fault) => `${label}: ${fault}`)
    } finally {
      database.close()
    }
  } catch (error) {
    return [`${label} does not open: ${messageOf(error)}`]
  }
}

/** Its content is on stable storage when this returns; of its name, see `syncFolder`. */
export function syncFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** What was made or renamed in a folder is durable once the folder is. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
