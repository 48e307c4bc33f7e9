import { Failure } from '../core/failure.ts'
import { noteStandingChange, seePermissionsOf } from './standing.ts'
import { type InputContext, input, type Tx } from './tx.ts'

export const ROLE_NAME_CHARS_MAX = 50
const ROLES_MAX = 100
/** The one role that nobody can change: otherwise a house could lock everybody out. */
export const OWNER_ROLE = 'owner'

export interface Role {
  id: number
  name: string
  permissions: readonly string[]
  /** One of those that every workspace begins with. */
  isGiven: boolean
}

interface RoleRow {
  id: number
  name: string
  permissions: string
  given: number
}

/** Makes the roles that a workspace begins with, where they are not there; `owner` always has every permission. */
export const declareRoles = input(
  'role.declare',
  async (tx: Tx, ask: { roles: Readonly<Record<string, readonly string[]>> }, { ids }: InputContext) => {
    const workspaces = await tx.all<{ id: number }>('SELECT id FROM workspaces ORDER BY id')
    for (const { id: workspaceId } of workspaces) {
      for (const [name, permissions] of Object.entries(ask.roles))
        await declareRole(tx, { workspaceId, name, permissions }, ids.next)
    }
    return null
  },
)

async function declareRole(
  tx: Tx,
  { workspaceId, name, permissions }: { workspaceId: number; name: string; permissions: readonly string[] },
  nextId: () => number,
): Promise<void> {
  const known = await roleNamed(tx, workspaceId, name)
  if (!known) {
    await tx.run(
      'INSERT INTO roles (id, workspace_id, name, permissions, given) VALUES (?1, ?2, ?3, ?4, 1)',
      nextId(),
      workspaceId,
      name,
      JSON.stringify(permissions),
    )
    return
  }
  if (name !== OWNER_ROLE || JSON.stringify(known.permissions) === JSON.stringify(permissions)) return
  await tx.run(
    'UPDATE roles SET permissions = ?3 WHERE workspace_id = ?1 AND id = ?2',
    workspaceId,
    known.id,
    JSON.stringify(permissions),
  )
}

/** Adds a role. */
export const addRole = input(
  'role.add',
  async (tx: Tx, ask: { workspaceId: number; name: string; permissions: readonly string[] }, { ids }: InputContext) => {
    if (await roleNamed(tx, ask.workspaceId, ask.name))
      throw new Failure('conflict', 'A role has this name', { path: '/name' })
    const count = await tx.one<{ count: number }>(
      'SELECT count(*) AS count FROM roles WHERE workspace_id = ?1',
      ask.workspaceId,
    )
    if ((count?.count ?? 0) >= ROLES_MAX)
      throw new Failure('conflict', `There are ${ROLES_MAX} roles: remove some first`)
    const id = ids.next()
    await tx.run(
      'INSERT INTO roles (id, workspace_id, name, permissions, given) VALUES (?1, ?2, ?3, ?4, 0)',
      id,
      ask.workspaceId,
      ask.name,
      JSON.stringify(ask.permissions),
    )
    return { id }
  },
)

/** Changes what a role may; it holds for everybody who has it from the commit on. */
export const changeRole = input(
  'role.change',
  async (tx: Tx, ask: { workspaceId: number; roleId: number; permissions: readonly string[] }) => {
    const role = await roleWith(tx, ask.workspaceId, ask.roleId)
    if (role.name === OWNER_ROLE) throw new Failure('conflict', 'The owner may everything: this role is not changed')
    await tx.run(
      'UPDATE roles SET permissions = ?3 WHERE workspace_id = ?1 AND id = ?2',
      ask.workspaceId,
      role.id,
      JSON.stringify(ask.permissions),
    )
    if (String(seePermissionsOf(role.permissions)) !== String(seePermissionsOf(ask.permissions))) {
      await noteRole(tx, ask.workspaceId, role)
    }
    tx.wake({ kind: 'rights', keyHash: null, personId: null })
    return null
  },
)

/** Removes a role that nobody has. */
export const removeRole = input('role.remove', async (tx: Tx, ask: { workspaceId: number; roleId: number }) => {
  const role = await roleWith(tx, ask.workspaceId, ask.roleId)
  if (role.isGiven) throw new Failure('conflict', 'Every workspace has this role')
  const used = await tx.one(
    'SELECT person_id FROM memberships WHERE workspace_id = ?1 AND role_id = ?2 LIMIT 1',
    ask.workspaceId,
    role.id,
  )
  if (used) throw new Failure('conflict', 'Somebody has this role: give them another one first')
  await tx.run('DELETE FROM roles WHERE workspace_id = ?1 AND id = ?2', ask.workspaceId, role.id)
  // Somebody had it, and may come back from before they lost it.
  await noteRole(tx, ask.workspaceId, role)
  return null
})

async function noteRole(tx: Tx, workspaceId: number, { id, permissions }: Role): Promise<void> {
  await noteStandingChange(tx, workspaceId, { kind: 'role', subject: id, before: seePermissionsOf(permissions) })
}

/** Throws `not_found`. */
export async function roleWith(tx: Tx, workspaceId: number, id: number): Promise<Role> {
  const row = await tx.one<RoleRow>(
    'SELECT id, name, permissions, given FROM roles WHERE workspace_id = ?1 AND id = ?2',
    workspaceId,
    id,
  )
  if (!row) throw new Failure('not_found', 'No such role', { path: '/role' })
  return roleOf(row)
}

async function roleNamed(tx: Tx, workspaceId: number, name: string): Promise<Role | undefined> {
  const row = await tx.one<RoleRow>(
    'SELECT id, name, permissions, given FROM roles WHERE workspace_id = ?1 AND name = ?2',
    workspaceId,
    name,
  )
  return row && roleOf(row)
}

export function roleOf(row: RoleRow): Role {
  return { id: row.id, name: row.name, permissions: JSON.parse(row.permissions) as string[], isGiven: row.given === 1 }
}
