import { toTime } from '../core/clock.ts'
import { showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import type { EditedEventData, ReactionEventData, RevokedEventData } from './act-effect.ts'
import type { Assignment, AssignmentEventData } from './assignment.ts'
import { CLASS, DIRECTION, EVENT, FLAG_ACT, FLAG_PACING, FLAG_REVOKED, REVOKED, STATE } from './codes.ts'
import type { ContactEventData } from './contact-event.ts'
import { ContactReader } from './contact-reader.ts'
import { type ConversationEventData, conversationThen, type ReceivedEventData } from './conversation.ts'
import { houseRow } from './house-row.ts'
import type { MediaEventData } from './media.ts'
import type { StateEventData } from './sent-message.ts'
import {
  assignmentView,
  CONVERSATION_VIEW,
  type ConversationViewRow,
  MESSAGE_VIEW,
  type MessageViewRow,
  type View,
  type Views,
} from './views.ts'

interface EventRow {
  offset: number
  at: number
  type: number
  number_id: number | null
  conversation_id: number | null
  message_id: number | null
  data: string | null
  assignee_id: number | null
  team_id: number | null
  workspace_id: number
}

interface StateLine {
  at: number
  state: number
  reason: string | null
  attempt: number
}

/** An event, ready to be sent. */
export interface LogEvent {
  offset: number
  type: string
  workspaceId: number
  conversationId: number | null
  numberId: number | null
  /** Who has its conversation now, and which team. */
  assigneeId: number | null
  teamId: number | null
  /** Of a conversation that passed on. */
  moved?: { as: 'visible' | 'gone'; from: Assignment; to: Assignment }
  /** Of a change of rights: its offset. What it tells is another thing for everybody it concerns. */
  change?: number
  /** The whole event as JSON text. */
  json: string
}

/** Events put into words before others have their turn: some milliseconds, where 500 would be 50 and more. */
const SLICE_EVENTS = 32

/**
 * The events in their order. An event is put into words from the rows it points to each time it is read, live or years
 * later, by this one function: there is no second form of it that could differ, and nothing personal is kept twice.
 */
export class RecordedEvents {
  readonly #database: Db
  readonly #views: Views
  readonly #contacts: ContactReader
  readonly #giveWay: (() => Promise<void>) | undefined
  /** Asked at every commit and every frame of a socket, and the same as long as the house runs: only a stopped one is restored. */
  readonly #epoch: string

  /** `giveWay` lets the thread's other work have its turn in the middle of a long read; absent: it is read at once. */
  constructor(database: Db, views: Views, giveWay?: () => Promise<void>) {
    this.#giveWay = giveWay
    this.#database = database
    this.#views = views
    this.#contacts = new ContactReader(database, views)
    this.#epoch = houseRow(database).epoch
  }

  head(): number {
    return houseRow(this.#database).head
  }

  /** The oldest offset that is still kept; one above the head when there is none. */
  oldest(): number {
    return (
      this.#database.one<{ oldest: number | null }>('SELECT min("offset") AS oldest FROM events')?.oldest ??
      this.head() + 1
    )
  }

  epoch(): string {
    return this.#epoch
  }

  /** The events after an offset, and how far the answer reaches. */
  async read(after: number, limit: number): Promise<{ events: LogEvent[]; upto: number }> {
    if (!this.#giveWay) return this.#slice(after, limit)
    // The log only grows and an offset never changes its meaning: slices are as good as one read.
    const events: LogEvent[] = []
    for (let upto = after; ; ) {
      const asked = Math.min(SLICE_EVENTS, limit - events.length)
      const slice = this.#slice(upto, asked)
      events.push(...slice.events)
      upto = slice.upto
      if (slice.events.length < asked || events.length >= limit) return { events, upto }
      await this.#giveWay()
    }
  }

  #slice(after: number, limit: number): { events: LogEvent[]; upto: number } {
    return this.#database.snapshot(() => {
      const rows = this.#database.all<EventRow>(
        `SELECT e."offset", e.at, e.type, e.number_id, e.conversation_id, e.message_id, e.data, e.workspace_id, c.assignee_id, c.team_id
         FROM events e LEFT JOIN conversations c ON c.id = e.conversation_id
         WHERE e."offset" > ?1 ORDER BY e."offset" LIMIT ?2`,
        after,
        limit,
      )
      const last = rows.at(-1)
      const upto = rows.length < limit ? this.head() : (last?.offset ?? after)
      return { events: rows.map((row) => this.#event(row)), upto: Math.max(upto, after) }
    })
  }

  #event(row: EventRow): LogEvent {
    const type = EVENT.word(row.type)
    const isMove = type === 'conversation.visible' || type === 'conversation.gone'
    const isChange = isMove && row.conversation_id === null
    const data = isChange ? { conversation_ids: [] } : this.#data(row)
    const json = JSON.stringify({ offset: row.offset, type, at: toTime(row.at), data })
    const about = { workspaceId: row.workspace_id, conversationId: row.conversation_id, numberId: row.number_id }
    const event = { offset: row.offset, type, ...about, assigneeId: row.assignee_id, teamId: row.team_id, json }
    if (!isMove) return event
    if (isChange) return { ...event, change: type === 'conversation.gone' ? row.offset : row.offset - 1 }
    const [assigneeId, teamId, fromAssigneeId, fromTeamId] = JSON.parse(row.data ?? '[]') as AssignmentEventData
    const from = { assigneeId: fromAssigneeId, teamId: fromTeamId }
    return {
      ...event,
      moved: { as: type === 'conversation.gone' ? 'gone' : 'visible', from, to: { assigneeId, teamId } },
    }
  }

  #data(row: EventRow): View {
    const kept = row.data === null ? null : (JSON.parse(row.data) as unknown)
    switch (EVENT.word(row.type)) {
      case 'message.received':
        return this.#received(row, kept as ReceivedEventData)
      case 'message.state':
        return this.#state(row, kept as StateEventData)
      case 'message.reaction':
        return this.#reaction(row, kept as ReactionEventData)
      case 'message.edited':
        return this.#edited(row, kept as EditedEventData)
      case 'message.revoked':
        return this.#revoked(row, kept as RevokedEventData)
      case 'conversation.created':
        return this.#conversation(row, [0, null])
      case 'conversation.updated':
        return this.#conversation(row, kept as ConversationEventData)
      case 'conversation.assigned':
        return this.#assigned(row, kept as AssignmentEventData)
      case 'conversation.visible':
        return this.#visible(row, kept as AssignmentEventData)
      case 'conversation.gone':
        return { conversation_id: showId('conversation', row.conversation_id ?? 0) }
      case 'number.state':
        return { ...this.#number(row), ...(kept as View) }
      case 'contact.updated':
        return this.#contact(row, kept as ContactEventData)
      case 'message.media':
        return this.#media(row, kept as MediaEventData)
    }
  }

  #assigned(row: EventRow, [assigneeId, teamId]: AssignmentEventData): View {
    return {
      conversation_id: showId('conversation', row.conversation_id ?? 0),
      ...assignmentView({ assigneeId, teamId }),
    }
  }

  /** As it is when it is read: whoever it comes to has seen nothing of it before. */
  #visible(row: EventRow, [assigneeId, teamId]: AssignmentEventData): View {
    const shown = this.#conversation(row, [0, null])
    const conversation = shown['conversation'] as View | undefined
    if (!conversation) return shown
    const { unread: _unread, window_expires_at: _window, ...lasting } = conversation
    return { conversation: { ...lasting, ...assignmentView({ assigneeId, teamId }) } }
  }

  #received(row: EventRow, kept: ReceivedEventData): View {
    const message = this.#message(row)
    if (!message) return { erased: true }
    const then = conversationThen(kept, message.at)
    return { message: this.#views.messageAt(message, row.offset), ...this.#conversation(row, then) }
  }

  #state(row: EventRow, [step, upstreamKnown]: StateEventData): View {
    const line = this.#database.one<StateLine>(
      'SELECT at, state, reason, attempt FROM message_states WHERE message_id = ?1 AND step = ?2',
      row.message_id,
      step,
    )
    const state = line ? STATE.word(line.state) : null
    const message = this.#message(row)
    if (!message || !line) return { erased: true, state }
    return {
      message_id: showId('message', message.id),
      upstream_id: upstreamKnown ? this.#views.upstreamId(message, row.offset) : null,
      conversation_id: showId('conversation', message.conversation_id),
      reference: this.#views.reference(message),
      state,
      reason: line.reason,
      class: message.class === null ? null : CLASS.word(message.class),
      attempt: line.attempt,
      at: toTime(line.at),
      ...(state === 'queued' && line.attempt === 0 && !(message.flags & FLAG_ACT)
        ? { message: this.#asQueued(message, row.offset) }
        : {}),
    }
  }

  /** The message as it was when it was queued: an event never changes. */
  #asQueued(message: MessageViewRow, asOf: number): View {
    const view = this.#views.messageAt(
      { ...message, state: STATE.code('queued'), flags: message.flags & FLAG_REVOKED },
      asOf,
    )
    // The view's reason is that of the latest such state, which may have come later: sent again, put back.
    return { ...view, upstream_id: null, reason: null }
  }

  /** The event points to the reaction; which message it is about may not have been known by then. */
  #reaction(row: EventRow, [targetKnown, windowExpiresAt]: ReactionEventData): View {
    const act = this.#message(row)
    const detail = act && this.#views.actDetail(act)
    if (!act || !detail) return { erased: true }
    const target = targetKnown ? this.#targetOf(act.id) : null
    const isOurs = act.direction === DIRECTION.code('out')
    return {
      message_id: target === null ? null : showId('message', target),
      upstream_id: detail.target,
      conversation_id: showId('conversation', act.conversation_id),
      emoji: detail.emoji ?? null,
      by: isOurs ? 'us' : 'customer',
      contact_id: isOurs ? null : showId('contact', act.contact_id),
      direction: DIRECTION.word(act.direction),
      at: toTime(act.at),
      window_expires_at: windowExpiresAt === null ? null : toTime(windowExpiresAt),
    }
  }

  #targetOf(actId: number): number | null {
    return (
      this.#database.one<{ target_id: number | null }>('SELECT target_id FROM message_acts WHERE act_id = ?1', actId)
        ?.target_id ?? null
    )
  }

  #edited(row: EventRow, [actId, state]: EditedEventData): View {
    const message = this.#message(row)
    const act = this.#message(row, actId)
    if (!message || !act) return { erased: true }
    return {
      message_id: showId('message', message.id),
      conversation_id: showId('conversation', message.conversation_id),
      // Held back for its quality or not is told by its states.
      message: this.#views.messageAt({ ...message, state, flags: message.flags & ~FLAG_PACING }, row.offset, actId),
      at: toTime(act.at),
    }
  }

  #revoked(row: EventRow, [actId, revoked]: RevokedEventData): View {
    const message = this.#message(row)
    const act = this.#message(row, actId)
    const detail = act && this.#views.actDetail(act)
    if (!message || !act || !detail) return { erased: true }
    return {
      message_id: showId('message', message.id),
      upstream_id: detail.target,
      conversation_id: showId('conversation', message.conversation_id),
      revoked: REVOKED.word(revoked),
      direction: DIRECTION.word(act.direction),
      at: toTime(act.at),
    }
  }

  #media(row: EventRow, then: MediaEventData): View {
    const message = this.#message(row, then[1])
    if (!message) return { erased: true }
    return {
      message_id: showId('message', message.id),
      conversation_id: showId('conversation', message.conversation_id),
      ...this.#views.attachmentAt(message, then),
    }
  }

  #conversation(row: EventRow, then: ConversationEventData): View {
    const { conversation_id: id, workspace_id } = row
    const sql = `${CONVERSATION_VIEW} WHERE c.id = ?1 AND c.workspace_id = ?2`
    const conversation = id === null ? undefined : this.#database.one<ConversationViewRow>(sql, id, workspace_id)
    if (!conversation || this.#views.isErased(conversation.person)) return { erased: true }
    return { conversation: this.#views.conversationAt(conversation, then, row.offset) }
  }

  /** The message of an event, or another that it points to. Undefined where its person has been erased. */
  #message({ message_id, workspace_id }: EventRow, id = message_id): MessageViewRow | undefined {
    const sql = `${MESSAGE_VIEW} WHERE m.id = ?1 AND c.workspace_id = ?2`
    const row = id === null ? undefined : this.#database.one<MessageViewRow>(sql, id, workspace_id)
    return row && this.#views.isErased(row.person) ? undefined : row
  }

  #contact(row: EventRow, kept: ContactEventData): View {
    const { offset, workspace_id: workspaceId, conversation_id: id } = row
    const told = this.#contacts.atEvent({ offset, workspaceId, kept })
    return id === null || !('contact' in told) ? told : { ...told, conversation_id: showId('conversation', id) }
  }

  #number(event: EventRow): View {
    const row = this.#database.one<{ number_id: number; account: string; alias: string; display: string | null }>(
      'SELECT id AS number_id, account, alias, display FROM numbers WHERE id = ?1',
      event.number_id,
    )
    return row ? { number: row.account, alias: this.#views.numberNames(row, event.offset).alias } : {}
  }
}
