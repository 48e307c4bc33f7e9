import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { sampleFile } from './config/words.ts'

/*
 * The house rules that no linter knows. Each is a function from files to findings, tried below on small bad examples,
 * then let loose on the tree. A finding says the file, what is there, and what should be.
 */

/** A file by its path from the root, such as `src/core/clock.ts`. */
interface SourceFile {
  path: string
  text: string
}

/** The rooms, lowest last: each imports only what stands below it. */
const ROOMS = [
  'main',
  'more-requests',
  'run',
  'gateway',
  'threads',
  'setup',
  'demo',
  'config',
  'http',
  'console',
  'cli',
  'relay',
  'desk',
  'campaigns',
  'automation',
  'compliance',
  'reports',
  'integrations',
  'people',
  'realtime',
  'dispatch',
  'channels',
  'records',
  'journal',
  'vault',
  'storage',
  'metrics',
  'core',
]
/** Stand apart: the simulator plays the platform and knows only core; testing may see all and is never shipped. */
const APART: Readonly<Record<string, (room: string) => boolean>> = {
  simulator: (room) => room === 'core',
  testing: () => true,
}
/** What may be imported from outside src. */
const OUTSIDE_ALLOWED = /^(package\.json|migrations\/.*\.sql)$/

/** Libraries that stay in their rooms. */
const LIBRARIES = [
  { pattern: /^(elysia|@elysiajs)(\/|$)/, rooms: ['http'] },
  { pattern: /^(bun|node):sqlite$/, rooms: ['records', 'journal', 'vault', 'storage'] },
]

interface BannedWord {
  pattern: RegExp
  instead: string
  /** Paths where it belongs. */
  allowed: RegExp
  /** Also in tests. */
  inTests?: boolean
}

/** The one reader of clocks, and code that runs in a browser, where nothing injects one. */
const CLOCKS = /^src\/(core\/clock\.ts$|console\/|simulator\/page)/

