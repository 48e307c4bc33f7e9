import { toTime } from '../core/clock.ts'
import type { Db } from '../storage/database.ts'
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
