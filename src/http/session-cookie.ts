import { Failure } from '../core/failure.ts'

/** The cookies of this house. `__Host-`: only this host sets them, over TLS, for all paths; not to be had without TLS. */
const COOKIES = { session: 'gatehouse', step: 'gatehouse-step', oidc: 'gatehouse-oidc' } as const
export type CookieName = keyof typeof COOKIES

const SAFE_METHODS = ['GET', 'HEAD']
/** What no form can send, and no script of another origin without being let (the Fetch standard, CORS-safelisted headers). */
const OF_SCRIPTS = /^(application\/json|text\/csv)(;|$)/i

export class Cookies {
  readonly #isSecure: () => boolean

  /** Whether browsers come over TLS: the public address says so. */
  constructor(isSecure: () => boolean) {
    this.#isSecure = isSecure
  }

  /** What the browser sent; null where it sent none, or more than one of the name. */
  read(request: Request, name: CookieName): string | null {
    const wanted = this.#nameOf(name)
    const header = request.headers.get('cookie')
    if (header === null) return null
    let found: string | null = null
    for (const pair of header.split(';')) {
      const at = pair.indexOf('=')
      if (at < 0 || pair.slice(0, at).trim() !== wanted) continue
      if (found !== null) return null
      found = pair.slice(at + 1).trim()
    }
    return found
  }

  /** No script reads it, and no other site's form or picture sends it. */
  set(name: CookieName, value: string, maxAgeSeconds: number): string {
    const secure = this.#isSecure() ? '; Secure' : ''
    return `${this.#nameOf(name)}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}; Max-Age=${maxAgeSeconds}`
  }

  clear(name: CookieName): string {
    return this.set(name, '', 0)
  }

  #nameOf(name: CookieName): string {
    return (this.#isSecure() ? '__Host-' : '') + COOKIES[name]
  }
}

/**
 * A cookie comes along by itself, so a request that changes something has to come from a page of this house: a browser
 * says where from, and only a script of this origin may send JSON or CSV. Throws `Failure('forbidden')`.
 */
export function requireOwnPage(request: Request, origins: readonly string[]): void {
  if (SAFE_METHODS.includes(request.method)) return
  const { headers } = request
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  const isForeign =
    (site === null && origin === null) ||
    (site !== null && site !== 'same-origin') ||
    (origin !== null && !origins.includes(origin))
  if (isForeign) {
    throw new Failure('forbidden', 'With a cookie only pages of this house may ask for that: see http.public_url')
  }
  const type = headers.get('content-type')
  const hasBody = (headers.get('content-length') ?? '0') !== '0' || headers.has('transfer-encoding')
  if ((type !== null || hasBody) && !OF_SCRIPTS.test(type ?? '')) {
    throw new Failure('forbidden', 'With a cookie a body has to be application/json or text/csv')
  }
}
