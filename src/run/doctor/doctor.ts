import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import packageJson from '../../../package.json' with { type: 'json' }
import type { Fetch } from '../../channels/channel.ts'
import { type CommandContext, EXIT_FAILED, EXIT_OK } from '../../cli/commands.ts'
import type { Config } from '../../config.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { nameOfError } from '../../core/failure.ts'
import type { HouseFacts } from '../../gateway/house-facts.ts'
import { openFilesMax } from '../../metrics/process.ts'
import { setupOf } from '../../setup.ts'
import { SQLITE_VERSION_MIN, sqliteVersion } from '../../storage/database.ts'
import { isFolderHeld } from '../../storage/lock.ts'
import { askRunningHouse } from '../running-house.ts'
import { checkAuditChain } from './audit.ts'
import { checkFolderPermissions, checkKeyPlace, checkNotes, checkProblems, checkSecretFiles } from './configuration.ts'
import { checkSqlite, checkSynchronous } from './databases.ts'
import { type Finding, fail, type Level, warn } from './finding.ts'
import { type Checkup, checkCopies, checkDisk, checkFolder } from './folder-checks.ts'
import { checkClock, checkMemory, checkOpenFiles, checkRunning, checkSearch } from './house.ts'
import { checkPlatform, checkPublic } from './network-checks.ts'

/** A house that does not answer by then is looked at from outside. */
const HOUSE_MS_MAX = 10_000

/** Looks at everything that can be wrong, and says what to do about it. Exit code 1 where something fails. */
export async function doctorCommand(context: CommandContext<Config>): Promise<number> {
  const findings = await examine(context)
  const isWell = findings.every(({ level }) => level !== 'fail')
  if (context.options['json'] === true) context.print(JSON.stringify({ ok: isWell, findings }, null, 2))
  else for (const line of linesOf(findings)) context.print(line)
  return isWell ? EXIT_OK : EXIT_FAILED
}

/** All findings, in the order in which a person would look. */
export async function examine({ loadConfig }: Pick<CommandContext<Config>, 'loadConfig'>): Promise<Finding[]> {
  const loaded = loadConfig()
  if (!loaded.ok) return checkProblems(loaded.problems)
  const { config, notes = [] } = loaded
  const start = [
    ...checkProblems([]),
    ...checkNotes(notes),
    ...(await checkSecretFiles(config)),
    checkKeyPlace(config.masterKeyFile, config.dataDir, config.demo),
    await checkFolderPermissions(config.dataDir),
    checkSqlite(sqliteVersion(), SQLITE_VERSION_MIN),
  ]
  // Nothing is made by looking, not even the key of the demo.
  if (!existsSync(config.dataDir)) return start
  return [...start, ...(await examineFolder(config, systemClock))]
}

async function examineFolder(config: Config, clock: Clock): Promise<Finding[]> {
  const { facts, complaint } = await askHouse(config, clock)
  const checkup: Checkup = { config, setup: setupOf(config), clock, facts }
  const fetchAs: Fetch = checkup.setup.proxies.fetchFor('', (url, init) => fetch(url, init))
  const [platform, open] = await Promise.all([
    checkPlatform(checkup, fetchAs),
    checkPublic(checkup, fetchAs, randomBytes(12).toString('hex')),
  ])
  return [
    complaint ?? checkRunning(facts, packageJson.version, () => isFolderHeld(config.dataDir)),
    checkSynchronous(facts?.synchronous),
    checkOpenFiles(facts ? facts.openFilesMax : openFilesMax()),
    checkMemory(facts),
    ...(await tried('disk', () => checkDisk(checkup))),
    ...checkFolder(checkup),
    checkSearch(facts),
    await checkAuditChain(config),
    ...checkCopies(checkup),
    checkClock(facts, platform.apartMs),
    ...platform.findings,
    ...open,
  ]
}

async function askHouse(config: Config, clock: Clock): Promise<{ facts: HouseFacts | undefined; complaint?: Finding }> {
  let cancel = () => {}
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(HOUSE_MS_MAX, () => reject(new Error('late')))
  })
  try {
    return { facts: await Promise.race([askRunningHouse<HouseFacts>(config, 'doctor', {}), late]) }
  } catch {
    const what = 'A house runs here and does not say how it is'
    return { facts: undefined, complaint: fail('house', what, 'Look at its log; then start it again') }
  } finally {
    cancel()
  }
}

async function tried(id: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check()
  } catch (error) {
    return [warn(id, `It could not be looked at: ${nameOfError(error)}`, 'Look at folder.permissions')]
  }
}

const WORDS: Readonly<Record<Level, string>> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' }

/** For a person: a line for each, its remedy below, and a count at the end. */
function linesOf(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ id }) => id.length))
  const lines = findings.flatMap(({ id, level, what, remedy }) => {
    const line = `${WORDS[level]}  ${id.padEnd(width)}  ${what}`
    return remedy === null ? [line] : [line, `${' '.repeat(width + 8)}> ${remedy}`]
  })
  const count = (wanted: Level) => findings.filter(({ level }) => level === wanted).length
  return [...lines, '', `${count('ok')} fine, ${count('warn')} to look at, ${count('fail')} wrong`]
}
