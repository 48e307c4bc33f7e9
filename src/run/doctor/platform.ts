import type { AppWebhook, Subscriptions, TokenFacts } from '../../channels/whatsapp/inspect.ts'
import { DAY_MS } from '../../core/clock.ts'
import { type Finding, fail, lengthOf, ok, warn } from './finding.ts'

const EXPIRY_MS_WARN = 14 * DAY_MS
const EXPIRY_MS_FAIL = 2 * DAY_MS
const SILENCE_MS_WARN = 3 * DAY_MS
/** What sends, and what reads templates and subscriptions. */
const SCOPE_SENDS = 'whatsapp_business_messaging'
const SCOPE_MANAGES = 'whatsapp_business_management'

export function checkReachable(app: string, facts: TokenFacts): Finding {
  const id = 'platform'
  if (facts.kind !== 'unreachable') return ok(id, `The platform answers for app ${app}`)
  return warn(
    id,
    `The platform does not answer for app ${app}: ${facts.reason}`,
    'Look at the network, at [proxy], at the firewall and at graph_url',
  )
}

export function checkToken(app: string, facts: TokenFacts, nowMs: number): Finding[] {
  const id = 'token'
  const renew = 'Make a token of a system user that does not expire, and set it as access_token'
  if (facts.kind === 'unreachable') return []
  if (facts.kind === 'untold') {
    const what = `The platform does not say what the access token of app ${app} is worth: ${facts.reason}`
    return [warn(id, what, 'Look in its business settings when the token ends; a status 404 speaks of graph_url')]
  }
  if (facts.kind === 'refused' || !facts.isValid) {
    return [fail(id, `The access token of app ${app} is not valid`, renew)]
  }
  return [expiryOf(app, facts.expiresAt * 1000, nowMs, renew), ...scopesOf(app, facts.scopes)]
}

function expiryOf(app: string, expiresAtMs: number, nowMs: number, remedy: string): Finding {
  const id = 'token'
  if (expiresAtMs === 0) return ok(id, `The access token of app ${app} is valid and does not expire`)
  const leftMs = expiresAtMs - nowMs
  if (leftMs <= 0) return fail(id, `The access token of app ${app} has expired`, remedy)
  const what = `The access token of app ${app} is valid for ${lengthOf(leftMs / 1000)} more`
  if (leftMs < EXPIRY_MS_FAIL) return fail(id, what, remedy)
  return leftMs < EXPIRY_MS_WARN ? warn(id, what, remedy) : ok(id, what)
}

/** A platform that names no scopes is not blamed for it. */
function scopesOf(app: string, scopes: readonly string[]): Finding[] {
  if (scopes.length === 0) return []
  const missing = [SCOPE_SENDS, SCOPE_MANAGES].filter((scope) => !scopes.includes(scope))
  if (missing.length === 0) return []
  const what = `The access token of app ${app} lacks ${missing.join(' and ')}`
  const remedy = 'Give the system user the permission and make the token anew'
  return [missing.includes(SCOPE_SENDS) ? fail('token.scopes', what, remedy) : warn('token.scopes', what, remedy)]
}

/** `appId`: the app's id at the platform, as the token says it; null: not known. */
export function checkSubscription(waba: string, found: Subscriptions, appId: string | null): Finding {
  const id = 'subscription'
  const remedy = `Subscribe the app to the account: POST /${waba}/subscribed_apps with its access token`
  if (found.kind === 'unreachable') {
    return warn(
      id,
      `Nobody could be asked who gets the webhooks of account ${waba}: ${found.reason}`,
      'Look at platform',
    )
  }
  if (found.kind === 'refused') {
    return warn(
      id,
      `The platform does not tell who gets the webhooks of account ${waba}`,
      'Look at token and token.scopes, and at the number of the account',
    )
  }
  if (found.appIds.length === 0) return fail(id, `No app gets the webhooks of account ${waba}`, remedy)
  if (appId !== null && !found.appIds.includes(appId)) {
    return fail(id, `Other apps get the webhooks of account ${waba}, and this one does not`, remedy)
  }
  return ok(id, `The webhooks of account ${waba} are subscribed to`)
}

/** What comes with it: messages of customers, and what became of ours. */
const FIELD_MESSAGES = 'messages'

/** `address`: where the app's webhooks are to come; null: not known. */
export function checkAppWebhook(app: string, found: AppWebhook | null, address: string | null): Finding {
  const id = 'subscription.fields'
  const remedy = `In the app's dashboard, under WhatsApp, Configuration: set the webhook, and subscribe it to ${FIELD_MESSAGES}`
  // One may be set for the account alone.
  if (!found) return warn(id, `The platform knows of no webhook of app ${app}`, remedy)
  if (!found.isActive) return fail(id, `The webhook of app ${app} is switched off at the platform`, remedy)
  if (!found.fields.includes(FIELD_MESSAGES)) {
    return fail(id, `The webhook of app ${app} is not subscribed to the field ${FIELD_MESSAGES}`, remedy)
  }
  if (address !== null && found.callbackUrl !== address) {
    const what = `The platform sends the webhooks of app ${app} to another address than ${address}`
    return warn(id, what, 'Set it as the callback URL in the dashboard, unless something in front passes them on')
  }
  return ok(id, `The webhook of app ${app} is active, for ${found.fields.length} fields`)
}

/** When the app's last webhook came; null: none is known. */
export function checkLastWebhook(app: string, lastAtMs: number | null, nowMs: number): Finding {
  const id = 'webhooks.last'
  const remedy = "Look at public_url, subscription and the webhook's settings at the platform; write to the number"
  if (lastAtMs === null) return warn(id, `No webhook of app ${app} has come in the last days`, remedy)
  const what = `The last webhook of app ${app} came ${lengthOf(Math.max(0, nowMs - lastAtMs) / 1000)} ago`
  return nowMs - lastAtMs > SILENCE_MS_WARN ? warn(id, what, remedy) : ok(id, what)
}
