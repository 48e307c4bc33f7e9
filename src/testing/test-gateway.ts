import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { problemLine } from '../config/problem.ts'
import { type Config, type LoadResult, loadConfig } from '../config.ts'
import { must } from '../core/assert.ts'
import { pause, systemClock } from '../core/clock.ts'
import { createLog } from '../core/pino-log.ts'
import type { ReloadReport } from '../gateway/reload.ts'
import { Gateway } from '../gateway.ts'
import type { Settings } from '../simulator/settings.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { signatureOf } from '../simulator/webhook-body.ts'
import { seededRandom } from './seeded-random.ts'

/** Secrets of the test houses. Logs and answers are searched for them. */
export const TEST_SECRETS = {
  appSecret: 'the-app-secret-of-main',
  previousSecret: 'the-former-secret-of-main',
  otherSecret: 'the-app-secret-of-other',
  verifyToken: 'the-verify-token-of-main',
  accessToken: 'the-access-token-of-main',
}

/** The number that most tests use, and one that is slow enough to be measured. */
export const FAST_NUMBER = '106540352242922'
export const SLOW_NUMBER = '106540352242923'

/** Statuses come within milliseconds, and no limit of the platform is in the way unless a test sets one. */
const QUICK: Partial<Settings> = {
  messagesPerSecond: 100_000,
  pairBurst: 0,
  sentAfterMs: 5,
  deliveredAfterMs: 10,
  readAfterMs: 20,
  failedAfterMs: 10,
  webhookRetryMs: 20,
}

/** A workspace beside it, with a firm of its own; by itself its app has another access token than the platform takes. */
export function outletText(accessToken = 'the-access-token-of-outlet'): string {
  return `
[[workspace]]
id = "outlet"

[[whatsapp.portfolio]]
id = "outlet"
workspace = "outlet"

[[whatsapp.app]]
id = "outlet"
app_secret = "the-app-secret-of-outlet"
verify_token = "the-verify-token-of-outlet"
access_token = "${accessToken}"
portfolio = "outlet"

[[whatsapp.number]]
phone_number_id = "207000000000001"
display = "+15550784991"
app = "outlet"
waba = "208000000000001"
pool = "outlet-desk"
alias = "outlet-desk"
`
}

/** The configuration of a house with two apps and two numbers, as an operator would write it. */
export function testConfigText(more = ''): string {
  return `
[[whatsapp.portfolio]]
id = "acme"

[[whatsapp.app]]
id = "main"
app_secret = "${TEST_SECRETS.appSecret}"
app_secret_previous = "${TEST_SECRETS.previousSecret}"
verify_token = "${TEST_SECRETS.verifyToken}"
access_token = "${TEST_SECRETS.accessToken}"
portfolio = "acme"

[[whatsapp.app]]
id = "other"
app_secret = "${TEST_SECRETS.otherSecret}"
verify_token = "another-verify-token"
access_token = "another-access-token"
portfolio = "acme"

[[whatsapp.number]]
phone_number_id = "${FAST_NUMBER}"
display = "+15550783881"
app = "main"
waba = "102290129340398"
pool = "support"
alias = "support"
messages_per_second = 1000

[[whatsapp.number]]
phone_number_id = "${SLOW_NUMBER}"
display = "+15550783882"
app = "main"
waba = "102290129340398"
pool = "slow"
alias = "slow"
messages_per_second = 80

[dispatch.in_doubt_wait_s]
urgent = 1
reply = 1
notice = 1
bulk = 1
${more}`
}

export interface TestGatewayOptions {
  /** Where its folder is made; the system's place for such. */
  place?: string
  /** Another platform in the simulator's place. */
  graphUrl?: string
  sendTimeoutMs?: number
  /** More TOML, at the end. */
  config?: string
  simulator?: Partial<Settings>
}

