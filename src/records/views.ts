import { toTime } from '../core/clock.ts'
import { showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import {
  CLASS,
  DIRECTION,
  FLAG_FROM_PHONE,
  FLAG_PACING,
  FLAG_STANDBY,
  FORMER,
  type FormerKind,
  NUMBER_STATE,
  STATE,
} from './codes.ts'
import { type Profile, profilePlace } from './contact.ts'
import type { ConversationEventData } from './conversation.ts'
import type { NumberNames } from './number.ts'
import { bodyPlace } from './sent-message.ts'
import { formerPlace } from './tx.ts'

/** What the outside sees. Names are those of the API; moments are RFC 3339. */
export type View = Record<string, unknown>

/** Picks what the API shows of a message's own object; each channel knows its own. */
export type Describe = (channel: string, type: string, raw: Record<string, unknown>) => View

export interface MessageViewRow {
  id: number
  conversation_id: number
  at: number
  direction: number
  type: string
  state: number
  body: Uint8Array
  flags: number
  person: number
  contact_id: number
  profile: Uint8Array
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
  k.person, k.id AS contact_id, k.profile, n.id AS number_id, n.channel, n.account, n.alias, n.display,
  o.class, o.upstream, o.reference, o.caller_data
  FROM messages m
  JOIN conversations c ON c.id = m.conversation_id
  JOIN contacts k ON k.id = c.contact_id
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
  person: number
  contact_id: number
  profile: Uint8Array
  account: string
  alias: string
  display: string | null
  number_state: number
}

export const CONVERSATION_VIEW = `SELECT c.id, c.number_id, c.created_at, c.last_message_at, c.last_message_id, c.window_expires_at, c.unread,
  c.standby, k.person, k.id AS contact_id, k.profile, n.account, n.alias, n.display, n.state AS number_state
  FROM conversations c JOIN contacts k ON k.id = c.contact_id JOIN numbers n ON n.id = c.number_id`

/** Opens sealed cells and puts rows into the API's words. What belongs to an erased person says `erased`. */
export class Views {
  readonly #database: Db
  readonly #vault: Vault
  readonly #describe: Describe

  constructor(database: Db, vault: Vault, describe: Describe) {
    this.#database = database
    this.#vault = vault
    this.#describe = describe
  }

  /** `asOf`: as the event with this offset told it; without it, as it is now. */
  message(row: MessageViewRow, asOf?: number): View {
    const profile = this.#profile(row, asOf)
    const incoming = row.direction === DIRECTION.code('in')
    const customer = profile.phone ?? profile.userId ?? null
    const number = this.#names(row, asOf).display ?? row.account
    return {
      // First, so that no member of the platform's can take the place of ours.
      ...this.#content(row),
      id: showId('message', row.id),
      upstream_id: this.upstreamId(row, asOf),
      conversation_id: showId('conversation', row.conversation_id),
      number: row.account,
      direction: DIRECTION.word(row.direction),
      type: row.type,
      from: incoming ? customer : number,
      to: incoming ? number : customer,
      at: toTime(row.at),
      state: STATE.word(row.state),
      reason: incoming ? null : this.#reason(row),
      ...(row.class === null ? {} : { class: CLASS.word(row.class), reference: this.reference(row) }),
      ...this.#callerData(row),
      ...(row.flags & FLAG_FROM_PHONE ? { source: 'phone' } : {}),
      ...(row.flags & FLAG_STANDBY ? { standby: true } : {}),
      ...(row.flags & FLAG_PACING ? { pacing: true } : {}),
    }
  }

  /** The platform's id: inside what came in, beside what we sent. */
  upstreamId(row: MessageViewRow, asOf?: number): string | null {
    const cell = { subject: row.id, person: row.person }
    const former = row.class === null ? undefined : this.#former('upstream', cell, asOf)
    if (former !== undefined) return former
    if (row.upstream) return this.#open(row.person, `outbound.upstream:${row.id}`, row.upstream) ?? null
    if (row.class !== null) return null
    const id = this.#body(row)?.['id']
    return typeof id === 'string' ? id : null
  }

  reference(row: MessageViewRow): string | null {
    return row.reference ? (this.#open(row.person, `outbound.reference:${row.id}`, row.reference) ?? null) : null
  }

  conversation(row: ConversationViewRow): View {
    return {
      ...this.conversationAt(row, [row.unread, row.window_expires_at]),
      last_message_at: toTime(row.last_message_at),
      standby: row.standby === 1,
      sendable: row.number_state === NUMBER_STATE.code('active') && row.standby === 0,
    }
  }

  /** A conversation as it was at an event: only what does not change, and what the event kept. */
  conversationAt(row: ConversationViewRow, [unread, windowExpiresAt]: ConversationEventData, asOf?: number): View {
    const profile = this.#profile(row, asOf)
    return {
      id: showId('conversation', row.id),
      number: row.account,
      number_alias: this.#names(row, asOf).alias,
      contact: {
        id: showId('contact', row.contact_id),
        name: profile.name ?? null,
        phone: profile.phone ?? null,
        user_id: profile.userId ?? null,
      },
      assignee: null,
      unread,
      created_at: toTime(row.created_at),
      window_expires_at: windowExpiresAt === null ? null : toTime(windowExpiresAt),
    }
  }

  #content(row: MessageViewRow): View {
    const body = this.#body(row)
    return body ? this.#describe(row.channel, row.type, body) : { erased: true }
  }

  #body(row: MessageViewRow): Record<string, unknown> | undefined {
    const text = this.#open(row.person, bodyPlace(row.id), row.body)
    return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  }

  #callerData(row: MessageViewRow): View {
    if (!row.caller_data) return {}
    return {
      biz_opaque_callback_data: this.#open(row.person, `outbound.caller_data:${row.id}`, row.caller_data) ?? null,
    }
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

  #profile(row: { person: number; contact_id: number; profile: Uint8Array }, asOf?: number): Profile {
    const former = this.#former('profile', { subject: row.contact_id, person: row.person }, asOf)
    if (former !== undefined) return JSON.parse(former) as Profile
    const text = this.#open(row.person, profilePlace(row.contact_id), row.profile)
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
    return row && this.#open(cell.person, formerPlace(kind, cell.subject, row.until_offset), row.cell)
  }

  #open(person: number, place: string, sealed: Uint8Array): string | undefined {
    const key = person === 0 ? this.#vault.findNamedKey('house') : this.#vault.personKey(person)
    return key && unsealText(key, place, sealed)
  }
}
