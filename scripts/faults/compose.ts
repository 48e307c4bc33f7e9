/**
 * A real Docker engine with config/compose.yaml, as the README says it: `bun scripts/faults/compose.ts [--folder DIR]`. Needs
 * root and `apt-get install docker.io docker-compose debootstrap caddy curl`; no registry: the images are made of Debian's
 * packages and the Bun that runs this. The engine has a folder and a network of its own, both removed at the end.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  appWith,
  BACKUP_TABLE,
  BACKUPS,
  done,
  expect,
  finish,
  HEAD,
  helloOf,
  KEY,
  type Ran,
  SECRET,
  waitFor,
} from './installed.ts'

const SITE = 'chat.localhost'
const NETWORK = 'gatehouse-compose'
const ROUNDS = 5
const ROOT = new URL('../..', import.meta.url).pathname
const BUNDLE = process.env['NODE_EXTRA_CA_CERTS']
/** The image that the Dockerfile names. */
const BASE = /^ARG BUN=docker\.io\/(\S+)/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1] ?? ''
const CONFIG = `${HEAD}[http]\npublic_url = "https://${SITE}"\n${appWith('env:WA_APP_SECRET')}${BACKUP_TABLE}`
/** What only this machine or this run wants otherwise; the backups' folders as the comment in the file says. */
const OVERRIDE = `services:
  gatehouse:
    ulimits: { nofile: 20000, core: 0 }
    volumes: ['./copies:${BACKUPS[0]}', './keys:${BACKUPS[1]}']
`

const { values } = parseArgs({ options: { folder: { type: 'string', default: '/var/tmp/gatehouse-compose' } } })
const { folder } = values
const house = join(folder, 'compose')
let given = 0

function run(words: readonly string[], { cwd = ROOT, input = '' } = {}): Ran {
  const env = { ...process.env, DOCKER_HOST: `unix://${folder}/docker.sock`, DOCKER_BUILDKIT: '0' }
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { cwd, env, stdin: Buffer.from(input) })
  return { code: exitCode, said: `${stdout.toString()}${stderr.toString()}`.trim() }
}

const docker = (...words: string[]) => run(['docker', ...words])
const compose = (...words: string[]) =>
  run(['docker-compose', '-p', 'house', '-f', 'compose.yaml', '-f', 'override.yaml', ...words], { cwd: house })
const gatehouse = (...words: string[]) => compose('exec', '-T', 'gatehouse', '/app/gatehouse', ...words)

const until = (what: string, isSo: () => boolean) => waitFor(what, isSo, () => compose('logs', '--tail', '20').said)

/** An engine of this run's own. */
async function engine(before: readonly string[], more: readonly string[]): Promise<Bun.Subprocess> {
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '-p', join(folder, 'pid')]
  const words = [...before, 'dockerd', ...places, '-H', `unix://${folder}/docker.sock`, ...more]
  const output = Bun.file(join(folder, 'dockerd.log'))
  const child = Bun.spawn(words, { stdin: null, stdout: output, stderr: output })
  await until('the engine', () => docker('version').code === 0)
  return child
}

/** Debian with Bun in the place of the image that the Dockerfile names, and with Caddy in the place of Caddy's. */
function makeImages(): void {
  const base = join(folder, 'base')
  done(run(['debootstrap', '--variant=minbase', 'bookworm', base]))
  copyFileSync(process.execPath, join(base, 'usr/local/bin/bun'))
  copyFileSync(Bun.which('caddy') ?? '', join(base, 'usr/bin/caddy'))
  if (BUNDLE) copyFileSync(BUNDLE, join(base, 'etc/authorities.pem'))
  const archive = join(folder, 'base.tar')
  done(run(['tar', '-C', base, '-cf', archive, '.']))
  const bundle = BUNDLE ? ['-c', 'ENV NODE_EXTRA_CA_CERTS=/etc/authorities.pem'] : []
  done(docker('import', ...bundle, archive, BASE))
  const command = '["caddy","run","--config","/etc/caddy/Caddyfile","--adapter","caddyfile"]'
  done(docker('import', '-c', 'ENV XDG_DATA_HOME=/data', '-c', `CMD ${command}`, archive, 'caddy:2'))
  rmSync(base, { recursive: true })
  rmSync(archive)
  done(docker('build', '--network', 'host', '-t', 'gatehouse', '.'))
  const bytes = Number(done(docker('image', 'inspect', 'gatehouse', '--format', '{{.Size}}')))
  console.log(`       the image has ${Math.round(bytes / 1e6)} MB`)
}

/** One folder, as the head of compose.yaml says. */
function makeHouse(): void {
  for (const name of ['', 'house', 'copies', 'keys']) mkdirSync(join(house, name))
  for (const name of ['compose.yaml', 'Caddyfile']) copyFileSync(join(ROOT, 'config', name), join(house, name))
  writeFileSync(join(house, 'override.yaml'), OVERRIDE)
  writeFileSync(join(house, '.env'), `GATEHOUSE_SITE=${SITE}\nWA_APP_SECRET=${SECRET}\n`)
  writeFileSync(join(house, 'house/gatehouse.toml'), CONFIG)
  const made = /# +house\/master.key +(.*)/.exec(readFileSync(join(house, 'compose.yaml'), 'utf8'))?.[1] ?? 'false'
  done(run(['sh', '-c', made], { cwd: house }))
  done(run(['chown', '65532:65532', 'copies', 'keys'], { cwd: house }))
}

