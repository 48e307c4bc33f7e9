import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { must } from '../core/assert.ts'
import { TestBrowser } from './browser.ts'
import { enter, hire } from './sign-in-requests.ts'
import { TestGateway } from './test-gateway.ts'

setDefaultTimeout(20_000)

const SECRET = 'the-secret-of-the-client'
const PUBLIC_URL = 'https://desk.example.com'
const CALLBACK = `${PUBLIC_URL}/api/auth/oidc/callback`

/** Somebody at the provider, as its claims say. */
interface Someone {
  name: string
  email: string
  groups: string[]
}

const PEOPLE: Record<string, Someone> = {
  'sub-ada': { name: 'Ada Lindqvist', email: 'ada@example.com', groups: ['staff', 'desk'] },
  'sub-bo': { name: 'Bo Berg', email: 'bo@example.com', groups: ['desk-leads', 'desk'] },
  'sub-eve': { name: 'Eve', email: 'victim@example.com', groups: ['desk'] },
  'sub-none': { name: 'Nobody', email: 'none@example.com', groups: ['staff'] },
}

let server: Server
let issuer = ''
let house: TestGateway
/** Whom the provider knows its visitor as. */
let visitor = 'sub-ada'

/** A certified provider, whose people sign in without being asked anything. */
async function startProvider(): Promise<void> {
  const { Provider } = await import('oidc-provider' as string)
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'gatehouse', client_secret: SECRET, redirect_uris: [CALLBACK] }],
    claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['a-key-of-the-test'] },
    findAccount: (_: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, email_verified: true, ...PEOPLE[sub] }),
    }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    loadExistingGrant: async (context: { oidc: Record<string, never> }) => {
      const { client, session } = context.oidc as never as {
        client: { clientId: string }
        session: { accountId: string }
      }
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid profile email')
      await grant.save()
      return grant
    },
  })
  const callback = provider.callback()
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void callback(request, response)
    void provider.interactionFinished(request, response, { login: { accountId: visitor } })
  })
}

beforeAll(async () => {
  await startProvider()
  const config = `
[http]
public_url = "${PUBLIC_URL}"
[sign_in.oidc]
issuer = "${issuer}"
client_id = "gatehouse"
client_secret = "${SECRET}"
roles = ["desk-leads = supervisor", "desk = agent"]
`
  house = await TestGateway.open({ config })
})
afterAll(async () => {
  await house.close()
  server.close()
})

const browser = () => new TestBrowser(house, PUBLIC_URL)

