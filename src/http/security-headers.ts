/** A year; browsers that were told so do not come without TLS any more. */
const HSTS = 'max-age=31536000; includeSubDomains'

/** What no page of ours uses, and so nothing in it may. */
const UNUSED = ['camera', 'display-capture', 'geolocation', 'microphone', 'midi', 'payment', 'usb', 'serial', 'hid']

/**
 * What every answer says unless it says something narrower itself: it is what its type says, nothing in it runs or loads,
 * nobody frames it, and no other page reads it. A page has its own policy.
 */
const EVERYWHERE: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': UNUSED.map((feature) => `${feature}=()`).join(', '),
}
const OVER_TLS = { ...EVERYWHERE, 'Strict-Transport-Security': HSTS }

/** The headers of every answer. `publicUrl`: how the outside sees the house; TLS ends in the proxy before it. */
export function securityHeaders(publicUrl: string | undefined): Readonly<Record<string, string>> {
  return publicUrl?.startsWith('https://') ? OVER_TLS : EVERYWHERE
}
