import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { signatureOf } from '../../simulator/webhook-body.ts'
import { CRASHABLE_PROGRAM } from '../program.ts'
import { HouseProcess, type Under } from './house-process.ts'

/** Numbers of the firm that the crash tests send from: two that share a pool, one alone. */
export const CRASH_NUMBERS = [
  {
    phoneNumberId: '100000000000001',
    display: '+12025550101',
    alias: 'desk-1',
    wabaId: '200000000000001',
    pool: 'desk',
  },
  {
    phoneNumberId: '100000000000002',
    display: '+12025550102',
    alias: 'desk-2',
    wabaId: '200000000000001',
    pool: 'desk',
  },
  {
    phoneNumberId: '100000000000003',
    display: '+12025550103',
    alias: 'alerts',
    wabaId: '200000000000001',
    pool: 'alerts',
  },
] as const

const APP_SECRET = 'the-app-secret-of-the-crash-tests'
const VERIFY_TOKEN = 'the-verify-token-of-the-crash-tests'
const ACCESS_TOKEN = 'the-access-token-of-the-crash-tests'
const OWNER_KEY = 'gh_the-owner-key-of-the-crash-tests'
/** Below the range that the kernel gives to outgoing connections, so that nobody takes it while the house is down. */
const PORT_MIN = 20_000
const PORT_COUNT = 12_000
export const OWN_CERTIFICATE = { rejectUnauthorized: false } as const

export interface StandOptions {
  random: () => number
  /** The program, before its arguments; `CRASHABLE_PROGRAM` by default. */
  command?: readonly string[] | undefined
  /** Where the data folder lies, on a disk that may die; by default it is beside the configuration. */
  dataFolder?: string | undefined
  /** The house may say 5xx where its disk or its memory fails: that counts as no answer. Set where `dataFolder` is. */
  mayFail?: boolean | undefined
  /** How long doubt lasts, by class; seconds. */
  doubtWaitS?: { urgent: number; reply: number; notice: number; bulk: number }
}

/** A place for one house to be killed in: its folder, its configuration, and the platform, which lives on. */
export class CrashStand {
  readonly url: string
  /** A proxy's address, with a certificate of its own making: requests to the house go there. */
  through: string | null = null
  readonly simulatorUrl: string
  readonly folder: string
  readonly dataFolder: string
  readonly masterKey: Uint8Array
  readonly #configPath: string
  readonly #command: readonly string[]
  readonly #started: HouseProcess[] = []
  readonly #mayFail: boolean
  readonly #stopSimulator: () => Promise<void>

  private constructor(built: {
    folder: string
    dataFolder: string | undefined
    port: number
    masterKey: Uint8Array
    command: readonly string[]
    mayFail: boolean
    simulator: { port: number; stop(): Promise<void> }
  }) {
    this.folder = built.folder
    this.#mayFail = built.mayFail
    this.dataFolder = built.dataFolder ?? join(built.folder, 'data')
    this.masterKey = built.masterKey
    this.url = `http://127.0.0.1:${built.port}`
    this.simulatorUrl = `http://127.0.0.1:${built.simulator.port}`
    this.#configPath = join(built.folder, 'gatehouse.toml')
    this.#command = built.command
    this.#stopSimulator = () => built.simulator.stop()
  }

  static async build(options: StandOptions): Promise<CrashStand> {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-crash-'))
    const port = freePort()
    const simulator = await startSimulator({
      host: '127.0.0.1',
      port: 0,
      webhookUrl: `http://127.0.0.1:${port}/webhooks/whatsapp/main`,
      appSecret: APP_SECRET,
      verifyToken: VERIFY_TOKEN,
      accessToken: ACCESS_TOKEN,
      numbers: CRASH_NUMBERS.map(({ pool, ...number }) => number),
      clock: systemClock,
      random: options.random,
      storePath: join(folder, 'sends.jsonl'),
      // The customers of these tests write by the test's own webhooks, so the simulator knows of no window.
      settings: {
        windowMode: 'off',
        pairBurst: 0,
        sentAfterMs: 20,
        deliveredAfterMs: 60,
        readAfterMs: 150,
        webhookRetryMs: 100,
        webhookRetryMsMax: 500,
        webhookTimeoutMs: 2000,
      },
      log: silentLog,
    })
    const masterKey = new Uint8Array(randomBytes(32))
    const command = options.command ?? CRASHABLE_PROGRAM
    const mayFail = options.mayFail ?? options.dataFolder !== undefined
    const stand = new CrashStand({
      folder,
      dataFolder: options.dataFolder,
      port,
      masterKey,
      command,
      mayFail,
      simulator,
    })
    stand.#write(port, options.doubtWaitS ?? { urgent: 1, reply: 2, notice: 1, bulk: 1 })
    return stand
  }

