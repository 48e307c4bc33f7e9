import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import { connectRealtime } from '../realtime/client.ts'
import { TestBrowser } from './browser.ts'
import { codeOf, hire as hireInto, tokenOf } from './sign-in-requests.ts'
import { TestGateway, until } from './test-gateway.ts'

setDefaultTimeout(20_000)

const OWNER = { name: 'Olga Owner', email: 'olga@example.com', password: 'seven lilac trombones' }
let house: TestGateway
let setupToken: string

beforeAll(async () => {
  house = await TestGateway.open()
  setupToken = await firstOwnerComesIn()
})
afterAll(() => house.close())

async function link(personId: string, kind: string): Promise<string> {
  const { status, body } = await house.api(`/api/v1/people/${personId}/link`, { kind })
  expect(status).toBe(201)
  return tokenOf(body.url)
}

const hire = (role?: string) => hireInto(house, role)

async function signedIn(who: { email: string; password: string }): Promise<TestBrowser> {
  const browser = new TestBrowser(house)
  const { email, password } = who
  expect(await browser.post('/api/auth/sign-in', { email, password })).toMatchObject({
    status: 200,
    body: { state: 'signed_in' },
  })
  return browser
}

/** By the link of the start: everybody else comes in after them. */
async function firstOwnerComesIn(): Promise<string> {
  const token = must(house.setupToken, 'the link of the first owner')
  const browser = new TestBrowser(house)
  expect((await browser.post('/api/auth/links/look', { token })).body).toEqual({ kind: 'setup' })
  const weak = await browser.post('/api/auth/links', { token, ...OWNER, password: 'olga-owner-2026' })
  expect(weak).toMatchObject({ status: 400, body: { path: '/password' } })
  const both = await Promise.all([1, 2].map(() => browser.post('/api/auth/links', { token, ...OWNER })))
  expect(both.map(({ status }) => status).sort()).toEqual([200, 404])
  const mine = await signedIn(OWNER)
  expect((await mine.get('/api/auth/session')).body).toMatchObject({
    person: { name: OWNER.name, email: OWNER.email },
    role: 'owner',
    workspace: 'main',
    workspaces: ['main'],
    second_factor: false,
  })
  expect((await mine.get('/api/v1/conversations')).status).toBe(200)
  expect((await browser.post('/api/auth/links/look', { token })).status).toBe(404)
  return token
}

describe('the first owner', () => {
  test('came in by the link of the start, which opens nothing more', async () => {
    const browser = new TestBrowser(house)
    expect((await browser.post('/api/auth/links/look', { token: setupToken })).status).toBe(404)
    expect((await (await signedIn(OWNER)).get('/api/auth/session')).body.role).toBe('owner')
  })

  test('is printed no link at the next start', async () => {
    const mine = await signedIn(OWNER)
    await house.restart()
    expect(house.setupToken).toBeNull()
    expect((await mine.get('/api/auth/session')).body.role).toBe('owner')
  })
})

describe('signing in', () => {
  test('opens nothing for a wrong password or somebody unknown, with the same words', async () => {
    const ada = await hire()
    const browser = new TestBrowser(house)
    const answers = [
      await browser.post('/api/auth/sign-in', { email: ada.email, password: 'wrong' }),
      await browser.post('/api/auth/sign-in', { email: 'nobody@example.com', password: ada.password }),
    ]
    for (const answer of answers) expect(answer.status).toBe(401)
    expect(answers[0]?.body).toEqual(answers[1]?.body)
    expect(browser.cookies.size).toBe(0)
  })

  test.each([
    [{}],
    [{ email: 'a@b.example' }],
    [{ email: 'a@b.example', password: '' }],
    [{ email: ['a@b.example'], password: { $ne: '' } }],
    [{ email: 'a@b.example', password: true }],
    [{ email: 'a@b.example', password: 'x'.repeat(1001) }],
    [{ email: 'a@b.example', password: 'x', person_id: 'per_1' }],
  ])('refuses %j', async (body) => {
    expect((await new TestBrowser(house).post('/api/auth/sign-in', body)).status).toBe(400)
  })

  test('gives a cookie that no script and no other site gets, and keeps only its hash', async () => {
    const ada = await hire()
    const answer = await new TestBrowser(house).post('/api/auth/sign-in', { email: ada.email, password: ada.password })
    const cookie = must(answer.headers.getSetCookie()[0], 'a cookie')
    expect(cookie).toMatch(/^gatehouse=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=43200$/)
    const file = ['accounts.db', 'accounts.db-wal'].map((name) =>
      readFileSync(join(house.folder, 'data', name), 'latin1'),
    )
    const kept = file.join('')
    for (const secret of [cookie.slice(10, 53), ada.email, ada.name, ada.password]) expect(kept).not.toContain(secret)
    expect(house.lines.join('')).not.toContain(cookie.slice(10, 53))
  })

  test('ends the session that the browser had before', async () => {
    const ada = await hire()
    const browser = await signedIn(ada)
    const before = browser.cookie()
    await browser.post('/api/auth/sign-in', { email: ada.email, password: ada.password })
    expect(browser.cookie()).not.toBe(before)
    expect((await house.request('/api/auth/session', { headers: { Cookie: before } })).status).toBe(401)
  })

  test('waits longer and longer after five wrong passwords, and does not lock whoever came in here before', async () => {
    const [ada, bo] = [await hire(), await hire()]
    const guess = (who: { email: string }) =>
      new TestBrowser(house).post('/api/auth/sign-in', { email: who.email, password: 'a wrong password' })
    for (let index = 0; index < 5; index++) expect((await guess(ada)).status).toBe(401)
    const refused = await guess(ada)
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(10)
    expect((await guess(bo)).status).toBe(401)
  })
})

