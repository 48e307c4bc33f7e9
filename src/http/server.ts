import { Elysia } from 'elysia'
import { type Clock, pause } from '../core/clock.ts'
import { Failure, type FailureData } from '../core/failure.ts'
import { listening } from '../core/listening.ts'
import type { Log } from '../core/log.ts'
import type { Realtime } from '../realtime/realtime.ts'
import { problemResponse, responseOf } from './errors.ts'
import { securityHeaders } from './security-headers.ts'

/** Larger than every route's own bound, which each checks itself and says so. */
const REQUEST_BYTES_MAX = 128 * 1024 * 1024
const IDLE_SECONDS_MAX = 120
/** What a stop leaves to requests that are under way. */
const LAST_ANSWERS_MS_MAX = 1000
const WEBHOOK = /^https?:\/\/[^/]*\/webhooks\//

export interface ServerOptions {
  hostname: string
  port: number
  routes: readonly Elysia[]
  realtime: Realtime
  clock: Clock
  log: Log
  /** How the outside sees the house, as the operator has it now. */
  publicUrl(): string | undefined
}

export interface RunningServer {
  port: number
  /** Takes no more, answers what is under way for a moment, then ends every connection that is left. */
  stop(): Promise<void>
}

/** All routes together. */
export function serverApp(options: Omit<ServerOptions, 'hostname' | 'port' | 'clock'>): Elysia {
  const app = new Elysia({ name: 'gatehouse' })
  app.onRequest(({ request, set }) => {
    // Platforms read no headers, and theirs is the way that has to be short.
    if (request.method === 'POST' && WEBHOOK.test(request.url)) return
    Object.assign(set.headers, securityHeaders(options.publicUrl()))
  })
  app.onError(({ error, code, request }) => {
    if (code === 'NOT_FOUND') return problemResponse(nothingFor(request, app.routes))
    return responseOf(error instanceof Failure ? error : asError(error), options.log)
  })
  for (const routes of options.routes) app.use(routes)
  app.get('/realtime', ({ request, server }) => {
    if (!server) throw new Error('Assertion failed: a request has a server')
    return options.realtime.upgrade(request, server as never)
  })
  return app as unknown as Elysia
}

/** Puts the routes together and listens. */
export function startServer(options: ServerOptions): RunningServer {
  const app = serverApp(options)
  const at = { hostname: options.hostname, port: options.port }
  listening({ ...at, settings: '[http] host and port, GATEHOUSE_HTTP_HOST and GATEHOUSE_HTTP_PORT' }, () =>
    app.listen({
      ...at,
      // Elysia's default is true: a second process would take half of the connections in silence.
      reusePort: false,
      idleTimeout: IDLE_SECONDS_MAX,
      maxRequestBodySize: REQUEST_BYTES_MAX,
      websocket: options.realtime.websocket as never,
    }),
  )
  const { server } = app
  if (!server) throw new Error('Assertion failed: who listens has a server')
  return {
    port: server.port ?? options.port,
    stop: async () => {
      // With open sockets a gentle stop never ends; whoever could be told has been told.
      const answered = new AbortController()
      void server.stop().finally(() => answered.abort())
      await pause(options.clock, LAST_ANSWERS_MS_MAX, answered.signal)
      await server.stop(true)
    },
  }
}

/** Nothing is at the address; or something is, for other methods. */
function nothingFor(request: Request, routes: readonly { method: string; path: string }[]): FailureData {
  const { pathname } = new URL(request.url)
  const allow = routes.filter(({ path }) => leadsTo(path, pathname)).map(({ method }) => method)
  if (allow.includes('GET')) allow.push('HEAD')
  // A path that fits and was not found all the same is broken, such as by half of an escape.
  if (allow.length === 0 || allow.includes(request.method)) {
    return { code: 'not_found', message: 'Nothing is here', members: {} }
  }
  allow.sort()
  return { code: 'method_not_allowed', message: `This address takes ${allow.join(', ')}`, members: { allow } }
}

/** Whether a path is one of a route's, as the router sees it: it ignores a slash at the end. */
function leadsTo(route: string, pathname: string): boolean {
  const wanted = route.split('/')
  const found = pathname.replace(/(?<=.)\/$/, '').split('/')
  if (found.length !== wanted.length) return false
  return wanted.every((part, index) => (part.startsWith(':') ? found[index] !== '' : part === found[index]))
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('unknown')
}
