import type { PersonReference, SendOutcome } from '../../core/inbound.ts'
import { errorClassOf } from './errors.ts'
import { integerOf, objectOf, phoneOf, textOf } from './read.ts'

/** What of an answer decides. `body` is the parsed JSON, undefined where there is none or it could not be read. */
export interface Answer {
  status: number
  headers: Headers
  body: unknown
  /** The connection ended before the body did. */
  isCut: boolean
}

/** No answer may park a number for longer than this; after it the platform is asked again. */
export const RETRY_AFTER_MS_MAX = 60 * 60 * 1_000

/** The platform's error for an access token that it does not take (any more). */
export const TOKEN_CODE = 190

/** Where the platform throttles without saying for how long: its advice for 130429. */
const THROTTLED_MS = 1_000

/** What an answer of the platform says about the send. */
export function outcomeOf(answer: Answer): SendOutcome {
  const body = objectOf(answer.body)
  const upstreamId = messageIdOf(body?.['messages'])
  const isSuccess = answer.status >= 200 && answer.status < 300
  if (isSuccess && upstreamId !== undefined) {
    const isPacing = objectOf(listHead(body?.['messages']))?.['message_status'] === 'held_for_quality_assessment'
    return { kind: 'accepted', upstreamId, recipient: recipientOf(body?.['contacts']), pacing: isPacing }
  }
  const error = objectOf(body?.['error'])
  const code = integerOf(error?.['code'])
  const known = code === undefined ? undefined : errorClassOf(code, integerOf(error?.['error_subcode']), answer.status)
  if (known === undefined) return outcomeByStatus(answer, code ?? null)
  if (known.kind !== 'retry') return { ...known, code: code ?? null }
  return { ...known, code: code ?? null, afterMs: Math.max(known.afterMs, waitOf(answer.headers) ?? 0) }
}

/** Bad request, too large, address too long, unknown type, unprocessable, headers too large: another try ends the same. */
const ABOUT_THE_MESSAGE = [400, 413, 414, 415, 422, 431]

/** Where no code is known, only a status from 400 to 499 is a definite no. */
function outcomeByStatus(answer: Answer, code: number | null): SendOutcome {
  const { status, headers, isCut } = answer
  if (status === 429) {
    const afterMs = waitOf(headers) ?? THROTTLED_MS
    return { kind: 'retry', code, reason: 'throttled', afterMs, scope: 'number', throttled: true }
  }
  if (status >= 400 && status < 500) {
    const later = { kind: 'retry', code, afterMs: waitOf(headers), scope: 'transport', throttled: false } as const
    // It was a no, but its code, which may have said "later", did not arrive.
    if (isCut) return { ...later, reason: 'answer_cut_short' }
    // The platform names a code. What stands before it, a filter or a proxy, refuses whatever it is sent, until it is mended.
    if (code === null && !ABOUT_THE_MESSAGE.includes(status)) return { ...later, reason: 'not_the_platform' }
    return { kind: 'refused', code, reason: 'refused_by_platform', pauses: 'nothing', closesWindow: false }
  }
  if (status >= 500) return { kind: 'unknown', code, reason: 'platform_error' }
  return { kind: 'unknown', code, reason: isCut ? 'answer_cut_short' : 'answer_not_understood' }
}

/** How long the headers ask to wait, in milliseconds, at most an hour; null if they do not say. */
export function waitOf(headers: Headers): number | null {
  const waits = [retryAfterMs(headers), regainMs(headers.get('x-business-use-case-usage'))].filter(
    (wait) => wait !== null,
  )
  return waits.length === 0 ? null : Math.min(RETRY_AFTER_MS_MAX, Math.max(...waits))
}

/** `Retry-After` of RFC 9110 10.2.3: seconds, or a date, which is measured against the answer's own `Date`. */
function retryAfterMs(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000
  const waitMs = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null
}

/**
 * The platform's estimate in minutes until an exhausted limit of the application or account lets calls through again.
 */
function regainMs(header: string | null): number | null {
  let longest: number | null = null
  const usage = objectOf(parsed(header ?? ''))
  for (const list of Object.values(usage ?? {})) {
    for (const element of Array.isArray(list) ? list : []) {
      const minutes = integerOf(objectOf(element)?.['estimated_time_to_regain_access'])
      if (minutes !== undefined && minutes > 0) longest = Math.max(longest ?? 0, minutes * 60_000)
    }
  }
  return longest
}

/** The value of a JSON text; undefined if it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function messageIdOf(messages: unknown): string | undefined {
  const id = objectOf(listHead(messages))?.['id']
  return typeof id === 'string' ? textOf(id) : undefined
}

/** Whom the platform sent it to. `wa_id` may differ from the number that was asked for. */
function recipientOf(contacts: unknown): PersonReference | null {
  const contact = objectOf(listHead(contacts))
  const phone = phoneOf(contact?.['wa_id'])
  const userId = textOf(contact?.['user_id'])
  if (phone === undefined && userId === undefined) return null
  return { ...(phone === undefined ? {} : { phone }), ...(userId === undefined ? {} : { userId }) }
}

function listHead(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined
}
