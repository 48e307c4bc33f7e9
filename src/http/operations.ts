import { Elysia } from 'elysia'
import { BUILD } from '../core/build.ts'
import { Failure } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import { MAIN_WORKSPACE, type Principal } from '../core/principal.ts'
import type { ClientAddresses } from './client-address.ts'
import { responseOf } from './errors.ts'
import { requireMay } from './route.ts'
import { securityHeaders } from './security-headers.ts'

export interface Readiness {
  ready: boolean
  /** Each check and whether it holds. */
  checks: Readonly<Record<string, boolean>>
}

export interface OperationsDependencies {
  log: Log
  version: string
  readiness(): Readiness
  metrics(): Promise<{ text: string; contentType: string }>
  principalOf(authorization: string | null, request: Request): Principal
  addresses: ClientAddresses
}

/** `/healthz`, `/readyz`, `/metrics`, `/version`. Metrics are for this machine and for holders of an API key. */
export function operationsRoutes(deps: OperationsDependencies): Elysia {
  const app = new Elysia({ name: 'operations' })
  app.get('/healthz', () => Response.json({ status: 'ok' }))
  app.get('/readyz', () => readyResponse(deps))
  app.get('/version', () =>
    Response.json({ name: 'gatehouse', version: deps.version, commit: BUILD.commit, bun: Bun.version }),
  )
  app.get('/metrics', async ({ request, server }) => {
    try {
      if (!deps.addresses.isThisMachine(request, server))
        requireHouse(deps.principalOf(request.headers.get('authorization'), request))
      return await metricsResponse(deps)
    } catch (error) {
      return responseOf(error, deps.log)
    }
  })
  return app as unknown as Elysia
}

/** The same two on an address of their own, where the operator decided who reaches it. */
export function operationsFetch(deps: OperationsDependencies): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await answerOf(deps, new URL(request.url).pathname)
    for (const [name, value] of Object.entries(securityHeaders(undefined))) response.headers.set(name, value)
    return response
  }
}

async function answerOf(deps: OperationsDependencies, pathname: string): Promise<Response> {
  if (pathname === '/metrics') return await metricsResponse(deps)
  if (pathname === '/readyz') return readyResponse(deps)
  return responseOf(new Failure('not_found', 'Only /metrics and /readyz are here'), deps.log)
}

/** Figures are of the whole house, and name the numbers of every workspace. */
function requireHouse(principal: Principal): void {
  requireMay(principal, 'operations.see')
  if (principal.workspaceId === MAIN_WORKSPACE) return
  throw new Failure('forbidden', 'The figures of the house are for those who work in main')
}

function readyResponse(deps: OperationsDependencies): Response {
  const { ready, checks } = deps.readiness()
  return Response.json({ ready, checks }, { status: ready ? 200 : 503 })
}

async function metricsResponse(deps: OperationsDependencies): Promise<Response> {
  const { text, contentType } = await deps.metrics()
  return new Response(text, { headers: { 'Content-Type': contentType } })
}
