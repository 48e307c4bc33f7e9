import { toTime } from '../core/clock.ts'
import type { MessageClass } from '../core/message.ts'
import type { Db } from '../storage/database.ts'
import { CLASS, CONTACT_KIND, NUMBER_STATE, SOURCE, STATE } from './codes.ts'
import { ContactReader } from './contact-reader.ts'
import { GroupReader } from './group-reader.ts'
import { houseRow } from './house-row.ts'
import { NUMBER_COLUMNS, type NumberRow } from './number.ts'
import { type Page, type PageAsk, type PageRow, readPage, type See, type Seen } from './page.ts'
import { statusViews, unmatchedStatuses } from './status-views.ts'
import {
  CONVERSATION_VIEW,
  type ConversationViewRow,
  MESSAGE_VIEW,
  type MessageViewRow,
  type View,
  type Views,
} from './views.ts'

/** A message that waits to be sent, as the dispatcher needs it after a start. */
export interface Owed {
  messageId: number
  numberId: number
  conversationId: number
  class: MessageClass
  deadlineAtMs: number
  notBeforeMs: number
}

export interface Duty {
  kind: string
  subject: number
  term: number
  dueAtMs: number
}

/** Short reads beside the writer, each on one snapshot. */
export class Reader {
  readonly #database: Db
  readonly #views: Views
  readonly #groups: GroupReader
  /** People. */
  readonly contacts: ContactReader

  constructor(database: Db, views: Views) {
    this.#database = database
    this.#views = views
    this.#groups = new GroupReader(database, views)
    this.contacts = new ContactReader(database, views)
  }

  epoch(): string {
    return houseRow(this.#database).epoch
  }

  head(): number {
    return houseRow(this.#database).head
  }

  /** When the book last changed. */
  lastInputAtMs(): number {
    return houseRow(this.#database).lastInputAtMs
  }

  /** Newest activity first. */
  async conversations(ask: PageAsk, see: See): Promise<Page> {
    return readPage(this.#database, ask, see, (at, id, limit) => {
      const rows = this.#database.all<ConversationViewRow>(
        `${CONVERSATION_VIEW} WHERE c.workspace_id = ?4 AND (c.last_message_at, c.id) < (?1, ?2)
         ORDER BY c.last_message_at DESC, c.id DESC LIMIT ?3`,
        at,
        id,
        limit,
        see.workspaceId,
      )
      return rows.map((row) => this.#pageRow(row))
    })
  }

  async conversation(id: number, see: See): Promise<View | undefined> {
    return this.#database.snapshot(() => {
      const row = this.#visibleConversation(id, see)
      if (row?.kind !== CONTACT_KIND.group) return row && this.#withLastMessage(row)
      return { ...this.#withLastMessage(row), group: this.#groups.group(row) }
    })
  }

  /** The conversations of contacts that are one person, newest activity first. */
  async conversationsOf(contactIds: readonly number[], ask: PageAsk, see: See): Promise<Page> {
    const ids = JSON.stringify(contactIds)
    return readPage(this.#database, ask, see, (at, id, limit) => {
      const rows = this.#database.all<ConversationViewRow>(
        `${CONVERSATION_VIEW} WHERE +c.workspace_id = ?5 AND c.contact_id IN (SELECT value FROM json_each(?4))
         AND (c.last_message_at, c.id) < (?1, ?2) ORDER BY c.last_message_at DESC, c.id DESC LIMIT ?3`,
        at,
        id,
        limit,
        ids,
        see.workspaceId,
      )
      return rows.map((row) => this.#pageRow(row))
    })
  }

  /** Whether the conversation is there for whoever asks. */
  canSeeConversation(id: number, see: See): boolean {
    return this.#visibleConversation(id, see) !== undefined
  }

  /** The number of a conversation that is there for whoever asks. */
  numberOfConversation(id: number, see: See): number | undefined {
    return this.#visibleConversation(id, see)?.number_id
  }