const BANNED: readonly BannedWord[] = [
  { pattern: /\bDate\.now\(/, instead: 'clock.epochMs()', allowed: CLOCKS },
  { pattern: /\bnew Date\(\s*\)/, instead: 'clock.epochMs()', allowed: CLOCKS },
  {
    pattern: /\bperformance\.now\(|\bBun\.nanoseconds\(|\bprocess\.hrtime\b/,
    instead: 'clock.monoMs()',
    allowed: CLOCKS,
  },
  { pattern: /\bset(Timeout|Interval)\(/, instead: 'clock.after()', allowed: CLOCKS },
  { pattern: /\bBun\.sleep(Sync)?\(/, instead: 'pause(clock, delayMs)', allowed: CLOCKS },
  { pattern: /\bMath\.random\(/, instead: 'a random: () => number that is passed in', allowed: CLOCKS, inTests: true },
  // In a thread's file it ends only the thread; a second signal does not wait for anything.
  {
    pattern: /\bprocess\.exit\(/,
    instead: 'an exit code, answered to main.ts',
    allowed: /(^src\/(main|run\/ending)|-thread)\.ts$/,
  },
  { pattern: /\b(Bun|import\.meta)\.env\b/, instead: 'the configuration', allowed: /^src\/main\.ts$/ },
  { pattern: /\bselect\s+\*/i, instead: 'the columns by name', allowed: /^$/, inTests: true },
  {
    pattern: /\/\/(unpkg\.com|cdn\.|cdnjs\.|fonts\.g|[\w.]*jsdelivr\.net|esm\.sh)/,
    instead: 'a file of our own: nothing is loaded from elsewhere',
    allowed: /^$/,
    inTests: true,
  },
]

const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/

const CODE = /\.(ts|tsx|css|html|sql)$/
const TEST_CODE = /(\.(test|soak|bench|test-support)\.tsx?|-suite\.ts)$/

function isTestCode(path: string): boolean {
  return TEST_CODE.test(path) || path.startsWith('src/testing/')
}

/** `src/core/clock.ts` is in core, `src/main.ts` in main; undefined outside src. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/.]+)/.exec(path)?.[1]
}

/** The text with comments blanked, lines kept. Strings stay: SQL and imports are in them. */
function withoutComments(text: string): string {
  const tokens = /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return text.replace(tokens, (token, string: string | undefined) => string ?? token.replace(/[^\n]/g, ' '))
}

function importsOf({ text }: SourceFile): string[] {
  const specifier = /\b(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/g
  return [...withoutComments(text).matchAll(specifier)].map((match) => match[1] ?? '')
}

function checkImports(file: SourceFile): string[] {
  const room = roomOf(file.path)
  if (room === undefined || !/\.tsx?$/.test(file.path) || file.path.endsWith('.d.ts')) return []
  return importsOf(file).flatMap((specifier) => {
    const fault = specifier.startsWith('.')
      ? relativeFault(file.path, room, posix.join(posix.dirname(file.path), specifier))
      : libraryFault(room, specifier)
    return fault === undefined ? [] : [`${file.path} imports ${specifier}: ${fault}`]
  })
}

function relativeFault(from: string, room: string, target: string): string | undefined {
  const targetRoom = roomOf(target)
  if (targetRoom === undefined) {
    return OUTSIDE_ALLOWED.test(target) ? undefined : 'only package.json and migrations are imported from outside src'
  }
  if (isTestCode(from)) return undefined
  if (isTestCode(target)) return 'nothing that is shipped imports test code'
  return targetRoom === room ? undefined : directionFault(room, targetRoom)
}

function directionFault(room: string, targetRoom: string): string | undefined {
  const apart = APART[room]
  if (apart !== undefined) return apart(targetRoom) ? undefined : `${room} imports only core`
  if (targetRoom in APART) return ['main', 'run', 'demo'].includes(room) ? undefined : `${targetRoom} stands apart`
  const unknown = [room, targetRoom].find((one) => !ROOMS.includes(one))
  if (unknown !== undefined) return `the room "${unknown}" has no place yet in the order of this test`
  const isBelow = ROOMS.indexOf(room) < ROOMS.indexOf(targetRoom)
  return isBelow ? undefined : `${targetRoom} does not stand below ${room}`
}

function libraryFault(room: string, specifier: string): string | undefined {
  const library = LIBRARIES.find(({ pattern }) => pattern.test(specifier))
  if (library === undefined || library.rooms.includes(room)) return undefined
  return `it stays in ${library.rooms.join(', ')}`
}

function checkWords({ path, text }: SourceFile): string[] {
  if (!CODE.test(path)) return []
  const lines = withoutComments(text).split('\n')
  const banned = BANNED.filter(({ allowed, inTests }) => !allowed.test(path) && (inTests || !isTestCode(path)))
  const found = lines.flatMap((line, index) =>
    banned.flatMap(({ pattern, instead }) => {
      const word = pattern.exec(line)?.[0]
      return word === undefined ? [] : [`${path}:${index + 1} has ${word}: use ${instead}`]
    }),
  )
  const unfinished = text.split('\n').flatMap((line, index) => {
    const word = UNFINISHED.exec(line)?.[0]
    return word === undefined ? [] : [`${path}:${index + 1} has ${word}: finish it, or open an issue`]
  })
  return [...found, ...unfinished]
}

/** Migrations are numbered from 0001 without gaps in each folder, and say what they do. */
function checkMigrations(paths: readonly string[]): string[] {
  const nextIn = new Map<string, number>()
  return [...paths].sort().flatMap((path) => {
    const folder = posix.dirname(path)
    const match = /^(\d{4})_[a-z0-9]+(_[a-z0-9]+)+\.sql$/.exec(posix.basename(path))
    if (match === null) return [`${path}: a migration is called NNNN_verb_noun.sql`]
    const wanted = (nextIn.get(folder) ?? 0) + 1
    nextIn.set(folder, Number(match[1]))
    return Number(match[1]) === wanted ? [] : [`${path}: ${String(wanted).padStart(4, '0')} is wanted here`]
  })
}

/** Every room explains itself, in a README of its own or in a line of the map. */
function checkRooms(paths: readonly string[], map: string): string[] {
  const rooms = new Set(paths.map((path) => /^src\/([^/]+)\//.exec(path)?.[1]).filter((room) => room !== undefined))
  return [...rooms].sort().flatMap((room) => {
    if (paths.includes(`src/${room}/README.md`) || map.includes(`${room}/`)) return []
    return [`src/${room}: has no README.md and is not named in src/README.md`]
  })
}

const ROOT = new URL('..', import.meta.url)

function filesBelow(folder: string): string[] {
  if (!existsSync(new URL(folder, ROOT))) return []
  return readdirSync(new URL(folder, ROOT), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(folder, entry.parentPath.split(`${ROOT.pathname}${folder}`)[1] ?? '', entry.name))
    .sort()
}

function readText(path: string): string {
  const url = new URL(path, ROOT)
  return existsSync(url) ? readFileSync(url, 'utf8') : ''
}

/** All of src but this file, whose examples break every rule. */
function sources(): SourceFile[] {
  return filesBelow('src')
    .filter((path) => CODE.test(path) && path !== 'src/tidy.test.ts')
    .map((path) => ({ path, text: readText(path) }))
}

describe('the checks bite', () => {
  const at = (path: string, text: string): SourceFile => ({ path, text })

  test.each([
    ['src/records/a.ts', "import { x } from '../http/b.ts'", 'http does not stand below records'],
    ['src/core/a.ts', "import type { X } from '../metrics/b.ts'", 'metrics does not stand below core'],
    ['src/http/a.ts', "const x = await import('../gateway.ts')", 'gateway does not stand below http'],
    ['src/cli/a.ts', "export { x } from '../config.ts'", 'config does not stand below cli'],
    ['src/config/a.ts', "import '../main.ts'", 'main does not stand below config'],
    ['src/relay/a.ts', "import {\n  x,\n} from\n  '../testing/b.ts'", 'nothing that is shipped imports test code'],
    ['src/relay/a.ts', "import { x } from './b.test.ts'", 'nothing that is shipped imports test code'],
    ['src/relay/a.ts', "import { x } from '../dispatch/b-suite.ts'", 'nothing that is shipped imports test code'],
    ['src/simulator/a.ts', "import { x } from '../storage/b.ts'", 'simulator imports only core'],
    ['src/http/a.ts', "import { x } from '../simulator/b.ts'", 'simulator stands apart'],
    ['src/attic/a.ts', "import { x } from '../core/b.ts'", 'has no place yet'],
    ['src/http/a.ts', "import { x } from '../attic/b.ts'", 'has no place yet'],
    ['src/http/a.ts', "import { x } from '../../scripts/b.ts'", 'only package.json and migrations'],
    ['src/records/a.ts', "import { Elysia } from 'elysia'", 'it stays in http'],
    ['src/relay/a.ts', "import { Database } from 'bun:sqlite'", 'it stays in records'],
    ['src/relay/a.test.ts', "import { Database } from 'bun:sqlite'", 'it stays in records'],
    ['src/http/a.ts', "import { Elysia } from 'elysia'\nimport { x } from '../core/b.ts'", undefined],
    ['src/main.ts', "import { x } from './gateway.ts'\nimport json from '../package.json'", undefined],
    ['src/core/a.test.ts', "import { x } from '../testing/b.ts'", undefined],
    ['src/testing/a.ts', "import { x } from '../http/b.ts'", undefined],
    ['src/core/a.ts', "// import { x } from '../http/b.ts'", undefined],
  ])('on imports: %s with %j', (path, text, rule) => {
    const found = checkImports(at(path, text))
    expect(found).toHaveLength(rule === undefined ? 0 : 1)
    if (rule !== undefined) expect(found[0]).toContain(rule)
    if (rule !== undefined) expect(found[0]).toStartWith(`${path} imports `)
  })

  test.each([
    ['src/relay/a.ts', 'const now = Date.now()', 'clock.epochMs()'],
    ['src/relay/a.ts', 'const now = new Date()', 'clock.epochMs()'],
    ['src/relay/a.ts', '// why\nconst now = performance.now()', 'src/relay/a.ts:2 '],
    ['src/relay/a.ts', 'setTimeout(run, 5)', 'clock.after()'],
    ['src/relay/a.ts', 'globalThis.setInterval(run, 5)', 'clock.after()'],
    ['src/relay/a.ts', 'await Bun.sleep(5)', 'pause(clock, delayMs)'],
    ['src/relay/a.test.ts', 'Math.random()', 'random: () => number'],
    ['src/relay/a.ts', 'process.exit(1)', 'main.ts'],
    ['src/relay/a.ts', 'Bun.env.HOME', 'the configuration'],
    ['src/records/a.ts', 'const text = `\n  SELECT *\n  FROM messages`', 'the columns by name'],
    ['src/console/a.html', '<script src="https://cdn.example.com/x.js">', 'nothing is loaded from elsewhere'],
    ['src/relay/a.ts', '// TODO: later', 'finish it'],
    ['src/core/clock.ts', 'const now = Date.now()', undefined],
    ['src/console/a.tsx', 'setTimeout(run, 5)', undefined],
    ['src/relay/a.ts', '/* not Date.now() */ const at = new Date(epochMs)', undefined],
    ['src/relay/a.ts', "const url = 'https://a.example' // Date.now() is banned", undefined],
    ['src/records/a.ts', "const text = 'SELECT count(*) FROM messages'", undefined],
  ])('on words: %s with %j', (path, text, rule) => {
    const found = checkWords(at(path, text))
    expect(found).toHaveLength(rule === undefined ? 0 : 1)
    if (rule !== undefined) expect(found[0]).toContain(rule)
  })

  test('on migrations', () => {
    const right = [
      'migrations/a/0001_create_people.sql',
      'migrations/a/0002_add_phones.sql',
      'migrations/b/0001_make_b.sql',
    ]
    expect(checkMigrations(right)).toEqual([])
    expect(checkMigrations(['migrations/a/0001_create_a.sql', 'migrations/a/0003_add_b.sql'])).toEqual([
      'migrations/a/0003_add_b.sql: 0002 is wanted here',
    ])
    expect(checkMigrations(['migrations/0001_a_b.sql', 'migrations/0001_c_d.sql'])).toHaveLength(1)
    expect(checkMigrations(['migrations/1-init.sql'])).toHaveLength(1)
  })

  test('on rooms', () => {
    const paths = ['src/main.ts', 'src/core/a.ts', 'src/http/README.md', 'src/http/a.ts', 'src/relay/a.ts']
    expect(checkRooms(paths, '- `core/`: words')).toEqual([
      'src/relay: has no README.md and is not named in src/README.md',
    ])
  })
})

describe('the tree', () => {
  test('is read at all', () => {
    expect(sources().map(({ path }) => path)).toContain('src/core/clock.ts')
  })

  test('imports only downwards', () => {
    expect(sources().flatMap(checkImports)).toEqual([])
  })

  test('has no banned words', () => {
    expect(sources().flatMap(checkWords)).toEqual([])
  })

  test('numbers its migrations without gaps', () => {
    expect(checkMigrations(filesBelow('migrations').filter((path) => !path.endsWith('.md')))).toEqual([])
  })

  test('explains every room', () => {
    expect(checkRooms(filesBelow('src'), readText('src/README.md'))).toEqual([])
  })

  test('has the sample configuration that the schema says: bun scripts/sample-config.ts writes it', () => {
    expect(readText('config/gatehouse.example.toml')).toBe(sampleFile())
  })
})
