import type { Db } from '../storage/database.ts'

export interface Workspace {
  id: number
  name: string
}

/** Reads which workspaces there are. */
export class WorkspaceReader {
  readonly #database: Db
  /** By name; none is ever renamed or removed. */
  readonly #known = new Map<string, number>()

  constructor(database: Db) {
    this.#database = database
  }

  /** In the order in which they were declared. */
  all(): Workspace[] {
    return this.#database.all<Workspace>('SELECT id, name FROM workspaces ORDER BY id')
  }

  /** Those that somebody works in right now. */
  ofPerson(personId: number): Workspace[] {
    return this.#database.all<Workspace>(
      `SELECT w.id, w.name FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
       WHERE m.person_id = ?1 AND m.state = 0 ORDER BY w.id`,
      personId,
    )
  }

  named(name: string): number | undefined {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const id = this.#database.one<{ id: number }>('SELECT id FROM workspaces WHERE name = ?1', name)?.id
    if (id !== undefined) this.#known.set(name, id)
    return id
  }
}
