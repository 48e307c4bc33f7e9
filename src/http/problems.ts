import type { FailureCode } from '../core/failure.ts'

/** What each code means and what to do about it: a problem's `type` leads here. */
export const PROBLEM_MEANING: Readonly<Record<FailureCode, string>> = {
  invalid:
    'The request is not what it must be. `path` says where and `detail` what is wanted; sent again it is refused again.',
  sender_required: 'Nothing says which number it is to leave from, and there is more than one pool: set `from`.',
  unauthorized:
    'The API key, the browser session, what somebody signs in with, or the signature of a webhook is missing, wrong or over.',
  forbidden: 'You are known, and may not do this.',
  not_found: 'There is no such thing, or not for you.',
  method_not_allowed: 'The address is right, the method is not: the header `Allow` and `allow` say which it takes.',
  conflict: 'Its present state does not allow this: a message that has left cannot be cancelled.',
  idempotency_mismatch: 'This key was used for another request in the last 7 days: use a new key for a new request.',
  lease_lost: 'Somebody else holds the conversation by now.',
  offset_gone:
    'The offset is not kept any more, lies beyond the head, or is of another epoch: load the lists anew and go on from their `as_of`. `head`, `oldest` and `epoch` say where the log stands.',
  too_large: 'The body is larger than this operation takes.',
  window_closed: 'The customer has not written in the last 24 hours: only a template may be sent.',
  recipient_opted_out: 'The recipient does not want such messages.',
  template_unknown: 'The platform does not know the template in this language.',
  number_paused: 'Nothing is sent from this number now: it is paused or unclaimed. `reason` says why.',
  rate_limited: 'Too many requests: come again after `retry_after_ms`.',
  internal:
    'Something went wrong here, and it has been noted. Whether it was done is not known: ask, or repeat it with its idempotency key.',
  unavailable: 'Not now: starting, stopping, full or behind. Nothing was done; come again after `retry_after_ms`.',
}
