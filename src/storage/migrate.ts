import type { Db } from './database.ts'

export interface Migration {
  /** The file's name, `NNNN_verb_noun.sql`; its number is its place in the list, from 1. */
  name: string
  sql: string
}

/** How many migrations a database has behind it; 0: none, it is new. */
export function versionOf(database: Db): number {
  return database.one<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
}

/**
 * Brings a database to the newest version, one transaction a migration, and remembers how far it came in
 * `user_version`, so that a kill in between leaves a whole version behind. A newer database is refused.
 */
export function migrate(
  database: Db,
  label: string,
  migrations: readonly Migration[],
  onMigrating: (migration: Migration) => void = () => {},
): void {
  const found = versionOf(database)
  if (found > migrations.length) throw new Error(newerText(label, found, migrations.length))
  for (const [index, migration] of migrations.entries()) {
    const version = index + 1
    if (version <= found) continue
    onMigrating(migration)
    database.transaction(() => {
      database.script(migration.sql)
      database.script(`PRAGMA user_version = ${version}`)
    })
  }
}

/** What an older program says of a newer folder, and what may be done. */
export function newerText(label: string, found: number, known: number): string {
  return (
    `Cannot open ${label}: it was written by a newer Gatehouse (version ${found}; this one knows up to ${known}). ` +
    'Start the newer program again, or go back to what was before it: gatehouse rollback'
  )
}
