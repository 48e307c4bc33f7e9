import { Elysia } from 'elysia'
import type { Channel } from '../channels/channel.ts'
import { depthExceeds } from '../channels/depth.ts'
import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Log } from '../core/log.ts'
import { DEPTH_MAX, readBody } from './body.ts'
import { BodyDropped, BodyRoom, ROOM_BYTES_MAX } from './body-room.ts'
import { responseOf } from './errors.ts'

/** An application at a platform, as the webhook needs it. */
export interface WebhookApp {
  id: string
  channel: Channel
  secrets: readonly string[]
  verifyToken: string
}

export type WebhookOutcome =
  | 'stored'
  | 'too_large'
  | 'bad_signature'
  | 'too_deep'
  | 'cut_short'
  | 'unknown_app'
  | 'unavailable'
  | 'failed'

export interface WebhookDependencies {
  clock: Clock
  log: Log
  /** The application of a source as it is configured now. */
  appOf(source: string): WebhookApp | undefined
  isReady(): boolean
  /** Resolves once it is on stable storage. */
  accept(source: string, body: Uint8Array): Promise<unknown>
  /** As the operator has it now. */
  bodyBytesMax(): number
  /** A body was given up, since too much of others was held. */
  overflow(): void
  /** `seconds`: from the body being whole to its answer, where it was stored; `app`: the id of a configured one, or null. */
  count(outcome: WebhookOutcome, seconds: number, app: string | null): void
}

/** The key of an application among all channels, which is also the source of its journal entries. */
export function sourceOf(channel: string, app: string): string {
  return `${channel}/${app}`
}

const OUTCOME_OF: Partial<Record<Failure['code'], WebhookOutcome>> = {
  not_found: 'unknown_app',
  too_large: 'too_large',
  unauthorized: 'bad_signature',
  invalid: 'too_deep',
  unavailable: 'unavailable',
}

/** A sender that goes away while we read is neither a fault of ours nor one of the body. */
function outcomeOf(error: unknown, request: Request): WebhookOutcome {
  if (!(error instanceof Failure)) return 'failed'
  if (error.code === 'invalid' && request.signal.aborted) return 'cut_short'
  // Anybody outside can begin bodies and never end them: that is no fault of ours either.
  if (error instanceof BodyDropped) return 'cut_short'
  return OUTCOME_OF[error.code] ?? 'failed'
}

/** The platforms' way in. The order of the checks is the design's: known, ready, size, signature, depth, journal, 200. */
export function webhookRoutes(deps: WebhookDependencies): Elysia {
  const app = new Elysia({ name: 'webhooks' })
  const room = new BodyRoom(ROOM_BYTES_MAX, () => deps.overflow())
  app.get('/webhooks/:channel/:app', ({ params, request }) => {
    const known = deps.appOf(sourceOf(params.channel, params.app))
    const query = new URL(request.url).searchParams
    const answer = known?.channel.answerChallenge(query, known.verifyToken)
    if (!known) return responseOf(unknownApp(), deps.log)
    if (answer === null || answer === undefined) {
      return responseOf(new Failure('forbidden', 'The verify token is not the one of this app'), deps.log)
    }
    return new Response(answer, { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
  })
  app.post(
    '/webhooks/:channel/:app',
    async ({ params, request }) => {
      const known = deps.appOf(sourceOf(params.channel, params.app))
      try {
        const wholeAtMs = await take(deps, known, { request, room })
        deps.count('stored', (deps.clock.monoMs() - wholeAtMs) / 1000, known?.id ?? null)
        return new Response('OK')
      } catch (error) {
        const outcome = outcomeOf(error, request)
        deps.count(outcome, 0, known?.id ?? null)
        logRefusal(deps.log, outcome, params.app)
        return responseOf(error, deps.log)
      }
    },
    { parse: 'none' },
  )
  return app as unknown as Elysia
}

/** Those that somebody here has to do something about; a platform repeats what is not taken, so each stays one line. */
function logRefusal(log: Log, outcome: WebhookOutcome, app: string): void {
  if (outcome === 'too_large')
    log.error('webhook too large and not taken: raise [limits] webhook_body_bytes_max', { app })
  if (outcome === 'bad_signature') log.warn('a webhook was not signed with the app secret: see app_secret', { app })
}

/** Answers when the body was whole: how long a sender takes for it says nothing of us. */
async function take(
  deps: WebhookDependencies,
  app: WebhookApp | undefined,
  { request, room }: { request: Request; room: BodyRoom },
): Promise<number> {
  if (!app) throw unknownApp()
  if (!deps.isReady()) throw new Failure('unavailable', 'Not ready: send again later', { retry_after_ms: 1000 })
  const body = await readBody(request, deps.bodyBytesMax(), room)
  const wholeAtMs = deps.clock.monoMs()
  if (!app.channel.verifySignature({ headers: request.headers, body, secrets: app.secrets })) {
    throw new Failure('unauthorized', 'The signature does not fit the body and the app secret')
  }
  if (depthExceeds(body, DEPTH_MAX)) throw new Failure('invalid', `The body is nested deeper than ${DEPTH_MAX}`)
  await deps.accept(sourceOf(app.channel.name, app.id), body)
  return wholeAtMs
}

function unknownApp(): Failure {
  return new Failure('not_found', 'No app of this name is configured')
}
