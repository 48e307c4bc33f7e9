import type { Permission } from './permissions.ts'

/**
 * Which conversations of the workspace somebody sees: all, or those of these numbers, of these teams, and assigned to
 * themselves.
 */
export type Scope =
  | { kind: 'workspace' }
  | { kind: 'some'; numberIds: readonly number[]; teamIds: readonly number[]; personId: number | null }

/** Who asks, resolved once for each request or socket. Plain data: it is given to threads too. */
export interface Principal {
  /** Opaque; the same for every request of the same key, person or command. */
  id: string
  /** How they showed who they are: only an API key's ticket opens a socket without an Origin. */
  by: 'api_key' | 'session' | 'command'
  workspaceId: number
  /** Null for keys that belong to nobody. */
  personId: number | null
  /** The name of the role, to be shown. What it allows is in `permissions`. */
  role: string
  permissions: ReadonlySet<Permission>
  scope: Scope
  /** When it ends by itself; null: not at all. Sockets end with it. */
  expiresAtMs: number | null
}

/** The workspace that every house has. */
export const MAIN_WORKSPACE = 1
