import { DAY_MS } from '../core/clock.ts'
import { CONTENT_KINDS, type ContentKind } from '../core/content.ts'
import { Failure } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { SearchAsk } from '../records/search.ts'
import { QUERY_CHARACTERS_MAX } from '../records/search-query.ts'
import { BODY_BYTES_MAX, knownMembers, readJson } from './body.ts'
import { type Asked, integerOf, requireMay } from './route.ts'

export interface SearchDependencies {
  /** The page as JSON text. */
  search(ask: SearchAsk, principal: Principal): Promise<string>
  /** A keyed hash. */
  hash(text: string): Uint8Array
}

export const SEARCH_LIMIT_MAX = 50
const MEMBERS = [
  'q',
  'person',
  'conversation_id',
  'number',
  'direction',
  'kind',
  'from',
  'to',
  'limit',
  'cursor',
] as const
/** The query parameters of the form for use by hand. */
export const SEARCH_QUERY = ['q', 'limit', 'cursor']
/** Ids of messages in base 36. */
const CURSOR = /^[0-9a-z]{1,11}$/
const DAY = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** Searches by what the body says: words stay out of addresses, and so out of the logs of whatever stands before us. */
export async function search(deps: SearchDependencies, { request, principal, noted }: Asked): Promise<Response> {
  const body = await readJson(request, BODY_BYTES_MAX)
  knownMembers(body, MEMBERS)
  const ask = readAsk(body)
  requireShown(ask, principal)
  noteSearch(deps, noted, body)
  return answer(await deps.search(ask, principal))
}

/** For use by hand. */
export async function searchByHand(deps: SearchDependencies, { query, principal, noted }: Asked): Promise<Response> {
  const q = query.get('q')
  if (q === null) throw new Failure('invalid', 'q is wanted: the words to search for', { path: '?q' })
  const limit = integerOf(query, 'limit', { min: 1, max: SEARCH_LIMIT_MAX, absent: SEARCH_LIMIT_MAX })
  const cursor = query.get('cursor')
  noteSearch(deps, noted, { q })
  try {
    return answer(await deps.search(readAsk({ q, limit, ...(cursor === null ? {} : { cursor }) }), principal))
  } catch (error) {
    throw error instanceof Failure ? inQuery(error) : error
  }
}

/**
 * What the audit keeps of what was searched for. Words of a search in one conversation are sealed with the customer's key.
 * Of a search everywhere nobody knows whom the words are about, so no erasure could find them: a keyed hash is kept, which
 * says whether two searches were the same, and whether it was this one.
 */
function noteSearch(deps: SearchDependencies, noted: Asked['noted'], body: Record<string, unknown>): void {
  const { limit: _limit, cursor: _cursor, q, person, ...rest } = body
  if (typeof rest['conversation_id'] === 'string') {
    Object.assign(noted, { object: rest['conversation_id'], detail: { q, person, ...rest } })
    return
  }
  const hashed = (text: unknown) =>
    typeof text === 'string' ? deps.hash(`search:${text.trim().normalize('NFC').toLowerCase()}`).toHex() : undefined
  noted.detail = { q_hash: hashed(q), person_hash: hashed(person), ...rest }
}

/** Who is not shown phones, or names, would find them out letter by letter: beginnings are found too. */
function requireShown({ person }: SearchAsk, principal: Principal): void {
  if (person === null || readId('contact', person) !== undefined) return
  requireMay(principal, /[\d@]/.test(person) ? 'contacts.see_phones' : 'contacts.see_names')
}

function answer(text: string): Response {
  return new Response(text, { headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' } })
}

/** The same refusal, with the parameter for the member. */
function inQuery(failure: Failure): Failure {
  const { path } = failure.members
  if (typeof path !== 'string') return failure
  return new Failure(failure.code, failure.message, { ...failure.members, path: path.replace(/^\//, '?') })
}

function readAsk(body: Record<string, unknown>): SearchAsk {
  const ask: SearchAsk = {
    q: textIn(body, 'q'),
    person: textIn(body, 'person'),
    conversationId: conversationIn(body),
    account: textIn(body, 'number'),
    direction: wordIn(body, 'direction', ['in', 'out']),
    kind: wordIn<ContentKind>(body, 'kind', CONTENT_KINDS),
    fromMs: timeIn(body, 'from', 0),
    // A day is meant whole.
    untilMs: timeIn(body, 'to', DAY_MS),
    limit: limitIn(body),
    below: cursorIn(body),
  }
  const { limit, below, ...wanted } = ask
  if (Object.values(wanted).every((member) => member === null)) {
    throw new Failure('invalid', 'Nothing to search for: at least one of q, person and the like is wanted', {
      path: '',
    })
  }
  if (ask.fromMs !== null && ask.untilMs !== null && ask.fromMs >= ask.untilMs) {
    throw new Failure('invalid', 'Wrong member: /to must not be before /from', { path: '/to' })
  }
  return ask
}

function textIn(body: Record<string, unknown>, name: string): string | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && value.trim() !== '' && value.length <= QUERY_CHARACTERS_MAX) return value
  throw wrong(name, `a text of 1 to ${QUERY_CHARACTERS_MAX} characters`)
}

function wordIn<Word extends string>(body: Record<string, unknown>, name: string, words: readonly Word[]): Word | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  const word = words.find((one) => one === value)
  if (word !== undefined) return word
  throw wrong(name, `one of ${words.join(', ')}`)
}

function conversationIn(body: Record<string, unknown>): number | null {
  const value = body['conversation_id']
  if (value === undefined || value === null) return null
  const id = readId('conversation', String(value))
  if (id === undefined) throw wrong('conversation_id', 'the id of a conversation')
  return id
}

function timeIn(body: Record<string, unknown>, name: string, dayMs: number): number | null {
  const value = body[name]
  if (value === undefined || value === null) return null
  const isDay = typeof value === 'string' && DAY.test(value)
  const atMs = typeof value === 'string' && (isDay || TIME.test(value)) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(atMs)) throw wrong(name, 'a day, such as 2026-11-22 (UTC), or a time in RFC 3339')
  return isDay ? atMs + dayMs : atMs
}

function limitIn(body: Record<string, unknown>): number {
  const value = body['limit'] ?? SEARCH_LIMIT_MAX
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= SEARCH_LIMIT_MAX) return Number(value)
  throw wrong('limit', `a whole number from 1 to ${SEARCH_LIMIT_MAX}`)
}

function cursorIn(body: Record<string, unknown>): number | null {
  const value = body['cursor']
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && CURSOR.test(value)) return Number.parseInt(value, 36)
  throw new Failure('invalid', 'The cursor is not one that a search gave', { path: '/cursor' })
}

function wrong(name: string, wanted: string): Failure {
  return new Failure('invalid', `Wrong member: /${name} must be ${wanted}`, { path: `/${name}` })
}
