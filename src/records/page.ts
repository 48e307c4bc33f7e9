import { Failure } from '../core/failure.ts'
import type { Db } from '../storage/database.ts'
import { houseRow } from './house-row.ts'
import type { View } from './views.ts'

export interface Page {
  items: View[]
  /** Where the next page begins; null at the end. */
  next: string | null
  /** The offset of the read: subscribe after it and nothing is missed or seen twice. */
  as_of: number
}

export interface PageAsk {
  limit: number
  cursor: string | null
}

/** What somebody wants to see: an event, a conversation, a message. */
export interface Seen {
  workspaceId: number
  conversationId: number | null
  numberId: number | null
  /** Who has the conversation, and which team. */
  assigneeId: number | null
  teamId: number | null
}

/** What belongs to no conversation, and so to whoever sees the whole workspace. */
export function noConversation(workspaceId: number): Seen {
  return { workspaceId, conversationId: null, numberId: null, assigneeId: null, teamId: null }
}

/** Whether whoever asks may see it: what they may not see is not there for them. Nobody sees two workspaces at once. */
export interface See {
  (what: Seen): boolean
  readonly workspaceId: number
  /** The newest change of rights that this goes by; absent: none concerns them. */
  readonly asOf?: number | undefined
}

/** What is of another workspace is hidden, whatever `sees` says. */
export function seeing(workspaceId: number, sees: (what: Seen) => boolean, asOf?: number): See {
  return Object.assign((what: Seen) => what.workspaceId === workspaceId && sees(what), { workspaceId, asOf })
}

/** Rounds of reading over what is hidden before a page ends early, with a cursor to go on. */
const HIDDEN_ROUNDS_MAX = 20

export interface PageRow {
  at: number
  id: number
  seen: Parameters<See>[0]
  view: () => View
}

/** A page by (moment, id), newest first; one more visible row than asked tells whether there is a next page. */
export function readPage(
  database: Db,
  ask: PageAsk,
  see: See,
  read: (at: number, id: number, limit: number) => PageRow[],
): Page {
  return database.snapshot(() => {
    let from = ask.cursor === null ? NEWEST : readCursor(ask.cursor)
    const shown: PageRow[] = []
    let isEnd = false
    for (let round = 0; round < HIDDEN_ROUNDS_MAX && !isEnd && shown.length <= ask.limit; round++) {
      const rows = read(from.at, from.id, ask.limit + 1)
      shown.push(...rows.filter((row) => see(row.seen)))
      isEnd = rows.length <= ask.limit
      from = rows.at(-1) ?? from
    }
    const items = shown.slice(0, ask.limit)
    const last = shown.length > ask.limit ? items.at(-1) : from
    const next = (isEnd && shown.length <= ask.limit) || !last ? null : showCursor(last.at, last.id)
    return { items: items.map((row) => row.view()), next, as_of: asOfRead(database, see) }
  })
}

/** Where to go on from. Rights may have changed since who asks was resolved: then before that, so that it is told. */
function asOfRead(database: Db, { asOf }: See): number {
  const { head } = houseRow(database)
  if (asOf === undefined) return head
  const next = database.one<{ offset: number | null }>(
    'SELECT min("offset") AS "offset" FROM standing_changes WHERE "offset" > ?1 /* of any workspace: a little earlier is as good */',
    asOf,
  )
  return next?.offset ? next.offset - 1 : head
}

/** The id that the page before ended with, of lists that are in the order of ids; `absent` where there was none. */
export function readIdCursor(cursor: string | null, absent: number): number {
  if (cursor === null) return absent
  if (/^[0-9a-z]{1,11}$/.test(cursor)) return Number.parseInt(cursor, 36)
  throw new Failure('invalid', 'The cursor is not one that a list gave', { path: '?cursor' })
}

function showCursor(at: number, id: number): string {
  return `${at.toString(36)}.${id.toString(36)}`
}

/** Before every row. */
const NEWEST = { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER }

function readCursor(text: string): { at: number; id: number } {
  const match = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/.exec(text)
  if (!match?.[1] || !match[2])
    throw new Failure('invalid', 'The cursor is not one that a list gave', { path: '?cursor' })
  return { at: Number.parseInt(match[1], 36), id: Number.parseInt(match[2], 36) }
}
