import { sourceOf } from '../http/webhooks.ts'
import { GIVEN_ROLES } from '../people/roles.ts'
import { declareConfiguration } from '../records/configuration.ts'
import { declareRoles } from '../records/role.ts'
import type { Base } from './base.ts'

/** The operator's words, and what is said of a message. */
const REVOKED_AS = { keep: 'kept', hide: 'hidden', delete: 'deleted' } as const

/**
 * What the configuration declares goes into the records, by one input: all of it or nothing; a new workspace gets
 * its roles. `retryTokensOf` names the apps whose access token may be better than the one that was refused.
 */
export async function declare(
  { house, config, setup }: Pick<Base, 'house' | 'config' | 'setup'>,
  retryTokensOf: readonly string[],
): Promise<void> {
  await house.book.ask(declareConfiguration, {
    workspaces: setup.workspaces,
    apps: setup.apps.map(({ id, portfolio, workspace }) => ({ id: sourceOf('whatsapp', id), portfolio, workspace })),
    numbers: setup.numbers,
    revoked: REVOKED_AS[config.messages.revoked],
    retryTokensOf,
  })
  await house.book.ask(declareRoles, { roles: GIVEN_ROLES })
}
