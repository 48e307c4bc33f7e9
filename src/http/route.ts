import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../people/may-see.ts'
import { responseOf } from './errors.ts'

export interface RouteDependencies {
  clock: Clock
  log: Log
  principalOf(authorization: string | null): Principal
  /** `route` is the pattern, never the path. */
  count(route: string, status: number, seconds: number): void
}

export interface Asked {
  request: Request
  params: Record<string, string>
  query: URLSearchParams
  principal: Principal
}

/** What Elysia hands to a handler, as far as routes use it. */
interface Context {
  request: Request
  params: Record<string, string>
}

/** One route of the API: who asks is known before anything is read, and whatever is thrown becomes a problem document. */
export function route(
  deps: RouteDependencies,
  pattern: string,
  handle: (asked: Asked) => Promise<Response | object>,
  queryNames: readonly string[] = [],
): (context: Context) => Promise<Response> {
  return async ({ request, params }) => {
    const startedMs = deps.clock.monoMs()
    const response = await answer().catch((error: unknown) => responseOf(error, deps.log))
    deps.count(pattern, response.status, (deps.clock.monoMs() - startedMs) / 1000)
    return response

    async function answer(): Promise<Response> {
      const principal = deps.principalOf(request.headers.get('authorization'))
      const query = new URL(request.url).searchParams
      knownQuery(query, queryNames)
      const value = await handle({ request, params, query, principal })
      return value instanceof Response ? value : json(value)
    }
  }
}

/** API answers are never kept by proxies or browsers: they hold what only this caller may see. */
export function json(value: object, status = 200): Response {
  return Response.json(value, { status, headers: { 'Cache-Control': 'no-store' } })
}

/** Refuses query parameters that the route does not know. */
function knownQuery(query: URLSearchParams, names: readonly string[]): void {
  for (const name of query.keys()) {
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
