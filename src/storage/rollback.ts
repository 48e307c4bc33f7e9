import { existsSync, linkSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { crashPoint } from '../core/crash-point.ts'
import { syncFile, syncFolder } from './copy-database.ts'
import { makeFolder } from './data-folder.ts'
import { Db } from './database.ts'
import { type Migration, migrate } from './migrate.ts'
import { SUMS_ENDING } from './page-sums.ts'
import { markUnfinished, unfinishedIn } from './unfinished.ts'
import { type Before, beforesIn, copyAtRest, type Form, versionIn, writeBefore } from './upgrade.ts'

const PART = '.part'
/** Where the copy of before is, what was in its place since is kept as long. */
const UNDONE = 'undone'

/** A database whose older form is wanted. */
export interface StepBack {
  path: string
  form: Form
  from: number
  to: number
}

export interface RollbackPlan {
  /** The folder with the copy. */
  name: string
  before: Before
  steps: StepBack[]
}

/**
 * What going back to before the newest upgrade means. Works for the program that upgraded and for the one before it.
 * Throws where there is nothing to go back to.
 */
export function planRollback(folder: string, forms: readonly Form[]): RollbackPlan {
  const under = unfinishedIn(folder)
  const befores = beforesIn(folder)
  // One that was cut off goes on, also where all that was left to do was to say that it is done.
  const found =
    under?.kind === 'rollback'
      ? befores.find(({ name }) => name === under.before)
      : befores.findLast(({ before }) => before.taken_back_at === null)
  if (!found) throw new Error('There is no upgrade to take back: no copy from before one is in the data folder')
  const steps = forms.flatMap((form) => {
    const files = form.files(folder)
    const kept = found.before.files.filter(({ path }) => files.includes(path))
    if (kept.length === 0) return []
    const to = Math.min(...kept.map(({ version }) => version))
    return files.flatMap((path) => {
      const from = existsSync(join(folder, path)) ? versionIn(join(folder, path)) : 0
      return from > to ? [{ path, form, from, to }] : []
    })
  })
  return { ...found, steps }
}

export interface RollbackOptions {
  folder: string
  plan: RollbackPlan
  nowMs: number
  say(line: string): void
  /** Tells a database that was put back that it is older than what has happened since. */
  onPutBack(path: string): void
}

/**
 * Takes an upgrade back. Nobody else may have the folder open; until `markFinished` nobody may. Killed at any point, it
 * goes on from there when it is run again.
 */
export async function rollbackFolder({ folder, plan, nowMs, say, onPutBack }: RollbackOptions): Promise<void> {
  const { name, before, steps } = plan
  // What cannot be told in the older form is found before anything has changed.
  for (const step of steps) if (step.form.back === 'rows') buildOlder(folder, step)
  markUnfinished(folder, { kind: 'rollback', before: name })
  crashPoint('rollback.begun')
  for (const step of steps) {
    say(`  ${step.path}: version ${step.from} to ${step.to}`)
    if (step.form.back === 'copy') {
      await copyAtRest(join(folder, name, step.path), join(folder, step.path + PART))
      onPutBack(join(folder, step.path + PART))
    }
    replace(folder, step.path, join(folder, name, UNDONE))
    crashPoint('rollback.replaced')
  }
  writeBefore(join(folder, name), { ...before, taken_back_at: nowMs })
  crashPoint('rollback.before_end')
}

/** A new file of the older form beside the newer one, with every row that the older form knows of. */
function buildOlder(folder: string, { path, form, to }: StepBack): void {
  const part = join(folder, path + PART)
  for (const ending of ['', '-wal', '-shm']) rmSync(part + ending, { force: true })
  checkpoint(join(folder, path))
  const database = new Db(part, form.open)
  try {
    migrate(database, path, form.migrations.slice(0, to) as Migration[])
    carryRows(database, join(folder, path), form.dropped ?? {})
    database.script('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
  syncFile(part)
}

/**
 * All rows of the tables that both know, by the columns that both know and those that are given, and the count of
 * commits. Throws where the older form wants more.
 */
function carryRows(older: Db, newerPath: string, dropped: Readonly<Record<string, string>>): void {
  older.run('ATTACH ?1 AS newer', newerPath)
  const tables = older.all<{ name: string }>(
    "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  )
  const commits = older.one<{ application_id: number }>('PRAGMA newer.application_id')?.application_id ?? 0
  older.transaction(() => {
    older.countCommit(commits)
    for (const { name } of tables) {
      const columnsIn = (schema: string) =>
        older
          .all<{ name: string }>('SELECT name FROM pragma_table_info(?1, ?2)', name, schema)
          .map((column) => column.name)
      const newer = columnsIn('newer')
      if (newer.length === 0) throw new Error(`Cannot go back: the newer form has no table ${name}`)
      const carried = columnsIn('main').flatMap((column) => {
        const value = newer.includes(column) ? `"${column}"` : dropped[`${name}.${column}`]
        return value === undefined ? [] : [{ column, value }]
      })
      const [columns, values] = [
        carried.map(({ column }) => `"${column}"`).join(', '),
        carried.map(({ value }) => value).join(', '),
      ]
      try {
        older.script(`INSERT OR REPLACE INTO main."${name}" (${columns}) SELECT ${values} FROM newer."${name}"`)
      } catch (cause) {
        if (!String((cause as { code?: unknown }).code).startsWith('SQLITE_CONSTRAINT')) throw cause
        throw new Error(
          `Cannot go back with this program: the older form wants what the newer has given up (${name}). The newer program ` +
            'knows it: take gatehouse rollback of that one; nothing was changed',
          { cause },
        )
      }
    }
  })
}

/** Puts the older file in the place of the newer one, which is kept: there is no moment without either. */
function replace(folder: string, path: string, undone: string): void {
  const current = join(folder, path)
  const kept = join(undone, path)
  if (existsSync(current)) {
    checkpoint(current)
    makeFolder(dirname(kept))
    rmSync(kept, { force: true })
    // Keys are in the older file all the same, and a copy of them may not stay.
    if (path !== 'vault.db') linkSync(current, kept)
  }
  syncFile(current + PART)
  // They are of the newer one.
  rmSync(current + SUMS_ENDING, { force: true })
  renameSync(current + PART, current)
  syncFolder(dirname(current))
}

/** Everything is in the one file, and no log of it is left that the file in its place would be read with. */
function checkpoint(path: string): void {
  const database = new Db(path)
  try {
    database.script('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
  for (const ending of ['-wal', '-shm']) rmSync(path + ending, { force: true })
}
