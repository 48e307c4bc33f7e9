import { toTime } from '../core/clock.ts'
import type { MessageContent } from '../core/content.ts'
import { showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import { unsealText } from '../vault/sealing.ts'
import type { BlindKind, Vault } from '../vault/vault.ts'
import type { ActDetail } from './act-effect.ts'
import { ActReader, type Done } from './act-views.ts'
import type { Assignment } from './assignment.ts'
import { type CallStep, isEnd, laterStep } from './call-step.ts'
import {
  CLASS,
  CONTACT_KIND,
  DIRECTION,
  FLAG_ATTACHED,
  FLAG_FROM_PHONE,
  FLAG_HISTORY,
  FLAG_PACING,
  FLAG_STANDBY,
  FORMER,
  type FormerKind,
  NUMBER_STATE,
  STATE,
} from './codes.ts'
import { nameOf, type Profile } from './contact-card.ts'
import { cardPlace, profilePlace } from './contact-row.ts'
import { contentView } from './content-view.ts'
import type { ConversationEventData } from './conversation.ts'
import type { GroupProfile } from './group.ts'
import type { MediaEventData } from './media.ts'
import { attachmentThen, attachmentViews } from './media-reader.ts'
import type { NumberNames } from './number.ts'
import { bodyPlace } from './sent-message.ts'
import { formerPlace } from './tx.ts'

/** What the outside sees. Names are those of the API; moments are RFC 3339. */
export type View = Record<string, unknown>

/** Picks what the API shows of a message's own object; each channel knows its own. */
export type Describe = (channel: string, type: string, raw: Record<string, unknown>) => View

/** What a message says in words that fit every channel; each channel knows its own. */
export type ContentOf = (channel: string, type: string, raw: Record<string, unknown>) => MessageContent | undefined

export interface MessageViewRow {
  id: number
  conversation_id: number
  at: number
  direction: number
  type: string
  state: number
  body: Uint8Array
  flags: number
  author_id: number | null
  reply_id: number | null
  /** Whose words it is, and whose key seals it: the author's, or the conversation's contact. */
  person: number
  contact_id: number
  profile: Uint8Array
  workspace_id: number
  number_id: number
  channel: string
  account: string
  alias: string
  display: string | null
  class: number | null
  upstream: Uint8Array | null
  reference: Uint8Array | null
  caller_data: Uint8Array | null
}

/** A message with what its view needs; the outbound side is null for what came in. */
export const MESSAGE_VIEW = `SELECT m.id, m.conversation_id, m.at, m.direction, m.type, m.state, m.body, m.flags,
  m.author_id, m.reply_id, k.person, k.id AS contact_id, k.profile, c.workspace_id, n.id AS number_id, n.channel, n.account, n.alias,
  n.display, o.class, o.upstream, o.reference, o.caller_data
  FROM messages m
  JOIN conversations c ON c.id = m.conversation_id
  JOIN contacts k ON k.id = coalesce(m.author_id, c.contact_id)
  LEFT JOIN outbound o ON o.message_id = m.id
  JOIN numbers n ON n.id = coalesce(o.number_id, c.number_id)`

export interface ConversationViewRow {
  id: number
  number_id: number
  created_at: number
  last_message_at: number
  last_message_id: number | null
  window_expires_at: number | null
  unread: number
  standby: number
  assignee_id: number | null
  team_id: number | null
  workspace_id: number
  person: number
  contact_id: number
  profile: Uint8Array
  kind: number
  joined: number
  merged_into: number | null
  head_person: number | null
  head_profile: Uint8Array | null
  account: string
  alias: string
  display: string | null
  number_state: number
}

export const CONVERSATION_VIEW = `SELECT c.id, c.number_id, c.created_at, c.last_message_at, c.last_message_id, c.window_expires_at, c.unread,
  c.standby, c.assignee_id, c.team_id, c.workspace_id, k.person, k.id AS contact_id, k.profile, k.kind, k.joined, k.merged_into, h.person AS head_person,
  h.profile AS head_profile, n.account, n.alias, n.display, n.state AS number_state
  FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN numbers n ON n.id = c.number_id
  LEFT JOIN contacts h ON h.id = k.merged_into`

/** Opens sealed cells and puts rows into the API's words. What belongs to an erased person says `erased`. */
export class Views {
  readonly #database: Db
  readonly #vault: Vault
  readonly #describe: Describe
  readonly #contentOf: ContentOf
  readonly #acts: ActReader
  #lastBody: { row: MessageViewRow; body: Record<string, unknown> | undefined } | undefined
  readonly #opened: Views['open']

  constructor(database: Db, vault: Vault, describe: Describe, contentOf: ContentOf = () => undefined) {
    this.#database = database
    this.#vault = vault
    this.#describe = describe
    this.#contentOf = contentOf
    this.#opened = (person, place, sealed) => this.open(person, place, sealed)
    this.#acts = new ActReader(database, this.#opened)
  }

  /** As it is now. What its author took back is shown only to whoever may see it and asks for it. */
  message(row: MessageViewRow, showRevoked = false): View {
    const done = this.#acts.doneTo(row)
    const isHidden = done.revoked?.as === 'deleted' || (done.revoked?.as === 'hidden' && !showRevoked)
    const view = this.#messageView(row, { done, isHidden })
    if (done.edit && !isHidden) view['edited_at'] = toTime(done.edit.at)
    if (done.revoked) Object.assign(view, { revoked: done.revoked.as, revoked_at: toTime(done.revoked.at) })
    if (done.reactions.length > 0 && !isHidden) view['reactions'] = done.reactions.map(reactionView)
    return view
  }

  /** What it says now, without who said it, where and when: enough to find its words. Empty where that is not shown. */
  said(row: MessageViewRow): View {
    const done = this.#acts.doneTo(row)
    const isHidden = done.revoked?.as === 'deleted' || done.revoked?.as === 'hidden'
    return isHidden ? {} : this.#said(row, done, undefined)
  }

  /**
   * As the event with this offset told it: as it came, or as one edit (or step of a call) made it, whatever was done to
   * it since. Only what must not be shown any more is not.
   */
  messageAt(row: MessageViewRow, asOf: number, actId?: number): View {
    const done = actId === undefined ? { reactions: [] } : this.#acts.madeBy(actId, row.person)
    const revoked = this.#acts.revoked(row)?.as
    const isHidden = revoked === 'hidden' || revoked === 'deleted'
    return {
      ...this.#messageView(row, { done, isHidden, asOf }),
      ...(done.edit && !isHidden ? { edited_at: toTime(done.edit.at) } : {}),
      ...(isHidden ? { revoked } : {}),
    }
  }

  #messageView(row: MessageViewRow, { done, isHidden, asOf }: { done: Done; isHidden: boolean; asOf?: number }): View {
    const profile = this.profile(row, asOf)
    const incoming = row.direction === DIRECTION.code('in')
    const customer = profile.phone ?? profile.userId ?? groupOf(profile)?.id ?? null
    const number = this.#names(row, asOf).display ?? row.account
    // First, so that no member of the platform's can take the place of ours. Members are put into this one object: parts
    // spread together leave a fifth more garbage (measured).
    const view: View = isHidden ? {} : this.#said(row, done, asOf)
    view['id'] = showId('message', row.id)
    view['upstream_id'] = this.upstreamId(row, asOf)
    view['conversation_id'] = showId('conversation', row.conversation_id)
    view['number'] = row.account
    view['direction'] = DIRECTION.word(row.direction)
    view['type'] = done.edit?.type ?? row.type
    view['from'] = incoming ? customer : number
    view['to'] = incoming ? number : customer
    if (row.author_id !== null) view['sender'] = personView(row.contact_id, profile)
    view['at'] = toTime(row.at)
    view['state'] = STATE.word(row.state)
    view['reason'] = incoming ? null : this.#reason(row)
    if (row.class !== null) Object.assign(view, { class: CLASS.word(row.class), reference: this.reference(row) })
    if (row.caller_data) view['biz_opaque_callback_data'] = this.#callerData(row, row.caller_data)
    if (row.flags & FLAG_FROM_PHONE) view['source'] = 'phone'
    if (row.flags & FLAG_STANDBY) view['standby'] = true
    if (row.flags & FLAG_HISTORY) view['history'] = true
    if (row.flags & FLAG_PACING) view['pacing'] = true
    return view
  }

  /** The platform's id: inside what came in, beside what we sent. */
  upstreamId(row: MessageViewRow, asOf?: number): string | null {
    const cell = { subject: row.id, person: row.person }
    const former = row.class === null ? undefined : this.#former('upstream', cell, asOf)
    if (former !== undefined) return former
    if (row.upstream) return this.open(row.person, `outbound.upstream:${row.id}`, row.upstream) ?? null
    if (row.class !== null) return null
    const id = this.#body(row)?.['id']
    return typeof id === 'string' ? id : null
  }

  /** The emoji and the target of a reaction, the target of a revoke. */
  actDetail(row: MessageViewRow): ActDetail | undefined {
    return this.#acts.detail(row)
  }

  reference(row: MessageViewRow): string | null {
    return row.reference ? (this.open(row.person, `outbound.reference:${row.id}`, row.reference) ?? null) : null
  }

  conversation(row: ConversationViewRow): View {
    return {
      ...this.conversationAt(row, [row.unread, row.window_expires_at, row.standby as 0 | 1]),
      ...assignmentView({ assigneeId: row.assignee_id, teamId: row.team_id }),
      last_message_at: toTime(row.last_message_at),
      sendable: row.number_state === NUMBER_STATE.code('active') && row.standby === 0,
    }
  }

  /** A conversation as it was at an event: only what does not change, and what the event kept. */
  conversationAt(
    row: ConversationViewRow,
    [unread, windowExpiresAt, standby]: ConversationEventData,
    asOf?: number,
  ): View {
    const isGroup = row.kind === CONTACT_KIND.group
    return {
      id: showId('conversation', row.id),
      number: row.account,
      number_alias: this.#names(row, asOf).alias,
      kind: isGroup ? 'group' : 'person',
      contact: this.#contact(row, asOf),
      group: isGroup ? groupView(this.profile(row, asOf)) : null,
      unread,
      created_at: toTime(row.created_at),
      window_expires_at: windowExpiresAt === null ? null : toTime(windowExpiresAt),
      ...(standby === undefined ? {} : { standby: standby === 1 }),
    }
  }

  /** What was said: the platform's object, the same in words that fit every channel, and what it answers. */
  #said(row: MessageViewRow, done: Done, asOf: number | undefined): View {
    const first = this.#body(row)
    if (!first) return { erased: true }
    const { type, body } = done.edit ?? { type: row.type, body: first }
    const view = this.#describe(row.channel, type, body)
    const content = this.#contentOf(row.channel, type, body)
    if (content) view['content'] = contentView(content)
    const attachments = this.#attachments(row, done, asOf)
    if (attachments.length > 0) view['attachments'] = attachments
    if (row.type === 'call')
      Object.assign(view, callView(laterStep(first['gatehouse'] as CallStep | undefined, done.call), view['content']))
    // An edit may leave out what the message answered.
    const context = (view['context'] ?? first['context']) as { id?: unknown; message_id?: unknown } | undefined
    const repliedTo = context?.id ?? context?.message_id
    if (typeof repliedTo === 'string') view['reply_to'] = this.#replyTo(row, repliedTo, asOf)
    return view
  }

  /** An edit brings its files anew. */
  #attachments(row: MessageViewRow, { edit }: Done, asOf: number | undefined): View[] {
    if (!edit && !(row.flags & FLAG_ATTACHED)) return []
    return attachmentViews(this.#database, this.#opened, { messageId: edit?.id ?? row.id, asTold: asOf !== undefined })
  }

  /** The file of a message as an event told it, unless it is not to be shown any more. */
  attachmentAt(row: MessageViewRow, then: MediaEventData): View {
    const revoked = this.#acts.revoked(row)?.as
    if (revoked === 'hidden' || revoked === 'deleted') return { revoked }
    const attachment = attachmentThen(this.#database, this.#opened, then)
    return attachment ? { attachment } : { erased: true }
  }

  /** An event says what was known by then; a list knows what came later. */
  #replyTo(row: MessageViewRow, upstreamId: string, asOf: number | undefined): View {
    const id = row.reply_id ?? (asOf === undefined ? this.#acts.lateTarget(row.id) : null)
    return { message_id: id === null ? null : showId('message', id), upstream_id: upstreamId }
  }

  /** A view asks for it twice: for what was said, and for the platform's id in it. */
  #body(row: MessageViewRow): Record<string, unknown> | undefined {
    if (this.#lastBody?.row === row) return this.#lastBody.body
    const text = this.open(row.person, bodyPlace(row.id), row.body)
    const body = text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
    this.#lastBody = { row, body }
    return body
  }

  #callerData(row: MessageViewRow, sealed: Uint8Array): string | null {
    return this.open(row.person, `outbound.caller_data:${row.id}`, sealed) ?? null
  }

  /** Whether the person's key is destroyed: nothing about them can be told any more. */
  isErased(person: number): boolean {
    return this.#vault.personKey(person) === undefined
  }

  /** What a number was called at an event. */
  numberNames(row: { number_id: number } & NumberNames, asOf: number): NumberNames {
    return this.#names(row, asOf)
  }

  #names(row: { number_id: number } & NumberNames, asOf: number | undefined): NumberNames {
    const former = this.#former('number', { subject: row.number_id, person: 0 }, asOf)
    return former === undefined ? row : (JSON.parse(former) as NumberNames)
  }

  /** Who it is with: the head of the family of contacts that are one person. */
  #contact(row: ConversationViewRow, asOf?: number): View {
    const own = this.profile(row, asOf)
    const head = row.joined === 0 ? undefined : this.#head(row, asOf)
    const profile = head?.profile ?? own
    return {
      id: showId('contact', head?.id ?? row.contact_id),
      name: nameOf({ ...own, ...profile }),
      phone: profile.phone ?? own.phone ?? null,
      user_id: profile.userId ?? own.userId ?? null,
      ...(this.isErased(row.person) ? { erased: true } : {}),
    }
  }

  #head(row: ConversationViewRow, asOf?: number): { id: number; profile: Profile } | undefined {
    const former = this.#former('head', { subject: row.contact_id, person: row.person }, asOf)
    const id = former === undefined ? row.merged_into : Number(former)
    if (id === null || id === 0) return undefined
    if (id === row.merged_into && row.head_person !== null && row.head_profile !== null) {
      return { id, profile: this.profile({ person: row.head_person, contact_id: id, profile: row.head_profile }, asOf) }
    }
    const other = this.#database.one<{ person: number; profile: Uint8Array }>(
      'SELECT person, profile FROM contacts WHERE id = ?1 AND workspace_id = ?2',
      id,
      row.workspace_id,
    )
    return other && { id, profile: this.profile({ ...other, contact_id: id }, asOf) }
  }

  /** What a contact's card says; undefined where the profile says all there is. */
  card(row: { person: number; contact_id: number; card: Uint8Array | null }, asOf?: number): string | undefined {
    const former = this.#former('card', { subject: row.contact_id, person: row.person }, asOf)
    if (former !== undefined) return former === '' ? undefined : former
    return row.card === null ? undefined : this.open(row.person, cardPlace(row.contact_id), row.card)
  }

  /** The person behind a phone, user id, username or e-mail address. */
  findPerson(kind: BlindKind, portfolio: string, value: string): number | undefined {
    return this.#vault.findPerson(kind, portfolio, value)
  }

  profile(row: { person: number; contact_id: number; profile: Uint8Array }, asOf?: number): Profile {
    const former = this.#former('profile', { subject: row.contact_id, person: row.person }, asOf)
    if (former !== undefined) return JSON.parse(former) as Profile
    const text = this.open(row.person, profilePlace(row.contact_id), row.profile)
    return text === undefined ? {} : (JSON.parse(text) as Profile)
  }

  #reason(row: MessageViewRow): string | null {
    const last = this.#database.one<{ reason: string | null }>(
      'SELECT reason FROM message_states WHERE message_id = ?1 AND state = ?2 ORDER BY step DESC LIMIT 1',
      row.id,
      row.state,
    )
    return last?.reason ?? null
  }

  /** What a cell held at an event, where it has changed since. */
  #former(kind: FormerKind, cell: { subject: number; person: number }, asOf: number | undefined): string | undefined {
    if (asOf === undefined) return undefined
    const row = this.#database.one<{ until_offset: number; cell: Uint8Array }>(
      `SELECT until_offset, cell FROM former_cells WHERE kind = ?1 AND subject = ?2 AND until_offset >= ?3
       ORDER BY until_offset LIMIT 1`,
      FORMER.code(kind),
      cell.subject,
      asOf,
    )
    return row && this.open(cell.person, formerPlace(kind, cell.subject, row.until_offset), row.cell)
  }

  /** Opens a cell; undefined where the key is destroyed. */
  open(person: number, place: string, sealed: Uint8Array): string | undefined {
    // Of an erased person an empty cell is left, which a key that is still in memory does not open.
    if (sealed.length === 0) return undefined
    const key = person === 0 ? this.#vault.findNamedKey('house') : this.#vault.personKey(person)
    return key && unsealText(key, place, sealed)
  }
}

