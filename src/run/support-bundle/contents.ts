import { existsSync, readdirSync, statSync } from 'node:fs'
import { availableParallelism, version as kernelVersion, release, totalmem } from 'node:os'
import { join } from 'node:path'
import packageJson from '../../../package.json' with { type: 'json' }
import type { Loaded } from '../../cli/commands.ts'
import type { Config } from '../../config.ts'
import { BUILD } from '../../core/build.ts'
import { nameOfError } from '../../core/failure.ts'
import { CONTROL_SOCKET } from '../../http/control.ts'
import { openFilesMax } from '../../metrics/process.ts'
import { FiguresReader } from '../../records/figures-reader.ts'
import { openRecordsReadonly } from '../../records/open.ts'
import { VERSIONS } from '../../relay/forms.ts'
import { sqliteVersion } from '../../storage/database.ts'
import { describeDatabase } from '../../storage/describe.ts'
import { redactedConfig, redactedProblem } from './redacted.ts'

const DATABASES = ['records.db', 'vault.db', 'search.db', 'accounts.db', 'erasure-ledger.db']
/** Names of files are listed up to here; a folder may hold things of somebody else. */
const LISTED_MAX = 500
/** What the house itself makes; what is called otherwise is counted only. */
const OWN_FILE =
  /^(records|vault|search|accounts|erasure-ledger|lock)\.db(-wal|-shm)?$|^records-high-water|^\d{4}-\d{2}-\d{2}\.db(-wal|-shm)?$|^high-water|^ballast|^control\.sock$/

/** One file of a bundle before it has gone through the scanner. */
export interface Part {
  path: string
  /** One line: what is in it. */
  about: string
  form: 'json' | 'metrics' | 'lines'
  content: unknown
}

/** What a running house says of itself for a bundle. */
export interface HouseSays {
  metrics: string
  lines: string[]
  trouble: string[]
}

export interface Sources {
  loaded: Loaded<Config>
  /** Names of environment variables that are set. */
  environmentNames: readonly string[]
  /** Asks the running house; undefined where none runs. */
  ask<T>(dataDir: string, command: string): Promise<T | undefined>
  doctor(): Promise<unknown>
}

/** Gathers everything. What cannot be had is named in `problems` and does not keep the rest from being gathered. */
export async function gather(sources: Sources): Promise<{ parts: Part[]; problems: string[] }> {
  const problems: string[] = []
  const attempt = async <T>(what: string, work: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      // Never the message: it may quote what it failed on.
      problems.push(`${what}: ${nameOfError(error)}`)
      return undefined
    }
  }
  const { loaded } = sources
  const dataDir = loaded.ok ? loaded.config.dataDir : loaded.dataDir
  const says = dataDir && (await attempt('the running house', () => sources.ask<HouseSays>(dataDir, 'support')))
  const facts = dataDir && (await attempt('the running house', () => sources.ask<object>(dataDir, 'doctor')))
  const parts: (Part | undefined)[] = [
    json('versions.json', 'versions of the program, its engine and this machine', versions()),
    json(
      'configuration.json',
      'settings; secrets, numbers, addresses and paths only as set or absent',
      settings(loaded),
    ),
    json('environment.json', 'names of the environment variables that are set, no values', [
      ...sources.environmentNames,
    ]),
    json('house.json', 'whether a house runs here, and how it is', { running: Boolean(says), ...(facts || {}) }),
    json('doctor.json', 'what gatehouse doctor finds', await attempt('doctor', () => sources.doctor())),
    json(
      'schema.json',
      'tables with their numbers of rows, and indexes',
      dataDir && (await databases(dataDir, attempt)),
    ),
    json(
      'files.json',
      'sizes of the files of the data folder',
      dataDir && (await attempt('files', () => files(dataDir))),
    ),
    json(
      'quarantine.json',
      'why items were set aside, and how often',
      dataDir && (await attempt('quarantine', () => reasons(dataDir))),
    ),
  ]
  if (says) {
    parts.push(
      { path: 'metrics.txt', about: 'the metrics at this moment', form: 'metrics', content: says.metrics },
      { path: 'log.jsonl', about: 'the last lines of the log', form: 'lines', content: says.lines },
      { path: 'trouble.jsonl', about: 'the last warnings and errors of the log', form: 'lines', content: says.trouble },
    )
  } else problems.push('metrics and log: no house runs here; add `journalctl -u gatehouse --since -1h` by hand')
  return { parts: parts.filter((part) => part !== undefined), problems }
}

function json(path: string, about: string, content: unknown): Part | undefined {
  return content === undefined || content === '' ? undefined : { path, about, form: 'json', content }
}

function versions(): object {
  return {
    gatehouse: packageJson.version,
    commit: BUILD.commit,
    built_at: BUILD.builtAt,
    bun: Bun.version,
    sqlite: sqliteVersion(),
    schemas: VERSIONS,
    system: process.platform,
    architecture: process.arch,
    kernel: release(),
    kernel_built: kernelVersion(),
    processors: availableParallelism(),
    memory_bytes: totalmem(),
    open_files_max: openFilesMax(),
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  }
}

function settings(loaded: Loaded<Config>): object {
  if (!loaded.ok) return { right: false, problems: loaded.problems.map(redactedProblem) }
  const { config } = loaded
  return {
    right: true,
    demo: config.demo,
    file: config.configFile === undefined ? 'absent' : 'read',
    ...(redactedConfig(config) as object),
  }
}

type Attempt = <T>(what: string, work: () => Promise<T> | T) => Promise<T | undefined>

async function databases(dataDir: string, attempt: Attempt): Promise<object> {
  const journal = listed(join(dataDir, 'journal')).filter((name) => name.endsWith('.db'))
  const found: Record<string, unknown> = {}
  for (const name of [...DATABASES, ...journal.map((day) => `journal/${day}`)]) {
    const described = await attempt(name, () => describeDatabase(join(dataDir, name)))
    if (described) found[name] = described
  }
  return found
}

function reasons(dataDir: string): object | undefined {
  if (!existsSync(join(dataDir, 'records.db'))) return undefined
  const database = openRecordsReadonly(join(dataDir, 'records.db'))
  try {
    return new FiguresReader(database).quarantineReasons()
  } finally {
    database.close()
  }
}

/** Of the data folder and its journal. Names that are not the house's own are not told. */
function files(dataDir: string): object {
  const sizes: Record<string, number> = {}
  let others = 0
  for (const folder of ['', 'journal']) {
    for (const name of listed(join(dataDir, folder))) {
      const stats = statSync(join(dataDir, folder, name), { throwIfNoEntry: false })
      if (!stats || stats.isDirectory()) continue
      if (OWN_FILE.test(name)) sizes[join(folder, name)] = stats.size
      else others++
    }
  }
  return { bytes: sizes, other_files: others, control_socket: listed(dataDir).includes(CONTROL_SOCKET) }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).slice(0, LISTED_MAX)
  } catch {
    return []
  }
}
