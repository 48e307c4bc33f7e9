import { randomBytes } from 'node:crypto'
import { type CommandContext, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { hereOf } from '../core/listening.ts'
import { createLog, standardOutput } from '../core/pino-log.ts'
import { DEMO_APP, DEMO_NUMBERS } from '../demo.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { Ending } from './ending.ts'

/** Runs the platform's stand-in alone, for the app and the numbers of the configuration. */
export function simulate(context: CommandContext<Config>): Promise<number> {
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
      webhookUrl: `http://${hereOf(config.http.host)}:${config.http.port}/webhooks/whatsapp/${app?.id ?? DEMO_APP}`,
      numbers: simulatedNumbers(config),
      clock: systemClock,
      random: Math.random,
      log,
    })
    context.complain(
      `\n  Simulator   http://${hereOf(config.http.host)}:${simulator.port}/   (set graph_url to this address)\n`,
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
