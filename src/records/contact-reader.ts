import { toTime } from '../core/clock.ts'
import { showId } from '../core/ids.ts'
import { phoneForms } from '../core/phone.ts'
import type { Db } from '../storage/database.ts'
import { CONTACT_KIND } from './codes.ts'
import { type AttributeValue, emailKey, type IdentityLink, liveValues, type Profile } from './contact-card.ts'
import type { ContactEventData } from './contact-event.ts'
import { readCard } from './contact-row.ts'
import { noConversation, type Page, type PageAsk, readPage, type See, type Seen } from './page.ts'
import { consentViews } from './preference.ts'
import type { View, Views } from './views.ts'

interface Row {
  id: number
  contact_id: number
  person: number
  profile: Uint8Array
  card: Uint8Array | null
  created_at: number
  source: number
  merged_into: number | null
  workspace_id: number
}

const ROW =
  'SELECT id, id AS contact_id, person, profile, card, created_at, source, merged_into, kind, workspace_id FROM contacts'

/** A contact as it was at an event: what its own cells cannot tell. */
interface AsOf {
  offset: number
  workspaceId: number
  kept: ContactEventData
}

interface Opened {
  id: number
  profile: Profile
  links: IdentityLink[]
  attributes: Record<string, AttributeValue>
}

/** By what somebody is looked up. */
export type LookUp = { kind: 'phone' | 'user_id' | 'username' | 'email'; value: string }

/** Contacts, each on one snapshot, for lists, single reads and events. */
export class ContactReader {
  readonly #database: Db
  readonly #views: Views

  constructor(database: Db, views: Views) {
    this.#database = database
    this.#views = views
  }

