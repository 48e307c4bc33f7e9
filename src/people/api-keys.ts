import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { MAIN_WORKSPACE, type Principal } from '../core/principal.ts'
import type { ApiKeyTerms } from '../records/api-key.ts'
import type { Standing } from '../records/people-reader.ts'
import { GIVEN_ROLES } from './roles.ts'
import { rightsOf } from './scope.ts'
import { hashToken, nameOfHash, newToken } from './tokens.ts'

const PREFIX = 'gh_'
const KEY_CHARS_MAX = 512
const HINT_CHARS = 4
/** Principals that are remembered; beyond it all are forgotten. */
const REMEMBERED_MAX = 10_000
/** A key's use is written down at most this often. */
const USE_NOTED_MS = 60_000

/** A new API key: 256 random bits behind a prefix that tells what it is. Shown once; only its hash is kept. */
export function newApiKey(): string {
  return PREFIX + newToken()
}

/** Its last characters: enough to tell a firm's keys apart, and not enough to guess one. */
export function hintOf(key: string): string {
  return key.slice(-HINT_CHARS)
}

/** The opaque id of whoever comes with a key: drawn from its hash, never from the key. */
export function principalIdOf(hash: Uint8Array): string {
  return Buffer.from(hash.subarray(0, 12)).toString('base64url')
}

export interface ApiKeysDependencies {
  clock: Clock
  /** What a kept key is worth, by its hash. */
  termsOf(hash: Uint8Array): ApiKeyTerms | undefined
  /** What somebody may right now; undefined for whoever may nothing. */
  standingOf(workspaceId: number, personId: number): Standing | undefined
  /** The operator's token from the configuration; it holds while it is set. */
  bootstrapToken(): string | null
  /** The id of a workspace by its name. */
  workspaceNamed(name: string): number | undefined
  /** Called at most once a minute for each key that is used. */
  onUse(key: Pick<ApiKeyTerms, 'id' | 'workspaceId'>): void
}

interface Remembered {
  principal: Principal
  terms: ApiKeyTerms
  notedAtMs: number
}

/** Turns an Authorization header into whoever it speaks for. */
export class ApiKeys {
  readonly #deps: ApiKeysDependencies
  /** By the key's hash, so that keys do not lie about in memory longer than they must. */
  readonly #remembered = new Map<string, Remembered>()
  /** The hashes of keys that somebody came with, by their principals' ids. */
  readonly #hashes = new Map<string, Uint8Array>()
  /** Whoever came with the operator's token last: made once, for sockets and tickets keep some kilobytes of it. */
  #owner: Principal | undefined

  constructor(deps: ApiKeysDependencies) {
    this.#deps = deps
  }

  /**
   * Throws `Failure('unauthorized')` for a missing, malformed, unknown, revoked or expired key, and `not_found` for a
   * workspace that it does not work in; null: its own.
   */
  principalOf(authorization: string | null, workspace: string | null = null): Principal {
    const principal = this.#principalOf(authorization)
    if (workspace === null) return principal
    const wanted = this.#deps.workspaceNamed(workspace)
    if (wanted === principal.workspaceId) return principal
    if (wanted === undefined || !principal.everywhere)
      throw new Failure('not_found', 'This key does not work in such a workspace')
    return { ...principal, workspaceId: wanted }
  }

  #principalOf(authorization: string | null): Principal {
    const key = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    if (!key || key.length > KEY_CHARS_MAX) {
      throw new Failure('unauthorized', 'Send an API key: "Authorization: Bearer gh_…"')
    }
    const hash = hashToken(key)
    const token = this.#deps.bootstrapToken()
    if (token !== null && timingSafeEqual(hash, hashToken(token))) return this.#ownerWith(hash)
    const known = this.#known(hash)
    const { expiresAtMs } = known.terms
    const nowMs = this.#deps.clock.epochMs()
    if (expiresAtMs !== null && expiresAtMs <= nowMs) throw new Failure('unauthorized', 'This API key has expired')
    if (nowMs - known.notedAtMs >= USE_NOTED_MS) {
      known.notedAtMs = nowMs
      this.#deps.onUse(known.terms)
    }
    return known.principal
  }

  /** After any change of keys or roles: what they are worth is read anew. */
  forget(): void {
    this.#remembered.clear()
  }

  /** What a key is now that a principal was resolved from; undefined where it may nothing any more. */
  renewed({ id }: Pick<Principal, 'id'>): Principal | undefined {
    const hash = this.#hashes.get(id)
    if (!hash) return undefined
    this.#remembered.delete(nameOfHash(hash))
    try {
      return this.#known(hash).principal
    } catch (error) {
      if (error instanceof Failure) return undefined
      throw error
    }
  }

  #ownerWith(hash: Uint8Array): Principal {
    if (this.#owner?.id !== principalIdOf(hash)) this.#owner = ownerWith(hash)
    return this.#owner
  }

  #known(hash: Uint8Array): Remembered {
    const name = nameOfHash(hash)
    const remembered = this.#remembered.get(name)
    if (remembered) return remembered
    const terms = this.#deps.termsOf(hash)
    if (!terms) throw new Failure('unauthorized', 'This API key is not known')
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear()
    if (this.#hashes.size >= REMEMBERED_MAX) this.#hashes.clear()
    const standing =
      terms.personId === null ? ofNobody(terms) : this.#deps.standingOf(terms.workspaceId, terms.personId)
    if (!standing) throw new Failure('unauthorized', 'Whoever this API key speaks for does not work here any more')
    const known = { principal: principalWith(hash, terms, standing), terms, notedAtMs: 0 }
    this.#remembered.set(name, known)
    this.#hashes.set(known.principal.id, hash)
    return known
  }
}

function ownerWith(hash: Uint8Array): Principal {
  const standing = { role: 'owner', permissions: GIVEN_ROLES.owner, teamIds: [], numberIds: [] }
  const terms = { workspaceId: MAIN_WORKSPACE, personId: null, permissions: null, numberIds: null, expiresAtMs: null }
  return principalWith(hash, terms, standing)
}

/** A key that speaks for nobody may what it says itself. */
function ofNobody({ role, permissions }: ApiKeyTerms): Standing {
  const given = Object.hasOwn(GIVEN_ROLES, role) ? GIVEN_ROLES[role as keyof typeof GIVEN_ROLES] : []
  return { role, permissions: permissions ?? given, teamIds: [], numberIds: [] }
}

/** Of a person it is worth at most what they are, and at most what it says. */
function principalWith(hash: Uint8Array, terms: Omit<ApiKeyTerms, 'id' | 'role'>, standing: Standing): Principal {
  const rights = rightsOf({
    personId: terms.personId,
    standing,
    boundTo: terms.numberIds,
    allowed: terms.permissions,
  })
  // Every other key belongs to its workspace alone.
  const isOfHouse = terms.workspaceId === MAIN_WORKSPACE && terms.personId === null && terms.numberIds === null
  const everywhere =
    isOfHouse && rights.permissions.has('workspaces.manage') && rights.permissions.has('conversations.see_all')
  return {
    ...(everywhere ? { everywhere } : {}),
    id: principalIdOf(hash),
    by: 'api_key',
    workspaceId: terms.workspaceId,
    personId: terms.personId,
    role: standing.role,
    ...rights,
    expiresAtMs: terms.expiresAtMs,
  }
}
