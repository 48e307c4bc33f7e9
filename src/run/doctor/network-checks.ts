import type { Fetch } from '../../channels/channel.ts'
import { inspectToken, listSubscriptions, readAppWebhook } from '../../channels/whatsapp/inspect.ts'
import type { AppSetup } from '../../setup.ts'
import type { Finding } from './finding.ts'
import { ok, warn } from './finding.ts'
import type { Checkup } from './folder-checks.ts'
import { checkAppWebhook, checkReachable, checkSubscription, checkToken } from './platform.ts'
import { checkCertificate, checkPublicAddress, readCertificate } from './public-address.ts'

const ANSWER_MS_MAX = 8000

/** What the platform says of tokens and subscriptions, and its time. Only the configured addresses are asked. */
export async function checkPlatform(
  checkup: Checkup,
  fetch: Fetch,
): Promise<{ findings: Finding[]; apartMs: number | null }> {
  const { setup, config, facts } = checkup
  const graphUrl = facts?.graphUrl ?? config.graphUrl
  if (config.demo && !facts) return { findings: [ok('platform', 'The demo has its own platform')], apartMs: null }
  const perApp = await Promise.all(setup.apps.map((app) => checkApp(checkup, { app, graphUrl }, fetch)))
  const apartMs = perApp.map((each) => each.apartMs).find((each) => each !== null) ?? null
  return { findings: perApp.flatMap(({ findings }) => findings), apartMs }
}

async function checkApp(
  { setup, clock, config }: Checkup,
  { app, graphUrl }: { app: AppSetup; graphUrl: string },
  fetch: Fetch,
): Promise<{ findings: Finding[]; apartMs: number | null }> {
  const { graphVersion, accessToken } = app
  const request = { graphUrl, graphVersion, accessToken, timeoutMs: ANSWER_MS_MAX }
  const token = await inspectToken(request, fetch, () => clock.epochMs())
  const findings = [checkReachable(app.id, token), ...checkToken(app.id, token, clock.epochMs())]
  // A platform that is not there is not asked again for every account.
  if (token.kind === 'unreachable') return { findings, apartMs: null }
  const ofApp = setup.numbers.filter((number) => number.app === app.id)
  const accounts = [...new Set(ofApp.flatMap(({ waba }) => waba ?? []))]
  if (accounts.length === 0) {
    findings.push(
      warn('subscription', `No account is known for app ${app.id}: nobody can be asked`, 'Set waba of its numbers'),
    )
  }
  const appId = token.kind === 'found' ? token.appId : null
  for (const waba of accounts) {
    findings.push(checkSubscription(waba, await listSubscriptions(request, waba, fetch), appId))
  }
  if (appId !== null) {
    const { publicUrl } = config.http
    const address = publicUrl === undefined ? null : `${publicUrl}/webhooks/whatsapp/${app.id}`
    // While the secret is being changed, the platform may still know the one before.
    for (const secret of app.secrets) {
      const webhook = await readAppWebhook(request, { id: appId, secret }, fetch)
      if (webhook === undefined) continue
      findings.push(checkAppWebhook(app.id, webhook, address))
      break
    }
  }
  return { findings, apartMs: token.apartMs }
}

/** Certificate and way in, as the outside has them. */
export async function checkPublic(
  { config, setup, clock, facts }: Checkup,
  fetch: Fetch,
  challenge: string,
): Promise<Finding[]> {
  const { publicUrl } = config.http
  if (publicUrl === undefined) {
    if (config.demo) return [ok('public_url', 'The demo is seen on this machine only')]
    return [
      warn('public_url', 'No public address is set: the platform cannot reach the house', 'Set [http] public_url'),
    ]
  }
  const url = new URL(publicUrl)
  const findings = [await certificateOf(url, { setup, clock })]
  if (!facts) return findings
  const [app] = setup.apps
  const ask = {
    publicUrl: publicUrl.replace(/\/$/, ''),
    app: app ? { id: app.id, verifyToken: app.verifyToken } : null,
  }
  return [...findings, await checkPublicAddress(ask, fetch, challenge)]
}

async function certificateOf(url: URL, { setup, clock }: Pick<Checkup, 'setup' | 'clock'>): Promise<Finding> {
  const id = 'public_url.certificate'
  if (url.protocol !== 'https:') {
    const what = 'The public address is not https: the platform sends no webhooks to it'
    return warn(id, what, 'Put a reverse proxy with a certificate in front')
  }
  // It is asked for without a proxy, and behind one nothing outside is reached so.
  if (setup.proxies.proxyFor('', url.href) !== undefined) {
    return ok(id, 'The certificate is not looked at through the outgoing proxy; it is where no_proxy names its host')
  }
  return checkCertificate(await readCertificate(url, clock), clock.epochMs())
}
