import { NO_PROXY } from './config/proxies.ts'
import type { Config } from './config.ts'
import { DEMO_APP, DEMO_NUMBERS, type DemoSecrets, demoMasterKey, demoSecrets } from './demo.ts'
import type { DeclareNumber } from './records/number.ts'
import { MAIN_WORKSPACE_NAME } from './records/workspace.ts'
import { Proxies } from './relay/proxies.ts'

/** An application at the platform with its secrets laid open, as the wiring needs it. */
export interface AppSetup {
  id: string
  portfolio: string
  /** The name of the workspace that its portfolio belongs to. */
  workspace: string
  secrets: readonly string[]
  verifyToken: string
  accessToken: string
  graphVersion: string
}

/** The configuration, or in the demo what stands for it. */
export interface Setup {
  masterKey: Uint8Array
  /** By their names. */
  workspaces: readonly string[]
  apps: readonly AppSetup[]
  numbers: readonly DeclareNumber[]
  bootstrapToken: string | null
  proxies: Proxies
  demo: (DemoSecrets & { keyPath: string | null }) | null
}

/** What the configuration means for the house, with its secrets; or the demo's. */
export function setupOf(config: Config): Setup {
  if (config.demo) return demoSetup(config)
  if (!config.masterKey) throw new Error('Assertion failed: a configured house has a master key')
  const portfolioOf = new Map(config.whatsapp.app.map((app) => [app.id, app.portfolio]))
  const workspaceOf = new Map(config.whatsapp.portfolio.map(({ id, workspace }) => [id, workspace]))
  return {
    masterKey: config.masterKey.reveal(),
    workspaces: config.workspace.map(({ id }) => id),
    apps: config.whatsapp.app.map((app) => ({
      id: app.id,
      portfolio: app.portfolio,
      workspace: workspaceOf.get(app.portfolio) ?? MAIN_WORKSPACE_NAME,
      secrets: [app.appSecret, app.appSecretPrevious].flatMap((secret) => (secret ? [secret.reveal()] : [])),
      verifyToken: app.verifyToken.reveal(),
      accessToken: app.accessToken.reveal(),
      graphVersion: app.graphVersion,
    })),
    numbers: config.whatsapp.number.map((number) => ({
      channel: 'whatsapp',
      account: number.phoneNumberId,
      app: number.app,
      portfolio: portfolioOf.get(number.app) ?? number.app,
      workspace: workspaceOf.get(portfolioOf.get(number.app) ?? number.app) ?? MAIN_WORKSPACE_NAME,
      waba: number.waba ?? null,
      pool: number.pool,
      alias: number.alias ?? number.phoneNumberId,
      display: number.display ?? null,
      perSecondMax: number.messagesPerSecond ?? null,
    })),
    bootstrapToken: config.bootstrapToken?.reveal() ?? null,
    proxies: proxiesOf(config),
    demo: null,
  }
}

function proxiesOf({ proxy, whatsapp }: Config): Proxies {
  const own = whatsapp.number.flatMap((number): [string, string | null][] => {
    const url = number.proxy?.reveal()
    return url === undefined ? [] : [[number.phoneNumberId, url === NO_PROXY ? null : url]]
  })
  return new Proxies({ url: proxy.url?.reveal() ?? null, ofAccount: new Map(own), noProxy: proxy.noProxy })
}

function demoSetup(config: Config): Setup {
  const { key, path } = demoMasterKey(config)
  const secrets = demoSecrets(key)
  return {
    masterKey: key,
    workspaces: [],
    apps: [
      {
        id: DEMO_APP,
        portfolio: DEMO_APP,
        workspace: MAIN_WORKSPACE_NAME,
        secrets: [secrets.appSecret],
        verifyToken: secrets.verifyToken,
        accessToken: secrets.accessToken,
        graphVersion: 'v25.0',
      },
    ],
    numbers: DEMO_NUMBERS.map((number) => ({
      channel: 'whatsapp',
      account: number.phoneNumberId,
      app: DEMO_APP,
      portfolio: DEMO_APP,
      waba: number.wabaId,
      pool: number.pool,
      alias: number.alias,
      display: number.display,
      perSecondMax: null,
    })),
    bootstrapToken: config.bootstrapToken?.reveal() ?? null,
    // The demo's platform is on this machine.
    proxies: new Proxies({ url: null, ofAccount: new Map(), noProxy: [] }),
    demo: { ...secrets, keyPath: path },
  }
}
