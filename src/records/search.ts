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
export const SCOPE_MAX = 500
/** Candidates that are opened or asked about for one page. */
const CANDIDATES_MAX = 20_000
/** After this a page ends with what it has. */
const BUDGET_MS = 12
/** With many conversations to look up, which alone takes a third of this. */
const SCOPED_BUDGET_MS = 30
/** Ids that the first look goes through; how far the next ones go is learnt from it. */
const FIRST_SPAN = 200_000
/** The same where many conversations are to be looked up for each. */
const FIRST_SCOPED_SPAN = 500_000
const SPAN_GROWTH_MAX = 8
/** Of the time that is left; words are not spread evenly. */
const SPAN_TIME_SHARE = 0.4
/** More candidates at once than a page has rows, where nearly all before were refused. */
const CANDIDATES_AT_ONCE_MAX = 1_000
const OPENED_AT_ONCE = 64
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
  /** Null: nothing can fit. */
  expression: string | null
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
      const found = plan.expression === null ? NOTHING : this.#find(plan.expression, plan, { ask, viewer })
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
      this.#within(viewer),
    ].filter((group) => group !== null && group !== undefined)
    // A number or person that nobody knows: nothing fits.
    const isPossible = groups.every((group) => group.length > 0)
    const parts = [...expressionOf(clauses, terms.word), ...groups.map(anyOf)]
    const termCount = groups.reduce((count, group) => count + group.length, 0)
    return {
      clauses,
      expression: isPossible && parts.length > 0 ? parts.join(' AND ') : null,
      numberId: numberId ?? null,
      people,
      budgetMs: termCount > 50 ? SCOPED_BUDGET_MS : BUDGET_MS,
      isCut: people?.isCut ?? false,
    }
  }

  #within({ conversationIds, numberIds = [] }: SearchViewer): string[] | null {
    const { terms } = this.#deps
    if (conversationIds === null) return null
    return [...conversationIds.map((id) => terms.conversation(id)), ...numberIds.map((id) => terms.number(id))]
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
      id === undefined ? index.people(expressionOf(clauses, terms.word, false).join(' AND '), SCOPE_MAX + 1) : [id]
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

  /** Goes through the index from the newest message down, in spans that grow while little is found. */
  #find(expression: string, plan: Plan, asked: Asked): Found {
    const { index, clock } = this.#deps
    const newest = this.#newestId() + 1
    const look = new Look(plan, asked.ask.limit, clock)
    let below = Math.min(asked.ask.below ?? newest, newest)
    let span = plan.budgetMs === BUDGET_MS ? FIRST_SPAN : FIRST_SCOPED_SPAN
    let wanted = asked.ask.limit + 1
    while (below > 1) {
      const from = Math.max(1, below - span)
      const spanStartedMs = clock.monoMs()
      const ids = index.messages(expression, { below, from, limit: wanted })
      const spanMs = clock.monoMs() - spanStartedMs
      const stoppedAt = this.#openAll(ids, below, look, asked)
      if (stoppedAt !== undefined) return { items: look.items, nextBelow: stoppedAt, isCut: look.isCut }
      const isWhole = ids.length < wanted
      below = isWhole ? from : (ids.at(-1) ?? from)
      if (below > 1 && look.isOver()) return { items: look.items, nextBelow: below, isCut: true }
      if (isWhole) span = look.nextSpan(span, spanMs)
      else wanted = Math.min(CANDIDATES_AT_ONCE_MAX, wanted * 2)
    }
    return { items: look.items, nextBelow: null, isCut: false }
  }

  /** Opens candidates in their order. Where the page ends there, answers the id below which the next one begins. */
  #openAll(ids: readonly number[], below: number, look: Look, asked: Asked): number | undefined {
    let last = below
    for (let start = 0; start < ids.length; start += OPENED_AT_ONCE) {
      const some = ids.slice(start, start + OPENED_AT_ONCE)
      const rows = new Map(messageRows(this.#deps.records, some).map((row) => [row.id, row]))
      for (const id of some) {
        const item = this.#open(rows.get(id), look.plan, asked)
        // One more than asked tells that there is a next page.
        if (item && look.isFull()) return last
        look.take(item)
        last = id
        if (look.isOver()) return last
      }
    }
    return undefined
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

  #newestId(): number {
    return this.#deps.records.one<{ id: number | null }>('SELECT max(id) AS id FROM messages')?.id ?? 0
  }
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
  readonly plan: Plan
  readonly items: SearchItem[] = []
  isCut = false
  readonly #limit: number
  readonly #clock: Clock
  readonly #startedMs: number
  #seen = 0

  constructor(plan: Plan, limit: number, clock: Clock) {
    this.plan = plan
    this.#limit = limit
    this.#clock = clock
    this.#startedMs = clock.monoMs()
  }

  isFull(): boolean {
    return this.items.length === this.#limit
  }

  take(item: SearchItem | undefined): void {
    this.#seen++
    if (item) this.items.push(item)
  }

  /** Whether it has taken what one search may; then it is cut. */
  isOver(): boolean {
    this.isCut = this.#seen >= CANDIDATES_MAX || this.#leftMs() <= 0
    return this.isCut
  }

  /** As far as a part of the time that is left should reach. */
  nextSpan(span: number, spanMs: number): number {
    const growth = (this.#leftMs() * SPAN_TIME_SHARE) / Math.max(spanMs, 0.01)
    return Math.ceil(span * Math.min(SPAN_GROWTH_MAX, Math.max(0.25, growth)))
  }

  #leftMs(): number {
    return this.plan.budgetMs - (this.#clock.monoMs() - this.#startedMs)
  }
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
