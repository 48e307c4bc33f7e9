import { toTime } from '../core/clock.ts'
import type { Fact, FactSubject, NoticeItem } from '../core/inbound.ts'
import { FACT_SUBJECT, type FactSubjectKind, NUMBER_STATE } from './codes.ts'
import { NUMBER_COLUMNS, type NumberRow } from './number.ts'
import type { Tx } from './tx.ts'

/** The platform's values are words and figures; what is longer is cut: the notice keeps it whole. */
const VALUE_CHARS_MAX = 200
/** The last moment of the year 9999: beyond it there is no RFC 3339. */
const MOMENT_MS_MAX = 253_402_300_799_999
/** A notice states a handful; beyond this the notice alone keeps them. */
const FACTS_MAX = 100

/** A fact about something that was looked up. */
export interface FoundFact {
  kind: FactSubjectKind
  /** The channel's own id; of a template the JSON of account, name and language. */
  subject: string
  name: string
  value: string | number | null
  untilMs: number | null
}

export type TemplateKey = [account: string, name: string, language: string | null]

/** Whose notice states the facts. */
export interface FactSource {
  channel: string
  portfolio: string
  workspaceId: number
  accountId: string | null
}

/** What a notice says, each with whom it is about. A fact that names nobody stays in the notice's own object. */
export async function findFacts(tx: Tx, item: NoticeItem, source: FactSource): Promise<FoundFact[]> {
  const found: FoundFact[] = []
  for (const fact of item.facts.slice(0, FACTS_MAX)) {
    const subject = await subjectOf(tx, fact.subject, source)
    if (!subject || subject.subject === '') continue
    found.push({ ...subject, ...boundedFact(fact) })
    const id = fact.subject.kind === 'template' ? fact.subject.id : null
    const isTold = found.some(({ subject: key, name }) => name === 'id' && key === subject.subject)
    if (id !== null && !isTold) found.push({ ...subject, name: 'id', value: id, untilMs: null })
  }
  return found
}

function boundedFact({ name, value, untilMs }: Fact): Omit<FoundFact, 'kind' | 'subject'> {
  const cut = (text: string) => text.slice(0, VALUE_CHARS_MAX).toWellFormed()
  return {
    name: cut(name),
    value: typeof value === 'string' ? cut(value) : value,
    untilMs: untilMs !== null && untilMs >= 0 && untilMs <= MOMENT_MS_MAX ? Math.floor(untilMs) : null,
  }
}

async function subjectOf(
  tx: Tx,
  subject: FactSubject,
  source: FactSource,
): Promise<Pick<FoundFact, 'kind' | 'subject'> | undefined> {
  switch (subject.kind) {
    case 'number':
      if (subject.account !== undefined) return { kind: 'number', subject: subject.account }
      return subject.display === undefined ? undefined : await numberWritten(tx, subject.display, source)
    case 'account':
      return { kind: 'account', subject: subject.id }
    case 'portfolio':
      return { kind: 'portfolio', subject: subject.id ?? source.portfolio }
    case 'template': {
      const key: TemplateKey = [subject.accountId, subject.name, subject.language]
      return { kind: 'template', subject: JSON.stringify(key) }
    }
  }
}

/** The platform names most numbers as people write them: it is the one of the portfolio that is written so. */
async function numberWritten(
  tx: Tx,
  display: string,
  { channel, portfolio, workspaceId, accountId }: FactSource,
): Promise<Pick<FoundFact, 'kind' | 'subject'>> {
  const written = writtenForm(display)
  const rows = await tx.all<Pick<NumberRow, 'account' | 'display' | 'waba'>>(
    `SELECT account, display, waba FROM numbers WHERE channel = ?1 AND portfolio = ?2 AND workspace_id = ?3
     AND display IS NOT NULL ORDER BY id`,
    channel,
    portfolio,
    workspaceId,
  )
  const named = rows.filter((row) => writtenForm(row.display ?? '') === written)
  const number = named.find(({ waba }) => waba === accountId) ?? named[0]
  return number ? { kind: 'number', subject: number.account } : { kind: 'written_number', subject: written }
}

/** Two writings of one phone number are equal; what is none stays as it is written. */
function writtenForm(display: string): string {
  const digits = display.replace(/\D/g, '')
  return digits === '' ? display : `+${digits}`
}

/**
 * Takes a notice's facts in: of each the newest stamp holds, whatever the order of arrival. The numbers that a change is
 * about are told with all that is known of them; nothing else follows from a fact here.
 */
