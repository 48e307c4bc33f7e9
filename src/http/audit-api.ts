import { Elysia } from 'elysia'
import { toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { readId, showId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { AuditEntry, AuditFilter, AuditReader } from '../records/audit-reader.ts'
import { type Asked, pageOf, type RouteDependencies, route } from './route.ts'

export interface AuditDependencies extends RouteDependencies {
  audit: Pick<AuditReader, 'page'>
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/
const WORD_CHARS_MAX = 100

/** `/api/v1/audit`: who did and saw what in a workspace. */
export function auditRoutes(deps: AuditDependencies): Elysia {
  const app = new Elysia({ name: 'audit', prefix: '/api/v1' })
  const query = ['limit', 'cursor', 'actor', 'action', 'object', 'from', 'to']
  app.get(
    '/audit',
    route(
      deps,
      { pattern: '/api/v1/audit', rule: 'audit.read' },
      async (asked) =>
        deps.audit.page(asked.principal.workspaceId, pageOf(asked.query), filterOf(asked), (entry) =>
          entryView(entry, asked.principal),
        ),
      query,
    ),
  )
  return app as unknown as Elysia
}

function filterOf({ query }: Asked): AuditFilter {
  const actor = wordIn(query, 'actor')
  const personId = actor === null ? null : (readId('person', actor) ?? null)
  return {
    actor: personId === null ? actor : null,
    personId,
    action: wordIn(query, 'action'),
    object: wordIn(query, 'object'),
    fromMs: timeIn(query, 'from'),
    untilMs: timeIn(query, 'to'),
  }
}

function wordIn(query: URLSearchParams, name: string): string | null {
  const word = query.get(name)
  if (word === null || (word !== '' && word.length <= WORD_CHARS_MAX)) return word
  throw new Failure('invalid', `${name} must have 1 to ${WORD_CHARS_MAX} characters`, { path: `?${name}` })
}

function timeIn(query: URLSearchParams, name: string): number | null {
  const text = query.get(name)
  if (text === null) return null
  const atMs = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(atMs)) throw new Failure('invalid', `${name} must be a time in RFC 3339`, { path: `?${name}` })
  return atMs
}

/** What is personal of a row may be about anybody: it is for whoever sees every conversation. */
function entryView(entry: AuditEntry, { scope }: Principal): object {
  const { by, id, personId } = entry.actor
  return {
    id: entry.id,
    at: toTime(entry.atMs),
    actor: { id, by, person: personId === null ? null : showId('person', personId) },
    action: entry.action,
    object: entry.object,
    outcome: entry.outcome,
    times: entry.times,
    detail: scope.kind === 'workspace' ? entry.detail : null,
    erased: entry.isErased,
  }
}
