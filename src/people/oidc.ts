import { createHash } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { AccountsApi } from './account-asks.ts'
import { PendingSteps } from './pending-steps.ts'
import { isEmail } from './people-words.ts'
import { newToken } from './tokens.ts'

/** From the house to the provider and back. */
const STEP_MS = 5 * 60_000
const REQUEST_MS_MAX = 10_000
const ANSWER_BYTES_MAX = 1024 * 1024
/** How long the provider's description and keys are believed. */
const KEEP_MS = 3_600_000
/** Keys that are not known yet are asked for at most this often. */
const KEYS_AGAIN_MS = 30_000
const CLOCK_TOLERANCE_S = 60
/** Only signatures that a public key checks: a provider's secret signs nothing that opens a door here. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']

export interface OidcSettings {
  issuer: string
  clientId: string
  clientSecret: string
  scopes: readonly string[]
  groupsClaim: string
  /** Group to role, the first that fits. */
  roles: readonly { group: string; role: string }[]
}

/** Who came from the provider, as it says. */
export interface Claimed {
  name: string | null
  email: string | null
  /** By the groups; null where none of them fits. */
  role: string | null
}

export interface OidcDependencies {
  clock: Clock
  settings: OidcSettings
  /** Where the provider sends browsers back to. */
  redirectUri(): string
  fetch(address: string, init: RequestInit): Promise<Response>
  accounts: Pick<AccountsApi, 'personOf' | 'connect'>
  /** Takes somebody in who was never here. Throws `conflict` where their e-mail address is somebody's. */
  addPerson(claimed: { name: string; email: string; role: string }): Promise<number>
  /** Gives somebody the role that their groups say. */
  setRole(personId: number, role: string): Promise<void>
}

interface Step {
  state: string
  nonce: string
  verifier: string
  /** Whose account is connected; null: somebody signs in. */
  personId: number | null
}

interface Provider {
  authorization: string
  token: string
  jwks: string
  atMs: number
}

/**
 * Single sign-on with OpenID Connect: the authorization code flow with PKCE, state and nonce. Somebody is who the issuer's
 * subject says; an e-mail address proves nothing (whoever may choose theirs at the provider would choose another's).
 */
export class Oidc {
  readonly #deps: OidcDependencies
  readonly #steps: PendingSteps<Step>
  #provider: Provider | undefined
  #keys: { set: JSONWebKeySet; atMs: number } | undefined

  constructor(deps: OidcDependencies) {
    this.#deps = deps
    this.#steps = new PendingSteps(deps.clock, STEP_MS)
  }

