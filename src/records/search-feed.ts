import type { Clock } from '../core/clock.ts'
import { phoneForms } from '../core/phone.ts'
import type { Db } from '../storage/database.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { DIRECTION, EVENT, FLAG_ACT } from './codes.ts'
import type { Card, Profile } from './contact-card.ts'
import type { ContactEventData } from './contact-event.ts'
import { cardPlace, profilePlace } from './contact-row.ts'
import { houseRow } from './house-row.ts'
import { Document, searchableOf } from './search-document.ts'
import type { Entry, Progress, Rows, SearchIndex } from './search-index.ts'
import type { SearchTerms } from './search-terms.ts'
import { MESSAGE_VIEW, type MessageViewRow, type Views } from './views.ts'

/** A message with what a search goes by beside its content. */
export type FeedRow = MessageViewRow & {
  home_number_id: number
  assignee_id: number | null
  team_id: number | null
}

/** The number of the conversation, and not the one that a message left from: that may change until it has left. */
const FEED_VIEW = `${MESSAGE_VIEW.replace('SELECT ', 'SELECT c.number_id AS home_number_id, c.assignee_id, c.team_id, ')}
  WHERE m.id IN (SELECT value FROM json_each(?1)) AND c.workspace_id = coalesce(?2, c.workspace_id)`

/** Of one workspace; null: of all. Many at once: one by one each costs five times as much (measured). In no order. */
export function messageRows(records: Db, ids: readonly number[], workspaceId: number | null): FeedRow[] {
  return records.all<FeedRow>(FEED_VIEW, JSON.stringify(ids), workspaceId)
}

interface ContactCells {
  id: number
  person: number
  profile: Uint8Array
  card: Uint8Array | null
  workspace_id: number
}

const CONTACT_CELLS =
  'SELECT id, person, profile, card, workspace_id FROM contacts WHERE id IN (SELECT value FROM json_each(?1))'

/** Events that one step looks through. */
const EVENTS_MAX = 5_000

export interface FeedDependencies {
  records: Db
  vault: Vault
  views: Pick<Views, 'said'>
  /** Of a workspace. */
  terms(workspaceId: number): SearchTerms
  index: SearchIndex
  clock: Clock
  /** Called for a row that cannot be opened or understood: it is left out and keeps no other waiting. */
  onFault(error: unknown): void
}

/**
 * Brings the index after the records: what is new, what has changed, then what is older, from the newest to the oldest. A
 * step is short and one commit; the next start goes on where the last one ended.
 */
export class SearchFeed {
  readonly #deps: FeedDependencies
  #progress: Progress

