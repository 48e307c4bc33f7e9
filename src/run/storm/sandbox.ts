import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Clock, pause } from '../../core/clock.ts'
import { STORM_PART } from './part.ts'
import { APP, displayOf, NUMBER_COUNT, phoneNumberId, type Secrets, WABA } from './plan.ts'

const START_MS_MAX = 20_000
const POLL_MS = 20
/** What a failing start shows of the program's own words. */
const TAIL_CHARACTERS = 2_000

type Part = Bun.Subprocess<'pipe', 'pipe', 'inherit'>

/** A house, a platform and what drives them, in a folder of their own: nothing here knows the configured house. */
export class Sandbox {
  readonly folder: string
  readonly secrets: Secrets = {
    appSecret: fresh(),
    verifyToken: fresh(),
    accessToken: fresh(),
    ownerKey: `gh_${fresh()}`,
  }
  readonly origin: string
  readonly simulatorUrl: string
  readonly #clock: Clock
  readonly #program: readonly string[]
  readonly #ports: { house: number; simulator: number }
  readonly #children: Bun.Subprocess[] = []
  readonly #servers = new Map<string, Bun.Subprocess>()
  #isClosing = false

  /** `program`: the words that start this program, without a command. */
  constructor(clock: Clock, program: readonly string[], parentFolder: string) {
    this.#clock = clock
    this.#program = program
    // What is started below has another working directory.
    this.folder = mkdtempSync(join(resolve(parentFolder), 'gatehouse-storm-'))
    this.#ports = { house: freePort(), simulator: freePort() }
    this.origin = `http://127.0.0.1:${this.#ports.house}`
    this.simulatorUrl = `http://127.0.0.1:${this.#ports.simulator}`
    try {
      writeFileSync(join(this.folder, 'master.key'), randomBytes(32).toString('hex'), { mode: 0o600 })
      writeFileSync(this.#configPath, this.#configText(), { mode: 0o600 })
    } catch (error) {
      rmSync(this.folder, { recursive: true, force: true })
      throw error
    }
  }

  get #configPath(): string {
    return join(this.folder, 'storm.toml')
  }

  /** Starts both; answers their process ids. */
  start(): { house: number; simulator: number } {
    const simulator = this.#spawnServer('simulate')
    const house = this.#spawnServer('serve')
    return { house: house.pid, simulator: simulator.pid }
  }

  /** Resolves once both answer. */
  async ready(): Promise<void> {
    await this.#until('serve', `${this.origin}/readyz`)
    await this.#until('simulate', `${this.simulatorUrl}/_/health`)
    // The storm looks for the house's limits, not for the platform's; its customers write past the simulator.
    const settings = { messages_per_second: 100_000, pair_burst: 0, window_mode: 'off', webhook_concurrency: 200 }
    await fetch(`${this.simulatorUrl}/_/settings`, { method: 'PATCH', body: JSON.stringify(settings) })
  }

  /** Starts a part that drives: it hears orders and answers them, one JSON text a line. */
  startPart(name: 'load' | 'desk'): StormPart {
    if (this.#isClosing) throw new Error('The sandbox is being removed')
    const child = Bun.spawn([...this.#program, STORM_PART, name], {
      cwd: this.folder,
      env: {},
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    this.#children.push(child)
    return new StormPart(child)
  }

  /** Which of the two ended before it was asked to, with its last words; null where both run. */
  whatEnded(): string | null {
    for (const [command, child] of this.#servers) {
      if (child.exitCode === null && child.signalCode === null) continue
      const how = child.signalCode ?? `exit code ${child.exitCode}`
      return `The sandbox's "${command}" ended by itself (${how}):\n${this.#tailOf(command)}`
    }
    return null
  }

  /** Ends everything, at once: nothing in the folder is worth a gentle stop. Removes the folder. */
  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.all(this.#children.map(({ exited }) => exited))
    rmSync(this.folder, { recursive: true, force: true })
  }

  #spawnServer(command: 'serve' | 'simulate'): Bun.Subprocess {
    if (this.#isClosing) throw new Error('The sandbox is being removed')
    const output = openSync(this.#outputPath(command), 'a')
    const child = Bun.spawn([...this.#program, command, '--config', this.#configPath], {
      cwd: this.folder,
      // Nothing of the configured house's environment reaches this one.
      env: {},
      stdin: 'ignore',
      stdout: output,
      stderr: output,
      // A terminal's Ctrl-C is for the one who started all this.
      detached: true,
    })
    closeSync(output)
    this.#children.push(child)
    this.#servers.set(command, child)
    return child
  }

  #outputPath(command: string): string {
    return join(this.folder, `${command}.log`)
  }

  async #until(command: string, url: string): Promise<void> {
    const child = this.#servers.get(command)
    const endMs = this.#clock.monoMs() + START_MS_MAX
    while (this.#clock.monoMs() < endMs && child?.exitCode === null) {
      const response = await fetch(url).catch(() => undefined)
      if (response?.ok) return
      await pause(this.#clock, POLL_MS)
    }
    throw new Error(`The sandbox's "${command}" did not start:\n${this.#tailOf(command)}`)
  }

  #tailOf(command: string): string {
    return readFileSync(this.#outputPath(command), 'utf8').slice(-TAIL_CHARACTERS)
  }

  #configText(): string {
    const { appSecret, verifyToken, accessToken, ownerKey } = this.secrets
    const numbers = Array.from(
      { length: NUMBER_COUNT },
      (_, index) => `
[[whatsapp.number]]
phone_number_id = "${phoneNumberId(index)}"
display = "${displayOf(index)}"
app = "${APP}"
waba = "${WABA}"
pool = "pool-${index}"
messages_per_second = 1000
`,
    )
    return `data_dir = ${JSON.stringify(join(this.folder, 'data'))}
master_key_file = ${JSON.stringify(join(this.folder, 'master.key'))}
bootstrap_token = "${ownerKey}"
graph_url = "${this.simulatorUrl}"
simulator_port = ${this.#ports.simulator}
log_level = "warn"

[http]
port = ${this.#ports.house}

[limits]
requests_per_second = 100000

[[whatsapp.portfolio]]
id = "storm"

[[whatsapp.app]]
id = "${APP}"
portfolio = "storm"
app_secret = "${appSecret}"
verify_token = "${verifyToken}"
access_token = "${accessToken}"
${numbers.join('')}`
  }
}

/** One of the processes that drive the house. */
export class StormPart {
  readonly pid: number
  readonly #child: Part
  readonly #answers: AsyncIterator<string>

  constructor(child: Part) {
    this.pid = child.pid
    this.#child = child
    this.#answers = linesOf(child.stdout)
  }

  tell(order: object): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`)
    void this.#child.stdin.flush()
  }

  async ask<T>(order: object): Promise<T> {
    this.tell(order)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error('A part of the storm ended by itself')
    return JSON.parse(value) as T
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

function fresh(): string {
  return randomBytes(24).toString('base64url')
}

/** A port that was free a moment ago: the house and the platform have to know each other before they start. */
function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } })
  const { port } = server
  server.stop(true)
  return port
}
