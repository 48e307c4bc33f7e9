import { must } from '../core/assert.ts'
import { toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { showId } from '../core/ids.ts'
import type { Db } from '../storage/database.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { FACT_SUBJECT, SEVERITY, type Severity } from './codes.ts'
import {
  FACTS_OF_NUMBER,
  type FactRow,
  type FoundFact,
  factKeysOf,
  factsView,
  numberFactsView,
  type TemplateKey,
} from './fact.ts'
import { houseRow } from './house-row.ts'
import type { NumberRow } from './number.ts'
import { noConversation, type Page, type PageAsk, readPage, seeing } from './page.ts'
import { notePlace } from './platform-note.ts'
import type { View } from './views.ts'

interface NoteRow {
  id: number
  field: string
  account: string | null
  at: number
  arrived_at: number | null
  body: Uint8Array
  event: string | null
  business_account: string | null
  severity: number | null
  facts: string | null
}

const NOTE_COLUMNS = 'id, field, account, at, arrived_at, body, event, business_account, severity, facts'

export interface NoticeFilter {
  workspaceId: number
  /** The numbers, as the platform calls them, that whoever asks sees; null: all. */
  accounts: readonly string[] | null
  severity: Severity | null
  field: string | null
}

/** Of the numbers in a JSON list, or of none; all where there is no list. */
const aboutThese = (list: string) =>
  `(${list} IS NULL OR account IS NULL OR account IN (SELECT value FROM json_each(${list})))`

function accountsOf({ accounts }: Pick<NoticeFilter, 'accounts'>): string | null {
  return accounts && JSON.stringify(accounts)
}

/** What the platform said about the firm's own, and what holds by it. For those who may read all of it. */
export class NoticeReader {
  readonly #database: Db
  readonly #vault: Vault

  constructor(database: Db, vault: Vault) {
    this.#database = database
    this.#vault = vault
  }

  /** Newest first. */
  notices(ask: PageAsk, filter: NoticeFilter): Page {
    const severity = filter.severity === null ? null : SEVERITY.code(filter.severity)
    const { workspaceId } = filter
    const everything = seeing(workspaceId, () => true)
    return readPage(this.#database, ask, everything, (at, id, limit) =>
      this.#database
        .all<NoteRow>(
          `SELECT ${NOTE_COLUMNS} FROM platform_notes WHERE (at, id) < (?1, ?2)
           AND (?3 IS NULL OR severity = ?3) AND (?4 IS NULL OR field = ?4)
           AND workspace_id = ?6 AND ${aboutThese('?7')} ORDER BY at DESC, id DESC LIMIT ?5`,
          at,
          id,
          severity,
          filter.field,
          limit,
          workspaceId,
          accountsOf(filter),
        )
        .map((row) => ({ at: row.at, id: row.id, seen: noConversation(workspaceId), view: () => this.#view(row) })),
    )
  }

  notice(id: number, filter: Pick<NoticeFilter, 'workspaceId' | 'accounts'>): View | undefined {
    const row = this.#database.one<NoteRow>(
      `SELECT ${NOTE_COLUMNS} FROM platform_notes WHERE id = ?1 AND workspace_id = ?2 AND ${aboutThese('?3')}`,
      id,
      filter.workspaceId,
      accountsOf(filter),
    )
    return row && this.#view(row)
  }

  /** What the platform said of a number, of its business account and of its portfolio. */
  factsOf(number: NumberRow, nowMs: number): View {
    return numberFactsView(this.#database.all<FactRow>(FACTS_OF_NUMBER, ...factKeysOf(number)), nowMs)
  }

  /** Every template that the platform has said something about, by account, name and language. */
  templates(ask: PageAsk, { workspaceId, nowMs }: { workspaceId: number; nowMs: number }): Page {
    const kind = FACT_SUBJECT.code('template')
    return this.#database.snapshot(() => {
      const subjects = this.#database.all<{ channel: string; subject: string }>(
        `SELECT DISTINCT channel, subject FROM facts WHERE subject_kind = ?1 AND (channel, subject) > (?2, ?3)
         AND workspace_id = ?5 ORDER BY channel, subject LIMIT ?4`,
        kind,
        ...readTemplateCursor(ask.cursor),
        ask.limit + 1,
        workspaceId,
      )
      const shown = subjects.slice(0, ask.limit)
      const last = subjects.length > ask.limit ? shown.at(-1) : undefined
      const items = shown.map(({ channel, subject }) => {
        const rows = this.#database.all<FactRow>(
          `SELECT subject_kind, subject, name, value, since, until FROM facts
           WHERE channel = ?1 AND subject_kind = ?2 AND subject = ?3 AND workspace_id = ?4`,
          channel,
          kind,
          subject,
          workspaceId,
        )
        return { ...templateOf(subject), facts: factsView(rows, nowMs) }
      })
      const next = last ? Buffer.from(JSON.stringify([last.channel, last.subject])).toString('base64url') : null
      return { items, next, as_of: houseRow(this.#database).head }
    })
  }

  #view(row: NoteRow): View {
    const key = must(this.#vault.findNamedKey('house'), 'the key of the house')
    return {
      id: showId('notice', row.id),
      field: row.field,
      event: row.event,
      severity: row.severity === null ? null : SEVERITY.word(row.severity),
      number: row.account,
      account: row.business_account,
      at: toTime(row.at),
      arrived_at: row.arrived_at === null ? null : toTime(row.arrived_at),
      facts: row.facts === null ? [] : (JSON.parse(row.facts) as FoundFact[]).map(statedView),
      object: JSON.parse(unsealText(key, notePlace(row.id), row.body)) as unknown,
    }
  }
}

function statedView({ kind, subject, name, value, untilMs }: FoundFact): View {
  return {
    about: kind === 'written_number' ? 'number' : kind,
    ...(kind === 'template' ? templateFields(subject) : { subject }),
    name,
    value,
    until: untilMs === null ? null : toTime(untilMs),
  }
}

function templateFields(subject: string): View {
  const { name, ...others } = templateOf(subject)
  return { template: name, ...others }
}

function templateOf(subject: string): { account: string; name: string; language: string | null } {
  const [account, name, language] = JSON.parse(subject) as TemplateKey
  return { account, name, language }
}

function readTemplateCursor(cursor: string | null): [channel: string, subject: string] {
  if (cursor === null) return ['', '']
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Array.isArray(read) && typeof read[0] === 'string' && typeof read[1] === 'string') return [read[0], read[1]]
  } catch {
    // Said below.
  }
  throw new Failure('invalid', 'The cursor is not one that a list gave', { path: '?cursor' })
}