  constructor(deps: FeedDependencies) {
    this.#deps = deps
    this.#progress = deps.index.progress() ?? this.#beginning()
    // Changes that are not told any more may have been missed.
    if (this.#progress.eventOffset + 1 < this.#oldestEvent()) this.restart()
  }

  /** Makes the index anew. */
  restart(): void {
    this.#deps.index.clear()
    this.#progress = this.#beginning()
  }

  /** Takes in at most so many messages, and as many contacts. True: everything that there was is in the index. */
  step(limit: number): boolean {
    return this.#deps.records.snapshot(() => {
      const before = this.#progress
      const progress = { ...before }
      const messages = this.#grow('messages', limit, progress)
      const people = this.#grow('contacts', limit, progress)
      const changed = this.#changes(progress)
      const isSame = JSON.stringify(progress) === JSON.stringify(before)
      if (!isSame) {
        const changedMessages = within(changed.messages, before.lowMessageId, before.highMessageId)
        const changedPeople = within(changed.people, before.lowContactId, before.highContactId)
        const rows = {
          messages: this.#rows(messages, changedMessages, this.#messages),
          people: this.#rows(people, changedPeople, this.#people),
        }
        this.#deps.index.write({ ...rows, progress }, this.#deps.clock.epochMs())
        this.#progress = progress
      }
      return isSame
    })
  }

  /**
   * Messages that came since the index was last brought up to date, and all that it lacks, also of before, by their ids;
   * and the share of all that is in it.
   */
  state(): { behind: number; missing: number; share: number } {
    const { lowMessageId, highMessageId } = this.#progress
    const newest = this.#newest('messages')
    const behind = Math.max(0, newest - highMessageId)
    if (behind === 0 && lowMessageId === 0) return { behind, missing: 0, share: 1 }
    const taken = Math.max(0, highMessageId + 1 - Math.max(1, lowMessageId))
    return { behind, missing: Math.max(0, newest - taken), share: taken / Math.max(1, newest) }
  }

  /** The terms of one message, or null where it shows nothing that could be looked for. */
  termsOf(row: FeedRow): string | null {
    if (row.flags & FLAG_ACT) return null
    const found = searchableOf(this.#deps.views.said(row))
    if (!found) return null
    return this.#deps.terms(row.workspace_id).ofMessage(new Document(found), {
      conversationId: row.conversation_id,
      numberId: row.home_number_id,
      direction: DIRECTION.word(row.direction),
      kind: found.kind,
      atMs: row.at,
      authorId: row.author_id,
    })
  }

  /** New ones first; the older ones from the newest down, where there is room. Answers their ids. */
  #grow(table: 'messages' | 'contacts', limit: number, progress: Progress): number[] {
    const { records } = this.#deps
    const [low, high] =
      table === 'messages' ? (['lowMessageId', 'highMessageId'] as const) : (['lowContactId', 'highContactId'] as const)
    const ids = (sql: string, from: number, count: number) =>
      records.all<{ id: number }>(sql, from, count).map(({ id }) => id)
    const newer = ids(`SELECT id FROM ${table} WHERE id > ?1 ORDER BY id LIMIT ?2`, progress[high], limit)
    progress[high] = newer.at(-1) ?? progress[high]
    const room = limit - newer.length
    if (room === 0 || progress[low] === 0) return newer
    const older = ids(`SELECT id FROM ${table} WHERE id < ?1 ORDER BY id DESC LIMIT ?2`, progress[low], room)
    progress[low] = older.length < room ? 0 : (older.at(-1) ?? 0)
    return [...newer, ...older]
  }

  /** The messages and contacts that events say have changed. */
  #changes(progress: Progress): { messages: number[]; people: number[] } {
    const { records } = this.#deps
    const upto = Math.min(houseRow(records).head, progress.eventOffset + EVENTS_MAX)
    const rows = records.all<{ type: number; message_id: number | null; data: string | null }>(
      `SELECT type, message_id, data FROM events WHERE "offset" > ?1 AND "offset" <= ?2 AND type IN (?3, ?4, ?5)`,
      progress.eventOffset,
      upto,
      EVENT.code('message.edited'),
      EVENT.code('message.revoked'),
      EVENT.code('contact.updated'),
    )
    progress.eventOffset = upto
    const messages: number[] = []
    const people: number[] = []
    for (const { type, message_id, data } of rows) {
      if (type !== EVENT.code('contact.updated')) messages.push(this.#targetOf(message_id ?? 0))
      else if (data !== null) {
        const [id, , members] = JSON.parse(data) as ContactEventData
        people.push(id, ...members)
      }
    }
    return { messages, people }
  }

  /** An event may be about what was done, and not about the message to which. */
  #targetOf(messageId: number): number {
    const row = this.#deps.records.one<{ id: number | null }>(
      'SELECT target_id AS id FROM message_acts WHERE act_id = ?1',
      messageId,
    )
    return row?.id ?? messageId
  }

  #rows(ids: readonly number[], changed: readonly number[], entriesOf: (ids: readonly number[]) => Entry[]): Rows {
    const replaced = entriesOf(changed)
    const kept = new Set(replaced.map(({ id }) => id))
    return { added: entriesOf(ids), replaced, removed: changed.filter((id) => !kept.has(id)) }
  }

  readonly #messages = (ids: readonly number[]): Entry[] => {
    const rows = messageRows(this.#deps.records, ids, null)
    return rows.flatMap((row) => this.#entry(row.id, () => this.termsOf(row)))
  }

  readonly #people = (ids: readonly number[]): Entry[] => {
    const rows = this.#deps.records.all<ContactCells>(CONTACT_CELLS, JSON.stringify(ids))
    return rows.flatMap((cells) =>
      this.#entry(cells.id, () => {
        const document = this.#documentOf(cells)
        return document ? this.#deps.terms(cells.workspace_id).ofPerson(document) : null
      }),
    )
  }

  #entry(id: number, read: () => string | null): Entry[] {
    try {
      const terms = read()
      return terms === null ? [] : [{ id, terms }]
    } catch (error) {
      this.#deps.onFault(error)
      return []
    }
  }

  /** Undefined where the person's key is destroyed. */
  #documentOf({ id, person, profile, card }: ContactCells): Document | undefined {
    const key = this.#deps.vault.personKey(person)
    if (!key) return undefined
    const told = JSON.parse(unsealText(key, profilePlace(id), profile)) as Profile
    const links = card === null ? [] : (JSON.parse(unsealText(key, cardPlace(id), card)) as Card).links
    const live = links.filter(({ until }) => until === null).map(({ value }) => value)
    const phones = [told.phone, ...live]
      .filter((value) => value?.startsWith('+'))
      .flatMap((phone) => phoneForms(phone ?? ''))
    const isText = (value: string | undefined): value is string => value !== undefined && value !== ''
    const names = [told.name, told.givenName, told.bookName, told.username, told.userId, told.parentUserId, ...live]
    return new Document({ text: '', more: [...new Set(phones)], names: [...new Set(names.filter(isText))] })
  }

  #beginning(): Progress {
    const messageId = this.#newest('messages')
    const contactId = this.#newest('contacts')
    return {
      lowMessageId: messageId + 1,
      highMessageId: messageId,
      lowContactId: contactId + 1,
      highContactId: contactId,
      eventOffset: houseRow(this.#deps.records).head,
    }
  }

  #newest(table: 'messages' | 'contacts'): number {
    return this.#deps.records.one<{ id: number | null }>(`SELECT max(id) AS id FROM ${table}`)?.id ?? 0
  }

  #oldestEvent(): number {
    const { records } = this.#deps
    const row = records.one<{ oldest: number | null }>('SELECT min("offset") AS oldest FROM events')
    return row?.oldest ?? houseRow(records).head + 1
  }
}

function within(ids: readonly number[], low: number, high: number): number[] {
  return [...new Set(ids)].filter((id) => id >= low && id <= high)
}
