/**
 * Every check and test. Tests run in a random order whose seed is printed: `--seed=N` repeats it. The last line is
 * `N passed, N failed`, over steps and tests; the exit code is 1 if anything failed.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Totals, totalsOf } from './junit.ts'
import { LINT, type RunOptions, run, runStep, type Step, TYPES } from './steps.ts'

/** Tests that drive a browser end with this. They look for `chromium` themselves and are left out where it is missing. */
const BROWSER_TESTS = '.browser.test.ts'
/** The tests of the process that also run against the built binary; the first says nothing without one. */
const BINARY_TESTS = ['src/testing/e2e-binary.test.ts', 'src/testing/e2e-process.test.ts']
/** They take half the time, and most of it they wait for processes that they kill and start. */
const LONG_TESTS = [
  'src/run/',
  'src/testing/crash/',
  'src/testing/damage/',
  'src/testing/every-body/',
  'src/testing/house-simulation/',
  'src/testing/proxy/',
]
const BINARY = '.cache/binary/gatehouse'
/** For tests that kill the program at named points, or start it often: a start of the source takes five times as long. */
const CRASHABLE_BINARY = '.cache/binary/gatehouse-crashable'
const build = (name: string, ...options: string[]): Step => ({
  name,
  command: [process.execPath, 'scripts/build.ts', '--outfile', ...options],
})
const BUILDS = [build('build', BINARY), build('build with crash points', CRASHABLE_BINARY, '--crash-points')]
const BINARY_SECONDS_MAX = 200
const TESTS_SECONDS_MAX = 460
const BROWSER_SECONDS_MAX = 100
/** Loaded machines are slow; a hang is still seen. */
const ONE_TEST_MS_MAX = 20_000
const CHROMIUM_INSTALL_SECONDS_MAX = 300

const bun = process.execPath

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { seed: { type: 'string' } } })
  const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31))
  console.log(`The order's seed is ${seed}: ./scripts/test --seed=${seed} repeats it`)

  const totals: Totals = { passed: 0, failed: 0, skipped: 0 }
  const add = ({ passed, failed, skipped }: Totals) => {
    totals.passed += passed
    totals.failed += failed
    totals.skipped += skipped
  }
  for (const step of [LINT, TYPES, ...BUILDS]) {
    const isRight = await runStep(step)
    add({ passed: isRight ? 1 : 0, failed: isRight ? 0 : 1, skipped: 0 })
  }
  const others = [`**/*${BROWSER_TESTS}`, String(BINARY_TESTS[0])].flatMap((path) => ['--path-ignore-patterns', path])
  const short = LONG_TESTS.flatMap((folder) => ['--path-ignore-patterns', `${folder}**`])
  const limit = { secondsMax: TESTS_SECONDS_MAX, env: { GATEHOUSE_TEST_CRASHABLE_BINARY: resolve(CRASHABLE_BINARY) } }
  const ofBinary = { secondsMax: BINARY_SECONDS_MAX, env: { GATEHOUSE_TEST_BINARY: resolve(BINARY) } }
  const all = await Promise.all([
    runTests('tests', [...others, ...short], seed, limit),
    // The long ones are done first.
    runTests('long tests', [...LONG_TESTS, ...others], seed, limit).then(async (long) => [
      long,
      await runTests('tests of the binary', BINARY_TESTS, seed, ofBinary),
    ]),
  ])
  all.flat().forEach(add)
  const browserTests = [...new Bun.Glob(`src/**/*${BROWSER_TESTS}`).scanSync('.')]
  const left: string[] = []
  if (browserTests.length > 0) {
    if (await hasChromium())
      add(await runTests('browser tests', browserTests, seed, { secondsMax: BROWSER_SECONDS_MAX }))
    else left.push(`${browserTests.length} files of browser tests, because chromium is not installed`)
  }
  if (totals.skipped > 0) left.push(`${totals.skipped} tests that say in their names what they need`)
  for (const what of left) console.log(`Left out: ${what}`)
  console.log(`${totals.passed} passed, ${totals.failed} failed`)
  return totals.failed === 0 ? 0 : 1
}

async function runTests(name: string, which: readonly string[], seed: string, options: RunOptions): Promise<Totals> {
  mkdirSync('.cache', { recursive: true })
  const report = `.cache/${name.replaceAll(' ', '-')}.xml`
  rmSync(report, { force: true })
  const order = ['--randomize', `--seed=${seed}`, `--timeout=${ONE_TEST_MS_MAX}`]
  const reporting = ['--only-failures', '--reporter=junit', `--reporter-outfile=${report}`]
  const command = [bun, 'test', ...order, ...reporting, ...which]
  const env = { ...options.env, GATEHOUSE_TEST_SEED: seed }
  const { isRight, seconds } = await run(command, { ...options, env, isShown: true })
  const totals = existsSync(report) ? totalsOf(await Bun.file(report).text()) : undefined
  console.log(`${isRight ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
  if (totals === undefined) {
    console.log(`FAILED ${name} ended without a report`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  // A fault outside any test, such as a file that does not load, is in the exit code alone.
  return { ...totals, failed: isRight ? totals.failed : Math.max(1, totals.failed) }
}

/** Where it is missing and we may, it is installed from Debian's packages. */
async function hasChromium(): Promise<boolean> {
  if (Bun.which('chromium')) return true
  if (process.getuid?.() !== 0 || !Bun.which('apt-get')) return false
  console.log('Installing chromium')
  const options = { secondsMax: CHROMIUM_INSTALL_SECONDS_MAX, env: { DEBIAN_FRONTEND: 'noninteractive' } }
  await run(['apt-get', 'update', '-qq'], options)
  const installed = await run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'chromium'], options)
  if (!installed.isRight) console.log(installed.output.trimEnd().split('\n').slice(-3).join('\n'))
  return Bun.which('chromium') !== null
}

process.exit(await main())