/** Asks through Caddy, from the engine's network. */
function curl(path: string, more: readonly string[] = [], input = ''): string {
  const fixed = ['-sk', '--resolve', `${SITE}:443:127.0.0.1`, '-H', `Authorization: Bearer ${KEY}`]
  const words = ['nsenter', `--net=/run/netns/${NETWORK}`, 'curl', ...fixed, ...more, `https://${SITE}${path}`]
  return run(words, { input }).said
}

const isReady = () => curl('/readyz', ['-o', '/dev/null', '-w', '%{http_code}']) === '200'
const unread = () => Number(/"unread":(\d+)/.exec(curl('/api/v1/conversations'))?.[1] ?? -1)

/** A customer writes; repeated until it is answered 200, as the platform does. */
async function give(): Promise<void> {
  const { body, signature } = helloOf(`wamid.compose.${++given}`)
  const asked = [
    '-H',
    `X-Hub-Signature-256: ${signature}`,
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '--data-binary',
    '@-',
  ]
  await until('a webhook to be taken', () => curl('/webhooks/whatsapp/main', asked, body) === '200')
}

async function daily(): Promise<void> {
  expect('up', compose('up', '-d').code, 0)
  await until('the house', isReady)
  const doctor = gatehouse('doctor')
  expect('doctor, asked in the container, finds nothing wrong', doctor.code === 0 ? 'well' : doctor.said, 'well')
  expect('only Caddy is published', done(docker('ps', '--format', '{{.Names}} {{.Ports}}')).includes(':8080->'), false)
  expect('/metrics is not for the world', curl('/metrics', ['-o', '/dev/null', '-w', '%{http_code}']), '404')
  const address = /"address":"([^"]*)"/.exec(curl('/api/v1/me', ['-H', 'X-Forwarded-For: 192.0.2.66']))?.[1]
  expect("a forged address is not believed: the engine's own stands there", address, '172.30.17.1')
  done(run(['sed', '-i', 's/^verify_token.*/verify_token = "other"/', 'house/gatehouse.toml'], { cwd: house }))
  expect('a changed file is reloaded', /verify_token/.test(gatehouse('reload').said), true)
}

async function hurt(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await give()
    const pid = done(docker('inspect', 'house_gatehouse_1', '--format', '{{.State.Pid}}'))
    process.kill(Number(pid), 'SIGKILL')
    await give()
    done(compose('restart', 'gatehouse'))
  }
  await give()
  done(compose('down'))
  done(compose('up', '-d'))
  await until('the house after down and up', isReady)
  expect(`all is there after ${ROUNDS} kill -9, ${ROUNDS} restarts, down and up`, unread(), given)
}

async function restored(): Promise<void> {
  expect('a backup', gatehouse('backup').code, 0)
  expect('a drill', /It restores/.test(gatehouse('restore', 'drill').said), true)
  done(compose('down'))
  const path = join(house, 'compose.yaml')
  const text = readFileSync(path, 'utf8')
    .replace('- data:/data', '- other:/data')
    .replace(/^ {2}data:$/m, '  other:')
  writeFileSync(path, text)
  const words = ['restore', '--from', '/backup/gatehouse', '--ledger', '/lost/erasure-ledger.db']
  const ran = compose('run', '--rm', '-v', 'house_data:/lost', 'gatehouse', ...words)
  expect('a restore into another volume', ran.code === 0 ? 'done' : ran.said, 'done')
  done(compose('up', '-d'))
  await until('the restored house', isReady)
  expect('it has all messages', unread(), given)
  const log = done(docker('logs', 'house_caddy_1'))
  expect('Caddy wrote down nobody', /"request":\{"remote_ip"|\/webhooks\//.test(log), false)
}

async function main(): Promise<number> {
  const wanted = ['dockerd', 'docker', 'docker-compose', 'debootstrap', 'caddy', 'curl', 'nsenter', 'ip']
  const missing = wanted.filter((name) => !Bun.which(name))
  if (process.getuid?.() !== 0 || missing.length > 0) {
    console.error(
      `Needs root and: apt-get install docker.io docker-compose debootstrap caddy curl (${missing.join(', ')})`,
    )
    return 2
  }
  if (existsSync(folder)) throw new Error(`${folder} is in the way`)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o711)
  let running: Bun.Subprocess | undefined
  try {
    // The build asks the package registry; what runs later is not to change this machine's network.
    const alone = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false']
    running = await engine([], alone)
    makeImages()
    running.kill()
    await running.exited
    done(run(['ip', 'netns', 'add', NETWORK]))
    done(run(['ip', '-n', NETWORK, 'link', 'set', 'lo', 'up']))
    running = await engine(['nsenter', `--net=/run/netns/${NETWORK}`], [])
    console.log(`       ${done(docker('version', '--format', 'Docker engine {{.Server.Version}}'))}`)
    makeHouse()
    await daily()
    await hurt()
    await restored()
  } finally {
    if (existsSync(house)) compose('down', '-v')
    running?.kill()
    await running?.exited
    run(['ip', 'netns', 'del', NETWORK])
    run(['umount', '-R', join(folder, 'exec/netns/default')])
    rmSync(folder, { recursive: true, force: true })
  }
  return finish()
}

process.exit(await main())
