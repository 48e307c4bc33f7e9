/**
 * Builds the image with the Dockerfile and runs it locked down: `bun scripts/faults/container.ts [--base IMAGE] [--folder DIR]`.
 * Needs root and `apt-get install buildah podman runc debootstrap`; no registry: without --base the image that builds it is
 * made of Debian's packages and the Bun that runs this. Everything lies in one folder, which is removed at the end.
 */
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { appWith, expect, finish, HEAD, helloOf, KEY, SECRET } from './installed.ts'

const USER = 65532
const PORT = 21_990
const IMAGE = 'localhost/gatehouse:faults'
const STARTS = 5
const READY_MS_MAX = 20_000
const LOCKED = [
  ...['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=10000:10000'],
  ...['--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt', 'no-new-privileges'],
]
const BUNDLE = process.env['NODE_EXTRA_CA_CERTS']

const { values } = parseArgs({
  options: { base: { type: 'string' }, folder: { type: 'string', default: '/var/tmp/gatehouse-container' } },
})
const folder = values.folder
const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')]
const buildah = (...words: string[]) => run(['buildah', ...storage, ...words])
const podman = (...words: string[]) =>
  run(['podman', ...storage, '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', ...words])

interface Ran {
  code: number
  out: string
  complaints: string
}

function run(words: string[]): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync(words, { cwd: new URL('../..', import.meta.url).pathname })
  // Without systemd podman cannot keep time for health checks, and says so at every step; here they are asked for by hand.
  const complaints = stderr.toString().replace(/^time=.*systemd.*\n/gm, '')
  return { code: exitCode, out: stdout.toString().trim(), complaints }
}

function done({ code, out, complaints }: Ran): string {
  if (code !== 0) throw new Error(complaints || out)
  return out
}

/** An image with Debian, Bun and, where there is one, the authority that this network's proxy signs with. */
function makeBase(): string {
  const root = join(folder, 'base')
  done(run(['debootstrap', '--variant=minbase', 'bookworm', root]))
  copyFileSync(process.execPath, join(root, 'usr/local/bin/bun'))
  const container = done(buildah('from', 'scratch'))
  if (BUNDLE) {
    const inside = join(root, 'etc/ssl/authorities.pem')
    mkdirSync(dirname(inside), { recursive: true })
    copyFileSync(BUNDLE, inside)
    done(buildah('config', '--env', 'NODE_EXTRA_CA_CERTS=/etc/ssl/authorities.pem', container))
  }
  done(buildah('copy', '--quiet', container, root, '/'))
  const image = 'localhost/bun-on-debian:faults'
  done(buildah('commit', '--quiet', '--rm', container, image))
  return image
}

function build(base: string): void {
  const options = ['--isolation', 'chroot', '--network', 'host', '--format', 'docker', '--build-arg', `BUN=${base}`]
  done(buildah('build', ...options, ...(values.base ? [] : ['--pull-never']), '-t', IMAGE, '.'))
  const bytes = Number(done(podman('image', 'inspect', IMAGE, '--format', '{{.Size}}')))
  console.log(`       the image has ${Math.round(bytes / 1e6)} MB`)
}

function makeFolders(): string[] {
  const [data, config] = [join(folder, 'data'), join(folder, 'config')]
  mkdirSync(data)
  mkdirSync(config)
  chownSync(data, USER, USER)
  writeFileSync(join(config, 'master.key'), 'ab'.repeat(32))
  chmodSync(join(config, 'master.key'), 0o444)
  const text = `master_key_file = "/config/master.key"\n${HEAD}[http]\nport = ${PORT}\n${appWith(SECRET)}`
  writeFileSync(join(config, 'gatehouse.toml'), text)
  return ['-v', `${config}:/config:ro`, '-e', 'GATEHOUSE_CONFIG=/config/gatehouse.toml', '-v', `${data}:/data`]
}

