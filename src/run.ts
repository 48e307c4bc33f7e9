import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE, withConfig } from './cli/commands.ts'
import { type ReplayRange, replayRange } from './cli/replay-range.ts'
import { auditedCommand } from './compliance/audited-command.ts'
import type { Config } from './config.ts'
import { type Clock, systemClock } from './core/clock.ts'
import { messageOf } from './core/failure.ts'
import { alsoKept, LineRing } from './core/line-ring.ts'
import type { Log } from './core/log.ts'
import { createLog, standardOutput } from './core/pino-log.ts'
import { DEMO_APP, DEMO_MESSAGES, DEMO_NUMBERS } from './demo.ts'
import { Gateway, type StartedGateway } from './gateway.ts'
import { linkUrl } from './http/sign-in-api.ts'
import { eraseAgain } from './relay/apply-ledger.ts'
import { type ReplayAsk, replay } from './relay/replay.ts'
import { beginDrill } from './run/begin-drill.ts'
import { askRunningHouse, houseAlone } from './run/running-house.ts'
import { setupOf } from './setup.ts'
import { startSimulator } from './simulator/simulator.ts'
import { refusalInWords } from './storage/data-folder.ts'
import { THREADS } from './threads.ts'

/** A stop that takes longer is cut off: 10 s for requests under way, the rest for files and sockets. */
const STOP_MS_MAX = 15_000

type Context = CommandContext<Config>
type Simulator = Awaited<ReturnType<typeof startSimulator>>

export function serve(context: Context): Promise<number> {
  return withConfig(context, async (config, notes) => {
    let level = config.logLevel
    const ring = new LineRing()
    const log = createLog(() => level, alsoKept(standardOutput(), ring))
    for (const note of notes) log.warn('configuration', { reason: note })
    const ending = new Ending(systemClock)
    const hangUp = new HangUp(() => ending.end(EXIT_OK))
    let demo: Demo | null = null
    let gateway: Gateway
    try {
      demo = config.demo ? await startDemo(config, log) : null
      await eraseAgain({
        clock: systemClock,
        log,
        threads: THREADS,
        folder: config.dataDir,
        masterKey: setupOf(config).masterKey,
      })
      gateway = new Gateway({
        config,
        clock: systemClock,
        log,
        random: Math.random,
        acceptLoss: context.options['accept-loss'] === true,
        graphUrl: demo?.url ?? config.graphUrl,
        simulatorUrl: demo?.url ?? null,
        say: context.complain,
        readConfig: context.loadConfig,
        recentLines: () => ring.recent(),
        beginDrill: () => beginDrill(context),
        onConfig: (changed) => {
          level = changed.logLevel
        },
        onFatal: (error) => {
          context.complain(error.message)
          ending.end(EXIT_FAILED)
        },
      })
      const started = await gateway.start()
      hangUp.serve(() => gateway.reload())
      greet(context, config, started, demo?.url ?? null)
      if (demo) await demo.fill()
    } catch (error) {
      context.complain(refusalInWords(messageOf(error)))
      await demo?.simulator.stop()
      return EXIT_FAILED
    }
    const code = await ending.wait()
    await ending.within(async () => {
      await gateway.stop()
      await demo?.simulator.stop()
    })
    return code
  })
}

/** What the owner of a fresh start needs to know. To standard error: standard output is the log's. */
function greet(context: Context, config: Config, started: StartedGateway, simulatorUrl: string | null): void {
  const host = config.http.host.includes(':') ? `[${config.http.host}]` : config.http.host
  const shownHost = host === '0.0.0.0' || host === '[::]' ? 'localhost' : host
  const lines = ['', `  Gatehouse   ${config.http.publicUrl ?? `http://${shownHost}:${started.port}/`}`]
  if (simulatorUrl !== null) lines.push(`  Phone       ${simulatorUrl}/   (a customer's phone: write to a number)`)
  const { owner } = started.setup.demo ?? {}
  if (owner) lines.push(`  Sign in     ${owner.email}   with the password ${owner.password}`)
  if (started.setup.demo) lines.push(`  API key     ${started.setup.demo.ownerKey}   (sign in with it)`)
  else if (started.newOwnerKey)
    lines.push(`  API key     ${started.newOwnerKey}   (sign in with it; it is shown only this once)`)
  if (started.setupToken !== null) {
    const url = linkUrl(config.http.publicUrl ?? `http://${shownHost}:${started.port}`, started.setupToken)
    lines.push(
      `  First owner ${url}`,
      '              (opens once, within 72 hours; a new one is printed at each start until then)',
    )
  }
  if (started.setup.demo) {
    lines.push('', '  This is the demo: no app is configured, so nothing leaves this machine.')
    if (started.setup.demo.keyPath)
      lines.push(
        `  Its master key lies beside its data, in ${started.setup.demo.keyPath}: a real house keeps it elsewhere.`,
      )
  }
  for (const line of [...lines, '']) context.complain(line)
}

interface Demo {
  url: string
  simulator: Simulator
  /** Lets the first customers write, once. */
  fill(): Promise<void>
}

async function startDemo(config: Config, log: Log): Promise<Demo> {
  const { demo } = setupOf(config)
  if (!demo) throw new Error('Assertion failed: the demo has its secrets')
  const isNew = !existsSync(join(config.dataDir, 'records.db'))
  const simulator = await startSimulator({
    host: config.http.host,
    port: config.simulatorPort,
    webhookUrl: `http://${loopback(config)}:${config.http.port}/webhooks/whatsapp/${DEMO_APP}`,
    appSecret: demo.appSecret,
    verifyToken: demo.verifyToken,
    accessToken: demo.accessToken,
    numbers: [...DEMO_NUMBERS],
    clock: systemClock,
    random: Math.random,
    log,
  })
  const url = `http://${loopback(config)}:${simulator.port}`
  return { url, simulator, fill: async () => (isNew ? await fillDemo(url) : undefined) }
}

async function fillDemo(simulatorUrl: string): Promise<void> {
  for (const { phone, name, number, text } of DEMO_MESSAGES) {
    await fetch(`${simulatorUrl}/_/customers/${phone}/messages?wait=1`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ number, name, text }),
    })
  }
}

