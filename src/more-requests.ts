import { ownProgram } from './run/own-program.ts'

/** Bun runs at most 256 requests at once unless this is in the environment when the process starts. */
const VARIABLE = 'BUN_CONFIG_MAX_HTTP_REQUESTS'
/** Above what one process ever has under way: the dispatcher's own bound is 1,024. */
const REQUESTS_MAX = '4096'

/**
 * Starts the program over, in this same process, with room for more requests to the platform. Returns where that is
 * not needed or not possible: the house then works, with fewer requests at once.
 */
function startWithMoreRequests(env: Record<string, string | undefined>): void {
  if (env[VARIABLE] !== undefined || typeof process.execve !== 'function') return
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  try {
    process.execve(process.execPath, [...ownProgram(), ...process.argv.slice(2)], {
      ...Object.fromEntries(given),
      [VARIABLE]: REQUESTS_MAX,
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`At most 256 requests to the platform at once, as ${VARIABLE} is not set: ${reason}\n`)
  }
}

// `main.ts` imports this before anything else: what the first start would evaluate for nothing takes a third of a start.
if (process.argv[2] === 'serve') startWithMoreRequests(process.env)
