import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Failure } from '../core/failure.ts'
import { MAIN_WORKSPACE, type Principal } from '../core/principal.ts'
import { GIVEN_ROLES } from './roles.ts'

const PREFIX = 'gh_'
const KEY_CHARS_MAX = 512
const OWNER_PERMISSIONS = new Set(GIVEN_ROLES.owner)

/** A new API key: 256 random bits behind a prefix that tells what it is. Shown once; only its hash is kept. */
export function newApiKey(): string {
  return PREFIX + randomBytes(32).toString('base64url')
}

export function hashApiKey(key: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(key).digest())
}

export interface ApiKeysDependencies {
  /** The role of a kept key's hash. */
  roleOf(hash: Uint8Array): string | undefined
  /** The operator's token from the configuration; it holds while it is set. */
  bootstrapToken(): string | null
}

/** Turns an Authorization header into whoever it speaks for. */
export class ApiKeys {
  readonly #deps: ApiKeysDependencies

  constructor(deps: ApiKeysDependencies) {
    this.#deps = deps
  }

  /** Throws `Failure('unauthorized')` for a missing, malformed or unknown key. */
  principalOf(authorization: string | null): Principal {
    const key = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    if (!key || key.length > KEY_CHARS_MAX) {
      throw new Failure('unauthorized', 'Send an API key: "Authorization: Bearer gh_…"')
    }
    const hash = hashApiKey(key)
    const token = this.#deps.bootstrapToken()
    const isBootstrap = token !== null && timingSafeEqual(hash, hashApiKey(token))
    const role = isBootstrap ? 'owner' : this.#deps.roleOf(hash)
    if (role !== 'owner') throw new Failure('unauthorized', 'This API key is not known')
    return {
      id: Buffer.from(hash.subarray(0, 12)).toString('base64url'),
      by: 'api_key',
      workspaceId: MAIN_WORKSPACE,
      personId: null,
      role,
      permissions: OWNER_PERMISSIONS,
      scope: { kind: 'workspace' },
    }
  }
}
