import type { Permission } from './permissions.ts'

/**
 * Which conversations of the workspace somebody sees: all, or those of these numbers, of these teams, and assigned to
 * themselves.
 */
export type Scope =
  | { kind: 'workspace' }
  | { kind: 'some'; numberIds: readonly number[]; teamIds: readonly number[]; personId: number | null }

/** Where a conversation stands: on which number, who has it, which team. */
export interface Standpoint {
  numberId: number | null
  assigneeId: number | null
  teamId: number | null
}

/** Whether a conversation that stands there is in the scope. */
export function isWithin(scope: Scope, { numberId, assigneeId, teamId }: Standpoint): boolean {
  if (scope.kind === 'workspace') return true
  if (numberId !== null && scope.numberIds.includes(numberId)) return true
  if (teamId !== null && scope.teamIds.includes(teamId)) return true
  return assigneeId !== null && assigneeId === scope.personId
}

/** What somebody saw before a change of rights. */
export interface PastScope {
  /** The offset of the change. */
  until: number
  scope: Scope
}

/** What is known of the time before, for events that are told from then on. */
export interface SeenBefore {
  /** The newest first, as long as events are kept. */
  scopes: readonly PastScope[]
  /** Nothing is known of what was before this offset. */
  knownFrom: number
  /** The newest change of rights, of anybody, when this was read. */
  asOf: number
}

/** Who asks, resolved once for each request or socket. Plain data: it is given to threads too. */
export interface Principal {
  /** Opaque; the same for every request of the same key, person or command. */
  id: string
  /** How they showed who they are: only an API key's ticket opens a socket without an Origin. */
  by: 'api_key' | 'session' | 'command'
  workspaceId: number
  /** True of keys of the house: they work in any workspace, one at a time. */
  everywhere?: true
  /** Null for keys that belong to nobody. */
  personId: number | null
  /** The name of the role, to be shown. What it allows is in `permissions`. */
  role: string
  permissions: ReadonlySet<Permission>
  scope: Scope
  /** Of people, and of keys that speak for them. */
  before?: SeenBefore
  /** The numbers they may write from, beside those of the conversations that they see; null: all. */
  numberIds: readonly number[] | null
  /** When it ends by itself; null: not at all. Sockets end with it. */
  expiresAtMs: number | null
}

/** Who did something, as far as the audit names them. */
export type Actor = Pick<Principal, 'id' | 'by' | 'workspaceId' | 'personId'>

/** The workspace that every house has. */
export const MAIN_WORKSPACE = 1

/** Whoever may run commands on the machine; the system knows who that was. */
export const COMMAND_LINE: Actor = { id: 'command line', by: 'command', workspaceId: MAIN_WORKSPACE, personId: null }

/** The workspace that somebody acts in; null: in every one, as whoever runs commands on the machine. */
export function workspaceWithin({ by, workspaceId }: Pick<Actor, 'by' | 'workspaceId'>): number | null {
  return by === 'command' ? null : workspaceId
}

/** Without what else a principal has: it is given to the book's thread with every act. */
export function actorOf({ id, by, workspaceId, personId }: Actor): Actor {
  return { id, by, workspaceId, personId }
}
