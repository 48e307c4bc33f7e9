import type { Tx } from './tx.ts'

/** The permissions that say which conversations somebody sees. */
const SEE_PERMISSIONS = [
  'conversations.see_all',
  'conversations.see_number',
  'conversations.see_team',
  'conversations.see_own',
] as const

/** What stood before a change, by what was changed. */
export type StandingChange =
  /** Of what the role allowed, what is to be seen. */
  | { kind: 'role'; subject: number; before: readonly string[] }
  /** Null: they were no active member. Absent teams stayed as they are. */
  | { kind: 'person'; subject: number; before: { roleId: number | null; teamIds?: readonly number[] } }
  /** Who came and went with the change; null numbers stayed as they are. */
  | {
      kind: 'team'
      subject: number
      before: { joined: readonly number[]; left: readonly number[]; numberIds: readonly number[] | null }
    }

export const STANDING_KINDS = ['role', 'person', 'team'] as const

export function isSeePermission(name: string): boolean {
  return (SEE_PERMISSIONS as readonly string[]).includes(name)
}

/** In one order, so that equal ones are the same text. */
export function seePermissionsOf(permissions: readonly string[]): string[] {
  return SEE_PERMISSIONS.filter((name) => permissions.includes(name))
}

/**
 * Writes down what stood before, in the commit that changes it. One row and two events however many people it concerns:
 * what came into whose view is worked out where somebody reads it.
 */
export async function noteStandingChange(tx: Tx, workspaceId: number, change: StandingChange): Promise<void> {
  await tx.event('conversation.gone', { workspaceId })
  await tx.run(
    'INSERT INTO standing_changes ("offset", workspace_id, kind, subject, before) VALUES (?1, ?2, ?3, ?4, ?5)',
    tx.offset(),
    workspaceId,
    STANDING_KINDS.indexOf(change.kind),
    change.subject,
    JSON.stringify(change.before),
  )
  await tx.event('conversation.visible', { workspaceId })
}
