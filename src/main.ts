import { codeOf } from './core/failure.ts'
import './more-requests.ts'
import { readFileSync } from 'node:fs'
import packageJson from '../package.json' with { type: 'json' }
import { EXIT_FAILED } from './cli/commands.ts'
import { runProgram } from './cli/program.ts'
import { problemLine } from './config/problem.ts'
import { environmentHelp } from './config/words.ts'
import { type Config, loadConfig } from './config.ts'
import { auditCommand } from './run/audit.ts'
import { backupCommand } from './run/backup.ts'
import { doctorCommand } from './run/doctor/doctor.ts'
import { eraseCommand } from './run/erase.ts'
import { healthcheckCommand } from './run/healthcheck.ts'
import { keyCommand } from './run/key.ts'
import { releaseCommand } from './run/release.ts'
import { reloadCommand } from './run/reload.ts'
import { replayCommand } from './run/replay.ts'
import { restoreCommand } from './run/restore.ts'
import { rollbackCommand } from './run/rollback.ts'
import { searchCommand } from './run/search.ts'
import { serve } from './run/serve.ts'
import { simulate } from './run/simulate.ts'
import { runStormPart, STORM_PART } from './run/storm/part.ts'
import { stormCommand } from './run/storm/storm.ts'
import { supportBundleCommand } from './run/support-bundle/command.ts'
import { versionCommand } from './run/version.ts'

/** The only reader of the environment, and the only one to end the process. */
async function main(): Promise<void> {
  // What is said to a disk that is full is lost, and nothing else is.
  process.stderr.on('error', () => {})
  const env = withoutProxies(process.env)
  if (process.argv[2] === STORM_PART) process.exit(await runStormPart(process.argv[3]))
  const code = await runProgram<Config>(process.argv.slice(2), {
    version: packageJson.version,
    environmentHelp: environmentHelp(),
    loadConfig: (configPath) => {
      const loaded = loadConfig({ env, readFile, configPath })
      return loaded.ok ? loaded : { ...loaded, problems: loaded.problems.map(problemLine) }
    },
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    runners: {
      serve,
      simulate,
      reload: reloadCommand,
      healthcheck: healthcheckCommand,
      doctor: doctorCommand,
      replay: replayCommand,
      backup: backupCommand,
      restore: restoreCommand,
      release: releaseCommand,
      rollback: rollbackCommand,
      erase: eraseCommand,
      audit: auditCommand,
      key: keyCommand,
      search: searchCommand,
      version: versionCommand,
      'support-bundle': (context) => supportBundleCommand(context, Object.keys(env)),
      storm: stormCommand,
    },
  })
  process.exit(code)
}

/** What Bun's `fetch` would take a proxy from by itself, in either spelling; and what makes it pass one by that it is told. */
const PROXY_VARIABLE = /^(https?|all|no)_proxy$/i

/**
 * The environment as the program was given it. Bun's `fetch` sends everything through a proxy it finds there; which one is
 * used, if any, is what the configuration says and nothing else, so it does not find one.
 */
function withoutProxies(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const whole = { ...given }
  for (const name of Object.keys(given)) if (PROXY_VARIABLE.test(name)) delete given[name]
  return whole
}

function readFile(path: string): string | null | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? undefined : null
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(EXIT_FAILED)
})
