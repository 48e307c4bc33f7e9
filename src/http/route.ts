import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { type IdKind, readId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Permission } from '../core/permissions.ts'
import { actorOf, type Principal } from '../core/principal.ts'
import { masked, maskOf } from '../people/mask.ts'
import { may, maySee } from '../people/may-see.ts'
import type { AuditNote } from '../records/audit.ts'
import type { NumberRow } from '../records/number.ts'
import { noConversation, type PageAsk, type See, seeing } from '../records/page.ts'
import type { Reader } from '../records/reader.ts'
import { onBehalfOf } from './asking.ts'
import { AUDITED_READS } from './audited-reads.ts'
import type { Peers } from './client-address.ts'
import { responseOf } from './errors.ts'

const LIST_MAX = 200
const JSON_TYPE = 'application/json'

export interface RouteDependencies {
  clock: Clock
  log: Log
  /** By the API key, or without one by the cookie of the request. */
  principalOf(authorization: string | null, request: Request): Principal
  /** Throws `Failure('rate_limited')` where this caller asks too often. */
  admit(principal: Principal): void
  /** Says in the audit that somebody looked at something, or was not let in. */
  note(note: AuditNote): void
  /** `route` is the pattern, never the path. */
  count(route: string, status: number, seconds: number): void
}

export interface Asked {
  request: Request
  params: Record<string, string>
  query: URLSearchParams
  principal: Principal
  /** What the audit is to say of a look beyond the id in the address. */
  noted: { object?: string; detail?: object }
  /** Knows where the connection comes from; null where no server runs. */
  server: Peers | null
}

/**
 * What somebody needs to be let in: a permission; or only to be known, where what they see decides what they get.
 */
export type Rule = Permission | 'anybody known'

/** What Elysia hands to a handler, as far as routes use it. */
interface Context {
  request: Request
  server?: Peers | null
  /** Absent where the pattern has none. */
  params?: Record<string, string>
}

/** One route of the API: who asks is known, and may, before anything is read, and whatever is thrown becomes a problem document. */
export function route(
  deps: RouteDependencies,
  { pattern, rule }: { pattern: string; rule: Rule },
  handle: (asked: Asked) => Promise<Response | object>,
  queryNames: readonly string[] = [],
): (context: Context) => Promise<Response> {
  // Elysia hands over what it reads here: a default value would hide the name from it.
  return async ({ request, params, server }) => {
    const startedMs = deps.clock.monoMs()
    const response = await answer().catch((error: unknown) => responseOf(error, deps.log))
    deps.count(pattern, response.status, (deps.clock.monoMs() - startedMs) / 1000)
    return response

    async function answer(): Promise<Response> {
      const principal = deps.principalOf(request.headers.get('authorization'), request)
      deps.admit(principal)
      if (rule !== 'anybody known') requireLetIn(deps, { principal, rule, pattern })
      const query = new URL(request.url).searchParams
      knownQuery(query, queryNames)
      const asked = { request, params: params ?? {}, query, principal, noted: {}, server: server ?? null }
      const value = await onBehalfOf(principal, () => handle(asked))
      noteLook(deps, pattern, asked)
      return await shownTo(principal, value)
    }
  }
}

/** The answer as JSON, without what of customers this reader is not shown. */
async function shownTo(principal: Principal, value: Response | object): Promise<Response> {
  const mask = maskOf(principal)
  if (!(value instanceof Response)) return json((mask ? masked(value, mask) : value) as object)
  // What comes as text already, such as a page of a search.
  if (!mask || value.headers.get('content-type') !== JSON_TYPE) return value
  return json(masked(await value.json(), mask) as object, value.status)
}

/** Says in the audit what was looked at. */
function noteLook(deps: RouteDependencies, pattern: string, { request, params, principal, noted }: Asked): void {
  const action = AUDITED_READS[`${request.method === 'HEAD' ? 'GET' : request.method} ${pattern}`]
  if (action === undefined) return
  const { object = params['id'] ?? null, detail = null } = noted
  deps.note({ by: actorOf(principal), action, object, outcome: 'done', detail })
}

/** Whoever is not let in is in the audit, with what they wanted. */
function requireLetIn(
  deps: RouteDependencies,
  { principal, rule, pattern }: { principal: Principal; rule: Permission; pattern: string },
): void {
  if (!may(principal, rule)) {
    deps.note({ by: actorOf(principal), action: 'access.refuse', object: pattern, outcome: 'forbidden' })
  }
  requireMay(principal, rule)
}

/** Throws `Failure('forbidden')`, naming what is missing. */
export function requireMay(principal: Principal, permission: Permission): void {
  if (may(principal, permission)) return
  throw new Failure('forbidden', `This needs the permission ${permission}`, { permission })
}

/** API answers are never kept by proxies or browsers: they hold what only this caller may see. */
export function json(value: object, status = 200): Response {
  return Response.json(value, { status, headers: { 'Cache-Control': 'no-store' } })
}

/** Refuses query parameters that the route does not know, and one that comes twice: others read the other of the two. */
function knownQuery(query: URLSearchParams, names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of query.keys()) {
    if (seen.has(name))
      throw new Failure('invalid', `${name.slice(0, 50)} is said twice`, { path: `?${name.slice(0, 50)}` })
    seen.add(name)
    if (!names.includes(name))
      throw new Failure('invalid', `Unknown query parameter: ${name.slice(0, 50)}`, { path: `?${name.slice(0, 50)}` })
  }
}

/** A whole number from a query parameter, between bounds; the default where it is absent. */
export function integerOf(
  query: URLSearchParams,
  name: string,
  bounds: { min: number; max: number; absent: number },
): number {
  const text = query.get(name)
  if (text === null) return bounds.absent
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= bounds.min && value <= bounds.max)) {
    throw new Failure('invalid', `${name} must be a whole number from ${bounds.min} to ${bounds.max}`, {
      path: `?${name}`,
    })
  }
  return value
}

/** Whether what its author took back is asked for too. */
export function asksForRevoked(query: URLSearchParams): boolean {
  const wanted = query.get('revoked')
  if (wanted === null || wanted === 'show') return wanted !== null
  throw new Failure('invalid', 'Wrong parameter: revoked must be "show"', { path: '?revoked' })
}

export function pageOf(query: URLSearchParams): PageAsk {
  return { limit: integerOf(query, 'limit', { min: 1, max: LIST_MAX, absent: 50 }), cursor: query.get('cursor') }
}

export function idOf(kind: IdKind, params: Record<string, string>): number {
  const id = readId(kind, params['id'] ?? '')
  if (id === undefined) throw new Failure('not_found', `No such ${kind}`)
  return id
}

export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Failure('not_found', `No such ${what}`)
  return value
}

/** The numbers of the workspace that whoever asks sees. */
export function numbersSeen(reader: Pick<Reader, 'numbersOf'>, principal: Principal): NumberRow[] {
  return reader
    .numbersOf(principal.workspaceId)
    .filter(({ id, workspace_id }) => maySee(principal, { ...noConversation(workspace_id), numberId: id }))
}

/** The one function that says who may see what, for one caller. */
export function seeOf(principal: Principal): See {
  return seeing(principal.workspaceId, (what) => maySee(principal, what), principal.before?.asOf)
}
