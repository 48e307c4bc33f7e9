import { PERMISSION_NAMES } from '../core/permissions.ts'
import { MAIN_WORKSPACE, type Principal } from '../core/principal.ts'

/** Somebody who may do and see everything in the first workspace. */
export function ownerNamed(id = 'owner'): Principal {
  return {
    id,
    by: 'api_key',
    workspaceId: MAIN_WORKSPACE,
    personId: null,
    role: 'owner',
    permissions: new Set(PERMISSION_NAMES),
    scope: { kind: 'workspace' },
    numberIds: null,
    expiresAtMs: null,
  }
}
