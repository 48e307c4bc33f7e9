import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { must } from '../../core/assert.ts'
import { pause, systemClock } from '../../core/clock.ts'
import { DIES_WITH_US, freePort } from '../program.ts'

export const PROXY_KINDS = ['caddy', 'nginx'] as const
export type ProxyKind = (typeof PROXY_KINDS)[number]

const CONFIG = new URL('../../../config/', import.meta.url)
const START_MS_MAX = 10_000
const STOP_MS_MAX = 5_000
const NAME = 'localhost'
const ERRORS = 'error.log'

/** Whether the program is here; nginx also needs a certificate from somewhere. */
export function hasProxy(kind: ProxyKind): boolean {
  return programOf(kind) !== null && (kind === 'caddy' || Bun.which('openssl') !== null)
}

function programOf(kind: ProxyKind): string | null {
  return Bun.which(kind, { PATH: '/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin' })
}

interface Started {
  /** What runs it, in the foreground. */
  command: readonly string[]
  /** What makes it read its configuration again, while its sockets are open. */
  reload: readonly string[]
  env: Record<string, string>
}

/** A reverse proxy of Debian's, with the file that we ship, in front of a house on this machine. */
export class ReverseProxy {
  readonly url: string
  readonly #started: Started
  readonly #outputPath: string
  #process: Bun.Subprocess | undefined

  constructor(url: string, started: Started, outputPath: string) {
    this.url = url
    this.#started = started
    this.#outputPath = outputPath
  }

  async start(): Promise<void> {
    const { command, env } = this.#started
    const output = Bun.file(this.#outputPath)
    const child = Bun.spawn([...DIES_WITH_US, ...command], { env, stdin: 'ignore', stdout: output, stderr: output })
    this.#process = child
    const endMs = systemClock.monoMs() + START_MS_MAX
    while (!(await this.#answers())) {
      if (child.exitCode !== null || systemClock.monoMs() > endMs) {
        throw new Error(`The proxy did not start:\n${readFileSync(this.#outputPath, 'utf8').slice(-2000)}`)
      }
      await pause(systemClock, 10)
    }
  }

  async reload(): Promise<void> {
    const { reload, env } = this.#started
    const child = Bun.spawn([...reload], { env, stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
    const said = await new Response(child.stderr).text()
    if ((await child.exited) !== 0) throw new Error(`The proxy did not reload:\n${said}`)
  }

  /** Ends it as a service manager does, and does not wait for its sockets for long. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child) return
    child.kill('SIGTERM')
    const late = new AbortController()
    await Promise.race([child.exited, pause(systemClock, STOP_MS_MAX, late.signal)])
    late.abort()
    child.kill('SIGKILL')
    await child.exited
  }

  /** What it has written of its work: for nginx also what stands in the file of its errors. */
  written(): string {
    const paths = [this.#outputPath, join(dirname(this.#outputPath), ERRORS)].filter((path) => existsSync(path))
    return paths.map((path) => readFileSync(path, 'utf8')).join('')
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** A path that the proxy answers by itself. */
  async #answers(): Promise<boolean> {
    const response = await fetch(`${this.url}/version`, { tls: { rejectUnauthorized: false } }).catch(() => undefined)
    return response?.status === 404
  }
}

/** Makes a proxy's configuration from the shipped file, changed only where an operator changes it. */
export function makeProxy(kind: ProxyKind, folder: string, upstream: string): ReverseProxy {
  const own = join(folder, kind)
  mkdirSync(own, { recursive: true })
  const [port, plain, admin] = [freePort(), freePort(), freePort()]
  const started =
    kind === 'caddy' ? caddy(own, upstream, { port, plain, admin }) : nginx(own, upstream, { port, plain })
  return new ReverseProxy(`https://${NAME}:${port}`, started, join(own, 'output.txt'))
}

interface Ports {
  port: number
  plain: number
}

/** Caddy makes the certificate of a local name itself. */
function caddy(folder: string, upstream: string, { port, plain, admin }: Ports & { admin: number }): Started {
  const global = `
	admin 127.0.0.1:${admin}
	http_port ${plain}
	https_port ${port}
	skip_install_trust
	storage file_system ${folder}/storage
`
  const path = join(folder, 'Caddyfile')
  const shipped = readFileSync(new URL('Caddyfile', CONFIG), 'utf8')
  if (!/^\{$/m.test(shipped)) throw new Error('config/Caddyfile has no global block any more')
  writeFileSync(path, shipped.replace(/^\{$/m, `{${global}`))
  const program = must(programOf('caddy'), 'caddy')
  const files = ['--config', path, '--adapter', 'caddyfile']
  return {
    command: [program, 'run', ...files],
    reload: [program, 'reload', ...files, '--address', `127.0.0.1:${admin}`, '--force'],
    env: { GATEHOUSE_SITE: NAME, GATEHOUSE_UPSTREAM: upstream, HOME: folder },
  }
}

/** What an operator changes in the shipped file, and what the test puts there. */
function nginx(folder: string, upstream: string, { port, plain }: Ports): Started {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', `/CN=${NAME}`, '-days', '1', '-keyout', key, '-out', certificate]
  Bun.spawnSync([
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    ...subject,
  ])
  const changes: readonly [string, string][] = [
    ['server 127.0.0.1:8080', `server ${upstream}`],
    ['/etc/ssl/chat.example.com/fullchain.pem', certificate],
    ['/etc/ssl/chat.example.com/privkey.pem', key],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['listen [::]:80;', `listen [::1]:${plain};`],
    ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
    ['listen [::]:443 ssl', `listen [::1]:${port} ssl`],
    ['server_name chat.example.com;', `server_name ${NAME};`],
  ]
  let site = readFileSync(new URL('nginx.conf', CONFIG), 'utf8')
  for (const [from, to] of changes) {
    if (!site.includes(from)) throw new Error(`config/nginx.conf has no "${from}" any more`)
    site = site.replaceAll(from, to)
  }
  writeFileSync(join(folder, 'site.conf'), site)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  const main = `daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/${ERRORS} warn;
events { worker_connections 8192; }
http { ${temporary.join(' ')} include ${folder}/site.conf; }
`
  const path = join(folder, 'nginx.conf')
  writeFileSync(path, main)
  const command = [must(programOf('nginx'), 'nginx'), '-c', path, '-e', join(folder, ERRORS)]
  return { command, reload: [...command, '-s', 'reload'], env: {} }
}