describe('a cookie', () => {
  const cases: [string, Record<string, string>][] = [
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another host of the same site', { 'Sec-Fetch-Site': 'same-site' }],
    ['another origin', { Origin: 'https://evil.example' }],
    ['no origin that a browser could name', { Origin: 'null' }],
    ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['text', { 'Content-Type': 'text/plain' }],
  ]
  test.each(cases)('changes nothing from %s', async (_, headers) => {
    const browser = await signedIn(OWNER)
    const body = { name: 'a key', role: 'agent' }
    expect((await browser.ask('POST', '/api/v1/keys', { body, headers })).status).toBe(403)
    expect((await browser.ask('POST', '/api/auth/sign-out', { body: {}, headers })).status).toBe(403)
    expect((await browser.ask('POST', '/api/v1/keys', { body })).status).toBe(201)
  })

  test('changes nothing where nobody says where the request is from', async () => {
    const browser = await signedIn(OWNER)
    const headers = { Cookie: browser.cookie(), 'Content-Type': 'application/json' }
    const body = JSON.stringify({ name: 'a key', role: 'agent' })
    expect((await house.request('/api/v1/keys', { method: 'POST', headers, body })).status).toBe(403)
  })

  test.each([
    [''],
    ['gatehouse='],
    ['gatehouse=null'],
    [`gatehouse=${'A'.repeat(43)}`],
    [`gatehouse=${'A'.repeat(43)}; gatehouse=${'B'.repeat(43)}`],
    ['__Host-gatehouse=x'],
  ])('opens nothing when it is %p', async (cookie) => {
    expect((await house.request('/api/v1/me', { headers: { Cookie: cookie } })).status).toBe(401)
  })

  test('goes unread beside an API key', async () => {
    const headers = { Cookie: `gatehouse=${'A'.repeat(43)}` }
    expect((await house.api('/api/v1/me', undefined, headers)).status).toBe(200)
  })

  test('opens no workspace that its owner does not work in', async () => {
    const browser = await signedIn(OWNER)
    expect((await browser.get('/api/v1/me', { 'Gatehouse-Workspace': 'main' })).status).toBe(200)
    expect((await browser.get('/api/v1/me', { 'Gatehouse-Workspace': 'other' })).status).toBe(404)
  })
})

/** A socket of a session, and whether it has closed for good. */
async function watch(browser: TestBrowser) {
  const seen = { states: [] as string[] }
  const connection = connectRealtime({
    url: `${house.url.replace('http', 'ws')}/realtime`,
    ticket: async () => {
      const { status, body } = await browser.post('/api/v1/realtime/tickets')
      if (status !== 200) throw new Error('refused')
      return body.ticket
    },
    onEvents: () => {},
    onState: (state) => void seen.states.push(state),
    onGone: () => {},
    WebSocket: class {
      constructor(url: string, protocols: string[]) {
        // biome-ignore lint/correctness/noConstructorReturn: a browser's socket, with the Origin that it would say
        return new WebSocket(url, { headers: { Origin: house.url }, protocols } as never)
      }
    } as never,
  })
  await until('the socket is live', () => seen.states.includes('live'))
  return { seen, connection }
}

