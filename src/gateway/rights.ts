import type { Principal } from '../core/principal.ts'
import { ApiKeys, principalIdOf } from '../people/api-keys.ts'
import { ApiKeyReader, noteKeyUse } from '../records/api-key.ts'
import { PeopleReader } from '../records/people-reader.ts'
import { isSeePermission } from '../records/standing.ts'
import type { Wake } from '../records/tx.ts'
import { WorkspaceReader } from '../records/workspace-reader.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Base } from './base.ts'

/** What shows events as they come, to whoever could see them when they asked. */
interface Showing {
  withdraw(concerns: (viewer: Principal) => boolean, as: 'forbidden'): unknown
  renew(concerns: (viewer: Principal) => boolean): void
}

/** Who may do what, as the records have it now. */
export class Rights {
  readonly keys: ApiKeys
  readonly keyReader: ApiKeyReader
  readonly people: PeopleReader
  readonly workspaces: WorkspaceReader
  readonly #showing: readonly Showing[]

  constructor(base: Base, showing: readonly Showing[]) {
    const { house, options } = base
    this.keyReader = new ApiKeyReader(house.records())
    this.workspaces = new WorkspaceReader(house.records())
    this.people = new PeopleReader(house.records(), (person, place, sealed) => {
      const key = house.vault().personKey(person)
      return key && unsealText(key, place, sealed)
    })
    this.#showing = showing
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

  /** What was changed holds for the next request. Sockets and those who wait are looked at anew before more is shown. */
  hear(wakes: readonly Wake[]): void {
    for (const wake of wakes) {
      if (wake.kind !== 'rights') continue
      this.keys.forget()
      const theirs = (viewer: Principal) => concerns(wake, viewer)
      const isOver = this.#isOver(wake)
      for (const showing of this.#showing) {
        if (isOver) showing.withdraw(theirs, 'forbidden')
        else showing.renew(theirs)
      }
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
