import { must } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import { stepAt, totpAt } from '../people/totp.ts'
import { TestBrowser } from './browser.ts'
import type { ApiAnswer, TestGateway } from './test-gateway.ts'

export const TEST_PASSWORD = 'seven lilac trombones'
let count = 0

/** The token behind the `#` of a link's address. */
export function tokenOf(url: string): string {
  return must(/#link=(.+)$/.exec(url)?.[1], 'a token')
}

/** Somebody new, and the token of a link for them. */
async function invite(house: TestGateway, role = 'agent') {
  const who = { name: `Somebody ${++count}`, email: `somebody${count}@example.com` }
  const { body } = await house.api('/api/v1/people', { ...who, role })
  const link = await house.api(`/api/v1/people/${body.id}/link`, { kind: 'invitation' })
  return { ...who, id: body.id as string, token: tokenOf(link.body.url) }
}

/** Somebody new who has taken their invitation. */
export async function hire(house: TestGateway, role = 'agent', origin?: string) {
  const { token, ...who } = await invite(house, role)
  const { status } = await new TestBrowser(house, origin).post('/api/auth/links', { token, password: TEST_PASSWORD })
  if (status !== 200) throw new Error(`The invitation was answered ${status}`)
  return { ...who, password: TEST_PASSWORD }
}

/** The browser of somebody, signed in or asked for the second factor. */
export async function enter(
  house: TestGateway,
  { email, password }: { email: string; password: string },
  origin?: string,
) {
  const browser = new TestBrowser(house, origin)
  const answer = await browser.post('/api/auth/sign-in', { email, password })
  if (answer.status !== 200) throw new Error(`Signing in was answered ${answer.status}`)
  return browser
}

/** The code that an app shows, now or some steps later. */
export function codeOf(secret: string, later = 0): string {
  return totpAt(readBase32(secret), stepAt(systemClock.epochMs()) + later)
}

/** Somebody new with a second factor, and their browser. */
async function guarded(house: TestGateway) {
  const who = await hire(house)
  const browser = await enter(house, who)
  const { secret } = (await browser.post('/api/auth/second-factor/enrol', { password: who.password })).body
  const confirmed = await browser.post('/api/auth/second-factor/confirm', { code: codeOf(secret) })
  return { who, browser, secret, confirmed }
}

/** A request for each operation of signing in, each by somebody of its own. */
export function signInRequests(houseOf: () => TestGateway): Record<string, () => Promise<ApiAnswer>> {
  const mine = (ask: (browser: TestBrowser) => Promise<ApiAnswer>) => async () =>
    await ask(await enter(houseOf(), await hire(houseOf())))
  return {
    signIn: async () => {
      const { email, password } = await hire(houseOf())
      return await new TestBrowser(houseOf()).post('/api/auth/sign-in', { email, password })
    },
    giveSecondFactor: async () => {
      const { who, confirmed } = await guarded(houseOf())
      const body = { recovery_code: confirmed.body.recovery_codes[0] }
      return await (await enter(houseOf(), who)).post('/api/auth/second-factor', body)
    },
    lookAtLink: async () => {
      const { token } = await invite(houseOf())
      return await new TestBrowser(houseOf()).post('/api/auth/links/look', { token })
    },
    useLink: async () => {
      const { token } = await invite(houseOf())
      return await new TestBrowser(houseOf()).post('/api/auth/links', { token, password: TEST_PASSWORD })
    },
    listSignInMethods: () => houseOf().request('/api/auth/methods'),
    getSession: mine((browser) => browser.get('/api/auth/session')),
    signOut: mine((browser) => browser.post('/api/auth/sign-out')),
    listSessions: mine((browser) => browser.get('/api/auth/sessions')),
    endOtherSessions: mine((browser) => browser.ask('DELETE', '/api/auth/sessions')),
    endSession: mine(async (browser) => {
      const { items } = (await browser.get('/api/auth/sessions')).body
      return await browser.ask('DELETE', `/api/auth/sessions/${items[0].id}`)
    }),
    changePassword: mine((browser) =>
      browser.post('/api/auth/password', { password: TEST_PASSWORD, new_password: 'nineteen quiet harbours' }),
    ),
    enrolSecondFactor: mine((browser) => browser.post('/api/auth/second-factor/enrol', { password: TEST_PASSWORD })),
    confirmSecondFactor: async () => (await guarded(houseOf())).confirmed,
    removeSecondFactor: async () => {
      const { who, browser, secret } = await guarded(houseOf())
      const body = { password: who.password, code: codeOf(secret, 1) }
      return await browser.post('/api/auth/second-factor/remove', body)
    },
    makeLink: async () => {
      const { id } = await invite(houseOf())
      return await houseOf().api(`/api/v1/people/${id}/link`, { kind: 'invitation' })
    },
  }
}

/** The bytes of a text in base32 (RFC 4648, without padding), as an app reads a secret. */
export function readBase32(text: string): Uint8Array {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const sign of text.toUpperCase()) {
    const digit = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign)
    if (digit < 0) throw new Error('This is no base32')
    value = ((value << 5) | digit) & 0xffff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 255)
  }
  return Uint8Array.from(bytes)
}
