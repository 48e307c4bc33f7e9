import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { APP, APP_SECRET, NUMBER_DISPLAY, NUMBER_ID, PEOPLE, WABA_ID } from './bodies.ts'

const ROOT = resolve(import.meta.dir, '../..')
const START_MS_MAX = 60_000
const STOP_MS_MAX = 20_000
const JSON_TYPE = { 'Content-Type': 'application/json' }
export const OWNER_KEY = 'gh_benchmark_owner_key_0123456789abcdef'

export type Kind = 'gatehouse' | 'ceiling' | 'usual'

/** A server in a process of its own, and where its webhook is. */
export interface RunningServer {
  kind: Kind
  process: Bun.Subprocess
  origin: string
  url: string
  stop(): Promise<void>
}

export interface ServerOptions {
  folder: string
  port: number
  logLevel?: 'info' | 'warn'
  /** Words put before the command, such as those of strace. */
  prefix?: readonly string[]
}

/** The folder of a house with its configuration and master key, made where there is none. */
export function prepareHouse(folder: string): { configPath: string; dataDir: string; keyPath: string } {
  const paths = {
    configPath: join(folder, 'gatehouse.toml'),
    dataDir: join(folder, 'data'),
    keyPath: join(folder, 'master.key'),
  }
  mkdirSync(folder, { recursive: true })
  if (!existsSync(paths.keyPath)) writeFileSync(paths.keyPath, randomBytes(32).toString('hex'), { mode: 0o600 })
  writeFileSync(
    paths.configPath,
    `data_dir = "${paths.dataDir}"
master_key_file = "${paths.keyPath}"
bootstrap_token = "${OWNER_KEY}"
graph_url = "http://127.0.0.1:9"

[[whatsapp.portfolio]]
id = "bench"

[[whatsapp.app]]
id = "${APP}"
portfolio = "bench"
app_secret = "${APP_SECRET}"
verify_token = "a-verify-token"
access_token = "an-access-token"

[[whatsapp.number]]
phone_number_id = "${NUMBER_ID}"
display = "+${NUMBER_DISPLAY}"
app = "${APP}"
waba = "${WABA_ID}"
alias = "bench"
`,
    { mode: 0o600 },
  )
  return paths
}

export async function startServer(kind: Kind, options: ServerOptions): Promise<RunningServer> {
  const origin = `http://127.0.0.1:${options.port}`
  const { command, environment, cwd } = commandOf(kind, options)
  const errors = join(options.folder, `${kind}.err`)
  const child = Bun.spawn([...(options.prefix ?? []), ...command], {
    cwd,
    env: { ...process.env, ...environment },
    // The log goes where a service manager's would cost least; it is still written.
    stdout: openSync('/dev/null', 'w'),
    stderr: openSync(errors, 'w'),
  })
  const endWithUs = () => child.kill()
  process.once('exit', endWithUs)
  void child.exited.then(() => process.off('exit', endWithUs))
  const server = {
    kind,
    process: child,
    origin,
    url: `${origin}/webhooks/whatsapp/${APP}`,
    stop: () => stop(child, options.prefix !== undefined),
  }
  await untilItAnswers(server, errors)
  return server
}

function commandOf(kind: Kind, { folder, port, logLevel }: ServerOptions) {
  mkdirSync(folder, { recursive: true })
  if (kind === 'gatehouse') {
    const { configPath } = prepareHouse(folder)
    const environment = {
      GATEHOUSE_CONFIG: configPath,
      GATEHOUSE_HTTP_PORT: String(port),
      GATEHOUSE_LOG_LEVEL: logLevel ?? 'info',
    }
    return { command: [process.execPath, 'src/main.ts', 'serve'], environment, cwd: ROOT }
  }
  if (kind === 'ceiling') {
    const command = [process.execPath, join(import.meta.dir, 'ceiling.ts'), join(folder, 'ceiling.db'), String(port)]
    return { command, environment: {}, cwd: ROOT }
  }
  const cwd = installUsual()
  return {
    command: ['node', 'usual.mjs', join(folder, 'usual.db'), String(port), APP_SECRET],
    environment: { NODE_ENV: 'production' },
    cwd,
  }
}

/** Gives the usual choice a file with so many messages. */
export function fillUsual(folder: string, messages: number): void {
  mkdirSync(folder, { recursive: true })
  const command = [
    'node',
    'usual.mjs',
    join(folder, 'usual.db'),
    'fill',
    String(messages),
    String(Math.min(PEOPLE, messages)),
  ]
  const { exitCode } = Bun.spawnSync(command, { cwd: installUsual(), stdout: 'ignore', stderr: 'inherit' })
  if (exitCode !== 0) throw new Error('Cannot fill the file of the usual choice')
}

/** Fastify and better-sqlite3, installed beside the project and not into it. */
function installUsual(): string {
  const cwd = join(ROOT, '.cache/bench/usual')
  mkdirSync(cwd, { recursive: true })
  if (!existsSync(join(cwd, 'node_modules/better-sqlite3'))) {
    writeFileSync(join(cwd, 'package.json'), '{"private":true}\n')
    const install = ['npm', 'install', '--no-audit', '--no-fund', 'fastify@5.12.8', 'better-sqlite3@12.11.1']
    const { exitCode } = Bun.spawnSync(install, { cwd, stdout: 'ignore', stderr: 'inherit' })
    if (exitCode !== 0) throw new Error('Cannot install fastify and better-sqlite3')
  }
  copyFileSync(join(import.meta.dir, 'usual.mjs'), join(cwd, 'usual.mjs'))
  return cwd
}

async function untilItAnswers(server: RunningServer, errors: string): Promise<void> {
  const endMs = performance.now() + START_MS_MAX
  while (performance.now() < endMs) {
    if (server.process.exitCode !== null) break
    // An unsigned request: 401 means that the checks are in place.
    const answer = await fetch(server.url, { method: 'POST', body: '{}', headers: JSON_TYPE }).catch(() => null)
    if (answer?.status === 401) return
    await Bun.sleep(50)
  }
  server.process.kill()
  throw new Error(`${server.kind} does not answer:\n${await Bun.file(errors).text()}`)
}

async function stop(child: Bun.Subprocess, isTraced: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error(`The server ended by itself: ${child.signalCode ?? `exit code ${child.exitCode}`}`)
  }
  // A tracer would let go of what it started and leave it running: its child is asked, and the tracer ends with it.
  const traced = isTraced ? readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim() : ''
  process.kill(traced === '' ? child.pid : Number(traced.split(' ')[0]), 'SIGTERM')
  const ended = await Promise.race([child.exited.then(() => true), Bun.sleep(STOP_MS_MAX).then(() => false)])
  if (!ended) child.kill('SIGKILL')
  await child.exited
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
