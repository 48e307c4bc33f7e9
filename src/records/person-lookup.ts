import type { Db } from '../storage/database.ts'
import type { Vault } from '../vault/vault.ts'
import { emailOf, STAFF } from './person.ts'
import { OWNER_ROLE } from './role.ts'

/** What signing in asks of the records: who is behind an address, and where they work. */
export class PersonLookup {
  readonly #database: Db
  readonly #vault: Vault

  constructor(database: Db, vault: Vault) {
    this.#database = database
    this.#vault = vault
  }

  /** Who has an e-mail address, by its blind index. */
  personWith(email: string): number | undefined {
    const keyPerson = this.#vault.findPerson('email', STAFF, emailOf(email))
    if (keyPerson === undefined) return undefined
    return this.#database.one<{ id: number }>('SELECT id FROM people WHERE key_person = ?1', keyPerson)?.id
  }

  /** The workspaces that somebody works in right now, the oldest first. */
  workspacesOf(personId: number): { id: number; name: string }[] {
    return this.#database.all<{ id: number; name: string }>(
      `SELECT w.id, w.name FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
       WHERE m.person_id = ?1 AND m.state = 0 ORDER BY w.id`,
      personId,
    )
  }

  /** The workspaces that somebody belongs to, suspended or not. */
  belongsTo(personId: number): number[] {
    return this.#database
      .all<{ id: number }>('SELECT workspace_id AS id FROM memberships WHERE person_id = ?1', personId)
      .map(({ id }) => id)
  }

  /** Whether somebody owns a workspace. */
  hasOwner(workspaceId: number): boolean {
    const owner = this.#database.one(
      `SELECT m.person_id FROM memberships m JOIN roles r ON r.id = m.role_id
       WHERE m.workspace_id = ?1 AND m.state = 0 AND r.name = ?2 LIMIT 1`,
      workspaceId,
      OWNER_ROLE,
    )
    return owner !== undefined
  }

  /** Whether anybody works here. */
  hasAny(): boolean {
    return this.#database.one('SELECT person_id FROM memberships LIMIT 1') !== undefined
  }
}
