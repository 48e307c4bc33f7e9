import type { Db } from './database.ts'

export interface Migration {
  /** The file's name, `NNNN_verb_noun.sql`; its number is its place in the list, from 1. */
  name: string
  sql: string
}

/**
 * Brings a database to the newest version, one transaction a migration, and remembers how far it came in
 * `user_version`, so that a kill in between leaves a whole version behind. A newer database is refused.
 */
export function migrate(database: Db, label: string, migrations: readonly Migration[]): void {
  const found = database.one<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
  if (found > migrations.length) {
    throw new Error(
      `Cannot open ${label}: it was written by a newer Gatehouse (version ${found}; this one knows up to ${migrations.length})`,
    )
  }
  for (const [index, migration] of migrations.entries()) {
    const version = index + 1
    if (version <= found) continue
    database.transaction(() => {
      database.script(migration.sql)
      database.script(`PRAGMA user_version = ${version}`)
    })
  }
}
