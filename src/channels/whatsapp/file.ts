import type { Fetch, FileLocation, FileRequest } from '../channel.ts'
import { parsed, TOKEN_CODE, waitOf } from './answer.ts'
import { sha256Of } from './attachment.ts'
import { integerOf, objectOf, textOf } from './read.ts'
import { boundedText } from './send.ts'

/** The platform's error for an id that is not there (any more), or that the token may not see. */
const UNKNOWN_OBJECT_CODE = 100
const UNKNOWN_OBJECT_SUBCODE = 33

/** Asks where a file lies: the address holds for five minutes. Throws for nothing that the outside does. */
export async function locateFile(request: FileRequest, fetch: Fetch): Promise<FileLocation> {
  const id = encodeURIComponent(request.fileId)
  const number = encodeURIComponent(request.accountId)
  const url = `${request.graphUrl}/${request.graphVersion}/${id}?phone_number_id=${number}`
  try {
    const headers = new Headers({ authorization: `Bearer ${request.accessToken}`, 'user-agent': 'gatehouse' })
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(request.timeoutMs) })
    const body = objectOf(parsed((await boundedText(response)) ?? ''))
    return response.ok ? foundOf(body) : refusalOf(response, body)
  } catch {
    return { kind: 'later', reason: 'not_connected', afterMs: null }
  }
}

function foundOf(body: Record<string, unknown> | undefined): FileLocation {
  const url = textOf(body?.['url'])
  if (url === undefined) return { kind: 'later', reason: 'answer_not_understood', afterMs: null }
  return { kind: 'found', url, sha256: sha256Of(body?.['sha256']), sizeBytes: integerOf(body?.['file_size']) ?? null }
}

function refusalOf(response: Response, body: Record<string, unknown> | undefined): FileLocation {
  const { status, headers } = response
  const error = objectOf(body?.['error'])
  const code = integerOf(error?.['code'])
  const isUnknown = code === UNKNOWN_OBJECT_CODE && integerOf(error?.['error_subcode']) === UNKNOWN_OBJECT_SUBCODE
  if (isUnknown || status === 404 || status === 410) return { kind: 'gone' }
  const reason = status >= 500 ? 'platform_error' : 'refused_by_platform'
  return { kind: 'later', reason: code === TOKEN_CODE ? 'token_refused' : reason, afterMs: waitOf(headers) }
}