export async function keepFacts(
  tx: Tx,
  facts: readonly FoundFact[],
  notice: { channel: string; workspaceId: number; noteId: number; atMs: number; now: number },
): Promise<void> {
  const changed: FoundFact[] = []
  for (const fact of facts) if (await keepFact(tx, fact, notice)) changed.push(fact)
  for (const number of await numbersOf(tx, notice, changed)) {
    const rows = await tx.all<FactRow>(FACTS_OF_NUMBER, ...factKeysOf(number))
    const state = { state: NUMBER_STATE.word(number.state), reason: number.reason }
    await tx.event('number.state', { numberId: number.id }, { ...state, ...numberFactsView(rows, notice.now) })
  }
}

/** Whether what reads as the fact is another now. */
async function keepFact(
  tx: Tx,
  fact: FoundFact,
  notice: { channel: string; workspaceId: number; noteId: number; atMs: number },
): Promise<boolean> {
  const key = [notice.channel, FACT_SUBJECT.code(fact.kind), fact.subject, fact.name] as const
  const known = await tx.one<Pick<FactRow, 'value' | 'since' | 'until'> & { workspace_id: number }>(
    `SELECT value, since, until, workspace_id FROM facts
     WHERE channel = ?1 AND subject_kind = ?2 AND subject = ?3 AND name = ?4`,
    ...key,
  )
  // The platform's ids are one's own: what an app says of another workspace's is in its notice alone.
  if (known && (known.since > notice.atMs || known.workspace_id !== notice.workspaceId)) return false
  await tx.run(
    `INSERT INTO facts (channel, subject_kind, subject, name, value, since, until, note_id, workspace_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
     ON CONFLICT (channel, subject_kind, subject, name)
     DO UPDATE SET value = excluded.value, since = excluded.since, until = excluded.until, note_id = excluded.note_id`,
    ...key,
    fact.value,
    notice.atMs,
    fact.untilMs,
    notice.noteId,
    notice.workspaceId,
  )
  return (known?.value ?? null) !== fact.value || (known?.until ?? null) !== fact.untilMs
}

/** The numbers that facts are about, by themselves, by their business account or by their portfolio. */
async function numbersOf(
  tx: Tx,
  { channel, workspaceId }: { channel: string; workspaceId: number },
  facts: readonly FoundFact[],
): Promise<NumberRow[]> {
  const subjects = (kind: FactSubjectKind) =>
    JSON.stringify(facts.filter((fact) => fact.kind === kind).map(({ subject }) => subject))
  if (facts.length === 0) return []
  return await tx.all<NumberRow>(
    `SELECT ${NUMBER_COLUMNS} FROM numbers WHERE channel = ?1 AND workspace_id = ?5 AND (account IN (SELECT value FROM json_each(?2))
     OR waba IN (SELECT value FROM json_each(?3)) OR portfolio IN (SELECT value FROM json_each(?4))) ORDER BY id`,
    channel,
    subjects('number'),
    subjects('account'),
    subjects('portfolio'),
    workspaceId,
  )
}

/** A fact as the table keeps it. */
export interface FactRow {
  subject_kind: number
  subject: string
  name: string
  value: string | number | null
  since: number
  until: number | null
}

/** Everything known of a number: the parameters are `factKeysOf` it. */
export const FACTS_OF_NUMBER = `SELECT subject_kind, subject, name, value, since, until FROM facts
  WHERE channel = ?1 AND (subject_kind, subject) IN (VALUES (?2, ?3), (?4, ?5), (?6, ?7), (?8, ?9))
  AND workspace_id = ?10`

/** Parameters of a query: the channel, then kind and subject of everything whose facts hold for a number. */
export function factKeysOf(number: NumberRow): (string | number)[] {
  const of = (kind: FactSubjectKind, subject: string | null) => [FACT_SUBJECT.code(kind), subject ?? '']
  return [
    number.channel,
    ...of('number', number.account),
    // Stated before the number was declared.
    ...of('written_number', number.display === null ? null : writtenForm(number.display)),
    ...of('account', number.waba),
    ...of('portfolio', number.portfolio),
    number.workspace_id,
  ]
}

export type FactsView = Record<string, { value: string | number | null; since: string; until: string | null }>

/** Facts by name, as they read at a moment: what has ended by itself does not hold any more since then. */
export function factsView(rows: readonly FactRow[], nowMs: number): FactsView {
  const inOrder = [...rows].sort((one, other) => one.since - other.since)
  return Object.fromEntries(
    inOrder.map(({ name, value, since, until }) => [
      name,
      until !== null && until <= nowMs
        ? { value: null, since: toTime(until), until: null }
        : { value, since: toTime(since), until: until === null ? null : toTime(until) },
    ]),
  )
}

/** What is known of a number, of its business account and of its portfolio. */
export function numberFactsView(rows: readonly FactRow[], nowMs: number) {
  const of = (...kinds: FactSubjectKind[]) =>
    factsView(
      rows.filter((row) => kinds.includes(FACT_SUBJECT.word(row.subject_kind))),
      nowMs,
    )
  return { facts: of('number', 'written_number'), account_facts: of('account'), portfolio_facts: of('portfolio') }
}
