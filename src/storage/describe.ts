import { existsSync } from 'node:fs'
import { Db } from './database.ts'

export interface DatabaseDescription {
  /** The last migration, from 1. */
  version: number
  /** Rows of each table; null where they cannot be counted. */
  tables: Record<string, number | null>
  indexes: string[]
  pageBytes: number
  pages: number
  freePages: number
}

/** What a database is made of: names and counts, no content. Opened for reading only; undefined where it is not there. */
export function describeDatabase(path: string): DatabaseDescription | undefined {
  if (!existsSync(path)) return undefined
  const database = new Db(path, { readonly: true })
  try {
    const pragma = (name: string) => Object.values(database.one<Record<string, number>>(`PRAGMA ${name}`) ?? {})[0] ?? 0
    const named = (type: string) =>
      database
        .all<{ name: string }>('SELECT name FROM sqlite_schema WHERE type = ?1 ORDER BY name', type)
        .map(({ name }) => name)
    return {
      version: pragma('user_version'),
      tables: Object.fromEntries(named('table').map((name) => [name, countOf(database, name)])),
      indexes: named('index'),
      pageBytes: pragma('page_size'),
      pages: pragma('page_count'),
      freePages: pragma('freelist_count'),
    }
  } finally {
    database.close()
  }
}

function countOf(database: Db, table: string): number | null {
  try {
    return (
      database.one<{ count: number }>(`SELECT count(*) AS count FROM "${table.replaceAll('"', '""')}"`)?.count ?? null
    )
  } catch {
    // A virtual table without content has nothing to count.
    return null
  }
}
