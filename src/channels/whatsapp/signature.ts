import { timingSafeEqual } from 'node:crypto'
import { assert } from '../../core/assert.ts'

/** The platform's header: `sha256=` and 64 hex digits. */
export const SIGNATURE_HEADER = 'x-hub-signature-256'

const PREFIX = 'sha256='
const DIGEST_BYTES = 32
const HEADER_CHARS = PREFIX.length + DIGEST_BYTES * 2
const SECRETS_MAX = 2
/** The platform's challenge is a number of about ten digits; what is longer is not repeated back. */
const CHALLENGE_CHARS_MAX = 1024

/**
 * Whether one of the app secrets signed exactly these bytes: HMAC-SHA256, the platform's rule. Every secret is tried,
 * also after one has matched, and digests are compared in constant time, so the time taken tells nothing.
 */
export function signatureIsValid(
  rawBytes: Uint8Array,
  headerValue: string | null,
  secrets: readonly string[],
): boolean {
  assert(secrets.length <= SECRETS_MAX, 'at most two secrets hold at a time')
  if (headerValue === null || headerValue.length !== HEADER_CHARS || !headerValue.startsWith(PREFIX)) return false
  const claimed = Buffer.from(headerValue.slice(PREFIX.length), 'hex')
  // Hex decoding stops at the first character that is no digit.
  if (claimed.length !== DIGEST_BYTES) return false
  let isValid = false
  for (const secret of secrets) {
    // An empty secret would let everybody sign.
    if (secret === '') continue
    const digest = new Bun.CryptoHasher('sha256', secret).update(rawBytes).digest()
    isValid = timingSafeEqual(digest, claimed) || isValid
  }
  return isValid
}

/**
 * The answer to the handshake that the platform makes when the webhook is subscribed: the challenge, if the verify
 * token is ours, else null. Digests of equal length are compared, so neither the token nor its length can be timed.
 */
export function challengeAnswer(query: { get(name: string): string | null }, verifyToken: string): string | null {
  const claimed = query.get('hub.verify_token')
  const challenge = query.get('hub.challenge')
  if (verifyToken === '' || claimed === null || challenge === null) return null
  const isOurs = timingSafeEqual(sha256(claimed), sha256(verifyToken))
  if (!isOurs || query.get('hub.mode') !== 'subscribe') return null
  return challenge !== '' && challenge.length <= CHALLENGE_CHARS_MAX ? challenge : null
}

function sha256(text: string): Uint8Array {
  return new Bun.CryptoHasher('sha256').update(text).digest()
}
