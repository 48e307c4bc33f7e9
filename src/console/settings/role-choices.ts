import type { Permission } from '../../core/permissions.ts'
import type { Role } from './settings-wire.ts'

/** Whether somebody may give a role: nobody gives a permission that they do not have. */
export function mayGive(role: Pick<Role, 'permissions'>, own: readonly Permission[]): boolean {
  return role.permissions.every((name) => own.includes(name))
}

/** The roles to choose from; those that may more than whoever chooses are named and cannot be chosen. */
export function roleChoices(roles: readonly Role[], own: readonly Permission[]) {
  return roles.map((role) => {
    const isDisabled = !mayGive(role, own)
    return { value: role.id, label: isDisabled ? `${role.name} (may more than you)` : role.name, isDisabled }
  })
}