/** Who has a conversation, and which team. */
export function assignmentView({ assigneeId, teamId }: Assignment): View {
  return {
    assignee: assigneeId === null ? null : showId('person', assigneeId),
    team: teamId === null ? null : showId('team', teamId),
  }
}

function reactionView(reaction: Done['reactions'][number]): View {
  const isOurs = reaction.direction === 'out'
  return {
    emoji: reaction.emoji,
    by: isOurs ? 'us' : 'customer',
    contact_id: isOurs ? null : showId('contact', reaction.contactId),
    at: toTime(reaction.at),
  }
}

/** `status` is how it ended, or the last that was told of it. */
function callView(step: CallStep | undefined, content: unknown): View {
  if (!step) return {}
  const ended = isEnd(step)
  const call = {
    status: step.outcome ?? step.step,
    duration_s: step.durationS,
    ended_at: ended ? toTime(step.at) : null,
  }
  const said = { outcome: ended ? (step.outcome ?? step.step) : null, duration_s: step.durationS }
  return { call, content: { ...(content as View | undefined), kind: 'call', call: said } }
}

export function personView(contactId: number, profile: Profile): View {
  return {
    id: showId('contact', contactId),
    name: nameOf(profile) ?? null,
    phone: profile.phone ?? null,
    user_id: profile.userId ?? null,
  }
}

function groupOf(profile: Profile): GroupProfile['group'] | undefined {
  return (profile as Partial<GroupProfile>).group
}

function groupView(profile: Profile): View {
  return { id: groupOf(profile)?.id ?? null, subject: profile.name ?? null }
}
