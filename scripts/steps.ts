/** What the checks are made of: programs run one by one, whose output and exit code say how it went. */

export interface Outcome {
  isRight: boolean
  output: string
  seconds: number
}

export interface RunOptions {
  /** After this time it is ended and counts as failed. */
  secondsMax: number
  /** Shows its output as it comes; otherwise it is kept for later. */
  isShown?: boolean
  env?: Record<string, string>
}

/** Runs a program in the checkout. */
export async function run(command: readonly string[], options: RunOptions): Promise<Outcome> {
  const { secondsMax, isShown = false, env = {} } = options
  const startedAtMs = performance.now()
  const child = Bun.spawn([...command], {
    cwd: new URL('..', import.meta.url).pathname,
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: isShown ? 'inherit' : 'pipe',
    stderr: isShown ? 'inherit' : 'pipe',
    timeout: secondsMax * 1_000,
    killSignal: 'SIGKILL',
  })
  const texts = isShown ? [] : await Promise.all([read(child.stdout), read(child.stderr)])
  const code = await child.exited
  const seconds = (performance.now() - startedAtMs) / 1_000
  const ending = child.signalCode === null ? '' : `Ended by ${child.signalCode} after ${seconds.toFixed(0)} s\n`
  return { isRight: code === 0, output: `${texts.join('')}${ending}`, seconds }
}

async function read(stream: ReadableStream<Uint8Array> | undefined | null): Promise<string> {
  return stream ? await new Response(stream).text() : ''
}

export interface Step {
  name: string
  command: readonly string[]
}

const bun = process.execPath

/** Format and lint; `ci` also fails on what would only be reformatted. */
export const LINT: Step = {
  name: 'format and lint',
  command: [bun, 'node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '--colors=off'],
}
export const TYPES: Step = { name: 'types', command: [bun, 'node_modules/typescript/bin/tsc', '-p', '.'] }
export const TIDY: Step = { name: 'tidy', command: [bun, 'test', 'src/tidy.test.ts', '--only-failures'] }

/** A step takes seconds; a minute means that it hangs. */
const STEP_SECONDS_MAX = 120

/** Runs a step, tells how it went, and what it said if it failed. */
export async function runStep({ name, command }: Step): Promise<boolean> {
  const { isRight, output, seconds } = await run(command, { secondsMax: STEP_SECONDS_MAX })
  console.log(`${isRight ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
  if (!isRight) console.log(output.trimEnd())
  return isRight
}
