import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { Principal } from '../core/principal.ts'
import { may } from '../people/may-see.ts'
import { SEVERITIES, type Severity } from '../records/codes.ts'
import type { NoticeFilter, NoticeReader } from '../records/notice-reader.ts'
import type { Reader } from '../records/reader.ts'
import type { View } from '../records/views.ts'
import { type Asked, found, idOf, numbersSeen, pageOf } from './route.ts'

interface NoticeDependencies {
  clock: Clock
  notices: NoticeReader
  reader: Pick<Reader, 'numbersOf'>
}

/** What the platform said about the firm's own, newest first. */
export function listNotices(deps: NoticeDependencies, { query, principal }: Asked): object {
  const filter = { ...toldTo(deps, principal), severity: severityOf(query), field: query.get('field') }
  const page = deps.notices.notices(pageOf(query), filter)
  return { ...page, items: page.items.map((notice) => shownTo(principal, notice)) }
}

export function getNotice(deps: NoticeDependencies, { params, principal }: Asked): object {
  const notice = found(deps.notices.notice(idOf('notice', params), toldTo(deps, principal)), 'notice')
  return shownTo(principal, notice)
}

/** The platform's own object may name customers, above all where nobody understood it. */
function shownTo(principal: Principal, { object, ...notice }: View): View {
  return may(principal, 'contacts.see_phones') ? { ...notice, object } : notice
}

/** What is about a number is for whoever sees it; the rest is about accounts and templates, which all numbers share. */
function toldTo({ reader }: NoticeDependencies, principal: Principal): Pick<NoticeFilter, 'workspaceId' | 'accounts'> {
  const { workspaceId, scope } = principal
  if (scope.kind === 'workspace') return { workspaceId, accounts: null }
  return { workspaceId, accounts: numbersSeen(reader, principal).map(({ account }) => account) }
}

export function listTemplates({ notices, clock }: Pick<NoticeDependencies, 'notices' | 'clock'>, asked: Asked): object {
  const { workspaceId } = asked.principal
  return notices.templates(pageOf(asked.query), { workspaceId, nowMs: clock.epochMs() })
}

function severityOf(query: URLSearchParams): Severity | null {
  const word = query.get('severity')
  if (word === null) return null
  const severity = SEVERITIES.find((one) => one === word)
  if (severity) return severity
  throw new Failure('invalid', `severity must be one of ${SEVERITIES.join(', ')}`, { path: '?severity' })
}
