import type { Permission } from '../../core/permissions.ts'

/** The forms of the HTTP API that the settings read. Times are RFC 3339, ids opaque strings. */

/** Who asks, and what they may. */
export interface Session {
  /** Null: a key that speaks for nobody. */
  person: { id: string; name: string | null; email: string | null } | null
  role: string
  permissions: Permission[]
  workspace: string | null
  workspaces: string[]
  /** Null: an API key, which has none. */
  second_factor: boolean | null
  recovery_codes_left: number | null
}

/** A browser that somebody is signed in with. */
export interface BrowserSession {
  id: string
  device: string
  method: 'password' | 'oidc'
  created_at: string
  used_at: string
  expires_at: string
  current: boolean
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]
/** Shifts by weekday, each from and until a time of day. */
export type Hours = Partial<Record<Weekday, [string, string][]>>

interface Named {
  id: string
  name: string
}

/** Somebody who works here. */
export interface Member {
  id: string
  name: string | null
  email: string | null
  role: Named
  state: 'active' | 'suspended'
  teams: Named[]
  languages: string[]
  skills: string[]
  zone: string | null
  hours: Hours | null
  created_at: string
}

export interface MemberChange {
  name?: string
  role?: string
  state?: Member['state']
  languages?: string[]
  skills?: string[]
  zone?: string | null
  hours?: Hours | null
}

export interface Role extends Named {
  permissions: Permission[]
  /** One of those that every workspace begins with. */
  given: boolean
}

export interface Team extends Named {
  people: string[]
  /** By their ids at the platform. */
  numbers: string[]
}

export interface TeamChange {
  name?: string
  people?: string[]
  numbers?: string[]
}

export type LinkKind = 'invitation' | 'password' | 'second_factor'

/** A link that opens once. */
export interface OneTimeLink {
  kind: LinkKind
  url: string
  expires_at: string
}

/** What is wrong with a row of a file; the heading is row 1. */
export interface RowFault {
  row: number
  column: string | null
  fault: string
}

export interface ImportReport {
  rows: number
  faults: RowFault[]
  would_add?: number
  added?: number
}

export interface ApiKey {
  id: string
  name: string
  /** Its last characters. */
  hint: string
  person: string | null
  role: string
  permissions: Permission[]
  /** Null: all. */
  numbers: (string | null)[] | null
  created_at: string
  expires_at: string | null
  last_used_at: string | null
}

/** What a key is to be. Without role and permissions it is worth as much as whoever makes it. */
export interface KeyAsk {
  name: string
  role?: string
  permissions?: string[]
  numbers?: string[]
  expires_at?: string
}

export interface AuditEntry {
  id: string
  at: string
  actor: { id: string; by: 'api_key' | 'session' | 'command'; person: string | null }
  action: string
  object: string | null
  outcome: string
  times: number
  detail: Record<string, unknown> | null
  erased: boolean
}

/** What narrows the audit down. Nothing in it is personal. */
export type AuditFilter = Partial<Record<'actor' | 'action' | 'object' | 'from' | 'to', string>>
