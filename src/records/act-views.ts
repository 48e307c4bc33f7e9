import type { Db } from '../storage/database.ts'
import { type ActDetail, detailOf, hasHappened } from './act-effect.ts'
import { type CallStep, isEnd } from './call-step.ts'
import {
  ACT,
  DIRECTION,
  type Direction,
  FLAG_EDITED,
  FLAG_REACTED,
  FLAG_REVOKED,
  REVOKED,
  type Revoked,
  STATE,
} from './codes.ts'
import { bodyPlace } from './sent-message.ts'
import type { MessageViewRow } from './views.ts'

/** The newest reactions to a message that are looked at: each person's last one counts. */
const REACTIONS_READ_MAX = 200

/** What has been done to a message. */
export interface Done {
  /** The edit that holds now. */
  edit?: { id: number; type: string; body: Record<string, unknown>; at: number }
  revoked?: { as: Revoked; at: number }
  /** The last step of a call. */
  call?: CallStep
  reactions: Reaction[]
}

export interface Reaction {
  emoji: string
  direction: Direction
  /** Of a customer. */
  contactId: number
  at: number
}

interface ActCell {
  id: number
  person: number
  body: Uint8Array
}

interface ReactionRow extends ActCell {
  at: number
  direction: number
  state: number
  author_id: number | null
  contact_id: number
}

type Open = (person: number, place: string, sealed: Uint8Array) => string | undefined

const NOTHING: Done = { reactions: [] }
const DOING = FLAG_EDITED | FLAG_REVOKED | FLAG_REACTED

/** Reads what was done to messages. A message to which nothing was done costs nothing: its flags say so. */
export class ActReader {
  readonly #database: Db
  readonly #open: Open

  constructor(database: Db, open: Open) {
    this.#database = database
    this.#open = open
  }

  /** As it is now. */
  doneTo(message: Pick<MessageViewRow, 'id' | 'type' | 'flags' | 'person' | 'workspace_id'>): Done {
    const { flags } = message
    if ((flags & DOING) === 0) return NOTHING
    const done: Done = { reactions: flags & FLAG_REACTED ? this.#reactions(message) : [] }
    if (flags & FLAG_EDITED) {
      if (message.type === 'call') Object.assign(done, this.#lastStep(message))
      else Object.assign(done, this.#lastEdit(message))
    }
    const revoked = this.revoked(message)
    if (revoked) done.revoked = revoked
    return done
  }

  /** The first revoke, and the strictest word on what becomes of the message. */
  revoked({ id, flags }: { id: number; flags: number }): Done['revoked'] {
    if (!(flags & FLAG_REVOKED)) return undefined
    const row = this.#database.one<{ at: number; revoked: number | null }>(
      'SELECT min(at) AS at, max(revoked) AS revoked FROM message_acts WHERE target_id = ?1 AND kind = ?2 AND applies = 1',
      id,
      ACT.code('revoke'),
    )
    return row && row.revoked !== null ? { as: REVOKED.word(row.revoked), at: row.at } : undefined
  }

  /** The message as one edit, or one step of a call, made it. */
  madeBy(actId: number, person: number): Done {
    const row = this.#database.one<EditRow>('SELECT m.id, m.type, m.at, m.body FROM messages m WHERE m.id = ?1', actId)
    return row ? { ...NOTHING, ...this.#made(row, person) } : NOTHING
  }

  /** The message that a reply answers and that came after it. */
  lateTarget(replyId: number): number | null {
    const row = this.#database.one<{ target_id: number | null }>(
      'SELECT target_id FROM message_acts WHERE act_id = ?1 AND kind = ?2 AND applies = 1',
      replyId,
      ACT.code('reply'),
    )
    return row?.target_id ?? null
  }

  /** The emoji and the target of a reaction. */
  detail(cell: ActCell): ActDetail | undefined {
    return detailOf(this.#body(cell))
  }

  #lastEdit({ id, person }: { id: number; person: number }): Pick<Done, 'edit'> {
    const [row] = this.#newest(id, 'edit', 1)
    return row ? this.#made(row, person) : {}
  }

  /** The end, whenever it was told; else the latest step. */
  #lastStep({ id, person }: { id: number; person: number }): Pick<Done, 'call'> {
    const steps = this.#newest(id, 'call', 20)
      .map((row) => this.#made(row, person).call)
      .filter((step) => step !== undefined)
    const last = steps.find(isEnd) ?? steps[0]
    return last ? { call: last } : {}
  }

  #newest(targetId: number, kind: 'edit' | 'call', limit: number): EditRow[] {
    return this.#database.all<EditRow>(
      `SELECT m.id, m.type, m.at, m.body FROM message_acts a JOIN messages m ON m.id = a.act_id
       WHERE a.target_id = ?1 AND a.kind = ?2 AND a.applies = 1 ORDER BY a.at DESC, a.act_id DESC LIMIT ?3`,
      targetId,
      ACT.code(kind),
      limit,
    )
  }

  #made(row: EditRow, person: number): Pick<Done, 'call' | 'edit'> {
    const body = this.#body({ ...row, person })
    if (!body) return {}
    if (row.type === 'call') return { call: body['gatehouse'] as CallStep }
    return { edit: { id: row.id, type: row.type, body, at: row.at } }
  }

  /** Of each person the last one, oldest first; what they took back is not there. */
  #reactions(message: { id: number; workspace_id: number }): Reaction[] {
    const rows = this.#database.all<ReactionRow>(
      `SELECT m.id, m.body, m.at, m.direction, m.state, m.author_id, k.person, coalesce(m.author_id, c.contact_id) AS contact_id
       FROM message_acts a JOIN messages m ON m.id = a.act_id JOIN conversations c ON c.id = m.conversation_id
       JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)
       WHERE a.target_id = ?1 AND a.kind = ?2 AND a.applies = 1 AND c.workspace_id = ?4
       ORDER BY a.at DESC, a.act_id DESC LIMIT ?3`,
      message.id,
      ACT.code('reaction'),
      REACTIONS_READ_MAX,
      message.workspace_id,
    )
    const last = new Map<string, ReactionRow>()
    for (const row of rows) {
      const who = row.direction === DIRECTION.code('out') ? 'us' : String(row.author_id)
      if (!last.has(who) && hasHappened(STATE.word(row.state))) last.set(who, row)
    }
    return [...last.values()].toReversed().flatMap((row) => {
      const emoji = this.detail(row)?.emoji
      if (!emoji) return []
      return [{ emoji, direction: DIRECTION.word(row.direction), contactId: row.contact_id, at: row.at }]
    })
  }

  #body({ id, person, body }: ActCell): Record<string, unknown> | undefined {
    const text = this.#open(person, bodyPlace(id), body)
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  }
}

interface EditRow {
  id: number
  type: string
  at: number
  body: Uint8Array
}