describe('a session', () => {
  const ends: [string, (browser: TestBrowser, who: Awaited<ReturnType<typeof hire>>) => Promise<unknown>][] = [
    ['is signed out', (browser) => browser.post('/api/auth/sign-out')],
    [
      'is revoked from another browser',
      async (_, who) => (await signedIn(who)).ask('DELETE', '/api/auth/sessions', { body: {} }),
    ],
    ['is suspended with its owner', (_, who) => house.ask('PATCH', `/api/v1/people/${who.id}`, { state: 'suspended' })],
    ['has an owner who does not work here any more', (_, who) => house.ask('DELETE', `/api/v1/people/${who.id}`)],
    [
      'has an owner whose password was set anew by link',
      async (browser, who) =>
        browser.post('/api/auth/links', { token: await link(who.id, 'password'), password: 'eleven purple kettles' }),
    ],
  ]
  test.each(ends)('that %s is over at once, with its socket and what waits for events', async (_, end) => {
    const who = await hire()
    const browser = await signedIn(who)
    const { seen, connection } = await watch(browser)
    const waiting = browser.get('/api/v1/events?wait=30')
    await Bun.sleep(0)
    const cookie = browser.cookie()
    const startedMs = systemClock.monoMs()
    expect(((await end(browser, who)) as { status: number }).status).toBe(200)
    expect((await house.request('/api/v1/me', { headers: { Cookie: cookie } })).status).toBe(401)
    expect((await waiting).status).toBe(401)
    await until('the socket is closed', () => seen.states.at(-1) !== 'live')
    // Not when the thirty seconds of the wait are over. A busy machine takes its time for a password.
    expect(systemClock.monoMs() - startedMs).toBeLessThan(15_000)
    connection.close()
  })

  test('is worth what its owner may now', async () => {
    const who = await hire('agent')
    const browser = await signedIn(who)
    expect((await browser.get('/api/v1/keys')).status).toBe(403)
    const roles = (await house.api('/api/v1/roles')).body.items
    const admin = roles.find(({ name }: { name: string }) => name === 'admin')
    const changed = await house.ask('PATCH', `/api/v1/people/${who.id}`, { role: admin.name })
    expect(changed.status).toBe(200)
    expect((await browser.get('/api/v1/keys')).status).toBe(200)
  })

  test('is listed with its browser, and ended from another', async () => {
    const who = await hire()
    const [here, there] = [await signedIn(who), new TestBrowser(house)]
    there.userAgent =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605 Version/20 Mobile Safari/604'
    await there.post('/api/auth/sign-in', who.email ? { email: who.email, password: who.password } : {})
    const { items } = (await here.get('/api/auth/sessions')).body
    expect(items.map((item: { device: string; current: boolean }) => [item.device, item.current])).toEqual([
      ['Safari on iPhone', false],
      ['Firefox on Linux', true],
    ])
    const stranger = await signedIn(await hire())
    expect((await stranger.ask('DELETE', `/api/auth/sessions/${items[0].id}`, { body: {} })).status).toBe(404)
    expect((await here.ask('DELETE', `/api/auth/sessions/${items[0].id}`, { body: {} })).status).toBe(200)
    expect((await there.get('/api/auth/session')).status).toBe(401)
    expect((await here.get('/api/auth/session')).status).toBe(200)
  })

  test('changes the password with the old one alone, and ends the others', async () => {
    const who = await hire()
    const [here, there] = [await signedIn(who), await signedIn(who)]
    const next = 'nineteen quiet harbours'
    const ask = (body: object) => here.post('/api/auth/password', body)
    expect((await ask({ password: 'not this one', new_password: next })).status).toBe(403)
    expect((await ask({ password: who.password, new_password: 'short' })).status).toBe(400)
    expect((await ask({ password: who.password, new_password: next })).status).toBe(200)
    expect((await there.get('/api/auth/session')).status).toBe(401)
    expect((await here.get('/api/auth/session')).status).toBe(200)
    await signedIn({ ...who, password: next })
    const old = await new TestBrowser(house).post('/api/auth/sign-in', { email: who.email, password: who.password })
    expect(old.status).toBe(401)
  })

  test('cannot be asked for with an API key', async () => {
    expect((await house.api('/api/auth/sessions')).status).toBe(409)
    expect((await house.api('/api/auth/password', { password: 'x', new_password: 'y' })).status).toBe(409)
  })
})

