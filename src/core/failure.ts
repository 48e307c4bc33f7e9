/** The stable codes of RFC 9457 problem details. Clients rely on them: never rename one. */
export const STATUS_OF = {
  invalid: 400,
  sender_required: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  idempotency_mismatch: 409,
  lease_lost: 409,
  offset_gone: 410,
  too_large: 413,
  window_closed: 422,
  recipient_opted_out: 422,
  template_unknown: 422,
  number_paused: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<string, number>

export type FailureCode = keyof typeof STATUS_OF

/**
 * A request we refuse. Its message is for the caller and never holds personal data: it names the field, not the value.
 * Bugs are plain errors; outcomes of the outside world are values.
 */
export class Failure extends Error {
  readonly code: FailureCode
  /** More members of the problem document, such as `path`, `head`, `retry_after_ms`. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(code: FailureCode, message: string, members: Record<string, unknown> = {}) {
    super(message)
    this.name = 'Failure'
    this.code = code
    this.members = members
  }
}

/** What was thrown says of itself; it may be anything. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The system's or SQLite's word for what went wrong, such as `ENOENT`; undefined where an error has none, or a number as the DOM's. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** What may be told of an error anywhere: its code or its kind, never its words, which may quote what it failed on. */
export function nameOfError(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? error.name : 'unknown error')
}

/** A failure as plain data, to cross a thread. */
export interface FailureData {
  code: FailureCode
  message: string
  members: Record<string, unknown>
}

export function failureData(failure: Failure): FailureData {
  return { code: failure.code, message: failure.message, members: { ...failure.members } }
}

export function failureFrom(data: FailureData): Failure {
  return new Failure(data.code, data.message, data.members)
}

/** RFC 9457 problem details of a failure; `type` is a relative reference that the API's documentation resolves. */
export function problemOf(failure: FailureData): Record<string, unknown> {
  return {
    type: `/api/docs#${failure.code}`,
    title: failure.code.replaceAll('_', ' '),
    status: STATUS_OF[failure.code],
    code: failure.code,
    detail: failure.message,
    ...failure.members,
  }
}
