import type { Db } from '../storage/database.ts'

/** Where a conversation stands, as far as it matters for who sees it. */
export interface ConversationPlace {
  id: number
  at: number
  numberId: number
  assigneeId: number | null
  teamId: number | null
}

const COLUMNS = 'id, last_message_at AS at, number_id AS numberId, assignee_id AS assigneeId, team_id AS teamId'

/** Reads where conversations stand, the newest activity first. */
export class ConversationPlaces {
  readonly #database: Db

  constructor(database: Db) {
    this.#database = database
  }

  ofTeam(workspaceId: number, teamId: number, limit: number): ConversationPlace[] {
    return this.#database.all<ConversationPlace>(
      `SELECT ${COLUMNS} FROM conversations WHERE +workspace_id = ?1 AND team_id = ?2
       ORDER BY last_message_at DESC LIMIT ?3`,
      workspaceId,
      teamId,
      limit,
    )
  }

  ofPerson(workspaceId: number, personId: number, limit: number): ConversationPlace[] {
    return this.#database.all<ConversationPlace>(
      `SELECT ${COLUMNS} FROM conversations WHERE +workspace_id = ?1 AND assignee_id = ?2
       ORDER BY last_message_at DESC LIMIT ?3`,
      workspaceId,
      personId,
      limit,
    )
  }

  /** Of all the workspace. */
  newest(workspaceId: number, limit: number): ConversationPlace[] {
    return this.#database.all<ConversationPlace>(
      `SELECT ${COLUMNS} FROM conversations WHERE workspace_id = ?1 ORDER BY last_message_at DESC LIMIT ?2`,
      workspaceId,
      limit,
    )
  }
}
