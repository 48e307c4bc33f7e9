import type { SearchAsk } from './search-ask.ts'
import type {
  Accepted,
  AttributeValue,
  ConversationView,
  ErasureView,
  Me,
  MessageView,
  NumberView,
  Page,
  PersonView,
  SearchPage,
} from './wire.ts'

/** A request takes longer than this only when something is broken. */
const REQUEST_MS_MAX = 15_000
const PAGE_ITEMS = 50
/** A file is given longer: the largest has 100 MB. */
const FILE_MS_MAX = 10 * 60_000
/** Files are asked for under this path alone: the key goes nowhere else. */
const FILES = /^\/api\/v1\/media\/[\w-]+(\/thumbnail)?$/

/** An answer that was not what we asked for. `code` is the server's stable word, or `unreachable` when none came. */
export class Problem extends Error {
  readonly code: string
  readonly status: number
  /** The rest of the server's problem document: `path` says which member is wrong. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(code: string, status: number, message: string, members: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = 'Problem'
    this.code = code
    this.status = status
    this.members = members
  }

  /** Whether the same request may well succeed later. It says nothing about whether it has already taken effect. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** The part of the HTTP API that the console uses. Every call rejects with a `Problem`. */
export interface Api {
  me(): Promise<Me>
  numbers(): Promise<Page<NumberView>>
  conversations(cursor?: string): Promise<Page<ConversationView>>
  conversation(id: string): Promise<ConversationView>
  /** `limit` is 50 where nothing else is said, and at most 200. */
  messages(conversationId: string, cursor?: string, limit?: number): Promise<Page<MessageView>>
  /** A message that its author took back, with what it said. */
  revokedMessage(id: string): Promise<MessageView>
  markRead(conversationId: string, upto: string): Promise<unknown>
  /** The key makes a repeat of the same message harmless. */
  send(message: object, idempotencyKey: string): Promise<Accepted>
  /** What may be asked for a message that has not gone out. */
  act(messageId: string, action: 'retry' | 'cancel'): Promise<unknown>
  ticket(): Promise<string>
  /** The bytes at an attachment's address. */
  file(path: string): Promise<Blob>
  /** Asks for a file once more that could not be fetched. */
  fetchFile(id: string): Promise<unknown>
  search(ask: SearchAsk & { cursor?: string }): Promise<SearchPage>
  person(id: string): Promise<PersonView>
  /** Who is known by a phone, an e-mail address, a user id or a username. */
  lookUpPerson(by: Partial<Record<'phone' | 'email' | 'user_id' | 'username', string>>): Promise<PersonView>
  changePerson(id: string, change: PersonChange): Promise<PersonView>
  conversationsOf(personId: string): Promise<Page<ConversationView>>
  mergePerson(id: string, into: string): Promise<unknown>
  unmergePerson(id: string): Promise<unknown>
  /** Erases a person for good. The report comes when the last of it is gone. */
  erasePerson(id: string): Promise<ErasureView>
  erasure(id: string): Promise<ErasureView>
  /** Anything under `/api`, as the settings ask for it; refusals are in the server's own sentences. */
  call<T>(method: string, path: string, body?: object): Promise<T>
}

/** Null takes an attribute, or the given name, away. */
export interface PersonChange {
  name?: string | null
  attributes?: Record<string, AttributeValue | null>
}

/** What the client needs of the browser, so that tests can stand in for it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * A client that speaks for one API key; with null for whoever the browser's cookie stands for, in one of their workspaces
 * or, with null, in their first.
 */
export function createApi(key: string | null, fetch: Fetch, workspace: string | null = null): Api {
  const as = { key, workspace }
  const call = <T>(method: string, path: string, options: { body?: object; idempotencyKey?: string } = {}) =>
    request<T>(fetch, `/api/v1${path}`, { method, ...as, ...options })
  const page = (cursor?: string, limit = PAGE_ITEMS) =>
    `?limit=${limit}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
  const person = (id: string) => `/contacts/${encodeURIComponent(id)}`
  const of = (id: string) => `/conversations/${encodeURIComponent(id)}`
  return {
    me: () => call('GET', '/me'),
    numbers: () => call('GET', '/numbers?limit=200'),
    conversations: (cursor) => call('GET', `/conversations${page(cursor)}`),
    conversation: (id) => call('GET', of(id)),
    messages: (id, cursor, limit) => call('GET', `${of(id)}/messages${page(cursor, limit)}`),
    revokedMessage: (id) => call('GET', `/messages/${encodeURIComponent(id)}?revoked=show`),
    markRead: (id, upto) => call('POST', `${of(id)}/read`, { body: { upto } }),
    send: (message, idempotencyKey) => call('POST', '/messages', { body: message, idempotencyKey }),
    act: (id, action) => call('POST', `/messages/${encodeURIComponent(id)}/${action}`),
    ticket: async () => (await call<{ ticket: string }>('POST', '/realtime/tickets')).ticket,
    file: (path) => requestFile(fetch, path, as),
    fetchFile: (id) => call('POST', `/media/${encodeURIComponent(id)}/fetch`),
    search: (ask) => call('POST', '/search', { body: { limit: PAGE_ITEMS, ...ask } }),
    person: (id) => call('GET', person(id)),
    lookUpPerson: (by) => call('POST', '/contacts/lookup', { body: by }),
    changePerson: (id, change) => call('PATCH', person(id), { body: change }),
    conversationsOf: (id) => call('GET', `${person(id)}/conversations${page()}`),
    mergePerson: (id, into) => call('POST', `${person(id)}/merge`, { body: { into } }),
    unmergePerson: (id) => call('POST', `${person(id)}/unmerge`, { body: {} }),
    erasePerson: (id) => call('DELETE', person(id)),
    erasure: (id) => call('GET', `/erasures/${encodeURIComponent(id)}`),
    call: (method, path, body) =>
      request(fetch, `/api${path}`, { method, ...as, explains: true, ...(body === undefined ? {} : { body }) }),
  }
}

/** Who asks, and where. */
interface Asker {
  key: string | null
  workspace?: string | null
}

interface Call extends Asker {
  method: string
  /** A file is sent as it is, anything else as JSON. */
  body?: object
  idempotencyKey?: string
  /** Whether a refusal is best said in the server's own sentence. */
  explains?: boolean
}

/** Asks and reads the answer. Rejects with a `Problem`. */
export async function request<T>(fetch: Fetch, path: string, call: Call): Promise<T> {
  const { body: sent } = call
  const headers: Record<string, string> = { ...headersOf(call), accept: 'application/json' }
  if (sent !== undefined) headers['content-type'] = sent instanceof Blob ? 'text/csv' : 'application/json'
  if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey
  const init: RequestInit = { method: call.method, headers, signal: AbortSignal.timeout(REQUEST_MS_MAX) }
  if (sent !== undefined) init.body = sent instanceof Blob ? sent : JSON.stringify(sent)
  const { response, content } = await reached(async () => {
    const response = await fetch(path, init)
    return { response, content: await response.text() }
  })
  const body = parse(content)
  if (!response.ok) throw problemOf(response.status, body, call.explains)
  if (body === undefined) throw new Problem('internal', 502, 'The server gave an answer that could not be read.')
  return body as T
}

function headersOf({ key, workspace = null }: Asker): Record<string, string> {
  return {
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...(workspace === null ? {} : { 'gatehouse-workspace': workspace }),
  }
}

async function requestFile(fetch: Fetch, path: string, as: Asker): Promise<Blob> {
  if (!FILES.test(path)) throw new Problem('not_found', 404, 'That is no file of this server.')
  const init = { headers: headersOf(as), signal: AbortSignal.timeout(FILE_MS_MAX) }
  const { response, content } = await reached(async () => {
    const response = await fetch(path, init)
    return { response, content: await response.blob() }
  })
  if (!response.ok) throw problemOf(response.status, parse(await content.text()))
  return content
}

async function reached<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === 'TimeoutError'
    const message = late ? 'The server took too long to answer.' : 'The server cannot be reached.'
    throw Object.assign(new Problem('unreachable', 0, message), { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What people read instead of a code, where the server's own sentence does not say it better. */
const WORDS: Readonly<Record<string, string>> = {
  unauthorized: 'The key is not valid.',
  forbidden: 'You may not do that.',
  not_found: 'That is no longer there.',
  rate_limited: 'Too many requests at once. It works again in a moment.',
  unavailable: 'The server is not ready. It works again in a moment.',
  internal: 'The server made a mistake. It is in its log.',
}

/**
 * A readable problem of an answer, be it RFC 9457 or a page of some proxy on the way. Where the server `explains`, its own
 * sentence is what people read, as far as it speaks to them.
 */
export function problemOf(status: number, body: unknown, explains = false): Problem {
  const document = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const code = typeof document['code'] === 'string' ? document['code'] : codeOfStatus(status)
  const said = [document['detail'], document['title']].find((text) => typeof text === 'string' && text !== '')
  const words =
    explains && typeof said === 'string'
      ? explained(code, said, document)
      : (WORDS[code] ?? (typeof said === 'string' ? said : `The server answered ${status}.`))
  return new Problem(code, status, words, document)
}

/** A wait is said in minutes, and a wrong member where it stands. */
function explained(code: string, said: string, document: Record<string, unknown>): string {
  const waitMs = document['retry_after_ms']
  if (code === 'rate_limited' && typeof waitMs === 'number') {
    const wait = waitMs < 60_000 ? `${Math.ceil(waitMs / 1000)} seconds` : `${Math.ceil(waitMs / 60_000)} minutes`
    return `Too many attempts. Please try again in ${wait}.`
  }
  if (code === 'forbidden' && typeof document['permission'] === 'string') return 'Your role does not allow that.'
  if (code === 'internal' || code === 'unavailable') return WORDS[code] ?? said
  const sentence = said.replace(/^Wrong member: [/\w]+ must be/, 'This must be')
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

function codeOfStatus(status: number): string {
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (status === 429) return 'rate_limited'
  return status === 502 || status === 503 || status === 504 ? 'unavailable' : 'internal'
}
