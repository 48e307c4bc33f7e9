/**
 * Upgrades a folder of pretended databases, or takes it back, in a process of its own that may be killed at a crash point:
 * `bun upgrade-process.ts upgrade|rollback FOLDER`.
 */

import { Db } from '../../storage/database.ts'
import { planRollback, rollbackFolder } from '../../storage/rollback.ts'
import { markFinished } from '../../storage/unfinished.ts'
import { type Form, upgradeFolder } from '../../storage/upgrade.ts'

const BOOK = [
  { name: '0001_create_book.sql', sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT' },
  { name: '0002_add_length.sql', sql: 'ALTER TABLE notes ADD COLUMN length INTEGER' },
  { name: '0003_fill_length.sql', sql: 'UPDATE notes SET length = length(text)' },
]
const KEYS = [
  { name: '0001_create_keys.sql', sql: 'CREATE TABLE keys (name TEXT PRIMARY KEY, cell BLOB NOT NULL) STRICT' },
  { name: '0002_add_age.sql', sql: 'ALTER TABLE keys ADD COLUMN age INTEGER' },
]

/** A house whose book goes back as it was and whose keys keep what came since; `isOlder`: the program of before. */
export function pretendedForms(isOlder: boolean): Form[] {
  return [
    {
      label: 'keys',
      migrations: isOlder ? KEYS.slice(0, 1) : KEYS,
      open: { secureDelete: true },
      back: 'rows',
      files: () => ['keys/a.db', 'keys/b.db'],
    },
    { label: 'book', migrations: isOlder ? BOOK.slice(0, 1) : BOOK, open: {}, back: 'copy', files: () => ['book.db'] },
  ]
}

/** What a rollback tells the book that was put back. */
export function markPutBack(path: string): void {
  const database = new Db(path)
  database.run("INSERT OR REPLACE INTO notes (id, text) VALUES (0, 'put back')")
  database.close()
}

export const PRETENDED_NOW_MS = 1_800_000_000_000

if (import.meta.main) {
  const [what, folder = ''] = process.argv.slice(2)
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  if (what === 'upgrade') {
    const ask = { folder, forms: pretendedForms(false), program: '9.9.9', nowMs: PRETENDED_NOW_MS, say }
    await upgradeFolder(ask)
  } else {
    const plan = planRollback(folder, pretendedForms(false))
    await rollbackFolder({ folder, plan, nowMs: PRETENDED_NOW_MS, say, onPutBack: markPutBack })
    markFinished(folder)
  }
}
