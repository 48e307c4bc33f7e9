import type { Clock } from '../core/clock.ts'
import { toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { readId, showId } from '../core/ids.ts'
import { isPermission, type Permission } from '../core/permissions.ts'
import type { Principal } from '../core/principal.ts'
import { hintOf, newApiKey, principalIdOf } from '../people/api-keys.ts'
import { GIVEN_ROLES, type GivenRole } from '../people/roles.ts'
import { hashToken } from '../people/tokens.ts'
import { type ApiKeyReader, type ApiKeyShown, addApiKey, KEY_NAME_CHARS_MAX, revokeApiKey } from '../records/api-key.ts'
import type { Ask } from '../records/inputs.ts'
import type { PeopleReader } from '../records/people-reader.ts'
import type { Reader } from '../records/reader.ts'
import { knownBody, wrong } from './body.ts'
import { type Asked, idOf, json, numbersSeen, pageOf } from './route.ts'

export interface KeyDependencies {
  clock: Clock
  ask: Ask
  keys: ApiKeyReader
  people: Pick<PeopleReader, 'standing'>
  reader: Pick<Reader, 'numbersOf'>
}

export const KEY_NUMBERS_MAX = 100
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/

/** The keys of the workspace that hold, without what they are: only their last characters. */
export function listKeys(deps: KeyDependencies, { query, principal }: Asked): object {
  return deps.keys.page(principal.workspaceId, pageOf(query), (key) => keyView(deps, key))
}

/** Makes a key and shows it, this once. Nobody gives more than they have. */
export async function makeKey(deps: KeyDependencies, { request, principal }: Asked): Promise<Response> {
  const body = await knownBody(request, ['name', 'person', 'role', 'permissions', 'numbers', 'expires_at'])
  const terms = {
    workspaceId: principal.workspaceId,
    personId: personIn(deps, body['person'], principal),
    name: nameIn(body['name']),
    ...worthOf(body, principal),
    numberIds: numbersIn(deps, body['numbers'], principal),
    expiresAtMs: expiryIn(body['expires_at'], deps.clock.epochMs(), principal),
  }
  const key = newApiKey()
  const { id } = await deps.ask(addApiKey, { ...terms, hash: hashToken(key), hint: hintOf(key) })
  const shown = {
    ...terms,
    id,
    hash: hashToken(key),
    hint: hintOf(key),
    createdAtMs: deps.clock.epochMs(),
    usedAtMs: null,
  }
  return json({ ...keyView(deps, shown), key }, 201)
}

export async function revokeKey(deps: KeyDependencies, { request, params, principal }: Asked): Promise<object> {
  await knownBody(request, [])
  await deps.ask(revokeApiKey, { id: idOf('key', params), workspaceId: principal.workspaceId })
  return { id: params['id'], revoked: true }
}

function keyView({ reader }: KeyDependencies, key: ApiKeyShown): object {
  const accounts = new Map(reader.numbersOf(key.workspaceId).map(({ id, account }) => [id, account]))
  return {
    id: showId('key', key.id),
    name: key.name,
    hint: key.hint,
    actor: principalIdOf(key.hash),
    person: key.personId === null ? null : showId('person', key.personId),
    role: key.role,
    permissions: key.permissions ?? GIVEN_ROLES[key.role as GivenRole] ?? [],
    numbers: key.numberIds?.map((id) => accounts.get(id) ?? null) ?? null,
    created_at: toTime(key.createdAtMs),
    expires_at: key.expiresAtMs === null ? null : toTime(key.expiresAtMs),
    last_used_at: key.usedAtMs === null ? null : toTime(key.usedAtMs),
  }
}

/** Whom the key speaks for: whoever makes it, unless they name somebody who may no more than they do. */
function personIn({ people }: KeyDependencies, value: unknown, principal: Principal): number | null {
  if (value === undefined || value === null) return principal.personId
  const id = typeof value === 'string' ? readId('person', value) : undefined
  const standing = id === undefined ? undefined : people.standing(principal.workspaceId, id)
  if (id === undefined || !standing) throw wrong('/person', 'the id of an active person')
  const missing = standing.permissions.find((name) => !isPermission(name) || !principal.permissions.has(name))
  if (missing) throw new Failure('forbidden', `Whom it speaks for has a permission that you do not have: ${missing}`)
  return id
}

function nameIn(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= KEY_NAME_CHARS_MAX) return value.trim()
  throw wrong('/name', `a text of 1 to ${KEY_NAME_CHARS_MAX} characters that says what the key is for`)
}

/** By a role or by its own list of permissions; without either it is worth as much as whoever makes it. */
function worthOf(
  body: Record<string, unknown>,
  principal: Principal,
): { role: string; permissions: readonly string[] | null } {
  const { role, permissions } = body
  if (role !== undefined && permissions !== undefined) {
    throw new Failure('invalid', 'Say either /role or /permissions', { path: '/permissions' })
  }
  const isOfPerson = body['person'] !== undefined && body['person'] !== null
  // Of a person it is worth what they are, also when that changes.
  if (isOfPerson && role === undefined && permissions === undefined) return { role: 'person', permissions: null }
  const wanted = permissions === undefined ? ofRole(role, principal) : listIn(permissions)
  const missing = wanted.find((name) => !principal.permissions.has(name))
  if (missing) throw new Failure('forbidden', `You cannot give a permission that you do not have: ${missing}`)
  return { role: typeof role === 'string' ? role : 'custom', permissions: wanted }
}

function ofRole(role: unknown, principal: Principal): readonly Permission[] {
  if (role === undefined) return [...principal.permissions]
  if (typeof role === 'string' && Object.hasOwn(GIVEN_ROLES, role)) return GIVEN_ROLES[role as GivenRole]
  throw wrong('/role', `one of ${Object.keys(GIVEN_ROLES).join(', ')}`)
}

function listIn(value: unknown): Permission[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong('/permissions', 'a list of names of permissions')
  return value.map((name: unknown, index) => {
    if (typeof name === 'string' && isPermission(name)) return name
    throw wrong(`/permissions/${index}`, 'the name of a permission')
  })
}

function numbersIn({ reader }: KeyDependencies, value: unknown, principal: Principal): number[] | null {
  const seen = numbersSeen(reader, principal)
  if (value === undefined || value === null)
    return principal.scope.kind === 'workspace' ? null : seen.map(({ id }) => id)
  if (!Array.isArray(value) || value.length === 0 || value.length > KEY_NUMBERS_MAX) {
    throw wrong('/numbers', `a list of 1 to ${KEY_NUMBERS_MAX} numbers, by their ids at the platform, or null for all`)
  }
  return value.map((account: unknown, index) => {
    const number = seen.find((one) => one.account === account)
    if (!number) throw wrong(`/numbers/${index}`, 'the id of one of our numbers at the platform')
    return number.id
  })
}

/** A key does not outlive the one it was made with; a browser session is no key, and its end is none of somebody's. */
function expiryIn(value: unknown, nowMs: number, principal: Principal): number | null {
  const untilMs = principal.by === 'session' ? null : principal.expiresAtMs
  if (value === undefined || value === null) return untilMs
  const atMs = typeof value === 'string' && TIME.test(value) ? Date.parse(value) : Number.NaN
  if (!(atMs > nowMs)) throw wrong('/expires_at', 'a time to come, in RFC 3339')
  return Math.min(atMs, untilMs ?? atMs)
}
