import { Failure } from '../core/failure.ts'
import type { Db } from '../storage/database.ts'
import { houseRow } from './house-row.ts'
import { type Page, type PageAsk, readIdCursor } from './page.ts'
import { type InputContext, input, type Tx } from './tx.ts'

export const KEY_NAME_CHARS_MAX = 100
/** Keys that one workspace may have, the revoked ones not counted. */
const KEYS_MAX = 1_000

/** What a key is worth. */
export interface ApiKeyTerms {
  id: number
  workspaceId: number
  /** Whom it speaks for: then it may and sees what they do. Null: for nobody. */
  personId: number | null
  role: string
  /** Null: those of the role. */
  permissions: readonly string[] | null
  /** The numbers it is bound to. Null: all of the workspace. */
  numberIds: readonly number[] | null
  expiresAtMs: number | null
}

export interface ApiKeyShown extends ApiKeyTerms {
  hash: Uint8Array
  name: string
  hint: string
  createdAtMs: number
  usedAtMs: number | null
}

export interface AddApiKey {
  /** SHA-256 of the key; the key itself is shown once, by whoever made it. */
  hash: Uint8Array
  workspaceId: number
  personId: number | null
  name: string
  hint: string
  role: string
  permissions: readonly string[] | null
  numberIds: readonly number[] | null
  expiresAtMs: number | null
}

/** Keeps the hash of an API key. The same hash again is the same key. */
export const addApiKey = input('api_key.add', async (tx: Tx, ask: AddApiKey, { now, ids }: InputContext) => {
  const known = await tx.one<{ id: number }>('SELECT id FROM api_keys WHERE hash = ?1', ask.hash)
  if (known) return { id: known.id }
  const count = await tx.one<{ count: number }>(
    'SELECT count(*) AS count FROM api_keys WHERE workspace_id = ?1 AND revoked_at IS NULL',
    ask.workspaceId,
  )
  if ((count?.count ?? 0) >= KEYS_MAX)
    throw new Failure('conflict', `There are ${KEYS_MAX} API keys: revoke some first`)
  const id = ids.next()
  await tx.run(
    `INSERT INTO api_keys (id, hash, role, created_at, workspace_id, name, hint, permissions, number_ids, expires_at,
       person_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
    id,
    ask.hash,
    ask.role,
    now,
    ask.workspaceId,
    ask.name,
    ask.hint,
    ask.permissions === null ? null : JSON.stringify(ask.permissions),
    ask.numberIds === null ? null : JSON.stringify(ask.numberIds),
    ask.expiresAtMs,
    ask.personId,
  )
  return { id }
})

/** From the commit on nothing opens with it. Revoking again changes nothing. */
export const revokeApiKey = input(
  'api_key.revoke',
  async (tx: Tx, ask: { id: number; workspaceId: number }, { now }: InputContext) => {
    const key = await tx.one<{ hash: Uint8Array; revoked_at: number | null }>(
      'SELECT hash, revoked_at FROM api_keys WHERE id = ?1 AND workspace_id = ?2',
      ask.id,
      ask.workspaceId,
    )
    if (!key) throw new Failure('not_found', 'No such key')
    if (key.revoked_at === null) {
      await tx.run(
        'UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1 AND workspace_id = ?3',
        ask.id,
        now,
        ask.workspaceId,
      )
    }
    tx.wake({ kind: 'rights', keyHash: key.hash, personId: null })
    return null
  },
)

/** When a key was last used, as far as anybody wants to know: to the minute. */
export const noteKeyUse = input(
  'api_key.note_use',
  async (tx: Tx, ask: { id: number; workspaceId: number }, { now }) => {
    await tx.run('UPDATE api_keys SET used_at = ?2 WHERE id = ?1 AND workspace_id = ?3', ask.id, now, ask.workspaceId)
    return null
  },
)

interface Row {
  id: number
  hash: Uint8Array
  workspace_id: number
  person_id: number | null
  role: string
  permissions: string | null
  number_ids: string | null
  expires_at: number | null
  name: string
  hint: string
  created_at: number
  used_at: number | null
}

const COLUMNS =
  'id, hash, workspace_id, person_id, role, permissions, number_ids, expires_at, name, hint, created_at, used_at, revoked_at'

/** Reads the API keys of the house. */
export class ApiKeyReader {
  readonly #database: Db

  constructor(database: Db) {
    this.#database = database
  }

  /** Whose it is; undefined for one that is not known or was revoked. The caller looks at the time. */
  withHash(hash: Uint8Array): ApiKeyTerms | undefined {
    const row = this.#database.one<Row>(
      `SELECT ${COLUMNS} FROM api_keys WHERE hash = ?1 AND revoked_at IS NULL /* of any workspace: the key says which */`,
      hash,
    )
    return row && shownOf(row)
  }

  hasAny(): boolean {
    return this.#database.one('SELECT id FROM api_keys WHERE workspace_id > 0 LIMIT 1') !== undefined
  }

  /** Those that hold, the newest first. */
  page(workspaceId: number, { limit, cursor }: PageAsk, view: (key: ApiKeyShown) => object): Page {
    const below = readIdCursor(cursor, Number.MAX_SAFE_INTEGER)
    return this.#database.snapshot(() => {
      const rows = this.#database.all<Row>(
        `SELECT ${COLUMNS} FROM api_keys WHERE workspace_id = ?1 AND id < ?2 AND revoked_at IS NULL ORDER BY id DESC LIMIT ?3`,
        workspaceId,
        below,
        limit + 1,
      )
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      return {
        items: shown.map((row) => view(shownOf(row)) as Page['items'][number]),
        next: rows.length > limit && last ? last.id.toString(36) : null,
        as_of: houseRow(this.#database).head,
      }
    })
  }
}

function shownOf(row: Row): ApiKeyShown {
  return {
    id: row.id,
    hash: row.hash,
    workspaceId: row.workspace_id,
    personId: row.person_id,
    role: row.role,
    permissions: row.permissions === null ? null : (JSON.parse(row.permissions) as string[]),
    numberIds: row.number_ids === null ? null : (JSON.parse(row.number_ids) as number[]),
    expiresAtMs: row.expires_at,
    name: row.name,
    hint: row.hint,
    createdAtMs: row.created_at,
    usedAtMs: row.used_at,
  }
}
