import { toTime } from '../core/clock.ts'
import type { StatusItem } from '../core/inbound.ts'
import { MAIN_WORKSPACE } from '../core/principal.ts'
import type { Db } from '../storage/database.ts'
import { noConversation, type Page, type PageAsk, readPage, type See } from './page.ts'
import { statusPlace } from './sent-message.ts'
import type { View, Views } from './views.ts'

/** What a group's message may have of them, and then some. */
const STATUSES_MAX = 5_000

/** Everything that the platform said of a message that we sent, whole and in its order, words we do not know included. */
export function statusViews(database: Db, views: Views, messageId: number): View[] {
  const rows = database.all<{ id: number; status: string; at: number; person: number; body: Uint8Array }>(
    `SELECT s.id, s.status, s.at, s.person, s.body FROM statuses s
     WHERE s.upstream_hash = (SELECT upstream_hash FROM messages WHERE id = ?1) AND s.message_id = ?1
     ORDER BY s.at, s.id LIMIT ?2`,
    messageId,
    STATUSES_MAX,
  )
  return rows.map(({ id, status, at, person, body }) => {
    const text = views.open(person, statusPlace(id), body)
    const said = text === undefined ? { erased: true } : { object: (JSON.parse(text) as { raw: unknown }).raw }
    return { status, at: toTime(at), ...said }
  })
}

interface UnmatchedRow {
  id: number
  status: string
  at: number
  person: number
  body: Uint8Array
  workspace_id: number | null
}

interface UnmatchedAsk extends PageAsk {
  /** Whether the platform's own object is shown, which names the customer. */
  showObject: boolean
}

/**
 * What the platform said of messages that nobody here has sent, newest first: another system sends on the same number,
 * or its phone. A send of ours stands here until it is answered, if its status comes first.
 */
export function unmatchedStatuses(database: Db, views: Views, ask: UnmatchedAsk, see: See): Page {
  const numbers = new Map(
    database
      .all<{ id: number; account: string; workspace_id: number }>(
        'SELECT id, account, workspace_id FROM numbers /* every workspace: the status says which number */',
      )
      .map((row) => [row.account, row]),
  )
  return readPage(database, ask, see, (at, id, limit) => {
    const rows = database.all<UnmatchedRow>(
      `SELECT s.id, s.status, s.at, s.person, s.body, k.workspace_id FROM statuses s
       LEFT JOIN contacts k ON k.person = s.person
       WHERE s.message_id IS NULL AND (s.at, s.id) < (?1, ?2) ORDER BY s.at DESC, s.id DESC LIMIT ?3`,
      at,
      id,
      limit,
    )
    return rows.map((row) => {
      const text = views.open(row.person, statusPlace(row.id), row.body)
      const said = text === undefined ? undefined : (JSON.parse(text) as { item: StatusItem; raw: unknown })
      const number = said === undefined ? undefined : numbers.get(said.item.account.id)
      const workspaceId = number?.workspace_id ?? row.workspace_id ?? MAIN_WORKSPACE
      const seen = { ...noConversation(workspaceId), numberId: number?.id ?? null }
      return { at: row.at, id: row.id, seen, view: () => unmatchedView(row, said, ask.showObject) }
    })
  })
}

/** Without what a person's destroyed key sealed. */
function unmatchedView(
  { status, at }: UnmatchedRow,
  said: { item: StatusItem; raw: unknown } | undefined,
  showObject: boolean,
): View {
  if (!said) return { status, at: toTime(at), erased: true }
  const { item, raw } = said
  return {
    status,
    at: toTime(at),
    upstream_id: item.upstreamId,
    number: item.account.id,
    ...(item.space === 'standby' ? { standby: true } : {}),
    error: item.failure,
    ...(showObject ? { object: raw } : {}),
  }
}
