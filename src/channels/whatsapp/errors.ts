import type { SendOutcome } from '../../core/inbound.ts'

type Retry = Extract<SendOutcome, { kind: 'retry' }>
type Refused = Extract<SendOutcome, { kind: 'refused' }>

/** What one of the platform's error codes says about a send. `reason` is our word for it and the same for ever. */
export type ErrorClass =
  /**
   * It has not gone out and may be repeated after `afterMs` (a first wait: the dispatcher lengthens it and adds
   * jitter).
   */
  | { kind: 'retry'; reason: string; afterMs: number; scope: Retry['scope']; throttled: boolean; pauses?: 'token' }
  /** It has not gone out and will not. */
  | { kind: 'refused'; reason: string; pauses: Refused['pauses']; closesWindow: boolean }
  /** The platform itself does not know: it may have gone out. */
  | { kind: 'unknown'; reason: string }

const SECOND = 1_000
const MINUTE = 60 * SECOND

function throttled(reason: string, afterMs: number, scope: Retry['scope']): ErrorClass {
  return { kind: 'retry', reason, afterMs, scope, throttled: true }
}

function later(reason: string, afterMs: number, scope: Retry['scope']): ErrorClass {
  return { kind: 'retry', reason, afterMs, scope, throttled: false }
}

function refused(reason: string, pauses: Refused['pauses'] = 'nothing'): ErrorClass {
  return { kind: 'refused', reason, pauses, closesWindow: false }
}

function unknown(reason: string): ErrorClass {
  return { kind: 'unknown', reason }
}

const TOKEN_INVALID: ErrorClass = {
  kind: 'retry',
  reason: 'token_invalid',
  afterMs: 0,
  scope: 'number',
  throttled: false,
  pauses: 'token',
}

/**
 * The platform's error codes (its error reference of 19 November 2025 and 15 May 2026, its groups reference, and what
 * maintained libraries saw since). The code decides and not the HTTP status: throttling comes as 400 and as 429. Where
 * the platform says that a request may be repeated but not that it was not carried out, the code is `unknown`.
 */
export const ERROR_CLASSES: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  // Limits: nothing went out.
  [4, throttled('app_rate_limit', MINUTE, 'app')],
  [80007, throttled('waba_rate_limit', MINUTE, 'app')],
  [130429, throttled('number_rate_limit', SECOND, 'number')],
  [131056, throttled('pair_rate_limit', SECOND, 'pair')],
  [131208, throttled('group_rate_limit', MINUTE, 'pair')],
  // Nothing went out and it is nobody's fault. The narrowest scope: others of the number need not wait.
  [131057, later('number_in_maintenance', MINUTE, 'number')],
  [2494100, later('number_in_maintenance', 2 * MINUTE, 'number')],
  [134101, later('template_syncing', 10 * MINUTE, 'pair')],
  [132069, later('flow_throttled', 60 * MINUTE, 'pair')],

  // In doubt.
  [1, unknown('platform_error')],
  [2, unknown('platform_unavailable')],
  [131000, unknown('platform_error')],
  [131016, unknown('platform_unavailable')],
  [133004, unknown('platform_unavailable')],

  // Nothing is wrong with the message: it waits for another token, and nothing is sent with this one.
  [0, TOKEN_INVALID],
  [190, TOKEN_INVALID],

  // The number or the account must not send until somebody has looked.
  [3, refused('permission_missing', 'number')],
  [10, refused('permission_missing', 'number')],
  [131005, refused('permission_missing', 'number')],
  [33, refused('number_deleted', 'number')],
  [131048, refused('number_spam_limit', 'number')],
  [131045, refused('number_not_registered', 'number')],
  [133010, refused('number_not_registered', 'number')],
  [131037, refused('display_name_not_approved', 'number')],
  ...[133000, 133005, 133006, 133008, 133009, 133015, 133016].map(
    (code) => [code, refused('number_registration', 'number')] as const,
  ),
  [368, refused('account_blocked', 'waba')],
  [131031, refused('account_locked', 'waba')],
  [131042, refused('payment_problem', 'waba')],
  [131044, refused('payment_problem', 'waba')],
  [131064, refused('template_strikes', 'waba')],
  [132015, refused('template_paused', 'template')],
  [132016, refused('template_disabled', 'template')],

  // This recipient.
  [131047, { kind: 'refused', reason: 'window_closed', pauses: 'nothing', closesWindow: true }],
  [131026, refused('recipient_unreachable')],
  [131030, refused('recipient_not_allowed')],
  [131021, refused('recipient_is_sender')],
  [130497, refused('recipient_country_restricted')],
  [131049, refused('recipient_marketing_cap')],
  [131050, refused('recipient_opted_out')],
  [130472, refused('recipient_in_experiment')],
  [130403, refused('recipient_blocked_by_us')],
  [131062, refused('recipient_needs_phone')],
  [137000, refused('recipient_identity_changed')],

  // This message.
  ...[100, 131008, 131009, 135000].map((code) => [code, refused('message_invalid')] as const),
  [131051, refused('message_type_unsupported')],
  [131052, refused('media_download_failed')],
  [131053, refused('media_upload_failed')],
  [131060, refused('message_unavailable')],
  ...[131055, 131061, 131063, 134100, 134102].map((code) => [code, refused('template_needs_other_api')] as const),
  [132001, refused('template_unknown')],
  ...[132000, 132005, 132007, 132008, 132012, 132018].map((code) => [code, refused('template_parameters')] as const),
  [132068, refused('flow_blocked')],
  [134011, refused('payment_terms')],
  [139200, refused('direct_send_blocked')],
  ...[
    ...[131020, 131041, 131059, 131201, 131202, 131203, 131204, 131207],
    ...[131209, 131210, 131211, 131212, 131213, 131214, 131215],
  ].map((code) => [code, refused('group_refused')] as const),
])

/** Codes that say that a permission is missing, in a range of the Graph API. */
const PERMISSION_CODE_MIN = 200
const PERMISSION_CODE_MAX = 299

/** The Graph API's way to say that the number is gone: 100 with this subcode. */
const SUBCODE_OBJECT_MISSING = 33

/**
 * The class of a code, or undefined where only the HTTP status can say. Code 0 is also what a server says that knows
 * nothing, so it counts only below 500.
 */
export function errorClassOf(code: number, subcode: number | undefined, status: number): ErrorClass | undefined {
  if (code === 0 && status >= 500) return undefined
  if (code === 100 && subcode === SUBCODE_OBJECT_MISSING) return ERROR_CLASSES.get(33)
  if (code >= PERMISSION_CODE_MIN && code <= PERMISSION_CODE_MAX) return ERROR_CLASSES.get(10)
  return ERROR_CLASSES.get(code)
}
