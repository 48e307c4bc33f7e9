import { readFileSync } from 'node:fs'
import packageJson from '../package.json' with { type: 'json' }
import { EXIT_FAILED } from './cli/commands.ts'
import { runProgram } from './cli/program.ts'
import { problemLine } from './config/problem.ts'
import { environmentHelp } from './config/words.ts'
import { type Config, loadConfig } from './config.ts'
import { withMoreRequests } from './more-requests.ts'
import { eraseCommand } from './run/erase.ts'
import { keyCommand } from './run/key.ts'
import { searchCommand } from './run/search.ts'
import { replayCommand, serve, simulate } from './run.ts'

/** The only reader of the environment, and the only one to end the process. */
async function main(): Promise<void> {
  if (process.argv[2] === 'serve') withMoreRequests(process.env)
  const code = await runProgram<Config>(process.argv.slice(2), {
    version: packageJson.version,
    environmentHelp: environmentHelp(),
    loadConfig: (configPath) => {
      const loaded = loadConfig({ env: process.env, readFile, configPath })
      return loaded.ok ? loaded : { ok: false, problems: loaded.problems.map(problemLine) }
    },
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    runners: { serve, simulate, replay: replayCommand, erase: eraseCommand, key: keyCommand, search: searchCommand },
  })
  process.exit(code)
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(EXIT_FAILED)
})
