/**
 * The platform's errors and the exact form of their body. Programs key on `code`; titles and details follow the
 * platform's published table of error codes.
 */
interface ErrorForm {
  status: number
  title: string
  details: string
}

const FORMS: Readonly<Record<number, ErrorForm>> = {
  0: { status: 401, title: 'AuthException', details: 'We were unable to authenticate the app user.' },
  1: { status: 400, title: 'API Unknown', details: 'Invalid request or possible server error.' },
  2: { status: 503, title: 'API Service', details: 'Temporary due to downtime or due to being overloaded.' },
  3: { status: 500, title: 'API Method', details: 'Capability or permissions issue.' },
  4: { status: 400, title: 'API Too Many Calls', details: 'The app has reached its API call rate limit.' },
  10: { status: 403, title: 'Permission Denied', details: 'Permission is either not granted or has been removed.' },
  33: { status: 400, title: 'Parameter value is not valid', details: 'The business phone number has been deleted.' },
  100: { status: 400, title: 'Invalid parameter', details: 'The request included a parameter that is not supported.' },
  190: { status: 401, title: 'Access token has expired', details: 'Your access token has expired.' },
  368: {
    status: 403,
    title: 'Temporarily blocked for policies violations',
    details: 'The account has been restricted from messaging for a violation of a platform policy.',
  },
  80007: { status: 400, title: 'Rate limit issues', details: 'The account has reached its rate limit.' },
  130403: { status: 400, title: 'Recipient blocked', details: 'You have blocked this user.' },
  130429: { status: 400, title: 'Rate limit hit', details: 'Cloud API message throughput has been reached.' },
  130472: {
    status: 400,
    title: "User's number is part of an experiment",
    details: "Failed to send message because this user's phone number is part of an experiment",
  },
  130497: {
    status: 403,
    title: 'Business account is restricted from messaging users in this country.',
    details: 'The account is restricted from messaging users in this country.',
  },
  131000: { status: 500, title: 'Something went wrong', details: 'Message failed to send due to an unknown error.' },
  131005: { status: 403, title: 'Access denied', details: 'Permission is either not granted or has been removed.' },
  131008: {
    status: 400,
    title: 'Required parameter is missing',
    details: 'The request is missing a required parameter.',
  },
  131009: { status: 400, title: 'Parameter value is not valid', details: 'One or more parameter values are invalid.' },
  131016: { status: 500, title: 'Service unavailable', details: 'A service is temporarily unavailable.' },
  131020: { status: 400, title: 'Bad Group', details: 'Cannot send messages to single member groups.' },
  131021: {
    status: 400,
    title: 'Recipient cannot be sender',
    details: 'Sender and recipient phone number is the same.',
  },
  131026: { status: 400, title: 'Message undeliverable', details: 'Unable to deliver message.' },
  131030: {
    status: 400,
    title: 'Recipient phone number not in allowed list',
    details: 'Add the recipient to the list.',
  },
  131031: { status: 403, title: 'Account has been locked', details: 'The account has been restricted or disabled.' },
  131037: { status: 400, title: 'Display name approval needed', details: 'The number needs an approved display name.' },
  131041: {
    status: 400,
    title: 'Group unknown',
    details: 'The group does not exist, or the number is not in it.',
  },
  131042: {
    status: 400,
    title: 'Business eligibility payment issue',
    details: 'There was an error related to your payment method.',
  },
  131045: { status: 500, title: 'Incorrect certificate', details: 'Phone number registration error.' },
  131047: {
    status: 400,
    title: 'Re-engagement message',
    details:
      'Message failed to send because more than 24 hours have passed since the customer last replied to this number.',
  },
  131048: { status: 400, title: 'Spam rate limit hit', details: 'There are restrictions on this phone number.' },
  131049: {
    status: 400,
    title: 'Message not delivered to maintain healthy ecosystem engagement',
    details: 'In order to maintain a healthy ecosystem engagement, the message failed to be delivered.',
  },
  131050: {
    status: 400,
    title: 'User has stopped marketing messages',
    details: 'Unable to deliver: this user has chosen to stop receiving marketing messages from your business.',
  },
  131051: { status: 400, title: 'Unsupported message type', details: 'Message type is not currently supported.' },
  131052: { status: 400, title: 'Media download error', details: 'Unable to download the media sent by the user.' },
  131053: { status: 400, title: 'Media upload error', details: 'Unable to upload the media used in the message.' },
  131056: {
    status: 400,
    title: '(Business Account, Consumer Account) pair rate limit hit',
    details: 'Too many messages sent from this phone number to the same phone number in a short period of time.',
  },
  131057: { status: 500, title: 'Account in maintenance mode', details: 'Business Account is in maintenance mode.' },
  131059: { status: 400, title: 'Invalid cursor', details: 'The cursor is invalid or has expired.' },
  131062: {
    status: 400,
    title: 'Business-scoped user ids are not supported for this message',
    details: 'Use the phone number of the recipient.',
  },
  131064: {
    status: 400,
    title: 'Messaging limit reached',
    details: 'The account has reached a messaging limit because of template misclassification.',
  },
  131204: { status: 400, title: 'Participant overlimit', details: 'The group has as many members as it may have.' },
  131207: { status: 403, title: 'Group suspended', details: 'The group violates the policies of the platform.' },
  131211: {
    status: 400,
    title: 'Group create limit reached',
    details: 'The number has as many groups as it may have.',
  },
  131212: { status: 400, title: 'Not a participant', details: 'The participant is not a part of the group.' },
  132000: {
    status: 400,
    title: 'Number of parameters does not match the expected number of params',
    details: 'The number of variable values does not match the template.',
  },
  132001: {
    status: 404,
    title: 'Template name does not exist in the translation',
    details: 'The template does not exist in the specified language or has not been approved.',
  },
  132005: { status: 400, title: 'Template hydrated text too long', details: 'The translated text is too long.' },
  132007: {
    status: 400,
    title: 'Template format character policy violated',
    details: 'The template violates a policy.',
  },
  132012: {
    status: 400,
    title: 'Parameter format does not match format in the created template',
    details: 'The variable values are formatted incorrectly.',
  },
  132015: { status: 400, title: 'Template is paused', details: 'Template is paused due to low quality.' },
  132016: { status: 400, title: 'Template is disabled', details: 'Template has been paused too many times.' },
  133004: { status: 503, title: 'Server temporarily unavailable', details: 'Server is temporarily unavailable.' },
  133010: { status: 400, title: 'Phone number not registered', details: 'Register the account before sending.' },
  137000: { status: 400, title: 'Identity key mismatch', details: 'The identity key of the recipient has changed.' },
  2500: { status: 400, title: 'An active access token must be used', details: 'Unknown path components.' },
  2494100: { status: 400, title: 'Phone number in maintenance', details: 'The phone number is under maintenance.' },
}

