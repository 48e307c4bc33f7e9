import type { Actor } from '../core/principal.ts'
import { keyedHash } from '../vault/sealing.ts'
import { Codes } from './codes.ts'

/** The key of the vault that the chain is hashed with: whoever has only the database cannot make it anew. */
export const AUDIT_KEY = 'audit'
/** Before the first row. */
export const AUDIT_START: AuditHead = { seq: 0, hash: new Uint8Array() }

export const ACTOR_KIND = new Codes<Actor['by']>({ api_key: 0, session: 1, command: 2 })

/** Where the chain ends. */
export interface AuditHead {
  seq: number
  hash: Uint8Array
}

/** A row as the table has it. */
export interface AuditRow {
  seq: number
  at: number
  workspace_id: number
  actor: string
  actor_kind: number
  person_id: number | null
  action: string
  object: string | null
  outcome: string
  times: number
  detail_person: number | null
  detail_hash: Uint8Array | null
  hash: Uint8Array
  detail: Uint8Array | null
}

export const AUDIT_COLUMNS =
  'seq, at, workspace_id, actor, actor_kind, person_id, action, object, outcome, times, detail_person, detail_hash, hash, detail'

/** The hash of a row: over the row before it and all that it says itself, the sealed detail by its own hash. */
export function chainHash(key: Uint8Array, before: Uint8Array, row: Omit<AuditRow, 'hash' | 'detail'>): Uint8Array {
  const said = JSON.stringify([
    row.seq,
    row.at,
    row.workspace_id,
    row.actor,
    row.actor_kind,
    row.person_id,
    row.action,
    row.object,
    row.outcome,
    row.times,
    row.detail_person,
    row.detail_hash?.toHex() ?? null,
  ])
  return keyedHash(key, 'audit', before.toHex(), said)
}

/** What vouches for the end of the chain. */
export function headMac(key: Uint8Array, { seq, hash }: AuditHead): Uint8Array {
  return keyedHash(key, 'audit head', String(seq), hash.toHex())
}

export function detailHash(sealed: Uint8Array): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher('sha256').update(sealed).digest())
}

export function auditPlace(seq: number): string {
  return `audit.detail:${seq}`
}

export function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  return one === null || other === null ? one === other : Buffer.compare(one, other) === 0
}
