import { ApiKeys, principalIdOf } from '../people/api-keys.ts'
import type { Realtime } from '../realtime/realtime.ts'
import { ApiKeyReader, noteKeyUse } from '../records/api-key.ts'
import type { Wake } from '../records/tx.ts'
import type { Base } from './base.ts'

/** Who may do what, as the records have it now. */
export class Rights {
  readonly keys: ApiKeys
  readonly keyReader: ApiKeyReader
  readonly #realtime: Realtime

  constructor(base: Base, realtime: Realtime) {
    const { house, options } = base
    this.keyReader = new ApiKeyReader(house.records())
    this.#realtime = realtime
    this.keys = new ApiKeys({
      clock: options.clock,
      termsOf: (hash) => this.keyReader.withHash(hash),
      bootstrapToken: () => base.setup.bootstrapToken,
      onUse: ({ id, workspaceId }) => {
        // When a key was used is nice to know: it keeps nobody waiting and fails nothing.
        house.book.ask(noteKeyUse, { id, workspaceId }).catch(() => {})
      },
    })
  }

  /** What was changed holds for the next request, and sockets of a key that is revoked end at once. */
  hear(wakes: readonly Wake[]): void {
    for (const wake of wakes) {
      if (wake.kind !== 'rights') continue
      this.keys.forget()
      this.#realtime.disconnect(principalIdOf(wake.keyHash))
    }
  }
}
