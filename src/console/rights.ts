import type { Permission } from '../core/permissions.ts'
import type { DeskState } from './desk.ts'

/** Whether whoever works at this page may do something. It saves the asking: the server decides. */
export function may({ me }: Pick<DeskState, 'me'>, permission: Permission): boolean {
  return me?.permissions.includes(permission) ?? false
}