export interface ApiAnswer {
  status: number
  headers: Headers
  /** The parsed body; of an unparsable one, its text. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they test
  body: any
}

/** A real house on a free port in a folder of its own, with the real simulator before it. */
export class TestGateway {
  readonly folder: string
  /** Every line that was logged, as it was written. */
  readonly lines: string[] = []
  readonly fatal: Error[] = []
  readonly #options: TestGatewayOptions
  #gateway: Gateway | undefined
  #simulator: Awaited<ReturnType<typeof startSimulator>> | undefined
  #port = 0
  /** What the configuration says: 0 at the first start. */
  #askedPort = 0
  /** The owner's key that the first start made. */
  key = ''
  /** Of the first owner's link, while nobody works here. */
  setupToken: string | null = null
  /** Another configuration from now on; a reload takes it over. */
  configText: string | undefined

  private constructor(options: TestGatewayOptions) {
    this.#options = options
    this.folder = mkdtempSync(join(options.place ?? tmpdir(), 'gatehouse-'))
  }

  static async open(options: TestGatewayOptions = {}): Promise<TestGateway> {
    const house = new TestGateway(options)
    await house.start()
    return house
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get simulatorUrl(): string {
    return `http://127.0.0.1:${this.#simulator?.port ?? 0}`
  }

  /** Has the house read its configuration anew. */
  async reload(): Promise<ReloadReport> {
    return await must(this.#gateway, 'the house').reload()
  }

  config(): Config {
    const loaded = this.#load()
    if (!loaded.ok) throw new Error(loaded.problems.map(problemLine).join('\n'))
    return loaded.config
  }

  #load(): LoadResult {
    const files: Record<string, string> = {
      '/test.toml': this.configText ?? testConfigText(this.#options.config),
      '/test.key': 'ab'.repeat(32),
    }
    return loadConfig({
      env: {
        GATEHOUSE_DATA_DIR: join(this.folder, 'data'),
        GATEHOUSE_HTTP_PORT: String(this.#askedPort),
        GATEHOUSE_MASTER_KEY_FILE: '/test.key',
      },
      readFile: (path) => files[path],
      configPath: '/test.toml',
    })
  }

  /** Starts the house, after `stop()` on the same folder and port; the simulator once. */
  async start(): Promise<void> {
    this.#askedPort = this.#port
    const options = {
      config: this.config(),
      clock: systemClock,
      log: createLog('debug', { write: (line: string) => void this.lines.push(line) }),
      recentLines: () => ({
        lines: this.lines,
        trouble: this.lines.filter((line) => !line.includes('"level":"info"')),
      }),
      random: seededRandom(1),
      acceptLoss: false,
      graphUrl: this.simulatorUrl,
      simulatorUrl: null,
      readConfig: () => {
        const loaded = this.#load()
        return loaded.ok ? loaded : { ...loaded, problems: loaded.problems.map(problemLine) }
      },
      ...(this.#options.sendTimeoutMs === undefined ? {} : { sendTimeoutMs: this.#options.sendTimeoutMs }),
      onFatal: (error: Error) => void this.fatal.push(error),
    }
    this.#gateway = new Gateway(options)
    const started = await this.#gateway.start()
    this.#port = started.port
    this.setupToken = started.setupToken
    if (started.newOwnerKey !== null) this.key = started.newOwnerKey
    this.#simulator ??= await startSimulator({
      ...TEST_SECRETS,
      host: '127.0.0.1',
      port: 0,
      webhookUrl: `${this.url}/webhooks/whatsapp/main`,
      numbers: [
        { phoneNumberId: FAST_NUMBER, display: '+15550783881', alias: 'support', wabaId: '102290129340398' },
        { phoneNumberId: SLOW_NUMBER, display: '+15550783882', alias: 'slow', wabaId: '102290129340398' },
      ],
      clock: systemClock,
      random: seededRandom(2),
      settings: { ...QUICK, ...this.#options.simulator },
      log: createLog('error', { write: () => {} }),
    })
    // Each needs the other's port; the gateway reads this one only when it sends.
    options.graphUrl = this.#options.graphUrl ?? this.simulatorUrl
  }

  /** Stops the house as SIGTERM does; the simulator goes on. */
  async stop(): Promise<void> {
    await this.#gateway?.stop()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async close(): Promise<void> {
    await this.#simulator?.stop()
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async request(path: string, init: RequestInit = {}): Promise<ApiAnswer> {
    return await answerOf(await fetch(this.url + path, init))
  }

  /** A request of any kind with a key, the owner's unless another is named. */
  ask(method: string, path: string, body?: unknown, key = this.key): Promise<ApiAnswer> {
    const init = { method, headers: { Authorization: `Bearer ${key}` } }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return this.request(path, body === undefined ? init : { ...init, body: text })
  }

  /** A request with the owner's key; with a body it is a POST. */
  async api(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    return await this.request(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${this.key}`, 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  }

  /** Posts a body as the platform does; `signature` null leaves the header out. */
  async webhook(
    body: string | Uint8Array,
    options: { signature?: string | null; app?: string } = {},
  ): Promise<ApiAnswer> {
    const signature = options.signature === undefined ? sign(body) : options.signature
    return await this.request(`/webhooks/whatsapp/${options.app ?? 'main'}`, {
      method: 'POST',
      body: body as BodyInit,
      headers: {
        'Content-Type': 'application/json',
        ...(signature === null ? {} : { 'X-Hub-Signature-256': signature }),
      },
    })
  }

  /** A customer writes, and the house has answered 200 for it. Answers the platform's id. */
  async write(phone: string, text: string, more: object = {}): Promise<string> {
    const answer = await this.simulator(`/_/customers/${phone}/messages?wait=1`, { number: 'support', text, ...more })
    if (answer.body.delivered !== true) throw new Error(`Not delivered: ${JSON.stringify(answer.body)}`)
    return answer.body.id
  }

  /** A request to the simulator's control API. */
  async simulator(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<ApiAnswer> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    return await answerOf(await fetch(this.simulatorUrl + path, init))
  }

  /** The conversation with a phone, once it is there. */
  // biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
  async conversationOf(phone: string): Promise<any> {
    return await until(`a conversation with ${phone}`, async () => {
      const { body } = await this.api('/api/v1/conversations?limit=200')
      return body.items.find((item: { contact: { phone: string } }) => item.contact.phone === phone)
    })
  }

  /** A message of ours, once it is in a state. */
  // biome-ignore lint/suspicious/noExplicitAny: a view, whose shape is what tests look at
  async messageIn(state: string, id: string): Promise<any> {
    let last: unknown
    return await until(
      `${id} is ${state}`,
      async () => {
        const { body } = await this.api(`/api/v1/messages/${id}`)
        last = body.timeline?.map((step: { state: string }) => step.state)
        return body.state === state ? body : undefined
      },
      () => JSON.stringify(last),
    )
  }

  /** Sends of the simulator that carry the text, whatever the caller was told. */
  async sendsOf(text: string): Promise<{ wamid: string; outcome: string; correlation: string }[]> {
    const { body } = await this.simulator('/_/sends?limit=1000')
    return body.items.filter((send: { text?: string }) => send.text === text)
  }

  /** The value of a metric, 0 where it is absent. `name` with its labels as they are printed. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
    return Number(line?.slice(name.length + 1) ?? 0)
  }
}

async function answerOf(response: Response): Promise<ApiAnswer> {
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The platform's signature over exactly these bytes. */
export function sign(body: string | Uint8Array, secret: string = TEST_SECRETS.appSecret): string {
  return signatureOf(body, secret)
}

const WAIT_MS_MAX = 8000

/** Looks again and again until there is something; fails after some seconds with what it waited for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  detail: () => string = () => '',
  waitMs = WAIT_MS_MAX,
): Promise<T> {
  const endMs = systemClock.monoMs() + waitMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (systemClock.monoMs() > endMs) throw new Error(`Waited in vain: ${what} ${detail()}`)
    await pause(systemClock, 5)
  }
}

/** The first of a list that has to have one. */
export function first<T>(list: readonly T[]): T {
  return must(list[0], 'the first item')
}
