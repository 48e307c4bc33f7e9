import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { SEVERITIES, type Severity } from '../records/codes.ts'
import type { NoticeReader } from '../records/notice-reader.ts'
import { type Asked, found, idOf, pageOf } from './route.ts'

interface NoticeDependencies {
  clock: Clock
  notices: NoticeReader
}

/** What the platform said about the firm's own, newest first. */
export function listNotices({ notices }: NoticeDependencies, asked: Asked): object {
  const { query, principal } = asked
  const { workspaceId } = principal
  return notices.notices(pageOf(query), { workspaceId, severity: severityOf(query), field: query.get('field') })
}

export function getNotice({ notices }: NoticeDependencies, asked: Asked): object {
  return found(notices.notice(idOf('notice', asked.params), asked.principal.workspaceId), 'notice')
}

export function listTemplates({ notices, clock }: NoticeDependencies, asked: Asked): object {
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