describe('a second factor', () => {
  test('is asked for, each code once, and recovery codes once each', async () => {
    const who = await hire()
    const browser = await signedIn(who)
    expect((await browser.post('/api/auth/second-factor/enrol', { password: 'wrong' })).status).toBe(403)
    const { secret, uri } = (await browser.post('/api/auth/second-factor/enrol', { password: who.password })).body
    expect(uri).toContain(`secret=${secret}`)
    expect((await browser.post('/api/auth/second-factor/confirm', { code: '000000' })).status).toBe(403)
    const confirmed = await browser.post('/api/auth/second-factor/confirm', { code: codeOf(secret) })
    expect(confirmed.status).toBe(200)
    const codes: string[] = confirmed.body.recovery_codes
    expect(new Set(codes).size).toBe(10)

    const begin = async () => {
      const next = new TestBrowser(house)
      const { email, password } = who
      const answer = await next.post('/api/auth/sign-in', { email, password })
      expect(answer.body).toEqual({ state: 'second_factor_required' })
      expect((await next.get('/api/v1/me')).status).toBe(401)
      return next
    }
    const one = await begin()
    const code = codeOf(secret, 1)
    for (const body of [{}, { code: '' }, { code, recovery_code: codes[0] }])
      expect((await one.post('/api/auth/second-factor', body)).status).toBe(400)
    expect((await one.post('/api/auth/second-factor', { code: 'abcdef' })).status).toBe(401)
    expect((await one.post('/api/auth/second-factor', { code })).body).toEqual({ state: 'signed_in' })
    expect((await one.get('/api/auth/session')).body).toMatchObject({ second_factor: true, recovery_codes_left: 10 })
    expect((await (await begin()).post('/api/auth/second-factor', { code })).status).toBe(401)

    const pair = [await begin(), await begin()]
    const both = await Promise.all(
      pair.map((next) => next.post('/api/auth/second-factor', { recovery_code: codes[0] })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401])
    expect((await house.request('/api/auth/second-factor', post({ code }))).status).toBe(401)

    const lost = new TestBrowser(house)
    const token = await link(who.id, 'second_factor')
    expect((await lost.post('/api/auth/links', { token, password: 'not mine' })).status).toBe(403)
    expect((await lost.post('/api/auth/links', { token, password: who.password })).status).toBe(200)
    await signedIn(who)
    expect((await one.get('/api/auth/session')).status).toBe(401)
  })
})

function post(body: object): RequestInit {
  const headers = { Origin: house.url, 'Content-Type': 'application/json', Cookie: 'gatehouse-step=' }
  return { method: 'POST', headers, body: JSON.stringify(body) }
}

describe('a link', () => {
  test('opens once, and a newer one takes its place', async () => {
    const who = await hire()
    const [first, second] = [await link(who.id, 'password'), await link(who.id, 'password')]
    const browser = new TestBrowser(house)
    const use = (token: string) => browser.post('/api/auth/links', { token, password: 'sixteen amber lanterns' })
    expect((await use(first)).status).toBe(404)
    expect((await use(second)).status).toBe(200)
    expect((await use(second)).status).toBe(404)
    for (const token of ['', 'x', 'null', `${second}x`])
      expect((await browser.post('/api/auth/links/look', { token })).status).toBeOneOf([400, 404])
  })

  test('is made by who may manage people, and for nobody who may more', async () => {
    const [agent, admin] = [await signedIn(await hire('agent')), await signedIn(await hire('admin'))]
    const colleague = await hire('agent')
    const owner = (await house.api('/api/v1/people')).body.items[0].id
    const ask = (browser: TestBrowser, id: string) => browser.post(`/api/v1/people/${id}/link`, { kind: 'password' })
    expect((await ask(agent, colleague.id)).status).toBe(403)
    expect((await ask(admin, colleague.id)).status).toBe(201)
    expect((await ask(admin, owner)).status).toBe(403)
    expect((await ask(admin, 'per_zzz')).status).toBe(404)
    expect((await admin.post(`/api/v1/people/${colleague.id}/link`, { kind: 'setup' })).status).toBe(400)
    expect((await admin.post(`/api/v1/people/${colleague.id}/link`, { kind: 'invitation' })).status).toBe(409)
  })

  test('does nothing for somebody who was suspended since', async () => {
    const who = await hire()
    const token = await link(who.id, 'password')
    await house.ask('PATCH', `/api/v1/people/${who.id}`, { state: 'suspended' })
    const used = await new TestBrowser(house).post('/api/auth/links', { token, password: 'sixteen amber lanterns' })
    expect(used.status).toBe(404)
  })
})

test('a key that is made in a browser holds as long as it says, and not as long as the session', async () => {
  const browser = await signedIn(await hire('admin'))
  for (const expires_at of [null, '2999-01-01T00:00:00.000Z']) {
    const made = await browser.post('/api/v1/keys', { name: 'web shop', expires_at })
    expect(made).toMatchObject({ status: 201, body: { expires_at } })
  }
})

test('what became of attempts is counted', async () => {
  const ada = await hire()
  await signedIn(ada)
  const browser = new TestBrowser(house)
  for (let index = 0; index < 7; index++) {
    await browser.post('/api/auth/sign-in', { email: ada.email, password: 'wrong' })
  }
  for (const outcome of ['signed_in', 'wrong_password', 'limited']) {
    const name = `gatehouse_sign_ins_total{outcome="${outcome}"}`
    await until(`${outcome} is counted`, async () => (await house.metric(name)) > 0)
  }
})
