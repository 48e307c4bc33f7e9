import { AsyncLocalStorage } from 'node:async_hooks'
import { must } from '../core/assert.ts'
import type { Actor } from '../core/principal.ts'
import type { Ask } from '../records/inputs.ts'

const asking = new AsyncLocalStorage<Actor>()

/** Everything that is done from here on is done for somebody. */
export function onBehalfOf<T>(actor: Actor, work: () => T): T {
  return asking.run(actor, work)
}

/**
 * Asks the book for whoever the request is from, so that no route can leave them out of the audit: where nobody is known
 * nothing is asked.
 */
export function forWhoeverAsks(ask: Ask): Ask {
  return async (command, args) => await ask(command, args, must(asking.getStore(), 'who asks'))
}
