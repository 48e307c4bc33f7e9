import { nameOfError } from '../../core/failure.ts'
import type { Fetch } from '../channel.ts'
import { parsed, TOKEN_CODE } from './answer.ts'
import { integerOf, objectOf, textOf } from './read.ts'
import { boundedText, PROXY_REFUSES } from './send.ts'

export interface InspectRequest {
  graphUrl: string
  graphVersion: string
  accessToken: string
  timeoutMs: number
}

/** What the platform says of an access token. Times are seconds since 1970; 0: never. */
export type TokenFacts =
  | {
      kind: 'found'
      isValid: boolean
      appId: string | null
      expiresAt: number
      scopes: readonly string[]
      /** How far this clock is ahead of the platform's; null where it did not say. */
      apartMs: number | null
    }
  | { kind: 'refused'; apartMs: number | null }
  /** It does not say it to this token, which may send all the same. */
  | { kind: 'untold'; reason: string; apartMs: number | null }
  | { kind: 'unreachable'; reason: string }

/** The apps that get the webhooks of an account. */
export type Subscriptions =
  | { kind: 'found'; appIds: readonly string[] }
  | { kind: 'refused' }
  | { kind: 'unreachable'; reason: string }

/** `GET /debug_token`, of the token by itself. */
export async function inspectToken(request: InspectRequest, fetch: Fetch, nowMs: () => number): Promise<TokenFacts> {
  const answer = await get(request, `debug_token?input_token=${encodeURIComponent(request.accessToken)}`, fetch)
  if (answer.kind === 'unreachable') return answer
  const apartMs = answer.dateMs === null ? null : nowMs() - answer.dateMs
  const data = objectOf(answer.body?.['data'])
  if (answer.kind === 'refused') {
    const code = integerOf(objectOf(answer.body?.['error'])?.['code'])
    if (answer.status === 401 || code === TOKEN_CODE) return { kind: 'refused', apartMs }
    return { kind: 'untold', reason: code === undefined ? `status ${answer.status}` : `code ${code}`, apartMs }
  }
  if (!data) return { kind: 'unreachable', reason: 'answer not understood' }
  const scopes = Array.isArray(data['scopes']) ? data['scopes'].filter((scope) => typeof scope === 'string') : []
  return {
    kind: 'found',
    isValid: data['is_valid'] === true,
    appId: textOf(data['app_id']) ?? null,
    expiresAt: integerOf(data['expires_at']) ?? 0,
    scopes,
    apartMs,
  }
}

/** `GET /{account}/subscribed_apps`. */
export async function listSubscriptions(request: InspectRequest, waba: string, fetch: Fetch): Promise<Subscriptions> {
  const answer = await get(request, `${encodeURIComponent(waba)}/subscribed_apps`, fetch)
  if (answer.kind === 'unreachable') return answer
  if (answer.kind === 'refused') return { kind: 'refused' }
  const data = answer.body?.['data']
  if (!Array.isArray(data)) return { kind: 'unreachable', reason: 'answer not understood' }
  const appIds = data.flatMap((each: unknown) => {
    const id = textOf(objectOf(objectOf(each)?.['whatsapp_business_api_data'])?.['id'])
    return id === undefined ? [] : [id]
  })
  return { kind: 'found', appIds }
}

/** Where the platform sends an app's webhooks, and which. */
export interface AppWebhook {
  callbackUrl: string | null
  isActive: boolean
  fields: readonly string[]
}

/** `GET /{app}/subscriptions`, in the name of the app itself. Null: it has no webhook. Undefined: the platform does not say. */
export async function readAppWebhook(
  request: InspectRequest,
  app: { id: string; secret: string },
  fetch: Fetch,
): Promise<AppWebhook | null | undefined> {
  // The platform's form of a token of the app itself.
  const asApp = { ...request, accessToken: `${app.id}|${app.secret}` }
  const answer = await get(asApp, `${encodeURIComponent(app.id)}/subscriptions`, fetch)
  const data = answer.kind === 'found' ? answer.body?.['data'] : undefined
  if (!Array.isArray(data)) return undefined
  const found = data.map(objectOf).find((each) => each?.['object'] === 'whatsapp_business_account')
  if (!found) return null
  const fields: unknown[] = Array.isArray(found['fields']) ? found['fields'] : []
  return {
    callbackUrl: textOf(found['callback_url']) ?? null,
    isActive: found['active'] !== false,
    fields: fields.flatMap((field) => textOf(field) ?? textOf(objectOf(field)?.['name']) ?? []),
  }
}

type Answer =
  | { kind: 'found' | 'refused'; status: number; body: Record<string, unknown> | undefined; dateMs: number | null }
  | { kind: 'unreachable'; reason: string }

async function get(request: InspectRequest, path: string, fetch: Fetch): Promise<Answer> {
  try {
    const headers = new Headers({ authorization: `Bearer ${request.accessToken}`, 'user-agent': 'gatehouse' })
    const response = await fetch(`${request.graphUrl}/${request.graphVersion}/${path}`, {
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(request.timeoutMs),
    })
    const body = objectOf(parsed((await boundedText(response)) ?? ''))
    const date = Date.parse(response.headers.get('date') ?? '')
    const dateMs = Number.isFinite(date) ? date : null
    const { status } = response
    if (response.ok) return { kind: 'found', status, body, dateMs }
    const isRefused =
      integerOf(objectOf(body?.['error'])?.['code']) === TOKEN_CODE || (status < 500 && status !== PROXY_REFUSES)
    return isRefused ? { kind: 'refused', status, body, dateMs } : { kind: 'unreachable', reason: `status ${status}` }
  } catch (error) {
    return { kind: 'unreachable', reason: nameOfError(error) }
  }
}
