import { type Clock, DAY_MS, toTime } from '../core/clock.ts'
import { CONTENT_KINDS, type ContentKind } from '../core/content.ts'
import { readId, showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import { DIRECTION, type Direction, FLAG_ACT } from './codes.ts'
import { houseRow } from './house-row.ts'
import type { See, Seen } from './page.ts'
import { Document, searchableOf } from './search-document.ts'
import { type FeedRow, messageRows } from './search-feed.ts'
import type { SearchIndex } from './search-index.ts'
import { type Clause, expressionOf, matchOf, readQuery, type Span } from './search-query.ts'
import { DIRECTIONS, type SearchTerms } from './search-terms.ts'
import type { View, Views } from './views.ts'

/** What is searched for; whatever is not null has to hold. */
export interface SearchAsk {
  q: string | null
  /** Name, phone, e-mail, user id, or the contact's id. */
  person: string | null
  conversationId: number | null
  /** The channel's own id of one of our numbers. */
  account: string | null
  direction: Direction | null
  kind: ContentKind | null
  fromMs: number | null
  /** Exclusive. */
  untilMs: number | null
  limit: number
  /** The id that the page before ended with: only older messages. */
  below: number | null
}

/** Who asks. */
export interface SearchViewer {
  see: See
  /** The conversations that they see, where these are few enough to ask for; null: all, or each is asked of `see`. */
  conversationIds: readonly number[] | null
  /** With those conversations: the numbers of which they see all. */
  numberIds?: readonly number[]
}

export interface SearchItem {
  message: View
  conversation_id: string
  /** Where what was asked for stands in the message's `content.text`, in UTF-16 code units. */
  highlights: Span[]
}

export interface SearchPage {
  items: SearchItem[]
  next: string | null
  as_of: number
  /** The search ended before the end of the index: there may be more, also where no item is shown. */
  more: boolean
}

/** Conversations that one search may name. */
const SCOPE_MAX = 500
/** Candidates that are opened or asked about for one page. */
const CANDIDATES_MAX = 20_000
/** After this a page ends with what it has. */
const BUDGET_MS = 12
/** With many conversations to look up, which alone takes a third of this. */
const SCOPED_BUDGET_MS = 30
/** Candidates that are read together. */
const READ_AT_ONCE = 64
/** So many are opened first where it is not sure that most of them have what is asked for. */
const TRIED_FIRST = 16
/** So many that fit are few in the whole index, judged by the first ones. Of more, a page takes but a part of it. */
const FEW_MAX = 120
const FEW_FROM = 8
/** In an index so large that to go through it takes longer, they are looked for from the newest down, as far as the time goes. */
const FEW_MS_MAX = 40
/** Nothing that anybody sends was written before: a search up to a day begins here. */
const EARLIEST_MS = Date.UTC(2005, 0, 1)
/** A clock may be ahead. */
const LATEST_AFTER_MS = 2 * DAY_MS

export interface SearchDependencies {
  records: Db
  views: Pick<Views, 'message'>
  /** Of the workspace that is searched. */
  terms: SearchTerms
  index: SearchIndex
  clock: Clock
}

interface Plan {
  clauses: readonly Clause[]
  isPossible: boolean
  /** What has to hold, all of it; empty: nothing but who asks. */
  parts: readonly string[]
  /** The same with less asked of phrases, which is faster where most of what fits has them; null: there are none. */
  looseParts: readonly string[] | null
  /** What somebody sees, where it can be named: one of them has to hold. */
  within: { terms: readonly string[]; conversationIds: ReadonlySet<number>; numberIds: ReadonlySet<number> } | null
  numberId: number | null
  /** The conversations of the person that is asked for. */
  people: { conversationIds: ReadonlySet<number>; contactIds: ReadonlySet<number> } | null
  budgetMs: number
  /** Of a person who has more conversations than a search may name. */
  isCut: boolean
}

/**
 * The conversations that somebody has or a team of theirs has, the latest first, where these are few enough for a search
 * to name them; null: more.
 */
export function assignedTo(
  records: Db,
  workspaceId: number,
  { personId, teamIds }: { personId: number | null; teamIds: readonly number[] },
): number[] | null {
  const rows = records.all<{ id: number }>(
    `SELECT id FROM conversations WHERE assignee_id = ?1 AND +workspace_id = ?4
     UNION SELECT id FROM conversations WHERE team_id IN (SELECT value FROM json_each(?2)) AND +workspace_id = ?4
     LIMIT ?3`,
    personId,
    JSON.stringify(teamIds),
    SCOPE_MAX + 1,
    workspaceId,
  )
  return rows.length > SCOPE_MAX ? null : rows.map(({ id }) => id)
}

/** Finds messages, newest first. The index proposes, the opened message decides. */
export class Searcher {
  readonly #deps: SearchDependencies

  constructor(deps: SearchDependencies) {
    this.#deps = deps
  }

  /** Throws `Failure('invalid')` where the words cannot be searched for. */
  search(ask: SearchAsk, viewer: SearchViewer): SearchPage {
    return this.#deps.records.snapshot(() => {
      const plan = this.#plan(ask, viewer)
      const found = plan.isPossible ? this.#find(plan, { ask, viewer }) : NOTHING
      const next = found.nextBelow === null ? null : found.nextBelow.toString(36)
      const more = found.isCut || (plan.isCut && next === null)
      return { items: found.items, next, as_of: houseRow(this.#deps.records).head, more }
    })
  }

  #plan(ask: SearchAsk, viewer: SearchViewer): Plan {
    const { terms } = this.#deps
    const clauses = ask.q === null ? [] : readQuery(ask.q, '/q')
    const { workspaceId } = viewer.see
    const people = ask.person === null ? null : this.#people(ask.person, workspaceId)
    const numberId = ask.account === null ? null : this.#numberId(ask.account, workspaceId)
    const isNarrow = clauses.length > 0 || people !== null || numberId !== null || ask.conversationId !== null
    const groups = [
      people && [
        ...[...people.conversationIds].map((id) => terms.conversation(id)),
        ...[...people.contactIds].map((id) => terms.author(id)),
      ],
      ask.conversationId === null ? null : [terms.conversation(ask.conversationId)],
      numberId === null ? null : numberId === undefined ? [] : [terms.number(numberId)],
      this.#forms(ask, isNarrow),
      this.#times(ask),
    ].filter((group) => group !== null && group !== undefined)
    const within = this.#within(viewer)
    const narrow = groups.map(anyOf)
    const parts = [...expressionOf(clauses, terms, 'both'), ...narrow]
    const looseParts = [...expressionOf(clauses, terms, 'pairs'), ...narrow]
    const termCount = groups.reduce((count, group) => count + group.length, within?.terms.length ?? 0)
    return {
      clauses,
      // A number or person that nobody knows: nothing fits.
      isPossible: groups.every((group) => group.length > 0) && (within ? within.terms : parts).length > 0,
      parts,
      looseParts: unlessSame(looseParts, parts),
      within,
      numberId: numberId ?? null,
      people,
      budgetMs: termCount > 50 ? SCOPED_BUDGET_MS : BUDGET_MS,
      isCut: people?.isCut ?? false,
    }
  }

  #within({ conversationIds, numberIds = [] }: SearchViewer): Plan['within'] {
    const { terms } = this.#deps
    if (conversationIds === null) return null
    return {
      terms: [...conversationIds.map((id) => terms.conversation(id)), ...numberIds.map((id) => terms.number(id))],
      conversationIds: new Set(conversationIds),
      numberIds: new Set(numberIds),
    }
  }

  /**
   * A direction without a kind has a term for each kind, and is true of every other message: where anything else is asked
   * for, to look at the row is cheaper.
   */
  #forms({ direction, kind }: SearchAsk, isNarrow: boolean): string[] | null {
    if (kind === null && (direction === null || isNarrow)) return null
    const directions = direction === null ? DIRECTIONS : [direction]
    const kinds = kind === null ? CONTENT_KINDS : [kind]
    return directions.flatMap((one) => kinds.map((other) => this.#deps.terms.form(one, other)))
  }

  /** Whole months by their own terms, the days before and after them by theirs. The message's own time decides. */
  #times({ fromMs, untilMs }: SearchAsk): string[] | null {
    if (fromMs === null && untilMs === null) return null
    const { terms, clock } = this.#deps
    const latestMs = clock.epochMs() + LATEST_AFTER_MS
    const endMs = Math.min(untilMs ?? latestMs, latestMs)
    const found: string[] = []
    let atMs = Math.floor(Math.max(fromMs ?? EARLIEST_MS, EARLIEST_MS) / DAY_MS) * DAY_MS
    while (atMs < endMs) {
      const day = new Date(atMs)
      const nextMonthMs = Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1)
      const isWhole = day.getUTCDate() === 1 && nextMonthMs <= endMs
      found.push(isWhole ? terms.month(toTime(atMs)) : terms.day(toTime(atMs)))
      atMs = isWhole ? nextMonthMs : atMs + DAY_MS
    }
    return found
  }

  #numberId(account: string, workspaceId: number): number | undefined {
    const sql = 'SELECT id FROM numbers WHERE account = ?1 AND workspace_id = ?2'
    return this.#deps.records.one<{ id: number }>(sql, account, workspaceId)?.id
  }

  /** The contacts that are meant, with all that are one person with them, and their conversations. */
  #people(
    text: string,
    workspaceId: number,
  ): { conversationIds: Set<number>; contactIds: Set<number>; isCut: boolean } {
    const { records, index, terms } = this.#deps
    const id = readId('contact', text)
    const clauses = id === undefined ? readQuery(text, '/person') : []
    const found =
      id === undefined ? index.people(expressionOf(clauses, terms, 'words').join(' AND '), SCOPE_MAX + 1) : [id]
    const contacts = records.all<{ id: number }>(
      `WITH heads AS (SELECT coalesce(merged_into, id) AS id FROM contacts
         WHERE id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?3)
       SELECT id FROM contacts WHERE id IN (SELECT id FROM heads) OR merged_into IN (SELECT id FROM heads)
       ORDER BY id DESC LIMIT ?2`,
      JSON.stringify(found),
      SCOPE_MAX + 1,
      workspaceId,
    )
    const contactIds = contacts.slice(0, SCOPE_MAX).map((row) => row.id)
    const conversations = records.all<{ id: number }>(
      `SELECT id FROM conversations WHERE contact_id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?3
       ORDER BY last_message_at DESC LIMIT ?2`,
      JSON.stringify(contactIds),
      SCOPE_MAX + 1,
      workspaceId,
    )
    return {
      conversationIds: new Set(conversations.slice(0, SCOPE_MAX).map((row) => row.id)),
      contactIds: new Set(contactIds),
      isCut: contacts.length > SCOPE_MAX || conversations.length > SCOPE_MAX,
    }
  }

  /** Opens what the index proposes, from the newest message down. */
  #find(plan: Plan, asked: Asked): Found {
    const { records, clock } = this.#deps
    const { oldest, newest } = this.#ends()
    const look = new Look(plan, asked.ask.limit, clock)
    let last = Math.min(asked.ask.below ?? newest + 1, newest + 1)
    for (const ids of look.parts(this.#candidates(plan, look, { oldest, below: last }))) {
      const named = this.#named(ids, plan, asked)
      const rows = new Map(messageRows(records, named, asked.viewer.see.workspaceId).map((row) => [row.id, row]))
      for (const id of ids) {
        const item = this.#open(rows.get(id), plan, asked)
        // One more than asked tells that there is a next page.
        if (item && look.isFull()) return { items: look.items, nextBelow: last, isCut: false }
        look.take(item)
        last = id
      }
    }
    return { items: look.items, nextBelow: look.isCut ? last : null, isCut: look.isCut }
  }

  /**
   * Newest first. To look up the terms of all that somebody sees costs as much as to read as many rows, and often fewer do:
   * where what is asked for is rare, or where they see much of it.
   */
  *#candidates(plan: Plan, look: Look, { oldest, below }: Range): Generator<number> {
    const { parts, within } = plan
    let last = below
    if (parts.length > 0) {
      let left = within?.terms.length ?? Number.POSITIVE_INFINITY
      for (const id of this.#proposed(plan, look, { oldest, below })) {
        yield id
        last = id
        if (--left <= 0) break
      }
      if (left > 0) return
    }
    if (!within) return
    const expression = [...parts, anyOf(within.terms)].join(' AND ')
    for (const { id } of this.#deps.index.messages(expression, last, 'down')) yield id
  }

  /** Goes on with all that is asked for once little of what fits less has it: others share the terms of its pairs. */
  *#proposed({ parts, looseParts }: Plan, look: Look, { oldest, below }: Range): Generator<number> {
    const strictly = parts.join(' AND ')
    if (looseParts === null) return yield* this.#inIndex(strictly, { oldest, below })
    let last = below
    for (const id of this.#inIndex(looseParts.join(' AND '), { oldest, below })) {
      if (look.isPoor()) return yield* this.#inIndex(strictly, { oldest, below: last })
      yield id
      last = id
    }
  }

  /**
   * The index is asked once: FTS5 heeds bounds only where something fits, so that to ask again, for a part of it, goes
   * through as much. Where little fits, it is gone through as a whole, which is faster upwards.
   */
  *#inIndex(expression: string, range: Range): Generator<number> {
    const isOneTerm = !expression.includes(' ')
    const few = isOneTerm ? undefined : this.#few(expression, range)
    if (few) yield* few.reverse()
    else for (const { id } of this.#deps.index.messages(expression, range.below, 'down')) yield id
  }

  /** All that fit, from the oldest up; undefined as soon as it seems that they are many, or take too long to find. */
  #few(expression: string, { oldest, below }: Range): number[] | undefined {
    const { index, clock } = this.#deps
    const startedMs = clock.monoMs()
    const ids: number[] = []
    for (const { id } of index.messages(expression, below, 'up')) {
      ids.push(id)
      if (ids.length < FEW_FROM) continue
      const share = (id - oldest + 1) / (below - oldest)
      if (ids.length > FEW_MAX * share || clock.monoMs() - startedMs > FEW_MS_MAX * share) return undefined
    }
    return ids
  }

  #open(row: FeedRow | undefined, plan: Plan, { ask, viewer }: Asked): SearchItem | undefined {
    if (!row || row.flags & FLAG_ACT || !fits(row, plan, ask)) return undefined
    if (!viewer.see(seenIn(row))) return undefined
    const message = this.#deps.views.message(row)
    const found = searchableOf(message)
    if (!found || (ask.kind !== null && found.kind !== ask.kind)) return undefined
    const highlights = plan.clauses.length === 0 ? [] : matchOf(plan.clauses, new Document(found))
    if (!highlights) return undefined
    return { message, conversation_id: showId('conversation', row.conversation_id), highlights }
  }

  /** Those of the candidates that are in what somebody sees, where it can be named. A whole row costs three times as much. */
  #named(ids: readonly number[], { within }: Plan, { viewer }: Asked): readonly number[] {
    if (!within) return ids
    return this.#deps.records
      .all<{ id: number; conversation_id: number; number_id: number }>(
        `SELECT m.id, m.conversation_id, c.number_id FROM messages m JOIN conversations c ON c.id = m.conversation_id
         WHERE m.id IN (SELECT value FROM json_each(?1)) AND +c.workspace_id = ?2`,
        JSON.stringify(ids),
        viewer.see.workspaceId,
      )
      .filter((row) => within.conversationIds.has(row.conversation_id) || within.numberIds.has(row.number_id))
      .map(({ id }) => id)
  }

  #ends(): { oldest: number; newest: number } {
    const row = this.#deps.records.one<{ oldest: number | null; newest: number | null }>(
      'SELECT (SELECT min(id) FROM messages) AS oldest, (SELECT max(id) FROM messages) AS newest',
    )
    return { oldest: row?.oldest ?? 0, newest: row?.newest ?? 0 }
  }
}

