import { createHash } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { Failure, problemOf, STATUS_OF } from '../core/failure.ts'
import { hereOf, listening } from '../core/listening.ts'
import type { Log } from '../core/log.ts'
import { answerControl } from './control-routes.ts'
import { Deliverer } from './deliverer.ts'
import { answerGraph } from './graph-routes.ts'
import { answerMedia } from './media-routes.ts'
import { loadPage } from './page-bundle.ts'
import { Platform } from './platform.ts'
import type { Settings, SimulatedNumber } from './settings.ts'

/** What the simulator needs; `port` 0 takes a free one. */
export interface SimulatorOptions {
  host: string
  port: number
  /** Where the gateway takes webhooks. */
  webhookUrl: string
  appSecret: string
  verifyToken: string
  accessToken: string
  numbers: SimulatedNumber[]
  clock: Clock
  random: () => number
  /** File that keeps the sends over the simulator's own death; null or absent: in memory only. */
  storePath?: string | null
  settings?: Partial<Settings>
  log: Log
}

/** Bodies that are read; Bun answers 413 to larger ones. */
const BODY_BYTES_MAX = 32 * 1024 * 1024

/** The longest wait of a socket that Bun allows, longer than any answer the simulator holds back. */
const IDLE_SECONDS = 255

/** Starts the platform's stand-in behind HTTP. Its page is at `/`, its control API under `/_/`. */
export async function startSimulator(options: SimulatorOptions): Promise<{ port: number; stop(): Promise<void> }> {
  const { clock, random, log } = options
  const platform = new Platform({ ...options, storePath: options.storePath ?? null })
  const deliverer = new Deliverer({ ...options, platform })
  const stopping = new AbortController()
  const page = pageResponder(await loadPage())
  const control = { platform, deliverer, clock, signal: stopping.signal, startedAtMs: clock.epochMs() }
  const at = { hostname: options.host, port: options.port }
  const server = listening({ ...at, settings: 'simulator_port, GATEHOUSE_SIMULATOR_PORT' }, () =>
    Bun.serve({
      ...at,
      // Bun's default lets a second process share the port: each would get half of the requests, in silence.
      reusePort: false,
      development: false,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: BODY_BYTES_MAX,
      async fetch(request) {
        try {
          const { pathname } = new URL(request.url)
          if (pathname === '/') return page(request)
          if (pathname.startsWith('/_/')) return await answerControl(request, control)
          if (pathname.startsWith('/_media/')) return answerMedia(request, platform)
          const answer = await answerGraph(request, { platform, clock, random })
          return answer === 'reset' ? resetConnection() : answer
        } catch (error) {
          return problemResponse(error, log)
        }
      },
    }),
  )
  const port = server.port ?? 0
  platform.baseUrl = `http://${hereOf(options.host)}:${port}`
  deliverer.start()
  log.info('simulator started', { port })
  let stopped: Promise<void> | null = null
  return {
    port,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }

  async function stop(): Promise<void> {
    stopping.abort()
    await deliverer.stop()
    await server.stop(true)
    platform.sends.close()
  }
}

/**
 * A response that resets the connection: Bun aborts the socket (RST, no byte of an answer) when the body's stream
 * fails before its first byte. Without a reason, as any reason is printed as an uncaught error.
 */
function resetConnection(): Response {
  return new Response(new ReadableStream({ pull: (controller) => controller.error(undefined) }))
}

function problemResponse(error: unknown, log: Log): Response {
  const failure = error instanceof Failure ? error : new Failure('internal', 'The simulator failed')
  if (!(error instanceof Failure))
    log.error('request failed', { error: error instanceof Error ? error.name : 'unknown' })
  const { code, message, members } = failure
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (Array.isArray(members['allow'])) headers.set('allow', members['allow'].join(', '))
  const problem = problemOf({ code, message, members: { ...members } })
  return new Response(JSON.stringify(problem), { status: STATUS_OF[code], headers })
}

/** The page, with a policy that lets nothing run but its own script and style. */
function pageResponder(html: string): (request: Request) => Response {
  const script = hashOf(html, /<script type="module">([\s\S]*?)<\/script>/)
  const style = hashOf(html, /<style>([\s\S]*?)<\/style>/)
  const policy = [
    "default-src 'none'",
    `script-src ${script}`,
    `style-src ${style}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "media-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  }
  return (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return new Response(html, { headers })
    return new Response('Method not allowed', { status: 405, headers: { allow: 'GET, HEAD' } })
  }
}

function hashOf(html: string, part: RegExp): string {
  const content = part.exec(html)?.[1] ?? ''
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}
