import { Failure } from '../core/failure.ts'
import { type PersonRemoval, requireMember, requireOtherOwner } from './person.ts'
import { teamWith } from './team.ts'
import { input, type Tx } from './tx.ts'

/** Who has a conversation, and which team. */
export interface Assignment {
  assigneeId: number | null
  teamId: number | null
}

/** Before and after, as events keep it. */
export type AssignmentEventData = [
  assigneeId: number | null,
  teamId: number | null,
  fromAssigneeId: number | null,
  fromTeamId: number | null,
]

/** Some three milliseconds. */
const OPENED_AT_ONCE = 50

export interface Assign {
  workspaceId: number
  conversationId: number
  /** Null: to nobody; absent: as it is. */
  assigneeId?: number | null
  teamId?: number | null
}

/** Gives a conversation to somebody, to a team, or to nobody. Told to whoever sees it, comes to see it, or does no more. */
export const assignConversation = input('conversation.assign', async (tx: Tx, ask: Assign) => {
  const { workspaceId, conversationId } = ask
  const before = await tx.one<{ number_id: number; assignee_id: number | null; team_id: number | null }>(
    'SELECT number_id, assignee_id, team_id FROM conversations WHERE id = ?1 AND workspace_id = ?2',
    conversationId,
    workspaceId,
  )
  if (!before) throw new Failure('not_found', 'No such conversation')
  if (typeof ask.assigneeId === 'number') await requireActive(tx, workspaceId, ask.assigneeId)
  if (typeof ask.teamId === 'number') await teamWith(tx, workspaceId, ask.teamId)
  const after: Assignment = {
    assigneeId: ask.assigneeId === undefined ? before.assignee_id : ask.assigneeId,
    teamId: ask.teamId === undefined ? before.team_id : ask.teamId,
  }
  if (after.assigneeId === before.assignee_id && after.teamId === before.team_id) return after
  await passOn(tx, { ...before, id: conversationId, workspaceId }, after)
  return after
})

/** Before somebody is removed: nobody has their conversations any more, only their teams. A bounded number at a time. */
export const openConversationsOf = input(
  'conversation.open_of',
  async (tx: Tx, { workspaceId, personId }: PersonRemoval) => {
    await requireOtherOwner(tx, workspaceId, personId)
    const rows = await tx.all<AssignedRow>(
      `SELECT id, number_id, assignee_id, team_id FROM conversations
       WHERE assignee_id = ?1 AND workspace_id = ?2 LIMIT ?3`,
      personId,
      workspaceId,
      OPENED_AT_ONCE,
    )
    for (const row of rows) await passOn(tx, { ...row, workspaceId }, { assigneeId: null, teamId: row.team_id })
    return { isDone: rows.length < OPENED_AT_ONCE }
  },
)

interface AssignedRow {
  id: number
  number_id: number
  assignee_id: number | null
  team_id: number | null
}

async function passOn(tx: Tx, before: AssignedRow & { workspaceId: number }, after: Assignment): Promise<void> {
  await tx.run(
    'UPDATE conversations SET assignee_id = ?2, team_id = ?3 WHERE id = ?1 AND workspace_id = ?4',
    before.id,
    after.assigneeId,
    after.teamId,
    before.workspaceId,
  )
  const about = { conversationId: before.id, numberId: before.number_id }
  const data: AssignmentEventData = [after.assigneeId, after.teamId, before.assignee_id, before.team_id]
  // Gone comes first: whoever loses it hears nothing of who has it now.
  for (const type of ['conversation.gone', 'conversation.visible', 'conversation.assigned'] as const) {
    await tx.event(type, about, data)
  }
}

/** Somebody who is suspended gets nothing new. */
async function requireActive(tx: Tx, workspaceId: number, personId: number): Promise<void> {
  const { state } = await requireMember(tx, workspaceId, personId)
  if (state !== 0) throw new Failure('conflict', 'Whoever this is for is suspended', { path: '/assignee' })
}