function loopback(config: Config): string {
  const { host } = config.http
  if (host === '0.0.0.0') return '127.0.0.1'
  return host.includes(':') ? `[${host === '::' ? '::1' : host}]` : host
}

export function simulate(context: Context): Promise<number> {
  return withConfig(context, async (config) => {
    const log = createLog(config.logLevel, standardOutput())
    const app = config.whatsapp.app[0]
    const fresh = () => randomBytes(24).toString('base64url')
    const secrets = {
      appSecret: app?.appSecret.reveal() ?? fresh(),
      verifyToken: app?.verifyToken.reveal() ?? fresh(),
      accessToken: app?.accessToken.reveal() ?? fresh(),
    }
    const ending = new Ending(systemClock)
    const simulator = await startSimulator({
      ...secrets,
      host: config.http.host,
      port: config.simulatorPort,
      webhookUrl: `http://${loopback(config)}:${config.http.port}/webhooks/whatsapp/${app?.id ?? DEMO_APP}`,
      numbers: simulatedNumbers(config),
      clock: systemClock,
      random: Math.random,
      log,
    })
    context.complain(
      `\n  Simulator   http://${loopback(config)}:${simulator.port}/   (set graph_url to this address)\n`,
    )
    if (!app) {
      context.complain('  No app is configured, so these secrets were made for this run:')
      for (const [name, value] of Object.entries(secrets)) context.complain(`    ${name}  ${value}`)
    }
    const code = await ending.wait()
    await ending.within(() => simulator.stop())
    return code
  })
}

function simulatedNumbers(config: Config) {
  if (config.whatsapp.number.length === 0) return [...DEMO_NUMBERS]
  return config.whatsapp.number.map((number, index) => ({
    phoneNumberId: number.phoneNumberId,
    display: number.display ?? `+1202555${String(1000 + index)}`,
    alias: number.alias ?? number.phoneNumberId,
    wabaId: number.waba ?? '200000000000001',
  }))
}

/** Asks the running house; where none runs, opens the folder itself, gives in, and waits until it is applied. */
export function replayCommand(context: Context): Promise<number> {
  return withConfig(context, async (config) => {
    const range = replayRange(context.options)
    if (!range.ok) {
      context.complain(range.message)
      return EXIT_USAGE
    }
    const ask = askOf(range.range)
    const running = await askRunningHouse<{ replayed: number }>(config, 'replay', ask)
    const count = running?.replayed ?? (await replayAlone(config, ask))
    context.print(`Given in again: ${count}`)
    return EXIT_OK
  })
}

function askOf(range: ReplayRange): ReplayAsk {
  return range.kind === 'quarantine' ? range : { kind: 'range', from: range.from, to: range.to }
}

async function replayAlone(config: Config, ask: ReplayAsk): Promise<number> {
  let appliedSeq = 0
  let head = 0
  const house = houseAlone(config, (commit) => {
    appliedSeq = commit.appliedSeq
  })
  const opened = await house.open()
  head = opened.journalHead
  appliedSeq = opened.appliedSeq
  const journal = house.journalReader()
  const append = async (entry: Parameters<typeof house.journal.append>[0]) => {
    head = await house.journal.append(entry)
    return head
  }
  const count = await auditedCommand(house.book.ask, 'journal.replay', () =>
    replay({ ask: house.book.ask, journal, append, nowMs: () => systemClock.epochMs() }, ask),
  )
  while (appliedSeq < head) await new Promise<void>((resolve) => systemClock.after(10, resolve))
  journal.close()
  await house.close()
  return count
}

/** How the process is asked to end: by a signal, or because a part has failed. A second signal does not wait. */
class Ending {
  readonly #clock: Clock
  readonly #code: Promise<number>
  end: (code: number) => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
    this.#code = new Promise((resolve) => {
      this.end = resolve
    })
    let asked = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(EXIT_FAILED)
        asked = true
        this.end(EXIT_OK)
      })
    }
  }

  wait(): Promise<number> {
    return this.#code
  }

  /** Whatever `work` does, the process may end after `STOP_MS_MAX`. */
  async within(work: () => Promise<void>): Promise<void> {
    const late = new Promise<void>((resolve) => this.#clock.after(STOP_MS_MAX, resolve))
    await Promise.race([work(), late])
  }
}

/**
 * SIGHUP asks for a reload. It also comes when the terminal goes that the program was started in: then nobody is there any
 * more who wanted it.
 */
class HangUp {
  readonly #hadTerminal = hasTerminal()
  #reload: (() => Promise<unknown>) | undefined
  #asked = false

  constructor(end: () => void) {
    process.on('SIGHUP', () => {
      if (this.#hadTerminal && !hasTerminal()) return end()
      // Before the house serves, its file may have changed after it was read.
      this.#asked = true
      void this.#reload?.()
    })
  }

  /** From now on, and for what was asked before. */
  serve(reload: () => Promise<unknown>): void {
    this.#reload = reload
    if (this.#asked) void reload()
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
