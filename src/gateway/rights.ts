import type { Principal } from '../core/principal.ts'
import { ApiKeys, principalIdOf } from '../people/api-keys.ts'
import type { Realtime } from '../realtime/realtime.ts'
import { ApiKeyReader, noteKeyUse } from '../records/api-key.ts'
import { PeopleReader } from '../records/people-reader.ts'
import { isSeePermission } from '../records/standing.ts'
import type { Wake } from '../records/tx.ts'
import { WorkspaceReader } from '../records/workspace-reader.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Base } from './base.ts'

/** Who may do what, as the records have it now. */
export class Rights {
  readonly keys: ApiKeys
  readonly keyReader: ApiKeyReader
  readonly people: PeopleReader
  readonly workspaces: WorkspaceReader
  readonly #realtime: Realtime

  constructor(base: Base, realtime: Realtime) {
    const { house, options } = base
    this.keyReader = new ApiKeyReader(house.records())
    this.workspaces = new WorkspaceReader(house.records())
    this.people = new PeopleReader(house.records(), (person, place, sealed) => {
      const key = house.vault().personKey(person)
      return key && unsealText(key, place, sealed)
    })
    this.#realtime = realtime
    this.keys = new ApiKeys({
      clock: options.clock,
      termsOf: (hash) => this.keyReader.withHash(hash),
      standingOf: (workspaceId, personId) => this.people.standing(workspaceId, personId),
      workspaceNamed: (name) => this.workspaces.named(name),
      bootstrapToken: () => base.setup.bootstrapToken,
      onUse: ({ id, workspaceId }) => {
        // When a key was used is nice to know: it keeps nobody waiting and fails nothing.
        house.book.ask(noteKeyUse, { id, workspaceId }).catch(() => {})
      },
    })
  }

  /** What was changed holds for the next request. Sockets are looked at anew before anything more is shown on them. */
  hear(wakes: readonly Wake[]): void {
    for (const wake of wakes) {
      if (wake.kind !== 'rights') continue
      this.keys.forget()
      const theirs = (viewer: Principal) => concerns(wake, viewer)
      if (this.#isOver(wake)) this.#realtime.withdraw(theirs, 'forbidden')
      else this.#realtime.renew(theirs)
    }
  }

  /** Whether there is nothing left to come back with. */
  #isOver({ keyHash, personId }: Extract<Wake, { kind: 'rights' }>): boolean {
    if (keyHash !== null) return true
    return personId !== null && this.workspaces.ofPerson(personId).length === 0
  }
}

/**
 * What a socket's viewer is from now on. A program that only sees other conversations is told which. One that may do
 * other things, or is shown other things of the same, begins anew, as does every page: it goes by rights in all it shows.
 */
export function viewerAfter(viewer: Principal, renewed: Principal | undefined): Principal | 'rights' | 'forbidden' {
  if (!renewed) return 'forbidden'
  if (otherwiseMay(viewer, renewed)) return 'rights'
  const isSame = JSON.stringify(viewer.scope) === JSON.stringify(renewed.scope)
  return isSame || viewer.by === 'api_key' ? renewed : 'rights'
}

function otherwiseMay({ permissions }: Principal, after: Principal): boolean {
  return [...permissions.symmetricDifference(after.permissions)].some((name) => !isSeePermission(name))
}

/** A role or a team may be anybody's. */
function concerns({ keyHash, personId }: Extract<Wake, { kind: 'rights' }>, viewer: Principal): boolean {
  if (keyHash !== null) return viewer.id === principalIdOf(keyHash)
  return personId === null ? viewer.personId !== null : viewer.personId === personId
}
