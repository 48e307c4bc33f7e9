import { Elysia } from 'elysia'
import { toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import { actorOf, MAIN_WORKSPACE } from '../core/principal.ts'
import { LINK_KINDS, type LinkKind } from '../people/accounts.ts'
import type { BrowserSessions, Session, Workspace } from '../people/browser-sessions.ts'
import type { FirstOwner, Links } from '../people/links.ts'
import type { Oidc } from '../people/oidc.ts'
import type { SignIn, SignInOutcome, Visitor } from '../people/sign-in.ts'
import { SECOND_STEP_MS } from '../people/sign-in.ts'
import { knownMembers, readJson, wrong } from './body.ts'
import type { ClientAddresses, Peers } from './client-address.ts'
import { deviceOf } from './device.ts'
import { responseOf } from './errors.ts'
import { emailIn, nameIn } from './people-members.ts'
import { type Asked, found, idOf, json, type RouteDependencies, route } from './route.ts'
import { type Cookies, requireOwnPage } from './session-cookie.ts'

const BODY_BYTES_MAX = 16 * 1024
const TEXT_CHARS_MAX = 1000
/** What the console's page reads behind the `#`, which no browser sends anywhere. */
const LINK_PAGE = '/#link='

export interface SignInDependencies extends RouteDependencies {
  signIn: SignIn
  links: Links
  sessions: BrowserSessions
  cookies: Cookies
  addresses: ClientAddresses
  /** Pages of this house. */
  origins(): readonly string[]
  /** Where browsers find the house, without a slash at the end. */
  publicUrl(): string
  profileOf(workspaceId: number, personId: number): { name: string; email: string } | undefined
  workspacesOf(personId: number): readonly Workspace[]
  /** Null where no single sign-on is configured. */
  oidc(): Oidc | null
}

/** What a route for whoever comes knows: no principal. */
interface Came {
  request: Request
  visitor: Visitor
}

interface Context {
  request: Request
  server?: Peers | null
}

/** Signing in and out, sessions, second factors, links: `/api/auth`, and the links that administrators make. */
export function signInRoutes(deps: SignInDependencies): Elysia {
  const app = new Elysia({ name: 'sign-in' })
  const raw = { parse: 'none' } as const
  const open = (pattern: string, handle: (came: Came) => Promise<Response | object>) =>
    void app.post(pattern, openRoute(deps, pattern, handle), raw)
  const mine = (
    method: 'GET' | 'POST' | 'DELETE',
    pattern: string,
    handle: (asked: Asked) => Promise<Response | object>,
  ) => void app.route(method, pattern, route(deps, { pattern, rule: 'anybody known' }, handle), raw as never)

  open('/api/auth/sign-in', (came) => signIn(deps, came))
  open('/api/auth/second-factor', (came) => secondFactor(deps, came))
  open('/api/auth/links/look', (came) => lookAtLink(deps, came))
  open('/api/auth/links', (came) => useLink(deps, came))
  open('/api/auth/oidc', (came) => beginOidc(deps, came))
  app.get(
    '/api/auth/methods',
    openRoute(deps, '/api/auth/methods', async (came) => methods(deps, came)),
  )
  app.get(
    '/api/auth/oidc/callback',
    openRoute(deps, '/api/auth/oidc/callback', (came) => endOidc(deps, came)),
  )

  mine('GET', '/api/auth/session', (asked) => whoAmI(deps, asked))
  mine('POST', '/api/auth/sign-out', (asked) => signOut(deps, asked))
  mine('GET', '/api/auth/sessions', async (asked) => listSessions(deps, asked))
  mine('DELETE', '/api/auth/sessions', (asked) => endOthers(deps, asked))
  mine('DELETE', '/api/auth/sessions/:id', (asked) => endOne(deps, asked))
  mine('POST', '/api/auth/password', (asked) => changePassword(deps, asked))
  mine('POST', '/api/auth/second-factor/enrol', (asked) => enrol(deps, asked))
  mine('POST', '/api/auth/second-factor/confirm', (asked) => confirm(deps, asked))
  mine('POST', '/api/auth/second-factor/remove', (asked) => removeSecond(deps, asked))
  app.post(
    '/api/v1/people/:id/link',
    route(deps, { pattern: '/api/v1/people/:id/link', rule: 'people.manage' }, (asked) => makeLink(deps, asked)),
    raw,
  )
  return app as unknown as Elysia
}

/** A route for whoever comes, from a page of this house. */
function openRoute(deps: SignInDependencies, pattern: string, handle: (came: Came) => Promise<Response | object>) {
  return async ({ request, server }: Context): Promise<Response> => {
    const startedMs = deps.clock.monoMs()
    const response = await answer().catch((error: unknown) => responseOf(error, deps.log))
    deps.count(pattern, response.status, (deps.clock.monoMs() - startedMs) / 1000)
    return response

    async function answer(): Promise<Response> {
      requireOwnPage(request, deps.origins())
      const value = await handle({ request, visitor: visitorOf(deps, request, server ?? null) })
      return value instanceof Response ? value : json(value)
    }
  }
}

function visitorOf({ addresses }: SignInDependencies, request: Request, server: Peers | null): Visitor {
  return { address: addresses.of(request, server), device: deviceOf(request.headers.get('user-agent')) }
}

async function signIn(deps: SignInDependencies, { request, visitor }: Came): Promise<Response> {
  const body = await bodyOf(request, ['email', 'password'])
  const ask = { email: textIn(body, 'email'), password: textIn(body, 'password') }
  return await signedIn(deps, request, await deps.signIn.withPassword(ask, visitor))
}

async function secondFactor(deps: SignInDependencies, { request, visitor }: Came): Promise<Response> {
  const body = await bodyOf(request, ['code', 'recovery_code'])
  const code = body['code'] === undefined ? null : textIn(body, 'code')
  const recoveryCode = body['recovery_code'] === undefined ? null : textIn(body, 'recovery_code')
  if ((code === null) === (recoveryCode === null))
    throw new Failure('invalid', 'Say either /code or /recovery_code', { path: '/code' })
  const step = deps.cookies.read(request, 'step') ?? ''
  return await signedIn(deps, request, await deps.signIn.withSecond(step, { code, recoveryCode }, visitor))
}

/** The browser gets its session; one that it had before is over. */
async function signedIn(deps: SignInDependencies, request: Request, outcome: SignInOutcome): Promise<Response> {
  const response = json({ state: outcome.state })
  await setCookies(deps, { request, outcome, headers: response.headers })
  return response
}

async function setCookies(
  { cookies, sessions, clock }: SignInDependencies,
  { request, outcome, headers }: { request: Request; outcome: SignInOutcome; headers: Headers },
): Promise<void> {
  if (outcome.state === 'second_factor_required') {
    headers.append('Set-Cookie', cookies.set('step', outcome.token, SECOND_STEP_MS / 1000))
    return
  }
  const before = sessions.withToken(cookies.read(request, 'session') ?? '')
  if (before) await sessions.end([before])
  const seconds = Math.ceil((outcome.session.expiresAtMs - clock.epochMs()) / 1000)
  headers.append('Set-Cookie', cookies.set('session', outcome.token, seconds))
  if (cookies.read(request, 'step') !== null) headers.append('Set-Cookie', cookies.clear('step'))
}

async function signOut(deps: SignInDependencies, asked: Asked): Promise<Response> {
  await deps.sessions.end([sessionOf(deps, asked)])
  tell(deps, asked, 'session.end')
  const response = json({ signed_out: true })
  response.headers.append('Set-Cookie', deps.cookies.clear('session'))
  return response
}

async function whoAmI(deps: SignInDependencies, { principal }: Asked): Promise<object> {
  const { personId, workspaceId } = principal
  const session = deps.sessions.ofPrincipal(principal)
  const profile = personId === null ? undefined : deps.profileOf(workspaceId, personId)
  const credentials = session ? await deps.signIn.credentialsOf(session.personId) : undefined
  const workspaces = personId === null ? [] : deps.workspacesOf(personId)
  return {
    person:
      personId === null
        ? null
        : { id: showId('person', personId), name: profile?.name ?? null, email: profile?.email ?? null },
    role: principal.role,
    permissions: [...principal.permissions].sort(),
    workspace: workspaces.find(({ id }) => id === workspaceId)?.name ?? null,
    workspaces: workspaces.map(({ name }) => name),
    second_factor: credentials?.hasSecondFactor ?? null,
    recovery_codes_left: credentials?.recoveryCodesLeft ?? null,
    expires_at: principal.expiresAtMs === null ? null : toTime(principal.expiresAtMs),
  }
}

function listSessions(deps: SignInDependencies, asked: Asked): object {
  const current = sessionOf(deps, asked)
  return {
    items: deps.sessions.ofPerson(current.personId).map((session) => ({
      id: session.id,
      device: session.device,
      method: session.method,
      created_at: toTime(session.createdAtMs),
      used_at: toTime(session.usedAtMs),
      expires_at: toTime(session.expiresAtMs),
      current: session.id === current.id,
    })),
  }
}

async function endOthers(deps: SignInDependencies, asked: Asked): Promise<object> {
  const current = sessionOf(deps, asked)
  const others = deps.sessions.ofPerson(current.personId).filter(({ id }) => id !== current.id)
  await deps.sessions.end(others)
  if (others.length > 0) tell(deps, asked, 'session.end')
  return { ended: others.length }
}

async function endOne(deps: SignInDependencies, asked: Asked): Promise<object> {
  const { personId } = sessionOf(deps, asked)
  const session = found(
    deps.sessions.ofPerson(personId).find(({ id }) => id === asked.params['id']),
    'session',
  )
  await deps.sessions.end([session])
  tell(deps, asked, 'session.end')
  return { ended: 1 }
}

async function changePassword(deps: SignInDependencies, asked: Asked): Promise<object> {
  const body = await bodyOf(asked.request, ['password', 'new_password'])
  const ask = { password: textIn(body, 'password'), newPassword: body['new_password'] }
  await deps.signIn.changePassword(sessionOf(deps, asked), ask, visitorOf(deps, asked.request, asked.server))
  tell(deps, asked, 'password.change')
  return { changed: true }
}

async function enrol(deps: SignInDependencies, asked: Asked): Promise<object> {
  const { personId } = sessionOf(deps, asked)
  const body = await bodyOf(asked.request, ['password'])
  const visitor = visitorOf(deps, asked.request, asked.server)
  const secret = await deps.signIn.enrol(personId, textIn(body, 'password'), visitor)
  const name = deps.profileOf(asked.principal.workspaceId, personId)?.email ?? showId('person', personId)
  const uri = `otpauth://totp/Gatehouse:${encodeURIComponent(name)}?secret=${secret}&issuer=Gatehouse&digits=6&period=30`
  return { secret, uri }
}

async function confirm(deps: SignInDependencies, asked: Asked): Promise<object> {
  const { personId } = sessionOf(deps, asked)
  const body = await bodyOf(asked.request, ['code'])
  const visitor = visitorOf(deps, asked.request, asked.server)
  const codes = await deps.signIn.confirm(personId, textIn(body, 'code'), visitor)
  tell(deps, asked, 'second_factor.add')
  return { recovery_codes: codes }
}

/** Wants both factors, so that a browser that was left open gives nothing away. */
async function removeSecond(deps: SignInDependencies, asked: Asked): Promise<object> {
  const { personId } = sessionOf(deps, asked)
  const body = await bodyOf(asked.request, ['password', 'code'])
  const ask = { password: textIn(body, 'password'), code: textIn(body, 'code') }
  await deps.signIn.removeSecond(personId, ask, visitorOf(deps, asked.request, asked.server))
  tell(deps, asked, 'second_factor.remove')
  return { removed: true }
}

async function makeLink(deps: SignInDependencies, asked: Asked): Promise<Response> {
  const personId = idOf('person', asked.params)
  const { kind } = await bodyOf(asked.request, ['kind'])
  if (typeof kind !== 'string' || !LINK_KINDS.includes(kind as LinkKind))
    throw wrong('/kind', `one of ${LINK_KINDS.join(', ')}`)
  const { token, expiresAtMs } = await deps.links.make(kind as LinkKind, personId, asked.principal)
  tell(deps, asked, `link.make_${kind}`, showId('person', personId))
  return json({ kind, url: linkUrl(deps.publicUrl(), token), expires_at: toTime(expiresAtMs) }, 201)
}

/** The address of a link's page. */
export function linkUrl(publicUrl: string, token: string): string {
  return `${publicUrl}${LINK_PAGE}${token}`
}

async function lookAtLink({ links }: SignInDependencies, { request }: Came): Promise<object> {
  const { kind } = await links.look(textIn(await bodyOf(request, ['token']), 'token'))
  return { kind }
}

async function useLink(deps: SignInDependencies, { request }: Came): Promise<object> {
  const body = await bodyOf(request, ['token', 'password', 'name', 'email'])
  const owner = (): FirstOwner => ({ name: nameIn(body['name'], ''), email: emailIn(body['email'], '') })
  const { kind, personId } = await deps.links.use(textIn(body, 'token'), { password: body['password'], owner })
  const object = showId('person', personId)
  const by = { id: object, by: 'session', workspaceId: MAIN_WORKSPACE, personId } as const
  deps.note({ by, action: `link.use_${kind}`, object, outcome: 'done' })
  return { done: true }
}

/** `signed_in` spares a page the refusal that it would have to ask for. */
function methods({ oidc, sessions, cookies }: SignInDependencies, { request }: Came): object {
  const session = sessions.withToken(cookies.read(request, 'session') ?? '')
  return { password: true, oidc: oidc() !== null, signed_in: session !== undefined }
}

/** Begins the single sign-on; with a session it connects the identity to whoever is signed in. */
async function beginOidc(deps: SignInDependencies, { request }: Came): Promise<Response> {
  const { connect } = await bodyOf(request, ['connect'])
  if (connect !== undefined && typeof connect !== 'boolean') throw wrong('/connect', 'true or false')
  const session = connect === true ? deps.sessions.withToken(deps.cookies.read(request, 'session') ?? '') : undefined
  if (connect === true && !session) throw new Failure('unauthorized', 'Sign in before you connect')
  const { address, step } = await required(deps).begin(session?.personId ?? null)
  const response = json({ redirect_to: address })
  response.headers.append('Set-Cookie', deps.cookies.set('oidc', step, SECOND_STEP_MS / 1000))
  return response
}

/** The browser comes back from the single sign-on: whatever became of it is shown by the console. */
async function endOidc(deps: SignInDependencies, { request, visitor }: Came): Promise<Response> {
  const headers = new Headers({ Location: '/', 'Cache-Control': 'no-store' })
  headers.append('Set-Cookie', deps.cookies.clear('oidc'))
  try {
    const step = deps.cookies.read(request, 'oidc') ?? ''
    const personId = await required(deps).end(new URL(request.url).searchParams, step)
    await setCookies(deps, { request, outcome: await deps.signIn.letIn(personId, 'oidc', visitor), headers })
  } catch (error) {
    const refused = responseOf(error, deps.log)
    headers.set('Location', `/#refused=${refused.status === 403 || refused.status === 409 ? 'not-let-in' : 'failed'}`)
  }
  return new Response(null, { status: 303, headers })
}

function required({ oidc }: SignInDependencies): Oidc {
  return found(oidc() ?? undefined, 'single sign-on: none is configured')
}

/** Says in the audit what somebody did here: credentials are no part of the records, whose acts are there by themselves. */
function tell(deps: SignInDependencies, { principal }: Asked, action: string, object?: string): void {
  const own = principal.personId === null ? null : showId('person', principal.personId)
  deps.note({ by: actorOf(principal), action, object: object ?? own, outcome: 'done' })
}

/** Throws `conflict` for who came with a key: a key has no session, no password and no second factor. */
function sessionOf({ sessions }: SignInDependencies, { principal }: Asked): Session {
  const session = sessions.ofPrincipal(principal)
  if (!session) throw new Failure('conflict', 'This is about a browser session, and you came with an API key')
  return session
}

async function bodyOf(request: Request, names: readonly string[]): Promise<Record<string, unknown>> {
  const body = await readJson(request, BODY_BYTES_MAX)
  knownMembers(body, names)
  return body
}

function textIn(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value === 'string' && value !== '' && value.length <= TEXT_CHARS_MAX) return value
  throw wrong(`/${name}`, `a text of 1 to ${TEXT_CHARS_MAX} characters`)
}
