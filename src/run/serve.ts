import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandContext, EXIT_FAILED, EXIT_OK, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/failure.ts'
import { alsoKept, LineRing } from '../core/line-ring.ts'
import { hereOf } from '../core/listening.ts'
import type { Log } from '../core/log.ts'
import { createLog, standardOutput } from '../core/pino-log.ts'
import { DEMO_APP, DEMO_MESSAGES, DEMO_NUMBERS } from '../demo.ts'
import { Gateway, type StartedGateway } from '../gateway.ts'
import { linkUrl } from '../http/sign-in-api.ts'
import { eraseAgain } from '../relay/apply-ledger.ts'
import { setupOf } from '../setup.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { refusalInWords } from '../storage/data-folder.ts'
import { THREADS } from '../threads.ts'
import { beginDrill } from './begin-drill.ts'
import { Ending, HangUp, ignoreStraySignals } from './ending.ts'

type Context = CommandContext<Config>

/** Runs the house, and with it the platform's stand-in where no app is configured, until it is asked to end. */
export function serve(context: Context): Promise<number> {
  return withConfig(context, async (config, notes) => {
    let level = config.logLevel
    const ring = new LineRing()
    const log = createLog(() => level, alsoKept(standardOutput(), ring))
    for (const note of notes) log.warn('configuration', { reason: note })
    const ending = new Ending(systemClock)
    const hangUp = new HangUp(() => ending.end(EXIT_OK))
    ignoreStraySignals(log)
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
  simulator: Awaited<ReturnType<typeof startSimulator>>
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
    webhookUrl: `http://${hereOf(config.http.host)}:${config.http.port}/webhooks/whatsapp/${DEMO_APP}`,
    appSecret: demo.appSecret,
    verifyToken: demo.verifyToken,
    accessToken: demo.accessToken,
    numbers: [...DEMO_NUMBERS],
    clock: systemClock,
    random: Math.random,
    log,
  })
  const url = `http://${hereOf(config.http.host)}:${simulator.port}`
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