  /** Starts the house. `crash` is `point:pass`. */
  start(crash: string | null = null, more: readonly string[] = [], under?: Under): HouseProcess {
    const house = new HouseProcess({
      command: this.#command,
      more,
      configPath: this.#configPath,
      url: this.url,
      outputPath: join(this.folder, 'output.txt'),
      crash,
      under,
    })
    this.#started.push(house)
    return house
  }

  /** Asks the house's API; undefined where it does not answer. */
  async api(path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const headers = { ...init.headers, authorization: `Bearer ${OWNER_KEY}` }
    return await this.#ask(path, { ...init, headers })
  }

  /** For one socket of the owner. */
  async ticket(): Promise<string> {
    const response = await this.api('/api/v1/realtime/tickets', { method: 'POST' })
    if (!response?.ok) throw new Error('No ticket')
    return ((await response.json()) as { ticket: string }).ticket
  }

  /** Gives in a webhook of the platform and answers its status; undefined where nobody answered. */
  async postWebhook(body: string): Promise<number | undefined> {
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signatureOf(body, APP_SECRET) }
    const response = await this.#fetch('/webhooks/whatsapp/main', { method: 'POST', headers, body })
    return this.#mayFail && response?.status === 500 ? undefined : response?.status
  }

  async #ask(path: string, init: RequestInit): Promise<Response | undefined> {
    const response = await this.#fetch(path, init)
    return this.#mayFail && response && response.status >= 500 ? undefined : response
  }

  async #fetch(path: string, init: RequestInit): Promise<Response | undefined> {
    const options = this.through === null ? init : { ...init, tls: OWN_CERTIFICATE }
    return await fetch(`${this.through ?? this.url}${path}`, options).catch(() => undefined)
  }

  /** Asks the simulator's control API. */
  async platform<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.simulatorUrl}/_/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!response.ok) throw new Error(`The simulator answered ${response.status} to ${method} ${path}`)
    return (await response.json()) as T
  }

  /** Ends whatever still runs and takes the folder away, unless it is to be looked at. */
  async close(keepFolder = false): Promise<void> {
    await Promise.all(this.#started.map((house) => house.kill()))
    await this.#stopSimulator()
    if (!keepFolder) rmSync(this.folder, { recursive: true, force: true })
  }

  #write(port: number, wait: { urgent: number; reply: number; notice: number; bulk: number }): void {
    const keyPath = join(this.folder, 'master.key')
    writeFileSync(keyPath, Buffer.from(this.masterKey).toString('hex'), { mode: 0o600 })
    const numbers = CRASH_NUMBERS.map(
      ({ phoneNumberId, display, alias, wabaId, pool }) => `
[[whatsapp.number]]
phone_number_id = "${phoneNumberId}"
display = "${display}"
alias = "${alias}"
app = "main"
waba = "${wabaId}"
pool = "${pool}"
`,
    )
    const text = `data_dir = "${this.dataFolder}"
master_key_file = "${keyPath}"
bootstrap_token = "${OWNER_KEY}"
graph_url = "${this.simulatorUrl}"
log_level = "warn"

[http]
port = ${port}

[dispatch.in_doubt_wait_s]
urgent = ${wait.urgent}
reply = ${wait.reply}
notice = ${wait.notice}
bulk = ${wait.bulk}

[[whatsapp.portfolio]]
id = "acme"

[[whatsapp.app]]
id = "main"
app_secret = "${APP_SECRET}"
verify_token = "${VERIFY_TOKEN}"
access_token = "${ACCESS_TOKEN}"
portfolio = "acme"
${numbers.join('')}`
    writeFileSync(this.#configPath, text)
  }
}

/** Not by the seed: two runs of the same seed may go on beside each other. */
function freePort(): number {
  for (;;) {
    const port = randomInt(PORT_MIN, PORT_MIN + PORT_COUNT)
    try {
      Bun.listen({ hostname: '127.0.0.1', port, exclusive: true, socket: { data() {} } }).stop(true)
      return port
    } catch {
      // Taken: another one.
    }
  }
}
