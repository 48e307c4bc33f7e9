import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Glob } from 'bun'
import { MIGRATIONS } from './open.ts'

const SRC = join(import.meta.dir, '..')

/** The tables that have a workspace: everything else is reached through a row of one of them. */
function tablesOfWorkspaces(): Set<string> {
  const tables = new Set<string>()
  for (const migration of MIGRATIONS) {
    const sql = migration.sql.replaceAll(/--.*$/gm, '')
    for (const [, name = '', columns = ''] of sql.matchAll(/CREATE TABLE (\w+) \(([\s\S]*?)\) STRICT/g)) {
      if (/\bworkspace_id\b/.test(columns)) tables.add(name)
    }
    for (const [, name = ''] of sql.matchAll(/ALTER TABLE (\w+) ADD COLUMN workspace_id\b/g)) tables.add(name)
  }
  return tables
}

const TEXT = /`((?:[^`\\]|\\.)*)`|'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"/g
const CONSTANT = /const ([A-Z_]+)\s*=\s*(?:`((?:[^`\\]|\\.)*)`|'((?:[^'\\\n]|\\.)*)')/g

interface Statement {
  file: string
  sql: string
}

/** Every statement in the sources, with the texts that it is put together from. */
function statements(): Statement[] {
  const files = [...new Glob('**/*.ts').scanSync(SRC)].filter(
    (file) => !/test|^testing\/|^simulator\/|^console\/|^vault\/|^journal\/|search-index/.test(file),
  )
  const texts = files.sort().map((file) => ({ file, text: readFileSync(join(SRC, file), 'utf8') }))
  const constants = new Map<string, string>()
  for (const { file, text } of texts) {
    for (const [, name = '', long, short] of text.matchAll(CONSTANT)) {
      constants.set(name, long ?? short ?? '').set(`${file} ${name}`, long ?? short ?? '')
    }
  }
  // A constant is part of other statements, or one by itself.
  const put = new Set(texts.flatMap(({ text }) => [...text.matchAll(/\$\{([A-Z_]+)\b/g)].map(([, name]) => name)))
  const isPart = (text: string, name: string) =>
    put.has(name) && (text.includes(`\${${name}`) || text.includes(`export const ${name} `))
  const named = (file: string, name: string) => constants.get(`${file} ${name}`) ?? constants.get(name)
  const whole = (file: string, sql: string) =>
    sql.replaceAll(/\$\{([A-Z_]+)(?:\.[^}]*)?\}/g, (all, name) => named(file, name) ?? all)
  return texts.flatMap(({ file, text }) => {
    const rest = text.replaceAll(CONSTANT, (all, name) => (isPart(text, name) ? '' : all))
    return [...rest.matchAll(TEXT)]
      .map((match) => ({ file, sql: whole(file, match[1] ?? match[2] ?? match[3] ?? '') }))
      .filter(({ sql }) => /\b(SELECT|INSERT|UPDATE|DELETE)\b/.test(sql))
  })
}

/** In a condition, also one that holds for all where nobody asks (`Tx.within`), or among the columns that are written. */
function namesWorkspace(sql: string): boolean {
  if (/\/\* (of|every) (any )?(workspace|team)|\/\* a team is/.test(sql)) return true
  return /workspace_id\s*(=|<>|>)|\(workspace_id|INSERT INTO \w+ \([^)]*workspace_id/.test(sql)
}

const HOUSE = "the house's own work, in every workspace"
const ERASED =
  "the house's own work: whoever is erased was found in their workspace, and is erased wherever they are named"

/**
 * Statements that name no workspace, by file: how many, and why they need not. A new one either names its workspace, or
 * says in a comment that it is for `every workspace`, or is counted here.
 */
const EVERY_WORKSPACE: Readonly<Record<string, readonly [count: number, why: string]>> = {
  'records/api-key.ts': [1, 'by the hash of the key, which says whose it is'],
  'records/backup-facts.ts': [1, HOUSE],
  'records/checkup.ts': [2, HOUSE],
  'records/configuration.ts': [1, HOUSE],
  'records/drill-cells.ts': [1, HOUSE],
  'records/erasure-reader.ts': [1, HOUSE],
  'records/erasure-stages.ts': [8, ERASED],
  'records/erasure.ts': [8, ERASED],
  'records/event-log.ts': [
    3,
    'one log for all: each event says its workspace, and a number may have passed to another since',
  ],
  'records/event-retention.ts': [1, HOUSE],
  'records/fact.ts': [1, "by the platform's own id: whose fact it is decides whether it is changed"],
  'records/figures-reader.ts': [2, HOUSE],
  'records/lost-commits.ts': [2, HOUSE],
  'records/media-reader.ts': [1, HOUSE],
  'records/number.ts': [2, "by the platform's own id: it says the workspace"],
  'records/person-lookup.ts': [3, 'in which workspaces somebody works'],
  'records/release.ts': [1, HOUSE],
  'records/search-feed.ts': [3, 'one feed for all: each row is hashed with the key of its workspace'],
  'records/status-views.ts': [
    1,
    'what another system sent is of no row of ours: the number that each names says the workspace',
  ],
  'records/tx.ts': [1, 'which workspace it is'],
  'records/workspace-reader.ts': [1, 'in which workspaces somebody works'],
  'records/workspace.ts': [1, 'which workspace it is'],
  'relay/erase-command.ts': [2, HOUSE],
}

test('every statement on a table of workspaces names the workspace, or it is known why not', () => {
  const tables = tablesOfWorkspaces()
  expect(tables.size).toBeGreaterThanOrEqual(16)
  const found = new Map<string, string[]>()
  let count = 0
  for (const { file, sql } of statements()) {
    const touched = [...sql.matchAll(/\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)/g)].map((match) => match[1] ?? '')
    if (!touched.some((table) => tables.has(table))) continue
    count++
    if (!namesWorkspace(sql)) found.set(file, [...(found.get(file) ?? []), sql.replaceAll(/\s+/g, ' ')])
  }
  expect(count).toBeGreaterThan(150)
  for (const [file, sql] of found) {
    const [known = 0] = EVERY_WORKSPACE[file] ?? []
    expect({ file, count: sql.length, sql }).toEqual({ file, count: known, sql })
  }
  for (const [file, [known]] of Object.entries(EVERY_WORKSPACE)) {
    expect({ file, count: found.get(file)?.length ?? 0 }).toEqual({ file, count: known })
  }
})