  /** Where the browser is sent, and what its cookie holds until it is back. */
  async begin(personId: number | null): Promise<{ address: string; step: string }> {
    const { settings, redirectUri } = this.#deps
    const { authorization } = await this.#described()
    const step: Step = { state: newToken(), nonce: newToken(), verifier: newToken(), personId }
    const address = new URL(authorization)
    const asked = {
      response_type: 'code',
      client_id: settings.clientId,
      redirect_uri: redirectUri(),
      scope: settings.scopes.join(' '),
      state: step.state,
      nonce: step.nonce,
      code_challenge: createHash('sha256').update(step.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }
    for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value)
    return { address: address.href, step: this.#steps.add(step) }
  }

  /** Who came back. Throws `forbidden` for whoever may not in, and `unauthorized` for what is not right. */
  async end(query: URLSearchParams, token: string): Promise<number> {
    const step = this.#steps.take(token)
    if (!step || query.get('state') !== step.state) throw new Failure('unauthorized', 'This sign-on was not begun here')
    const issuer = query.get('iss')
    if (issuer !== null && issuer !== this.#deps.settings.issuer) throw notRight()
    const code = query.get('code')
    if (code === null || code === '') throw new Failure('unauthorized', 'The provider let nobody in')
    const claims = await this.#claims(await this.#exchange(code, step.verifier), step.nonce)
    return await this.#personOf(claims, step)
  }

  async #personOf(claims: JWTPayload & { sub: string }, step: Step): Promise<number> {
    const { accounts, settings, clock, addPerson, setRole } = this.#deps
    const claimed = claimedBy(claims, settings)
    const nowMs = clock.epochMs()
    if (step.personId !== null) {
      await accounts.connect(settings.issuer, claims.sub, { personId: step.personId, nowMs })
      return step.personId
    }
    const known = await accounts.personOf(settings.issuer, claims.sub)
    if (settings.roles.length > 0 && claimed.role === null)
      throw new Failure('forbidden', 'None of the groups may in: see sign_in.oidc.roles')
    if (known !== undefined) {
      if (claimed.role !== null) await setRole(known, claimed.role)
      return known
    }
    const { name, email, role } = claimed
    if (role === null || email === null) throw new Failure('forbidden', 'Nobody here comes in with this identity')
    const personId = await addPerson({ name: name ?? email, email, role })
    await accounts.connect(settings.issuer, claims.sub, { personId, nowMs })
    return personId
  }

  async #exchange(code: string, verifier: string): Promise<string> {
    const { settings, redirectUri } = this.#deps
    const { token } = await this.#described()
    // RFC 6749 2.3.1: both are form-encoded before they are joined.
    const basic = [settings.clientId, settings.clientSecret].map(formEncoded).join(':')
    const answer = await this.#json(token, {
      method: 'POST',
      headers: {
        Authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
        'Content-Type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri(),
        code_verifier: verifier,
      }).toString(),
    })
    const idToken = answer['id_token']
    if (typeof idToken !== 'string') throw notRight()
    return idToken
  }

  async #claims(idToken: string, nonce: string): Promise<JWTPayload & { sub: string }> {
    const { settings, clock } = this.#deps
    const verify = async () =>
      await jwtVerify(idToken, createLocalJWKSet(await this.#keySet()), {
        issuer: settings.issuer,
        audience: settings.clientId,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(clock.epochMs()),
        requiredClaims: ['sub', 'exp', 'iat', 'nonce'],
      })
    const { payload } = await verify().catch(async () => {
      // The provider may sign with a newer key than those that we know.
      if (!this.#forgetKeys()) throw notRight()
      return await verify().catch(() => {
        throw notRight()
      })
    })
    const { sub, nonce: said, azp } = payload
    const isForUs = azp === undefined || azp === settings.clientId
    if (typeof sub !== 'string' || sub === '' || said !== nonce || !isForUs) throw notRight()
    return { ...payload, sub }
  }

  async #keySet(): Promise<JSONWebKeySet> {
    const nowMs = this.#deps.clock.monoMs()
    if (!this.#keys || nowMs - this.#keys.atMs > KEEP_MS) {
      const answer = await this.#json((await this.#described()).jwks, {})
      if (!Array.isArray(answer['keys'])) throw notRight()
      this.#keys = { set: answer as unknown as JSONWebKeySet, atMs: nowMs }
    }
    return this.#keys.set
  }

  #forgetKeys(): boolean {
    if (!this.#keys || this.#deps.clock.monoMs() - this.#keys.atMs < KEYS_AGAIN_MS) return false
    this.#keys = undefined
    return true
  }

  async #described(): Promise<Provider> {
    const { settings, clock } = this.#deps
    const nowMs = clock.monoMs()
    if (this.#provider && nowMs - this.#provider.atMs < KEEP_MS) return this.#provider
    const answer = await this.#json(`${settings.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {})
    // OpenID Connect Discovery 4.3: it has to be the issuer that was asked.
    if (answer['issuer'] !== settings.issuer) throw notRight()
    const provider = {
      authorization: addressOf(answer['authorization_endpoint'], settings.issuer),
      token: addressOf(answer['token_endpoint'], settings.issuer),
      jwks: addressOf(answer['jwks_uri'], settings.issuer),
      atMs: nowMs,
    }
    this.#provider = provider
    return provider
  }

  async #json(address: string, init: RequestInit): Promise<Record<string, unknown>> {
    try {
      const response = await this.#deps.fetch(address, {
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
      })
      if (!response.ok) throw new Error(`answered ${response.status}`)
      const text = await bounded(response)
      const value: unknown = JSON.parse(text)
      if (typeof value !== 'object' || value === null) throw new Error('no object')
      return value as Record<string, unknown>
    } catch (cause) {
      const failure = new Failure('unavailable', 'The single sign-on does not answer as it should')
      throw Object.assign(failure, { cause })
    }
  }
}

/** What the claims say, as far as we use it. */
function claimedBy(claims: JWTPayload, { groupsClaim, roles }: OidcSettings): Claimed {
  const { name, email, email_verified: isVerified } = claims
  const said = claims[groupsClaim]
  const groups: readonly unknown[] = Array.isArray(said) ? said : [said]
  const given = typeof email === 'string' && isVerified !== false && isEmail(email.trim()) ? email.trim() : null
  return {
    name: typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, 100) : null,
    email: given,
    role: roles.find(({ group }) => groups.includes(group))?.role ?? null,
  }
}

/** An endpoint of the provider: over TLS, unless the issuer itself is without. */
function addressOf(value: unknown, issuer: string): string {
  const address = typeof value === 'string' ? URL.parse(value) : null
  const isSafe = address?.protocol === 'https:' || (address?.protocol === 'http:' && issuer.startsWith('http:'))
  if (!address || !isSafe) throw notRight()
  return address.href
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > ANSWER_BYTES_MAX) throw new Error('too long')
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

function formEncoded(text: string): string {
  return new URLSearchParams({ x: text }).toString().slice(2)
}

function notRight(): Failure {
  return new Failure('unauthorized', 'The single sign-on said something that is not right')
}
