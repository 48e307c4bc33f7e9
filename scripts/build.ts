/**
 * Builds the one binary: the program, its threads, the migrations and the pages, all inside. It is built twice: the first
 * one is started, on this machine, to see what a start uses.
 * `bun scripts/build.ts [--target bun-linux-arm64] [--outfile dist/gatehouse] [--crash-points]`
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BunPlugin } from 'bun'
import { consoleEmbedPlugin } from '../src/console/embed-plugin.ts'
import { loadPage } from '../src/simulator/page-bundle.ts'
import { THREADS } from '../src/threads.ts'

const ROOT = new URL('..', import.meta.url).pathname

/** A start takes a third of a second. */
const START_MS_MAX = 60_000

/** Threads are programs of their own: the bundler only finds those it is told of. */
const ENTRYPOINTS = ['src/main.ts', ...Object.values(THREADS).map((url) => relative(ROOT, fileURLToPath(url)))]

async function simulatorPagePlugin(): Promise<BunPlugin> {
  const page = await loadPage()
  return {
    name: 'embed-simulator-page',
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/]simulator[\\/]page-bundle\.ts$/ }, () => ({
        contents: `export async function loadPage() { return ${JSON.stringify(page)} }`,
        loader: 'js',
      }))
    },
  }
}

/** What is built: `GATEHOUSE_BUILD_COMMIT` where there is no repository, as in a container. */
function commitOf(): string {
  const given = process.env['GATEHOUSE_BUILD_COMMIT']
  if (given || Bun.which('git') === null) return given ?? ''
  const git = (...words: string[]) => Bun.spawnSync(['git', '-C', ROOT, ...words], { stderr: 'ignore' })
  const head = git('rev-parse', 'HEAD')
  if (!head.success) return ''
  const isChanged = git('status', '--porcelain').stdout.length > 0
  return head.stdout.toString().trim() + (isChanged ? ' and changes' : '')
}

/** The moment of the build; `SOURCE_DATE_EPOCH` (seconds) makes it the same for the same source. */
function buildTime(): string {
  const seconds = process.env['SOURCE_DATE_EPOCH']
  return new Date(seconds ? Number(seconds) * 1000 : Date.now()).toISOString()
}

interface Outcome {
  outfile: string
  /** Another machine's kind; by default this one's. */
  target?: string | undefined
  /** For the crash tests: leaves their switch in. A binary that is shipped has nothing of it. */
  hasCrashPoints: boolean
  /** Which functions a start uses: they are put together, so that fewer pages of the file are in memory. */
  orderFile?: string
}

async function build({ outfile, target, hasCrashPoints, orderFile }: Outcome): Promise<void> {
  const built = await Bun.build({
    entrypoints: ENTRYPOINTS,
    // Where threads are in the binary is told from here, whatever is imported from outside.
    root: 'src',
    format: 'esm',
    // Nothing is parsed at the start.
    bytecode: true,
    compile: {
      outfile,
      ...(target ? { target: target as Bun.Build.CompileTarget } : {}),
      ...(orderFile ? { bytecodeOrder: orderFile } : {}),
      // Whoever can write into the folder that it is started in may not tell it what to run.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    // Elysia reads the source of its handlers: names are kept as they are written.
    minify: { whitespace: true, syntax: true, identifiers: false },
    define: {
      'process.env.NODE_ENV': '"production"',
      ...(hasCrashPoints ? {} : { 'process.env.GATEHOUSE_TEST_CRASH': '""' }),
      'process.env.GATEHOUSE_BUILD_COMMIT': JSON.stringify(commit),
      'process.env.GATEHOUSE_BUILD_TIME': JSON.stringify(time),
    },
    plugins: [await consoleEmbedPlugin(), await simulatorPagePlugin()],
  })
  for (const message of built.logs) console.error(message)
}

const FIRST_CONFIG = `[[whatsapp.portfolio]]
id = "build"

[[whatsapp.app]]
id = "build"
portfolio = "build"
app_secret = "a-secret"
verify_token = "a-token"
access_token = "a-token"

[[whatsapp.number]]
phone_number_id = "1"
display = "+15550783881"
app = "build"
waba = "1"
`

/** Starts a house in a new folder, ends it as soon as it has started, and answers the file that says what that used. */
async function orderOf(binary: string, folder: string): Promise<string> {
  const orderFile = join(folder, 'order')
  const keyPath = join(folder, 'master.key')
  const configPath = join(folder, 'gatehouse.toml')
  writeFileSync(keyPath, '0123456789abcdef'.repeat(4), { mode: 0o600 })
  writeFileSync(configPath, FIRST_CONFIG)
  const house = Bun.spawn([binary, 'serve'], {
    cwd: folder,
    env: {
      BUN_BYTECODE_ORDER_OUT: orderFile,
      BUN_CONFIG_MAX_HTTP_REQUESTS: '4096',
      GATEHOUSE_CONFIG: configPath,
      GATEHOUSE_DATA_DIR: join(folder, 'data'),
      GATEHOUSE_HTTP_PORT: '0',
      // Nobody listens there: a build asks no platform anything.
      GATEHOUSE_GRAPH_URL: 'http://127.0.0.1:9',
      GATEHOUSE_MASTER_KEY_FILE: keyPath,
    },
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: START_MS_MAX,
  })
  const words = new Response(house.stderr).text()
  for await (const part of house.stdout.pipeThrough(new TextDecoderStream()))
    if (part.includes('"gateway started"')) house.kill('SIGTERM')
  if ((await house.exited) !== 0) throw new Error(`The binary did not start and stop: ${await words}`)
  return orderFile
}

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    outfile: { type: 'string', default: 'dist/gatehouse' },
    'crash-points': { type: 'boolean', default: false },
  },
})
const outfile = resolve(values.outfile)
const hasCrashPoints = values['crash-points']
const commit = commitOf()
const time = buildTime()
// The bundler finds what is embedded by paths from here, wherever the build is started.
process.chdir(ROOT)
mkdirSync(dirname(outfile), { recursive: true })
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-build-'))
try {
  const first = join(folder, 'gatehouse')
  await build({ outfile: first, hasCrashPoints })
  await build({ outfile, target: values.target, hasCrashPoints, orderFile: await orderOf(first, folder) })
} finally {
  rmSync(folder, { recursive: true })
}
console.log(`${values.outfile} (${Math.round(Bun.file(outfile).size / 1024 / 1024)} MB)`)
