import { toTime } from '../core/clock.ts'
import type { StatusItem } from '../core/inbound.ts'
import { type MessageState, rankOf } from '../core/message.ts'
import type { Db } from '../storage/database.ts'
import { CONTACT_KIND, MEMBERSHIP } from './codes.ts'
import type { GroupProfile } from './group.ts'
import { statusPlace } from './sent-message.ts'
import { type ConversationViewRow, personView, type View, type Views } from './views.ts'

/** The platform's groups have at most a few people; this bounds a read whatever it says. */
const PEOPLE_MAX = 1_024
const STATUSES_MAX = 5_000

interface PersonRow {
  contact_id: number
  person: number
  profile: Uint8Array
}

interface StatusRow {
  id: number
  status: string
  at: number
  person: number
  body: Uint8Array
}

/** A group with its people, and how far a message got with each of them. */
export class GroupReader {
  readonly #database: Db
  readonly #views: Views

  constructor(database: Db, views: Views) {
    this.#database = database
    this.#views = views
  }

  /** Everything that is known of a group now. */
  group(row: ConversationViewRow): View {
    const { name, group } = this.#views.profile(row) as Partial<GroupProfile>
    return {
      id: group?.id ?? null,
      subject: name ?? null,
      description: group?.description ?? null,
      invite_link: group?.inviteLink ?? null,
      state: group?.state ?? null,
      members: this.#members(row),
    }
  }

  /** How far a message that we sent to a group is with each person; undefined if it went to no group. */
  participants(messageId: number, workspaceId: number): View[] | undefined {
    const sent = this.#database.one<{ kind: number; portfolio: string }>(
      `SELECT k.kind, k.portfolio FROM messages m JOIN conversations c ON c.id = m.conversation_id
       JOIN contacts k ON k.id = c.contact_id WHERE m.id = ?1 AND c.workspace_id = ?2`,
      messageId,
      workspaceId,
    )
    if (sent?.kind !== CONTACT_KIND.group) return undefined
    const rows = this.#database.all<StatusRow>(
      `SELECT s.id, s.status, s.at, s.person, s.body FROM statuses s
       WHERE s.upstream_hash = (SELECT upstream_hash FROM messages WHERE id = ?1) AND s.message_id = ?1
       ORDER BY s.at, s.id LIMIT ?2`,
      messageId,
      STATUSES_MAX,
    )
    const furthest = new Map<string, { state: MessageState; at: number }>()
    for (const row of rows) {
      const item = this.#statusOf(row)
      if (!item?.participant || item.state === null) continue
      const known = furthest.get(item.participant)
      if (!known || rankOf(item.state) > rankOf(known.state)) {
        furthest.set(item.participant, { state: item.state, at: row.at })
      }
    }
    return [...furthest].map(([participant, { state, at }]) => ({
      ...this.#personOf(participant, { portfolio: sent.portfolio, workspaceId }),
      state,
      at: toTime(at),
    }))
  }

  #statusOf(row: StatusRow): StatusItem | undefined {
    const text = this.#views.open(row.person, statusPlace(row.id), row.body)
    return text === undefined ? undefined : (JSON.parse(text) as { item: StatusItem }).item
  }

  #personOf(participant: string, group: { portfolio: string; workspaceId: number }): View {
    const isPhone = participant.startsWith('+')
    const person = this.#views.findPerson(isPhone ? 'phone' : 'user', group.portfolio, participant)
    const row =
      person === undefined
        ? undefined
        : this.#database.one<PersonRow>(
            'SELECT id AS contact_id, person, profile FROM contacts WHERE person = ?1 AND workspace_id = ?2',
            person,
            group.workspaceId,
          )
    if (row) return personView(row.contact_id, this.#views.profile(row))
    return { id: null, name: null, phone: isPhone ? participant : null, user_id: isPhone ? null : participant }
  }

  #members(group: Pick<ConversationViewRow, 'contact_id' | 'workspace_id'>): View[] {
    const rows = this.#database.all<PersonRow & { how: number; joined_at: number | null; left_at: number | null }>(
      `SELECT k.id AS contact_id, k.person, k.profile, g.how, g.joined_at, g.left_at FROM group_members g
       JOIN contacts k ON k.id = g.member_id WHERE g.group_id = ?1 AND +k.workspace_id = ?3 ORDER BY g.member_id LIMIT ?2`,
      group.contact_id,
      PEOPLE_MAX,
      group.workspace_id,
    )
    return rows.map((row) => ({
      ...personView(row.contact_id, this.#views.profile(row)),
      state: MEMBERSHIP.word(row.how),
      joined_at: row.joined_at === null ? null : toTime(row.joined_at),
      left_at: row.left_at === null ? null : toTime(row.left_at),
    }))
  }
}
