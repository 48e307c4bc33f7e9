import type { SendOutcome } from '../../core/inbound.ts'
import type { Fetch, SendRequest } from '../channel.ts'
import { type Answer, outcomeOf, parsed } from './answer.ts'

const USER_AGENT = 'gatehouse'

/** The platform's answers are below 2 KB. A longer one is not from the platform, and is not read. */
export const ANSWER_BYTES_MAX = 64 * 1024

/**
 * Errors of Bun's `fetch` that come before a byte of the request was written, each seen by trying on Bun 1.4.5: no
 * connection, certificates that do not hold, and a proxy that says no. Not among them although it reads "TLS handshake failed": EPROTO, which
 * also comes when the connection is spoiled after the request was taken. ECONNRESET comes at every stage.
 */
const REASON_BEFORE_WRITING: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'not_connected'],
  ['ENETUNREACH', 'not_connected'],
  ['EHOSTUNREACH', 'not_connected'],
  ['CERT_HAS_EXPIRED', 'certificate_refused'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate_refused'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_refused'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate_refused'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate_refused'],
  // The outgoing proxy did not open a way to the platform.
  ['ERR_PROXY_TUNNEL', 'proxy_refused'],
])

/** Only a proxy answers so, which wants a password: where no TLS hides the request from it, its answer is a plain one. */
export const PROXY_REFUSES = 407

/** Failed look-ups of a name carry this, whatever their code. */
const NAME_LOOKUP = 'getaddrinfo'

/**
 * Sends one message and says what became of it. Throws for nothing that the outside does, never tries twice (nor does
 * Bun's `fetch` repeat a POST, also not when a kept connection is reset).
 */
export async function send(request: SendRequest, fetch: Fetch): Promise<SendOutcome> {
  if (request.signal?.aborted) return notSent('stopped')
  const { to } = request
  const isToNobody = to.phone === undefined && to.userId === undefined && !request.groupId
  if (isToNobody) {
    return { kind: 'refused', code: null, reason: 'recipient_missing', pauses: 'nothing', closesWindow: false }
  }
  let headers: Headers
  try {
    headers = headersOf(request.accessToken)
  } catch {
    return { ...notSent('token_malformed'), scope: 'number', pauses: 'token' }
  }
  const url = `${request.graphUrl}/${request.graphVersion}/${encodeURIComponent(request.accountId)}/messages`
  const timeout = AbortSignal.timeout(request.timeoutMs)
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout
  const body = JSON.stringify(bodyOf(request))
  try {
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal })
    const answer = await answerOf(response)
    return answer.status === PROXY_REFUSES ? notSent('proxy_refused') : outcomeOf(answer)
  } catch (error) {
    return outcomeOfError(error)
  }
}

/**
 * The platform's request. To a person with a phone it goes by the phone, which also wins at the platform if both are
 * named.
 */
function bodyOf(request: SendRequest): Record<string, unknown> {
  const { to, groupId, content, correlation } = request
  const person = to.phone === undefined ? { recipient: to.userId } : { to: to.phone }
  return {
    ...content,
    messaging_product: 'whatsapp',
    recipient_type: groupId ? 'group' : 'individual',
    ...(groupId ? { to: groupId } : person),
    biz_opaque_callback_data: correlation,
  }
}

/** Throws if the token cannot stand in a header. */
function headersOf(accessToken: string): Headers {
  return new Headers({
    authorization: `Bearer ${accessToken}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': USER_AGENT,
  })
}

/**
 * Reads an answer as far as it comes. The status alone already decides much, so a body that breaks off is no error
 * here.
 */
async function answerOf(response: Response): Promise<Answer> {
  const answer = { status: response.status, headers: response.headers }
  try {
    const text = await boundedText(response)
    return { ...answer, body: text === undefined ? undefined : parsed(text), isCut: false }
  } catch {
    return { ...answer, body: undefined, isCut: true }
  }
}

/** The text of a body, or undefined if it is longer than the bound; then the rest is not read. */
export async function boundedText(response: Response): Promise<string | undefined> {
  if (!response.body) return ''
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  let text = ''
  let byteCount = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    byteCount += value.byteLength
    if (byteCount > ANSWER_BYTES_MAX) {
      await reader.cancel()
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}

/** No answer came. Only errors from before the first byte are a definite no. */
function outcomeOfError(error: unknown): SendOutcome {
  const { name, code, syscall } = describe(error)
  if (syscall === NAME_LOOKUP) return notSent('name_not_found')
  const reason = REASON_BEFORE_WRITING.get(code)
  if (reason !== undefined) return notSent(reason)
  if (name === 'TimeoutError') return { kind: 'unknown', code: null, reason: 'no_answer_in_time' }
  if (name === 'AbortError') return { kind: 'unknown', code: null, reason: 'stopped' }
  return { kind: 'unknown', code: null, reason: 'connection_lost' }
}

function describe(error: unknown): { name: string; code: string; syscall: string } {
  if (typeof error !== 'object' || error === null) return { name: '', code: '', syscall: '' }
  const text = (member: string) => String((error as Record<string, unknown>)[member] ?? '')
  return { name: text('name'), code: text('code'), syscall: text('syscall') }
}

function notSent(reason: string): Extract<SendOutcome, { kind: 'retry' }> {
  return { kind: 'retry', code: null, reason, afterMs: null, scope: 'transport', throttled: false }
}
