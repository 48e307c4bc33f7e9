import { describe, expect, test } from 'bun:test'
import { inspectToken, listSubscriptions, readAppWebhook } from './inspect.ts'

const REQUEST = {
  graphUrl: 'https://graph.example.test',
  graphVersion: 'v25.0',
  accessToken: 'the token',
  timeoutMs: 200,
}
const DATE = 'Sun, 22 Nov 2026 09:00:00 GMT'
const NOW_MS = Date.parse(DATE) + 2000

const asked: { url: string; authorization: string | null }[] = []

function platform(status: number, body: unknown, headers: Record<string, string> = { date: DATE }) {
  return async (url: string, init: RequestInit) => {
    asked.push({ url, authorization: new Headers(init.headers).get('authorization') })
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers })
  }
}

const nobody = () => Promise.reject(Object.assign(new TypeError('no network'), { code: 'ECONNREFUSED' }))
const token = (fetch: Parameters<typeof inspectToken>[1]) => inspectToken(REQUEST, fetch, () => NOW_MS)

describe('inspectToken()', () => {
  test('asks with the token about itself, and tells what the platform says', async () => {
    const data = { app_id: '77', is_valid: true, expires_at: 1_800_000_000, scopes: ['whatsapp_business_messaging', 5] }
    expect(await token(platform(200, { data }))).toEqual({
      kind: 'found',
      isValid: true,
      appId: '77',
      expiresAt: 1_800_000_000,
      scopes: ['whatsapp_business_messaging'],
      apartMs: 2000,
    })
    expect(asked.at(-1)).toEqual({
      url: 'https://graph.example.test/v25.0/debug_token?input_token=the%20token',
      authorization: 'Bearer the token',
    })
  })

  test('reads what is missing as not valid, without an end', async () => {
    expect(await token(platform(200, { data: {} }, {}))).toEqual({
      kind: 'found',
      isValid: false,
      appId: null,
      expiresAt: 0,
      scopes: [],
      apartMs: null,
    })
  })

  test.each([
    ['a refused token', platform(401, { error: { code: 190 } }), { kind: 'refused', apartMs: 2000 }],
    [
      'a token that may not ask',
      platform(400, { error: { code: 100 } }),
      { kind: 'untold', reason: 'code 100', apartMs: 2000 },
    ],
    ['a wrong address', platform(404, 'not here'), { kind: 'untold', reason: 'status 404', apartMs: 2000 }],
    ['a proxy that wants a password', platform(407, ''), { kind: 'unreachable', reason: 'status 407' }],
    ['a platform in trouble', platform(503, 'sorry'), { kind: 'unreachable', reason: 'status 503' }],
    ['a page in its place', platform(200, '<html>'), { kind: 'unreachable', reason: 'answer not understood' }],
    ['nobody', nobody, { kind: 'unreachable', reason: 'ECONNREFUSED' }],
  ] as const)('tells of %s', async (_, fetch, found) => {
    expect(await token(fetch)).toEqual(found)
  })
})

describe('listSubscriptions()', () => {
  const list = (fetch: Parameters<typeof listSubscriptions>[2]) => listSubscriptions(REQUEST, '102290129340398', fetch)

  test('tells the apps that get the webhooks', async () => {
    const data = [{ whatsapp_business_api_data: { id: '77', name: 'x' } }, { other: 1 }, null]
    expect(await list(platform(200, { data }))).toEqual({ kind: 'found', appIds: ['77'] })
    expect(asked.at(-1)?.url).toBe('https://graph.example.test/v25.0/102290129340398/subscribed_apps')
    expect(await list(platform(200, { data: [] }))).toEqual({ kind: 'found', appIds: [] })
  })

  test('tells of a refusal, of an answer that says nothing, and of nobody', async () => {
    expect(await list(platform(403, { error: { code: 200 } }))).toEqual({ kind: 'refused' })
    expect(await list(platform(200, {}))).toEqual({ kind: 'unreachable', reason: 'answer not understood' })
    expect(await list(nobody)).toEqual({ kind: 'unreachable', reason: 'ECONNREFUSED' })
  })
})

describe('readAppWebhook()', () => {
  const read = (fetch: Parameters<typeof inspectToken>[1]) =>
    readAppWebhook(REQUEST, { id: '77', secret: 'shh' }, fetch)
  const callback_url = 'https://chat.example.com/webhooks/whatsapp/main'

  test('asks as the app, and tells where its webhooks go and which they are', async () => {
    const fields = [{ name: 'messages', version: 'v25.0' }, 'account_update', null]
    const data = [{ object: 'page' }, { object: 'whatsapp_business_account', callback_url, active: true, fields }]
    expect(await read(platform(200, { data }))).toEqual({
      callbackUrl: callback_url,
      isActive: true,
      fields: ['messages', 'account_update'],
    })
    expect(asked.at(-1)).toEqual({
      url: 'https://graph.example.test/v25.0/77/subscriptions',
      authorization: 'Bearer 77|shh',
    })
  })

  test('knows an app without a webhook from a platform that does not say', async () => {
    expect(await read(platform(200, { data: [] }))).toBeNull()
    expect(await read(platform(200, {}))).toBeUndefined()
    expect(await read(platform(400, { error: { code: 190 } }))).toBeUndefined()
    expect(await read(nobody)).toBeUndefined()
  })
})
