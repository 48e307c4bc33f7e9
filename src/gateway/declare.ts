import { sourceOf } from '../http/webhooks.ts'
import { declareConfiguration } from '../records/configuration.ts'
import type { Base } from './base.ts'

/** The operator's words, and what is said of a message. */
const REVOKED_AS = { keep: 'kept', hide: 'hidden', delete: 'deleted' } as const

/**
 * What the configuration declares goes into the records, by one input: all of it or nothing. `retryTokensOf` names the
 * apps whose access token may be better than the one that was refused.
 */
export async function declare(
  { house, config, setup }: Pick<Base, 'house' | 'config' | 'setup'>,
  retryTokensOf: readonly string[],
): Promise<void> {
  await house.book.ask(declareConfiguration, {
    apps: setup.apps.map(({ id, portfolio }) => ({ id: sourceOf('whatsapp', id), portfolio })),
    numbers: setup.numbers,
    revoked: REVOKED_AS[config.messages.revoked],
    retryTokensOf,
  })
}
