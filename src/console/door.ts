import { type Fetch, request } from './api.ts'
import type { Session } from './workspace.ts'

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
  /** Who is signed in, and where they work. */
  session(): Promise<Session>
  /** Where the single sign-on begins. */
  singleSignOn(): Promise<string>
  lookAtLink(token: string): Promise<LinkKind>
  takeLink(ask: { token: string; password: string; name?: string; email?: string }): Promise<void>
}

/** Asks with the browser's cookies, which scripts cannot read. */
export function createDoor(fetch: Fetch): Door {
  const ask = <T>(path: string, body?: object): Promise<T> => {
    const call = body === undefined ? { method: 'GET' } : { method: 'POST', body }
    return request(fetch, `/api/auth/${path}`, { key: null, explains: true, ...call })
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
    session: () => ask('session'),
    singleSignOn: async () => (await ask<{ redirect_to: string }>('oidc', {})).redirect_to,
    lookAtLink: async (token) => (await ask<{ kind: LinkKind }>('links/look', { token })).kind,
    takeLink: async (body) => void (await ask('links', body)),
  }
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