  /** People, newest first; who is merged into another is shown in the other. */
  async list(ask: PageAsk, see: See): Promise<Page> {
    return readPage(this.#database, ask, see, (_at, id, limit) => {
      const rows = this.#database.all<Row>(
        `${ROW} WHERE workspace_id = ?3 AND id < ?1 AND kind = ${CONTACT_KIND.person} AND merged_into IS NULL
         ORDER BY id DESC LIMIT ?2`,
        id,
        limit,
        see.workspaceId,
      )
      return rows.map((row) => ({
        at: row.created_at,
        id: row.id,
        seen: this.#seenBy(row, see),
        view: () => this.#view(row),
      }))
    })
  }

  /** One contact; of one that is merged into another its own part, and into whom. */
  async one(id: number, see: See): Promise<View | undefined> {
    return this.#database.snapshot(() => {
      const row = this.#row(id, see.workspaceId)
      return row && see(this.#seenBy(row, see)) ? this.#view(row) : undefined
    })
  }

  /** Who is known by something, in this portfolio or the first that knows them; the head of their family. */
  async lookUp({ kind, value }: LookUp, portfolio: string | null, see: See): Promise<View | undefined> {
    return this.#database.snapshot(() => {
      const portfolios = this.#portfolios(see.workspaceId)
      for (const each of portfolio === null ? portfolios : portfolios.filter((one) => one === portfolio)) {
        const row = this.#headOf(this.#find({ kind, value }, each, see.workspaceId))
        if (row && see(this.#seenBy(row, see))) return this.#view(row)
      }
      return undefined
    })
  }

  /** Everybody who is this contact, where it may be seen. */
  familyOf(id: number, see: See): number[] | undefined {
    const row = this.#row(id, see.workspaceId)
    return row && see(this.#seenBy(row, see)) ? this.#family(row) : undefined
  }

  /** As an event told it; of somebody who is erased, who that was here. */
  atEvent(asOf: AsOf): View {
    const row = this.#row(asOf.kept[0], asOf.workspaceId)
    if (!row) return { erased: true }
    if (!this.#views.isErased(row.person)) return { contact: this.#view(row, asOf) }
    return { erased: true, contact: erasedView(row, asOf) }
  }

  /**
   * Whoever is known by it. The index is in the vault, which is committed before the records and knows ended user ids
   * too: what the contact says of itself decides.
   */
  #find(look: LookUp, portfolio: string, workspaceId: number): Row | undefined {
    for (const form of formsOf(look)) {
      const person = this.#views.findPerson(look.kind === 'user_id' ? 'user' : look.kind, portfolio, form)
      const row = person === undefined ? undefined : this.#rowOf('person', person, workspaceId)
      if (row && isKnownBy(this.#open(row, undefined).links, look)) return row
    }
    return undefined
  }

  #portfolios(workspaceId: number): string[] {
    return this.#database
      .all<{ portfolio: string }>(
        'SELECT DISTINCT portfolio FROM numbers WHERE workspace_id = ?1 ORDER BY portfolio',
        workspaceId,
      )
      .map(({ portfolio }) => portfolio)
  }

  /** What of a contact whoever asks may see: a contact is there for whom one of its conversations is. */
  #seenBy(row: Row, see: See): Parameters<See>[0] {
    const whole = noConversation(row.workspace_id)
    if (see(whole)) return whole
    const conversations = this.#database.all<Seen>(
      `SELECT workspace_id AS workspaceId, id AS conversationId, number_id AS numberId, assignee_id AS assigneeId, team_id AS teamId FROM conversations
       WHERE contact_id IN (SELECT value FROM json_each(?1)) AND +workspace_id = ?2`,
      JSON.stringify(this.#family(row)),
      see.workspaceId,
    )
    return conversations.find((conversation) => see(conversation)) ?? whole
  }

  #headOf(row: Row | undefined): Row | undefined {
    return row && row.merged_into !== null ? this.#row(row.merged_into, row.workspace_id) : row
  }

  #row(id: number, workspaceId: number): Row | undefined {
    return this.#rowOf('id', id, workspaceId)
  }

  #rowOf(column: 'id' | 'person', value: number, workspaceId: number): Row | undefined {
    const sql =
      column === 'id' ? `${ROW} WHERE id = ?1 AND workspace_id = ?2` : `${ROW} WHERE person = ?1 AND workspace_id = ?2`
    const row = this.#database.one<Row & { kind: number }>(sql, value, workspaceId)
    return row?.kind === CONTACT_KIND.person ? row : undefined
  }

  #family({ id, merged_into, workspace_id }: Row): number[] {
    const head = merged_into ?? id
    return [head, ...this.#members(head, workspace_id)]
  }

  #members(head: number, workspaceId: number): number[] {
    const rows = this.#database.all<{ id: number }>(
      'SELECT id FROM contacts WHERE merged_into = ?1 AND +workspace_id = ?2 ORDER BY id',
      head,
      workspaceId,
    )
    return rows.map(({ id }) => id)
  }

  #view(row: Row, asOf?: AsOf): View {
    const members = asOf?.kept[2] ?? this.#members(row.id, row.workspace_id)
    const mergedInto = asOf ? asOf.kept[1] : row.merged_into
    const own = this.#open(row, asOf?.offset)
    const others = members.flatMap((id) => {
      const member = this.#row(id, row.workspace_id)
      return member ? [this.#open(member, asOf?.offset)] : []
    })
    const all = [own, ...others]
    const shown = (pick: (profile: Profile) => string | null | undefined): string | null =>
      all.map(({ profile }) => pick(profile) ?? null).find((value) => value !== null) ?? null
    return {
      id: showId('contact', row.id),
      name: shown(({ givenName }) => givenName) ?? shown(({ name }) => name) ?? shown(({ bookName }) => bookName),
      profile_name: shown(({ name }) => name),
      book_name: shown(({ bookName }) => bookName),
      phone: shown(({ phone }) => phone),
      user_id: shown(({ userId }) => userId),
      username: shown(({ username }) => username),
      parent_user_id: shown(({ parentUserId }) => parentUserId),
      identities: all.flatMap(({ id, links }) => links.map((link) => linkView(link, id))),
      attributes: Object.fromEntries(all.toReversed().flatMap(({ attributes }) => Object.entries(attributes))),
      consents: consentViews(this.#database, [row.id, ...members], asOf?.kept[3]),
      merged_into: mergedInto === null ? null : showId('contact', mergedInto),
      merged: members.map((id) => showId('contact', id)),
      created_at: toTime(row.created_at),
      ...(this.#views.isErased(row.person) ? { erased: true } : {}),
    }
  }

  #open(row: Row, offset: number | undefined): Opened {
    const profile = this.#views.profile(row, offset)
    return { id: row.id, profile, ...readCard(this.#views.card(row, offset), profile, row) }
  }
}

/** The same at each reading, however far the erasure is by then. */
function erasedView(row: Row, { kept }: AsOf): View {
  const [, mergedInto, members] = kept
  const names = { name: null, profile_name: null, book_name: null, username: null }
  return {
    id: showId('contact', row.id),
    ...{ ...names, phone: null, user_id: null, parent_user_id: null, identities: [], attributes: {}, consents: {} },
    merged_into: mergedInto === null ? null : showId('contact', mergedInto),
    merged: members.map((id) => showId('contact', id)),
    created_at: toTime(row.created_at),
    erased: true,
  }
}

function formsOf({ kind, value }: LookUp): string[] {
  if (kind === 'phone') return phoneForms(value)
  return [kind === 'email' ? emailKey(value) : value]
}

function isKnownBy(links: readonly IdentityLink[], look: LookUp): boolean {
  const forms = formsOf(look)
  return liveValues(links, look.kind).some((value) =>
    formsOf({ kind: look.kind, value }).some((form) => forms.includes(form)),
  )
}

function linkView({ kind, value, source, since, until }: IdentityLink, contactId: number): View {
  return {
    kind,
    value,
    source,
    since: toTime(since),
    until: until === null ? null : toTime(until),
    contact_id: showId('contact', contactId),
  }
}
