import { Db } from './database.ts'
import { type Migration, migrate } from './migrate.ts'

/**
 * Throws where a table or index is not what the migrations make it: a bit that flipped in a name or a type is no damage
 * to SQLite's own check. It compares what SQLite understood, not the text, which changes when a table is renamed.
 */
export function requireSchema(database: Db, label: string, migrations: readonly Migration[]): void {
  const wanted = new Db(':memory:')
  try {
    migrate(wanted, label, migrations)
    const found = new Set(schemaOf(database))
    const missing = schemaOf(wanted).filter((line) => !found.has(line))
    if (missing.length === 0) return
    throw new Error(`Cannot open ${label}: its schema is damaged. Restore it from its newest copy; nothing was changed`)
  } finally {
    wanted.close()
  }
}

/** A line for each column of each table and index. */
function schemaOf(database: Db): string[] {
  const lines = database.all<{ line: string }>(
    `SELECT lower(concat_ws(' ', l.name, l.type, l.wr, l.strict, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk)) AS line
     FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) c WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite_%'
     UNION ALL
     SELECT lower(concat_ws(' ', l.name, i.name, i."unique", i.partial, c.seqno, c.name, c."desc", c.coll, c.key))
     FROM pragma_table_list l JOIN pragma_index_list(l.name) i JOIN pragma_index_xinfo(i.name) c WHERE l.schema = 'main'`,
  )
  return lines.map(({ line }) => line)
}
