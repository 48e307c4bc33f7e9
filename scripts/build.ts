/**
 * Builds the one binary: the program, its threads, the migrations and the pages, all inside.
 * `bun scripts/build.ts [--target bun-linux-arm64] [--outfile dist/gatehouse]`
 */
import { mkdirSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { BunPlugin } from 'bun'
import { consoleEmbedPlugin } from '../src/console/embed-plugin.ts'
import { loadPage } from '../src/simulator/page-bundle.ts'
import { THREADS } from '../src/threads.ts'

const ROOT = new URL('..', import.meta.url).pathname

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

const { values } = parseArgs({
  options: { target: { type: 'string' }, outfile: { type: 'string', default: 'dist/gatehouse' } },
})
const outfile = resolve(values.outfile)
// The bundler finds what is embedded by paths from here, wherever the build is started.
process.chdir(ROOT)
mkdirSync(dirname(outfile), { recursive: true })
const built = await Bun.build({
  entrypoints: ENTRYPOINTS,
  // Where threads are in the binary is told from here, whatever is imported from outside.
  root: 'src',
  compile: {
    outfile,
    ...(values.target ? { target: values.target as Bun.Build.CompileTarget } : {}),
    // Whoever can write into the folder that it is started in may not tell it what to run.
    autoloadBunfig: false,
    autoloadDotenv: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  // Elysia reads the source of its handlers: names are kept as they are written.
  minify: { whitespace: true, syntax: true, identifiers: false },
  // The switch of the crash tests: in a binary nothing of it is left.
  define: {
    'process.env.NODE_ENV': '"production"',
    'process.env.GATEHOUSE_TEST_CRASH': '""',
    'process.env.GATEHOUSE_BUILD_COMMIT': JSON.stringify(commitOf()),
    'process.env.GATEHOUSE_BUILD_TIME': JSON.stringify(buildTime()),
  },
  plugins: [await consoleEmbedPlugin(), await simulatorPagePlugin()],
})
for (const message of built.logs) console.error(message)
console.log(`${values.outfile} (${Math.round(Bun.file(outfile).size / 1024 / 1024)} MB)`)