  /** The conversation of a message, where whoever asks may see it. */
  conversationOfMessage(messageId: number, see: See): number | undefined {
    const row = this.#database.one<{ id: number }>(
      'SELECT conversation_id AS id FROM messages WHERE id = ?1',
      messageId,
    )
    return row && this.#visibleConversation(row.id, see)?.id
  }

  /** Newest first: the platform's time, then arrival. */
  async messages(conversationId: number, ask: PageAsk, see: See): Promise<Page | undefined> {
    const conversation = this.#visibleConversation(conversationId, see)
    if (!conversation) return undefined
    const seen = seenIn(conversation)
    return readPage(this.#database, ask, see, (at, id, limit) => {
      const rows = this.#database.all<MessageViewRow>(
        `${MESSAGE_VIEW} WHERE m.conversation_id = ?1 AND (m.at, m.id) < (?2, ?3) AND m.flags & 8 = 0 AND +c.workspace_id = ?5
         ORDER BY m.at DESC, m.id DESC LIMIT ?4`,
        conversationId,
        at,
        id,
        limit,
        see.workspaceId,
      )
      return rows.map((row) => ({ at: row.at, id: row.id, seen, view: () => this.#views.message(row) }))
    })
  }

  /** One message with its timeline; what its author took back only where that is asked for. */
  async message(id: number, see: See, showRevoked = false): Promise<View | undefined> {
    return this.#database.snapshot(() => {
      if (this.conversationOfMessage(id, see) === undefined) return undefined
      const row = this.#messageRow(id, see.workspaceId)
      if (!row) return undefined
      const participants = row.class === null ? undefined : this.#groups.participants(id, see.workspaceId)
      return {
        ...this.#views.message(row, showRevoked),
        ...(participants ? { participants } : {}),
        ...(row.class === null ? {} : { statuses: statusViews(this.#database, this.#views, id) }),
        timeline: this.#timeline(id, see.workspaceId),
      }
    })
  }

  /** What the platform said of messages that were not sent from here. */
  unmatchedStatuses(ask: Parameters<typeof unmatchedStatuses>[2], see: See): Page {
    return unmatchedStatuses(this.#database, this.#views, ask, see)
  }

  /** Of every workspace: for the dispatcher. */
  numbers(): NumberRow[] {
    return this.#database.all<NumberRow>(
      `SELECT ${NUMBER_COLUMNS} FROM numbers ORDER BY id /* every workspace: all of them send */`,
    )
  }

  /** One of them. */
  number(id: number): NumberRow | undefined {
    return this.#database.one<NumberRow>(
      `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE id = ?1 /* every workspace */`,
      id,
    )
  }

  /** The numbers of one workspace. */
  numbersOf(workspaceId: number): NumberRow[] {
    return this.#database.all<NumberRow>(
      `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE workspace_id = ?1 ORDER BY id`,
      workspaceId,
    )
  }

  /** What waits to be sent from a number in a class, oldest first. */
  owed(numberId: number, messageClass: MessageClass, limit: number): Owed[] {
    return this.#database
      .all<{ message_id: number; conversation_id: number; deadline_at: number; not_before: number }>(
        `SELECT o.message_id, m.conversation_id, o.deadline_at, o.not_before FROM outbound o
         JOIN messages m ON m.id = o.message_id
         WHERE o.owed = 1 AND o.number_id = ?1 AND o.class = ?2 AND m.state = ?3 ORDER BY o.message_id LIMIT ?4`,
        numberId,
        CLASS.code(messageClass),
        STATE.code('queued'),
        limit,
      )
      .map((row) => ({
        messageId: row.message_id,
        numberId,
        conversationId: row.conversation_id,
        class: messageClass,
        deadlineAtMs: row.deadline_at,
        notBeforeMs: row.not_before,
      }))
  }

  /** What is due up to a moment, in due order. */
  dutiesDue(untilMs: number, limit: number): Duty[] {
    return this.#database.all<Duty>(
      'SELECT kind, subject, term, due_at AS dueAtMs FROM duties WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2',
      untilMs,
      limit,
    )
  }

  isOwed(kind: string): boolean {
    return this.#database.one('SELECT id FROM duties WHERE kind = ?1 LIMIT 1', kind) !== undefined
  }

  nextDutyAtMs(): number | undefined {
    return this.#database.one<{ due_at: number }>('SELECT due_at FROM duties ORDER BY due_at LIMIT 1')?.due_at
  }

  /** Webhooks of which what they bring of the past is still to be applied. */
  laterCount(): number {
    return this.#database.one<{ count: number }>('SELECT count(*) AS count FROM later_bodies')?.count ?? 0
  }

  quarantinedCount(): number {
    return (
      this.#database.one<{ count: number }>('SELECT count(*) AS count FROM quarantine WHERE replayed_at IS NULL')
        ?.count ?? 0
    )
  }

  #conversationRow(id: number, workspaceId: number): ConversationViewRow | undefined {
    const sql = `${CONVERSATION_VIEW} WHERE c.id = ?1 AND c.workspace_id = ?2`
    return this.#database.one<ConversationViewRow>(sql, id, workspaceId)
  }

  #messageRow(id: number, workspaceId: number): MessageViewRow | undefined {
    const sql = `${MESSAGE_VIEW} WHERE m.id = ?1 AND c.workspace_id = ?2`
    return this.#database.one<MessageViewRow>(sql, id, workspaceId)
  }

  #pageRow(row: ConversationViewRow): PageRow {
    return { at: row.last_message_at, id: row.id, seen: seenIn(row), view: () => this.#withLastMessage(row) }
  }

  #withLastMessage(row: ConversationViewRow): View {
    const { last_message_id: lastId } = row
    const last = lastId === null ? undefined : this.#messageRow(lastId, row.workspace_id)
    return { ...this.#views.conversation(row), last_message: last ? this.#views.message(last) : null }
  }

  #timeline(messageId: number, workspaceId: number): View[] {
    return this.#database
      .all<{ at: number; state: number; reason: string | null; account: string; attempt: number; source: number }>(
        `SELECT s.at, s.state, s.reason, n.account, s.attempt, s.source FROM message_states s
         JOIN numbers n ON n.id = s.number_id WHERE s.message_id = ?1 AND n.workspace_id = ?2 ORDER BY s.step`,
        messageId,
        workspaceId,
      )
      .map((row) => ({
        at: toTime(row.at),
        state: STATE.word(row.state),
        reason: row.reason,
        number: row.account,
        attempt: row.attempt,
        source: SOURCE.word(row.source),
      }))
  }

  #visibleConversation(id: number, see: See): ConversationViewRow | undefined {
    const row = this.#conversationRow(id, see.workspaceId)
    return row && see(seenIn(row)) ? row : undefined
  }
}

/** A number as the API shows it. */
export function numberView(row: NumberRow): View {
  return {
    number: row.account,
    alias: row.alias,
    display: row.display,
    pool: row.pool,
    app: row.app,
    waba: row.waba,
    portfolio: row.portfolio,
    state: NUMBER_STATE.word(row.state),
    reason: row.reason,
    messages_per_second: row.per_second_max,
  }
}

function seenIn(row: Pick<ConversationViewRow, 'id' | 'workspace_id' | 'number_id' | 'assignee_id' | 'team_id'>): Seen {
  return {
    workspaceId: row.workspace_id,
    conversationId: row.id,
    numberId: row.number_id,
    assigneeId: row.assignee_id,
    teamId: row.team_id,
  }
}
