import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../core/failure.ts'
import { daysIn } from '../../journal/day-file.ts'
import { dayKeyName, dayOf } from '../../journal/entry.ts'
import { Journal } from '../../journal/journal.ts'
import { requireAllCommits, requireWholeVault } from '../../records/lost-commits.ts'
import { openRecords } from '../../records/open.ts'
import { Db } from '../../storage/database.ts'
import { HighWaterMark } from '../../storage/high-water.ts'
import { damageText, lookThrough } from '../../storage/page-look.ts'
import { SummedLog } from '../../storage/summed-log.ts'
import { prepareVault, Vault } from '../../vault/vault.ts'
import { type Opened, openEverything } from '../sealed-cells.ts'

/** What a folder holds, cell by cell, and all that opens. */
export interface Contents {
  /** Rows as text, by `database table`. */
  tables: Map<string, string[]>
  opened: Opened[]
}

export type Examined =
  | { outcome: 'refused'; said: string }
  | { outcome: 'found by the check'; said: string }
  | { outcome: 'found when read'; said: string }
  | { outcome: 'whole'; contents: Contents }

/** What a start and then the checks make of a folder. The folder is opened for writing, as a start does. */
export function examine(folder: string, masterKey: Uint8Array, nowMs: number): Examined {
  const damaged = new Set<number>()
  try {
    for (const page of openAsStart(folder, masterKey, nowMs)) damaged.add(page)
  } catch (error) {
    return { outcome: 'refused', said: messageOf(error) }
  }
  try {
    for (const name of databasesIn(folder)) checkPages(join(folder, name), name)
    for (const look of lookThrough(join(folder, 'records.db'))) for (const page of look.damaged) damaged.add(page)
    if (damaged.size > 0) throw new Error(damageText('records.db', [...damaged]))
  } catch (error) {
    return { outcome: 'found by the check', said: messageOf(error) }
  }
  try {
    return { outcome: 'whole', contents: { tables: dump(folder), opened: openEverything(folder, folder, masterKey) } }
  } catch (error) {
    return { outcome: 'found when read', said: messageOf(error) }
  }
}

function databasesIn(folder: string): string[] {
  const days = daysIn(join(folder, 'journal')).map((day) => join('journal', `${day}.db`))
  return ['records.db', 'vault.db', 'search.db', ...days].filter((name) => existsSync(join(folder, name)))
}

/** In the order of the book's thread and the journal's: what these refuse, a start refuses. Says which pages are damaged. */
function openAsStart(folder: string, masterKey: Uint8Array, nowMs: number): readonly number[] {
  using closing = new DisposableStack()
  const vault = closing.adopt(new Vault(join(folder, 'vault.db'), masterKey), (one) => one.close())
  prepareVault(vault)
  const epoch = 'an epoch that is not used'
  const database = closing.adopt(openRecords(join(folder, 'records.db'), epoch), (one) => one.close())
  const mark = closing.adopt(new HighWaterMark(join(folder, 'records-high-water')), (one) => one.close())
  requireAllCommits(database, mark, { acceptLoss: false, epoch, nowMs })
  requireWholeVault(database, vault, false)
  const log = closing.adopt(new SummedLog(database, join(folder, 'records.db'), { anew: false }), (one) => one.close())
  const journal = join(folder, 'journal')
  const days = [...new Set([...daysIn(journal), dayOf(nowMs)])]
  const dayKeys = new Map<string, Uint8Array>()
  for (const day of days) {
    const key = day === dayOf(nowMs) ? vault.namedKey(dayKeyName(day)) : vault.findNamedKey(dayKeyName(day))
    if (key) dayKeys.set(day, key)
  }
  vault.commit()
  const house = database.one<{ applied_seq: number }>('SELECT applied_seq FROM house WHERE id = 1')
  const opened = new Journal({ folder: journal, dayKeys, appliedSeq: house?.applied_seq ?? 0, nowMs })
  opened.close()
  log.begin()
  return log.damaged
}

function checkPages(path: string, name: string): void {
  const database = new Db(path)
  try {
    const said = database.one<{ integrity_check: string }>('PRAGMA integrity_check')?.integrity_check
    if (said !== 'ok') throw new Error(`${name}: ${said}`)
    if (name !== 'search.db') return
    for (const table of ['message_terms', 'person_terms']) {
      database.script(`INSERT INTO ${table} (${table}) VALUES ('integrity-check')`)
    }
  } finally {
    database.close()
  }
}

function dump(folder: string): Map<string, string[]> {
  const tables = new Map<string, string[]>()
  for (const name of databasesIn(folder)) {
    const database = new Db(join(folder, name), { readonly: true })
    // What SQLite makes of its schema, for which letters of either case are the same.
    const names = database.all<{ name: string }>(
      `SELECT lower(name) AS name FROM pragma_table_list
       WHERE schema = 'main' AND type IN ('table', 'shadow') AND name NOT LIKE 'sqlite_%' ORDER BY 1`,
    )
    for (const { name: table } of names) {
      const columns = database.all<{ name: string }>('SELECT lower(name) AS name FROM pragma_table_info(?1)', table)
      const list = columns.map(({ name: column }) => `"${column}" AS "${column}"`).join(', ')
      const rows = database.all<Record<string, unknown>>(`SELECT ${list} FROM "${table}"`)
      const key = `${name.startsWith('journal') ? 'journal' : name} ${table}`
      tables.set(key, rows.map(rowText).sort())
    }
    database.close()
  }
  return tables
}

function rowText(row: Record<string, unknown>): string {
  return Object.entries(row)
    .map(([column, value]) => `${column}=${value instanceof Uint8Array ? value.toHex() : String(value)}`)
    .join('\u0000')
}

/** Where two folders differ: `database table.column`, or `database table: rows`; what opens: `opened where`. */
export function differences(before: Contents, after: Contents): string[] {
  const found = new Set<string>()
  for (const [table, rows] of before.tables) {
    const now = after.tables.get(table) ?? []
    if (now.length !== rows.length) found.add(`${table}: ${rows.length} rows became ${now.length}`)
    else for (const column of changedColumns(rows, now)) found.add(`${table}.${column}`)
  }
  const count = (contents: Contents) => contents.opened.length
  if (count(before) !== count(after)) found.add(`opened: ${count(before)} became ${count(after)}`)
  return [...found]
}

function changedColumns(before: readonly string[], after: readonly string[]): string[] {
  const [was, is] = [before.filter((row) => !after.includes(row)), after.filter((row) => !before.includes(row))]
  const [one, other] = [was[0]?.split('\u0000') ?? [], is[0]?.split('\u0000') ?? []]
  return one.filter((cell, index) => cell !== other[index]).map((cell) => cell.slice(0, cell.indexOf('=')))
}