/** Starts it; answers the milliseconds until it took webhooks. */
async function start(name: string, network: string, mounts: string[]): Promise<number> {
  const startedMs = performance.now()
  done(podman('run', '-d', '--name', name, '--network', network, ...LOCKED, ...mounts, IMAGE))
  for (;;) {
    const isReady =
      network === 'host'
        ? (await fetch(`http://127.0.0.1:${PORT}/readyz`).catch(() => undefined))?.ok
        : podman('exec', name, '/app/gatehouse', 'healthcheck').code === 0
    if (isReady) return performance.now() - startedMs
    if (performance.now() - startedMs > READY_MS_MAX) throw new Error(`Not ready:\n${podman('logs', name).complaints}`)
    await Bun.sleep(5)
  }
}

function stop(name: string): void {
  const startedMs = performance.now()
  done(podman('stop', '-t', '20', name))
  const state = done(podman('inspect', name, '--format', '{{.State.ExitCode}}'))
  expect(`SIGTERM to the first process ends it with 0 (${Math.round(performance.now() - startedMs)} ms)`, state, '0')
  done(podman('rm', name))
}

async function give(id: string): Promise<number> {
  const { body, signature } = helloOf(id)
  const headers = { 'X-Hub-Signature-256': signature }
  return (await fetch(`http://127.0.0.1:${PORT}/webhooks/whatsapp/main`, { method: 'POST', headers, body })).status
}

async function unread(): Promise<unknown> {
  const headers = { Authorization: `Bearer ${KEY}` }
  const answer = await fetch(`http://127.0.0.1:${PORT}/api/v1/conversations`, { headers })
  return ((await answer.json()) as { items: { unread: number }[] }).items[0]?.unread
}

async function lockedDown(mounts: string[]): Promise<void> {
  await start('alone', 'none', mounts)
  expect('without a network it starts and its health check says so', 0, 0)
  stop('alone')
  const times: number[] = []
  for (let index = 0; index < STARTS; index++) {
    times.push(await start('house', 'host', mounts))
    expect('a webhook is taken', await give(`wamid.container.${index}`), 200)
    done(podman('kill', '--signal', 'KILL', 'house'))
    done(podman('rm', '-f', 'house'))
  }
  times.sort((one, other) => one - other)
  console.log(
    `       from podman run to ready: median ${Math.round(times[2] ?? 0)} ms, worst ${Math.round(times[4] ?? 0)} ms`,
  )
  await start('house', 'host', mounts)
  for (let tries = 0; (await unread()) !== STARTS && tries < 100; tries++) await Bun.sleep(20)
  expect('what was answered 200 before each kill -9 is there', await unread(), STARTS)
  stop('house')
}

function wrongVolume(mounts: string[]): void {
  const owned = join(folder, 'owned-by-root')
  mkdirSync(owned, { mode: 0o755 })
  const others = [...mounts.slice(0, -1), `${owned}:/data`]
  const ran = podman('run', '--rm', '--network', 'none', ...LOCKED, ...others, IMAGE)
  const isClear = /^\/data\/\S+ cannot be opened: whoever runs Gatehouse must own the data folder[^\n]*\n$/.test(
    ran.complaints,
  )
  expect('a volume of root: exit code', ran.code, 1)
  expect('a volume of root: one clear line', isClear ? 'one line' : ran.complaints, 'one line')
}

async function main(): Promise<number> {
  const missing = ['buildah', 'podman', 'runc', ...(values.base ? [] : ['debootstrap'])].filter(
    (name) => !Bun.which(name),
  )
  if (process.getuid?.() !== 0 || missing.length > 0) {
    console.error(
      `Needs root and: apt-get install buildah podman runc debootstrap (missing: ${missing.join(', ') || 'none'})`,
    )
    return 2
  }
  if (existsSync(folder)) throw new Error(`${folder} is in the way`)
  mkdirSync(folder, { recursive: true })
  try {
    build(values.base ?? makeBase())
    const mounts = makeFolders()
    await lockedDown(mounts)
    wrongVolume(mounts)
  } finally {
    for (const name of ['alone', 'house']) podman('rm', '-f', name)
    rmSync(folder, { recursive: true, force: true })
  }
  return finish()
}

process.exit(await main())
