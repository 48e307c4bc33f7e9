import { Failure, type FailureData, failureData, problemOf, STATUS_OF } from '../core/failure.ts'
import type { Log } from '../core/log.ts'

/** A failure as an RFC 9457 response. */
export function problemResponse(failure: FailureData): Response {
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' }
  const retryAfterMs = failure.members['retry_after_ms']
  if (typeof retryAfterMs === 'number') headers['Retry-After'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
  if (failure.code === 'unauthorized') headers['WWW-Authenticate'] = 'Bearer'
  const { allow } = failure.members
  if (Array.isArray(allow)) headers['Allow'] = allow.join(', ')
  return Response.json(problemOf(failure), { status: STATUS_OF[failure.code], headers })
}

/** Whatever was thrown as a response: a `Failure` says itself, anything else is ours and is not shown. */
export function responseOf(error: unknown, log: Log): Response {
  if (error instanceof Failure) return problemResponse(failureData(error))
  log.error('request failed', { error: error instanceof Error ? error.name : 'unknown' })
  return problemResponse({ code: 'internal', message: 'Something went wrong here; it has been noted', members: {} })
}
