import { type Fetch, Problem, problemOf } from './api.ts'

const REQUEST_MS_MAX = 15_000
const LINK = /^#link=([\w-]{1,200})$/
const REFUSED = /^#refused=([\w-]{1,30})$/

/** How one may come in here, and whether this browser is in already. */
export interface Methods {
  oidc: boolean
  signed_in: boolean
}

export type LinkKind = 'setup' | 'invitation' | 'password' | 'second_factor'

/** The part of the HTTP API that is open to whoever comes. Every call rejects with a `Problem`. */
export interface Door {
  methods(): Promise<Methods>
  signIn(email: string, password: string): Promise<'signed_in' | 'second_factor_required'>
  secondFactor(code: string): Promise<void>
  signOut(): Promise<void>
  /** Where the single sign-on begins. */
  singleSignOn(): Promise<string>
  lookAtLink(token: string): Promise<LinkKind>
  takeLink(ask: { token: string; password: string; name?: string; email?: string }): Promise<void>
}

/** Asks with the browser's cookies, which scripts cannot read. */
export function createDoor(fetch: Fetch): Door {
  const ask = async <T>(path: string, body?: object): Promise<T> => {
    const init: RequestInit = { signal: AbortSignal.timeout(REQUEST_MS_MAX), headers: { accept: 'application/json' } }
    if (body !== undefined) {
      init.method = 'POST'
      init.headers = { accept: 'application/json', 'content-type': 'application/json' }
      init.body = JSON.stringify(body)
    }
    const response = await fetch(`/api/auth/${path}`, init).catch((cause: unknown) => {
      throw Object.assign(new Problem('unreachable', 0, 'The server cannot be reached.'), { cause })
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (!response.ok) throw inWords(response, answer)
    return answer as T
  }
  return {
    methods: () => ask('methods'),
    signIn: async (email, password) =>
      (await ask<{ state: 'signed_in' | 'second_factor_required' }>('sign-in', { email, password })).state,
    secondFactor: async (code) => {
      const digits = code.replaceAll(/\s/g, '')
      await ask('second-factor', /^\d{6}$/.test(digits) ? { code: digits } : { recovery_code: code.trim() })
    },
    signOut: async () => void (await ask('sign-out', {})),
    singleSignOn: async () => (await ask<{ redirect_to: string }>('oidc', {})).redirect_to,
    lookAtLink: async (token) => (await ask<{ kind: LinkKind }>('links/look', { token })).kind,
    takeLink: async (body) => void (await ask('links', body)),
  }
}

/** The server's own sentence says it best here; a wait is said in minutes. */
function inWords(response: Response, answer: unknown): Problem {
  const { code, message } = problemOf(response.status, answer)
  const { detail, retry_after_ms: waitMs } = (answer ?? {}) as { detail?: unknown; retry_after_ms?: unknown }
  if (code === 'rate_limited' && typeof waitMs === 'number') {
    const wait = waitMs < 60_000 ? `${Math.ceil(waitMs / 1000)} seconds` : `${Math.ceil(waitMs / 60_000)} minutes`
    return new Problem(code, response.status, `Too many wrong attempts. Please try again in ${wait}.`)
  }
  const said = typeof detail === 'string' ? detail.replace(/^Wrong member: \/(\w+) must be/, 'This must be') : message
  return new Problem(code, response.status, /[.!?]$/.test(said) ? said : `${said}.`)
}

/** The token of a one-time link, from the address behind its `#`. */
export function linkIn(hash: string): string | null {
  return LINK.exec(hash)?.[1] ?? null
}

/** Why the single sign-on let nobody in. */
export function refusalIn(hash: string): string | null {
  const word = REFUSED.exec(hash)?.[1]
  if (word === undefined) return null
  return word === 'not-let-in'
    ? 'You were signed on, but you may not come in here. Please ask whoever runs this Gatehouse.'
    : 'The single sign-on did not work. Please try again.'
}