/** Whether the code is one the simulator can word. */
export function isKnownCode(code: number): boolean {
  return Object.hasOwn(FORMS, code)
}

/** Every code the simulator can answer with. */
export function knownCodes(): number[] {
  return Object.keys(FORMS).map(Number)
}

/** A request the platform says no to. */
export class GraphRefusal extends Error {
  readonly code: number
  readonly status: number
  readonly details: string
  readonly subcode: number | undefined

  constructor(code: number, details?: string, more: { status?: number; subcode?: number } = {}) {
    const form = FORMS[code]
    super(form?.title ?? 'Unknown error')
    this.name = 'GraphRefusal'
    this.code = code
    this.details = details ?? form?.details ?? 'An unknown error occurred.'
    this.status = more.status ?? form?.status ?? 400
    this.subcode = more.subcode
  }
}

/** The body of a refusal, as the platform writes it. */
export function refusalBody(refusal: GraphRefusal, random: () => number): string {
  if (refusal.code === 190 || refusal.code === 0) {
    const message = refusal.details
    return JSON.stringify({
      error: { message, type: 'OAuthException', code: refusal.code, fbtrace_id: traceId(random) },
    })
  }
  if (refusal.subcode !== undefined) {
    return JSON.stringify({
      error: {
        message: refusal.details,
        type: 'GraphMethodException',
        code: refusal.code,
        error_subcode: refusal.subcode,
        fbtrace_id: traceId(random),
      },
    })
  }
  return JSON.stringify({
    error: {
      message: `(#${refusal.code}) ${refusal.message}`,
      type: 'OAuthException',
      code: refusal.code,
      error_data: { messaging_product: 'whatsapp', details: refusal.details },
      ...(isTransient(refusal.code) && { is_transient: true }),
      fbtrace_id: traceId(random),
    },
  })
}

/** The `errors` entry of a `failed` status. */
export function statusError(code: number): Record<string, unknown> {
  const form = FORMS[code]
  const title = form?.title ?? 'Unknown error'
  return {
    code,
    title,
    message: title,
    error_data: { details: form?.details ?? 'An unknown error occurred.' },
    href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
  }
}

function isTransient(code: number): boolean {
  return code === 2 || code === 131016 || code === 133004 || code === 131057
}

const TRACE_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'

/** A trace id of the platform's look: `A` and 22 letters of the URL-safe base64 alphabet. */
export function traceId(random: () => number): string {
  let id = 'A'
  for (let index = 0; index < 22; index++) id += TRACE_LETTERS[Math.floor(random() * 64)] ?? 'A'
  return id
}
