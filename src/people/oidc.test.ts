import { describe, expect, test } from 'bun:test'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { FakeClock } from '../testing/fake-clock.ts'
import { Oidc, type OidcSettings } from './oidc.ts'

const ISSUER = 'https://login.example.com'
const SETTINGS: OidcSettings = {
  issuer: ISSUER,
  clientId: 'gatehouse',
  clientSecret: 'a secret & more',
  scopes: ['openid', 'email'],
  groupsClaim: 'groups',
  roles: [{ group: 'desk', role: 'agent' }],
}
const ours = await generateKeyPair('RS256')
const theirs = await generateKeyPair('RS256')
const publicKey = { ...(await exportJWK(ours.publicKey)), kid: 'one', alg: 'RS256' }

type Claims = Record<string, unknown>
interface Minted {
  claims: Claims
  nowS: number
}

/** A provider that answers what a test wants. */
function signOnWith(mint: (minted: Minted) => Promise<string> | string, discovery: Claims = {}) {
  const clock = new FakeClock()
  const asked: { address: string; init: RequestInit }[] = []
  let nonce = ''
  const oidc = new Oidc({
    clock,
    settings: SETTINGS,
    redirectUri: () => 'https://desk.example.com/api/auth/oidc/callback',
    accounts: { personOf: async () => 7, connect: async () => {} },
    addPerson: async () => 8,
    setRole: async () => {},
    fetch: async (address, init) => {
      asked.push({ address, init })
      if (address.endsWith('openid-configuration')) {
        return Response.json({
          issuer: ISSUER,
          authorization_endpoint: `${ISSUER}/auth`,
          token_endpoint: `${ISSUER}/token`,
          jwks_uri: `${ISSUER}/keys`,
          ...discovery,
        })
      }
      if (address.endsWith('/keys')) return Response.json({ keys: [publicKey] })
      const nowS = Math.floor(clock.epochMs() / 1000)
      const claims = { iss: ISSUER, aud: 'gatehouse', sub: 'ada', nonce, iat: nowS, exp: nowS + 300, groups: ['desk'] }
      return Response.json({ id_token: await mint({ claims, nowS }) })
    },
  })
  return {
    asked,
    async run() {
      const { address, step } = await oidc.begin(null)
      const query = new URL(address).searchParams
      nonce = query.get('nonce') ?? ''
      return await oidc.end(new URLSearchParams({ state: query.get('state') ?? '', code: 'c' }), step)
    },
  }
}

const signed = (claims: Claims, key = ours.privateKey, kid = 'one') =>
  new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(key)

describe('Oidc', () => {
  test('takes a token that is right, and asks for it with the secret and the verifier', async () => {
    const signOn = signOnWith(({ claims }) => signed(claims))
    expect(await signOn.run()).toBe(7)
    const init = signOn.asked.find(({ address }) => address.endsWith('/token'))?.init ?? {}
    const basic = Buffer.from('gatehouse:a+secret+%26+more').toString('base64')
    expect(new Headers(init.headers).get('authorization')).toBe(`Basic ${basic}`)
    expect(String(init.body)).toMatch(/code_verifier=[\w-]{43}/)
    expect(init.redirect).toBe('error')
  })

  const wrong: [string, (minted: Minted) => Promise<string> | string][] = [
    ['signed by another', ({ claims }) => signed(claims, theirs.privateKey)],
    ['signed by another under another name', ({ claims }) => signed(claims, theirs.privateKey, 'two')],
    ['not signed', ({ claims }) => new UnsecuredJWT(claims).encode()],
    [
      'signed with the client’s secret',
      ({ claims }) =>
        new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SETTINGS.clientSecret)),
    ],
    [
      'signed with our public key as if it were a secret',
      ({ claims }) =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .sign(new TextEncoder().encode(JSON.stringify(publicKey))),
    ],
    ['of another issuer', ({ claims }) => signed({ ...claims, iss: 'https://evil.example' })],
    ['for another client', ({ claims }) => signed({ ...claims, aud: 'another' })],
    ['for us by the way', ({ claims }) => signed({ ...claims, aud: ['gatehouse', 'x'], azp: 'x' })],
    ['over', ({ claims, nowS }) => signed({ ...claims, exp: nowS - 120 })],
    ['that never ends', ({ claims: { exp: _, ...claims } }) => signed(claims)],
    ['of another sign-on', ({ claims }) => signed({ ...claims, nonce: 'x' })],
    ['without a nonce', ({ claims: { nonce: _, ...claims } }) => signed(claims)],
    ['with an empty nonce', ({ claims }) => signed({ ...claims, nonce: '' })],
    ['of nobody', ({ claims: { sub: _, ...claims } }) => signed(claims)],
    ['of an empty somebody', ({ claims }) => signed({ ...claims, sub: '' })],
    ['that is empty', () => ''],
    ['that is no token', () => 'null'],
  ]
  test.each(wrong)('refuses a token %s', async (_, mint) => {
    await expect(signOnWith(mint).run()).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test.each([
    [{ issuer: 'https://evil.example' }],
    [{ issuer: '' }],
    [{ token_endpoint: 'http://login.example.com/token' }],
    [{ authorization_endpoint: 'javascript:alert(1)' }],
    [{ jwks_uri: undefined }],
  ])('believes no description with %j', async (discovery) => {
    await expect(signOnWith(({ claims }) => signed(claims), discovery).run()).rejects.toMatchObject({
      code: 'unauthorized',
    })
  })

  test('whoever is in no group that may is not let in, known or not', async () => {
    for (const groups of [[], ['other'], 'deskx', null, undefined, { desk: true }])
      await expect(signOnWith(({ claims }) => signed({ ...claims, groups })).run()).rejects.toMatchObject({
        code: 'forbidden',
      })
  })
})
