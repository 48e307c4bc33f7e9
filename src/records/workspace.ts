import { Failure } from '../core/failure.ts'
import { MAIN_WORKSPACE } from '../core/principal.ts'
import type { NumberRow } from './number.ts'
import type { InputContext, Tx } from './tx.ts'

/** The name of the workspace that every house has. */
export const MAIN_WORKSPACE_NAME = 'main'

/** The workspace of this name; made where there is none. Absent: main. */
export async function workspaceNamed(
  tx: Tx,
  name: string | undefined,
  { now }: Pick<InputContext, 'now'>,
): Promise<number> {
  if (name === undefined || name === MAIN_WORKSPACE_NAME) return MAIN_WORKSPACE
  const known = await tx.one<{ id: number }>('SELECT id FROM workspaces WHERE name = ?1', name)
  if (known) return known.id
  // Counted by themselves: small numbers, as every row of theirs carries one.
  const last = await tx.one<{ id: number }>('SELECT max(id) AS id FROM workspaces')
  const id = (last?.id ?? MAIN_WORKSPACE) + 1
  await tx.run('INSERT INTO workspaces (id, name, created_at) VALUES (?1, ?2, ?3)', id, name, now)
  // Its own search key: equal words of two workspaces have nothing in common in the index.
  tx.vault.namedKey(searchKeyName(id))
  return id
}

/** The key that a workspace's words are hashed with for the search. */
export function searchKeyName(workspaceId: number): string {
  return workspaceId === MAIN_WORKSPACE ? 'search' : `search:${workspaceId}`
}

/**
 * SQL for the workspace of a portfolio: that of its applications; of one that nobody declared, that of its numbers. Asked
 * only when a contact is made.
 */
export function workspaceOfPortfolio(portfolio: string): string {
  return `coalesce((SELECT workspace_id FROM apps WHERE portfolio = ${portfolio} LIMIT 1),
    (SELECT workspace_id FROM numbers WHERE portfolio = ${portfolio} LIMIT 1), ${MAIN_WORKSPACE})`
}

/** A portfolio that anybody is known in stays where it is: everything they said would have to move with it. */
export async function requireSameWorkspace(tx: Tx, portfolio: string, workspaceId: number): Promise<void> {
  const known = await tx.one<{ workspace_id: number }>(
    'SELECT workspace_id FROM apps WHERE portfolio = ?1 AND workspace_id <> ?2 LIMIT 1',
    portfolio,
    workspaceId,
  )
  if (!known) return
  const contact = await tx.one(
    'SELECT id FROM contacts WHERE workspace_id = ?1 AND portfolio = ?2 LIMIT 1',
    known.workspace_id,
    portfolio,
  )
  if (contact) throw staying(`The portfolio ${portfolio}`)
}

/** The same of a number: with another app it may come into another portfolio, and so into another workspace. */
export async function requireUnused(tx: Tx, number: Pick<NumberRow, 'id' | 'account' | 'workspace_id'>): Promise<void> {
  const used =
    (await tx.one(
      'SELECT id FROM conversations WHERE workspace_id = ?1 AND number_id = ?2 LIMIT 1',
      number.workspace_id,
      number.id,
    )) ??
    (await tx.one(
      'SELECT team_id FROM team_numbers WHERE workspace_id = ?1 AND number_id = ?2 LIMIT 1',
      number.workspace_id,
      number.id,
    ))
  if (used) throw staying(`The number ${number.account}`)
}

function staying(what: string): Failure {
  return new Failure('conflict', `${what} has conversations or teams in its workspace, and is not moved to another one`)
}
