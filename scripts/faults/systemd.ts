/**
 * Installs the binary as a service where systemd is process 1, as the head of config/gatehouse.service says, and looks at
 * what it promises: `bun scripts/faults/systemd.ts --binary dist/gatehouse [--folder DIR]`. Needs root and
 * `apt-get install systemd-container debootstrap curl`. Everything lies in one folder, which is removed at the end.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
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

const KILLS = 5
const PACKAGES = 'systemd,systemd-sysv,dbus,openssl'
const UNIT = new URL('../../config/gatehouse.service', import.meta.url).pathname
const TOML = '/etc/gatehouse/gatehouse.toml'
const PLACES = 'data_dir = "/var/lib/gatehouse/data"\nmaster_key_file = "/etc/gatehouse/master.key"\n'
const CONFIG = `${PLACES}${HEAD}${appWith('env:WA_APP_SECRET')}${BACKUP_TABLE}`

const { values } = parseArgs({
  options: {
    binary: { type: 'string', default: 'dist/gatehouse' },
    folder: { type: 'string', default: '/var/tmp/gatehouse-systemd' },
  },
})
const root = join(values.folder, 'root')
let leader = ''
let given = 0

function run(words: readonly string[], input = ''): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { stdin: Buffer.from(input) })
  return { code: exitCode, said: `${stdout.toString()}${stderr.toString()}`.trim() }
}

/** A shell of root's beside the service, with what the head of the unit says that commands want. */
function shell(text: string): Ran {
  const env = ['env', '-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8']
  const secrets = `set -a; test -e /etc/gatehouse/environment && . /etc/gatehouse/environment; GATEHOUSE_CONFIG=${TOML}; set +a`
  return run(['nsenter', '-t', leader, '-m', '-u', '-i', '-n', '-p', '-C', ...env, 'sh', '-c', `${secrets}\n${text}`])
}

function expectWords(what: string, text: string, wanted: RegExp): void {
  expect(what, wanted.test(text) ? 'said' : text, 'said')
}

const show = (property: string) => done(shell(`systemctl show --value -p ${property} gatehouse`))
const journal = (lines: number) => shell(`journalctl -u gatehouse -o cat -n ${lines} --no-pager`).said
const until = (what: string, isSo: () => boolean) => waitFor(what, isSo, () => journal(20))
const isReady = () => shell('gatehouse healthcheck').code === 0

async function boot(): Promise<Bun.Subprocess> {
  const options = ['--register=no', '--keep-unit', '--private-network', '--link-journal=no', '-M', 'gatehouse-faults']
  const nspawn = Bun.spawn(['systemd-nspawn', '-q', '-D', root, ...options, '--boot'], { stdio: [null, null, null] })
  const children = `/proc/${nspawn.pid}/task/${nspawn.pid}/children`
  await until('process 1', () => {
    leader = readFileSync(children, 'utf8').trim()
    return leader !== ''
  })
  await until('systemd', () => /^(running|degraded)$/.test(shell('systemctl is-system-running').said))
  return nspawn
}

/** The commands at the head of the unit, without what stands beside them. */
function commandsOfHead(): string[] {
  const lines = readFileSync(UNIT, 'utf8').split('\n')
  const begin = lines.findIndex((line) => line.startsWith('#   '))
  const end = lines.indexOf('#', begin)
  return lines.slice(begin, end).map((line) => line.slice(4).split(/ {3,}/)[0] ?? '')
}

async function install(): Promise<void> {
  copyFileSync(resolve(values.binary), join(root, 'root/gatehouse'))
  copyFileSync(UNIT, join(root, 'root/gatehouse.service'))
  const commands = commandsOfHead()
  for (const command of commands.slice(0, -1)) done(shell(`cd /root && ${command}`))
  writeFileSync(join(root, TOML), CONFIG)
  writeFileSync(join(root, 'etc/gatehouse/environment'), `WA_APP_SECRET=${SECRET}\n`, { mode: 0o600 })
  done(shell(`cd /root && ${commands.at(-1)}`))
  await until('the first start', isReady)
  expect(`installed by the ${commands.length} commands of the unit's head`, show('ActiveState'), 'active')
  expect('only root reads the master key', done(shell('stat -c %a:%U /etc/gatehouse/master.key')), '600:root')
  const doctor = shell('gatehouse doctor')
  expect('doctor, asked by root, finds nothing wrong', doctor.code === 0 ? 'well' : doctor.said, 'well')
}

function shutIn(): void {
  const pid = show('MainPID')
  const status = done(shell(`cat /proc/${pid}/status`))
  const of = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1]
  expect('no capabilities', of('CapEff'), '0000000000000000')
  expect('no new privileges', of('NoNewPrivs'), '1')
  expect('calls of the system are filtered', of('Seccomp'), '2')
  expect('not root', of('Uid') === '0', false)
  // In the service's own view of the disk.
  const inside = (text: string) => shell(`nsenter -t ${pid} -m sh -c '${text}'`).said
  for (const path of ['/usr/x', '/etc/x', '/var/x']) expectWords(`${path}`, inside(`touch ${path}`), /Read-only file/)
  expect('nothing of /home is to be seen', inside('ls /home /root'), '/home:\n\n/root:')
  expect('the key as it is handed over', inside('stat -c %a:%U /run/credentials/gatehouse.service/*'), '400:gatehouse')
}