/** Of ids: from the oldest there is up to one, exclusive. */
interface Range {
  oldest: number
  below: number
}

interface Asked {
  ask: SearchAsk
  viewer: SearchViewer
}

interface Found {
  items: SearchItem[]
  /** Null: the end of the index was reached. */
  nextBelow: number | null
  isCut: boolean
}

const NOTHING: Found = { items: [], nextBelow: null, isCut: false }

/** What one search has found and spent so far. */
class Look {
  readonly items: SearchItem[] = []
  isCut = false
  readonly #budgetMs: number
  readonly #limit: number
  readonly #clock: Clock
  readonly #isSure: boolean
  #startedMs = 0
  #seen = 0

  constructor({ budgetMs, looseParts }: Plan, limit: number, clock: Clock) {
    this.#isSure = looseParts === null
    this.#budgetMs = budgetMs
    this.#limit = limit
    this.#clock = clock
  }

  isFull(): boolean {
    return this.items.length === this.#limit
  }

  /** Most of what was looked at did not have what is asked for. */
  isPoor(): boolean {
    return this.#seen >= TRIED_FIRST && this.items.length < this.#seen / 4
  }

  take(item: SearchItem | undefined): void {
    this.#seen++
    if (item) this.items.push(item)
  }

  /**
   * As many at once as are likely to fill the page, until it has taken what one search may; then it is cut. Time counts from
   * the first candidate on: before it, there is nowhere to go on from.
   */
  *parts(candidates: Iterable<number>): Generator<number[]> {
    let ids: number[] = []
    for (const id of candidates) {
      if (this.#startedMs === 0) this.#startedMs = this.#clock.monoMs()
      ids.push(id)
      const isOver = this.#isOver()
      if (!isOver && ids.length < this.#wanted()) continue
      yield ids
      this.isCut = isOver || this.#isOver()
      if (this.isCut) return
      ids = []
    }
    if (ids.length > 0) yield ids
  }

  #wanted(): number {
    if (this.#seen === 0 && !this.#isSure) return TRIED_FIRST
    const left = this.#limit + 1 - this.items.length
    const likely = Math.ceil((left * this.#seen) / Math.max(1, this.items.length))
    return Math.min(READ_AT_ONCE, Math.max(left, likely))
  }

  #isOver(): boolean {
    return this.#seen >= CANDIDATES_MAX || this.#clock.monoMs() - this.#startedMs >= this.#budgetMs
  }
}

function unlessSame(some: readonly string[], others: readonly string[]): readonly string[] | null {
  return some.every((part, index) => part === others[index]) ? null : some
}

function anyOf(terms: readonly string[]): string {
  return `(${terms.map((term) => `"${term}"`).join(' OR ')})`
}

/** What the row says by itself: terms may collide, and times are by the day. */
function fits(row: FeedRow, plan: Plan, ask: SearchAsk): boolean {
  if (ask.conversationId !== null && row.conversation_id !== ask.conversationId) return false
  if (plan.numberId !== null && row.home_number_id !== plan.numberId) return false
  if (ask.direction !== null && DIRECTION.word(row.direction) !== ask.direction) return false
  if (ask.fromMs !== null && row.at < ask.fromMs) return false
  if (ask.untilMs !== null && row.at >= ask.untilMs) return false
  if (plan.people === null) return true
  return plan.people.conversationIds.has(row.conversation_id) || plan.people.contactIds.has(row.author_id ?? 0)
}

function seenIn(row: FeedRow): Seen {
  return {
    workspaceId: row.workspace_id,
    conversationId: row.conversation_id,
    numberId: row.home_number_id,
    assigneeId: row.assignee_id,
    teamId: row.team_id,
  }
}