/** Goes to the provider as somebody, and answers the address it sends the browser back to. */
async function atProvider(address: string, who: string): Promise<URL> {
  visitor = who
  const cookies = new Map<string, string>()
  let next = new URL(address)
  for (let hop = 0; hop < 6; hop++) {
    const Cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(next, { redirect: 'manual', headers: { Cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      cookies.set(name, value)
    }
    next = new URL(must(response.headers.get('location'), `a redirect, after ${response.status}`), next)
    if (next.href.startsWith(CALLBACK)) return next
  }
  throw new Error('The provider never came back')
}

async function begin(mine: TestBrowser, ask: object = {}): Promise<string> {
  const { status, body } = await mine.post('/api/auth/oidc', ask)
  expect(status).toBe(200)
  return body.redirect_to
}

function end(mine: TestBrowser, back: URL) {
  return mine.get(`${back.pathname}${back.search}`, { 'Sec-Fetch-Site': 'cross-site' })
}

async function signOn(who: string): Promise<TestBrowser> {
  const mine = browser()
  const answer = await end(mine, await atProvider(await begin(mine), who))
  expect(answer).toMatchObject({ status: 303 })
  expect(answer.headers.get('location')).toBe('/')
  return mine
}

describe('the single sign-on', () => {
  test('asks with PKCE, state and nonce, and lets in who comes back, with the role of their group', async () => {
    const mine = browser()
    const address = new URL(await begin(mine))
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(address.searchParams.get(name)).toMatch(/^[\w-]{43}$/)
    expect(address.searchParams.get('code_challenge_method')).toBe('S256')
    const cookie = [...mine.cookies.keys()]
    expect(cookie).toEqual(['__Host-gatehouse-oidc'])
    await end(mine, await atProvider(address.href, 'sub-ada'))
    expect([...mine.cookies.keys()]).toEqual(['__Host-gatehouse'])
    expect((await mine.get('/api/auth/session')).body).toMatchObject({
      person: { name: 'Ada Lindqvist', email: 'ada@example.com' },
      role: 'agent',
    })
    expect((await mine.get('/api/auth/methods')).body).toEqual({ password: true, oidc: true, signed_in: true })
  })

  test('gives the role that the groups say now, to the same person', async () => {
    const first = (await (await signOn('sub-bo')).get('/api/auth/session')).body
    expect(first.role).toBe('supervisor')
    PEOPLE['sub-bo'] = { name: 'Bo Berg', email: 'another@example.com', groups: ['desk'] }
    const second = (await (await signOn('sub-bo')).get('/api/auth/session')).body
    expect(second).toMatchObject({ role: 'agent', person: { id: first.person.id, email: 'bo@example.com' } })
  })

  test('lets nobody in by an e-mail address, nor without a group that may', async () => {
    await house.api('/api/v1/people', { name: 'The Victim', email: 'victim@example.com', role: 'owner' })
    for (const who of ['sub-eve', 'sub-none']) {
      const mine = browser()
      const answer = await end(mine, await atProvider(await begin(mine), who))
      expect(answer.headers.get('location')).toBe('/#refused=not-let-in')
      expect((await mine.get('/api/auth/session')).status).toBe(401)
    }
  })

  test('connects who is signed in, and lets them in from then on', async () => {
    PEOPLE['sub-cleo'] = { name: 'Cleo', email: 'other@example.com', groups: ['desk'] }
    const cleo = await hireHere()
    const mine = cleo.browser
    await end(mine, await atProvider(await begin(mine, { connect: true }), 'sub-cleo'))
    const again = await signOn('sub-cleo')
    expect((await again.get('/api/auth/session')).body.person.id).toBe(cleo.id)
    expect((await browser().post('/api/auth/oidc', { connect: true })).status).toBe(401)
  })

  const tampered: [string, (back: URL, mine: TestBrowser) => unknown][] = [
    ['another state', (back) => back.searchParams.set('state', 'x'.repeat(43))],
    ['no state', (back) => back.searchParams.delete('state')],
    ['an empty state', (back) => back.searchParams.set('state', '')],
    ['another issuer', (back) => back.searchParams.set('iss', 'https://evil.example')],
    ['no code', (back) => back.searchParams.delete('code')],
    ['another code', (back) => back.searchParams.set('code', 'x'.repeat(43))],
    ['no cookie, as from another browser', (_, mine) => mine.cookies.clear()],
    ['an empty cookie', (_, mine) => mine.cookies.set('__Host-gatehouse-oidc', '')],
    ['the cookie of another sign-on', async (_, mine) => begin(mine)],
  ]
  test.each(tampered)('refuses %s', async (_, change) => {
    const mine = browser()
    const back = await atProvider(await begin(mine), 'sub-ada')
    await change(back, mine)
    const answer = await end(mine, back)
    expect(answer.headers.get('location')).toStartWith('/#refused=')
    expect((await mine.get('/api/auth/session')).status).toBe(401)
  })

  test('a way back is used once', async () => {
    const mine = browser()
    const back = await atProvider(await begin(mine), 'sub-ada')
    const cookies = new Map(mine.cookies)
    await end(mine, back)
    const thief = browser()
    for (const [name, value] of cookies) thief.cookies.set(name, value)
    expect((await end(thief, back)).headers.get('location')).toStartWith('/#refused=')
  })

  test('whoever was suspended is not let in', async () => {
    PEOPLE['sub-dan'] = { name: 'Dan', email: 'dan@example.com', groups: ['desk'] }
    const { person } = (await (await signOn('sub-dan')).get('/api/auth/session')).body
    await house.ask('PATCH', `/api/v1/people/${person.id}`, { state: 'suspended' })
    const mine = browser()
    const answer = await end(mine, await atProvider(await begin(mine), 'sub-dan'))
    expect(answer.headers.get('location')).toBe('/#refused=not-let-in')
  })
})

/** Somebody with a password, signed in. */
async function hireHere() {
  const who = await hire(house, 'agent', PUBLIC_URL)
  return { id: who.id, browser: await enter(house, who, PUBLIC_URL) }
}