function reloads(): void {
  const change = (from: string, to: string) => done(shell(`sed -i 's/${from}/${to}/' ${TOML}`))
  expect('a reload without a change', shell('systemctl reload gatehouse').code, 0)
  change('^verify_token.*', 'verify_token = 7')
  expect('a reload of a wrong file fails', shell('systemctl reload gatehouse').code, 1)
  expectWords('and the journal says why', journal(8), /verify_token: found .*\n.*Nothing was changed/)
  expect('the house goes on', show('ActiveState'), 'active')
  change('^verify_token.*', 'verify_token = "other"')
  expect('a reload of a right one', shell('systemctl reload gatehouse').code, 0)
  expectWords('and the journal names the key', journal(8), /verify_token/)
}

function post(): number {
  const { body, signature } = helloOf(`wamid.systemd.${++given}`)
  const headers = ['-H', `X-Hub-Signature-256: ${signature}`, '-H', 'Content-Type: application/json']
  const curl = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...headers, '--data-binary', '@-']
  const url = 'http://127.0.0.1:8080/webhooks/whatsapp/main'
  return Number(run(['nsenter', '-t', leader, '-n', ...curl, url], body).said)
}

/** How many messages nobody has read. */
function unread(): number {
  const curl = ['curl', '-s', '-H', `Authorization: Bearer ${KEY}`, 'http://127.0.0.1:8080/api/v1/conversations']
  const { said } = run(['nsenter', '-t', leader, '-n', ...curl])
  return Number(/"unread":(\d+)/.exec(said)?.[1] ?? -1)
}

async function killed(): Promise<void> {
  for (let index = 0; index < KILLS; index++) {
    const [status, pid] = [post(), show('MainPID')]
    expect('a webhook is taken', status, 200)
    done(shell(`kill -9 ${pid}`))
    await until('the restart', () => show('MainPID') !== pid && isReady())
  }
  expect(`started again after each of ${KILLS} kill -9`, show('NRestarts'), String(KILLS))
  await until('all that was answered 200', () => unread() === given)
}

async function backups(): Promise<void> {
  const [folder, keys] = BACKUPS
  const refused = shell('gatehouse backup')
  expectWords('a place that the unit does not name', refused.said, /cannot be written to \(EROFS\): .*ReadWritePaths/)
  done(shell(`install -d -o gatehouse -g gatehouse -m 0700 ${folder} ${keys}`))
  const drop = join(root, 'etc/systemd/system/gatehouse.service.d')
  mkdirSync(drop)
  writeFileSync(join(drop, 'override.conf'), `[Service]\nReadWritePaths=${BACKUPS.join(' ')}\n`)
  done(shell('systemctl daemon-reload && systemctl restart gatehouse'))
  await until('the restart', isReady)
  expect('a place that it names', shell('gatehouse backup').code, 0)
  expectWords('a drill by root', shell('gatehouse restore drill').said, /It restores/)
  const startedMs = performance.now()
  done(shell('systemctl stop gatehouse'))
  expect(`stopped (${Math.round(performance.now() - startedMs)} ms)`, show('ExecMainStatus'), '0')
  expect('a backup by root, without the house', shell('gatehouse backup').code, 0)
  const restore = `gatehouse restore --from ${folder} --ledger data-lost/erasure-ledger.db`
  expect('a restore by root', shell(`cd /var/lib/gatehouse && mv data data-lost && ${restore}`).code, 0)
  done(shell('systemctl start gatehouse'))
  await until('the start after the restore', isReady)
  expect('it has all messages', unread(), given)
  expect("the house's own backup after root's", shell('gatehouse backup').code, 0)
}

async function wrongStart(): Promise<void> {
  done(shell(`cp ${TOML} /root/right.toml && echo 'x = = 1' >>${TOML}`))
  const before = show('NRestarts')
  shell('systemctl restart gatehouse')
  await until('the end', () => show('ActiveState') === 'failed')
  expect('wrong configuration: exit code', show('ExecMainStatus'), '2')
  expectWords('and one line that says where', journal(6), /gatehouse\.toml:\d+:\d+: found/)
  await Bun.sleep(3000)
  expect('and it is not started again', `${show('ActiveState')} ${show('NRestarts')}`, `failed ${before}`)
  done(shell(`cp /root/right.toml ${TOML} && systemctl start gatehouse`))
  await until('the start with the right one', isReady)
}

async function main(): Promise<number> {
  const missing = ['systemd-nspawn', 'debootstrap', 'curl'].filter((name) => !Bun.which(name))
  if (process.getuid?.() !== 0 || missing.length > 0 || !existsSync(values.binary)) {
    console.error('Needs root, a built binary, and: apt-get install systemd-container debootstrap curl')
    return 2
  }
  if (existsSync(values.folder)) throw new Error(`${values.folder} is in the way`)
  mkdirSync(values.folder, { recursive: true })
  let nspawn: Bun.Subprocess | undefined
  try {
    done(run(['debootstrap', '--variant=minbase', `--include=${PACKAGES}`, 'bookworm', root]))
    nspawn = await boot()
    console.log(`       process 1: ${done(shell('systemctl --version')).split('\n')[0]}`)
    await install()
    shutIn()
    reloads()
    await killed()
    await backups()
    await wrongStart()
  } finally {
    // Its process 1 ends the rest.
    if (leader !== '') process.kill(Number(leader), 'SIGKILL')
    nspawn?.kill()
    await nspawn?.exited
    rmSync(values.folder, { recursive: true, force: true })
  }
  return finish()
}

process.exit(await main())
