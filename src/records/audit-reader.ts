import { DAY_MS } from '../core/clock.ts'
import { showId } from '../core/ids.ts'
import type { Actor } from '../core/principal.ts'
import type { Db } from '../storage/database.ts'
import { unsealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { ACTOR_KIND, AUDIT_COLUMNS, type AuditHead, type AuditRow, auditPlace } from './audit-chain.ts'
import { houseRow } from './house-row.ts'
import { type Page, type PageAsk, readIdCursor } from './page.ts'

/** Rows that one page may look at: with a filter that hardly fits, a page may be short and there is more. */
const LOOKED_AT_MAX = 5000

export interface AuditFilter {
  /** The opaque id of a key, a session or the command line. */
  actor: string | null
  personId: number | null
  action: string | null
  object: string | null
  fromMs: number | null
  untilMs: number | null
}

export interface AuditEntry {
  id: string
  atMs: number
  actor: Pick<Actor, 'id' | 'by' | 'personId'>
  action: string
  object: string | null
  outcome: string
  times: number
  /** What is personal of it; null where there is nothing, or it was erased. */
  detail: unknown
  isErased: boolean
}

/** Where the chain ends by what vouches for it. */
export interface KeptHead extends AuditHead {
  mac: Uint8Array
}

/** The end of a day: whoever keeps it elsewhere can tell later whether a row up to there was touched. */
export interface AuditRoot {
  /** As `2026-11-22`, UTC. */
  day: string
  seq: number
  /** Hexadecimal. */
  hash: string
}

const FITS = `workspace_id = ?1 AND seq <= ?2 AND seq > ?3 AND actor = ifnull(?5, actor)
  AND (?6 IS NULL OR person_id = ?6) AND action = ifnull(?7, action) ORDER BY seq DESC LIMIT ?8`
const FIND = `SELECT ${AUDIT_COLUMNS} FROM audit WHERE ?4 IS NULL AND ${FITS}`
const FIND_BY_OBJECT = `SELECT ${AUDIT_COLUMNS} FROM audit WHERE object = ?4 AND ${FITS}`

/** Reads who did and saw what. */
export class AuditReader {
  readonly #database: Db
  readonly #vault: () => Vault

  constructor(database: Db, vault: () => Vault) {
    this.#database = database
    this.#vault = vault
  }

  /** Of one workspace, the newest first. */
  page(
    workspaceId: number,
    { limit, cursor }: PageAsk,
    filter: AuditFilter,
    view: (entry: AuditEntry) => object,
  ): Page {
    const below = readIdCursor(cursor, Number.MAX_SAFE_INTEGER)
    return this.#database.snapshot(() => {
      const top = Math.min(below - 1, this.lastBefore(filter.untilMs ?? Number.MAX_SAFE_INTEGER)?.seq ?? 0)
      const bottom = filter.fromMs === null ? 0 : (this.lastBefore(filter.fromMs)?.seq ?? 0)
      const { rows, next } = this.#find(workspaceId, { top, bottom, limit }, filter)
      return {
        items: rows.map((row) => view(this.#entryOf(row)) as Page['items'][number]),
        next: next === null ? null : next.toString(36),
        as_of: houseRow(this.#database).head,
      }
    })
  }

  /** The last row before a moment: rows stand in the order of their moments. */
  lastBefore(atMs: number): Pick<AuditRow, 'seq' | 'at' | 'hash'> | undefined {
    let low = 0
    let high =
      this.#database.one<{ seq: number | null }>('SELECT max(seq) AS seq FROM audit /* of any workspace */')?.seq ?? 0
    let found: Pick<AuditRow, 'seq' | 'at' | 'hash'> | undefined
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const row = this.#database.one<Pick<AuditRow, 'seq' | 'at' | 'hash'>>(
        'SELECT seq, at, hash FROM audit WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1 /* of any workspace: one chain */',
        middle,
      )
      if (row && row.at >= atMs) high = row.seq - 1
      else {
        found = row ?? found
        low = middle
      }
    }
    return found
  }

  /** The roots of days that are over, after the one that is known last. */
  rootsAfter(known: AuditRoot | undefined, nowMs: number): AuditRoot[] {
    const roots: AuditRoot[] = []
    const today = dayStart(nowMs)
    let seq = known?.seq ?? 0
    for (;;) {
      const first = this.#database.one<Pick<AuditRow, 'at'>>(
        'SELECT at FROM audit WHERE seq > ?1 ORDER BY seq LIMIT 1 /* of any workspace: one chain */',
        seq,
      )
      if (!first || dayStart(first.at) >= today) return roots
      const last = this.lastBefore(dayStart(first.at) + DAY_MS)
      if (!last || last.seq <= seq) return roots
      roots.push(rootOf(last))
      seq = last.seq
    }
  }

  /** The last row, as a root of the day so far; undefined while there is none. */
  newest(): AuditRoot | undefined {
    const last = this.lastBefore(Number.MAX_SAFE_INTEGER)
    return last && rootOf(last)
  }

  /** Whether something was counted in minutes that are over and is no row yet. */
  hasOpenMinutes(nowMs: number): boolean {
    const minute = Math.floor(nowMs / 60_000)
    return (
      this.#database.one('SELECT actor FROM audit_minutes WHERE minute < ?1 AND workspace_id > 0 LIMIT 1', minute) !==
      undefined
    )
  }

  /** Where the chain ends, and its last row, of one moment. */
  ends(): { kept: KeptHead | undefined; lastSeq: number } {
    return this.#database.snapshot(() => ({
      kept: this.#database.one<KeptHead>('SELECT seq, hash, mac FROM audit_head WHERE id = 1'),
      lastSeq:
        this.#database.one<{ seq: number | null }>('SELECT max(seq) AS seq FROM audit /* of any workspace */')?.seq ??
        0,
    }))
  }

  /** Rows behind a number as they stand, for whoever checks the chain. */
  rowsAfter(seq: number, count: number): AuditRow[] {
    return this.#database.all<AuditRow>(
      `SELECT ${AUDIT_COLUMNS} FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2 /* of any workspace: one chain */`,
      seq,
      count,
    )
  }

  /** Some of those that fit, from `top` down; `next` where there may be more. */
  #find(
    workspaceId: number,
    { top, bottom, limit }: { top: number; bottom: number; limit: number },
    filter: AuditFilter,
  ): { rows: AuditRow[]; next: number | null } {
    // By its object a row is found through the index; for anything else a bounded number of rows is looked at.
    const floor = filter.object === null ? Math.max(bottom, top - LOOKED_AT_MAX) : bottom
    const rows = this.#database.all<AuditRow>(
      filter.object === null ? FIND : FIND_BY_OBJECT,
      workspaceId,
      top,
      floor,
      filter.object,
      filter.actor,
      filter.personId,
      filter.action,
      limit + 1,
    )
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    if (rows.length > limit && last) return { rows: shown, next: last.seq }
    return { rows: shown, next: floor > bottom ? floor + 1 : null }
  }

  #entryOf(row: AuditRow): AuditEntry {
    const detail = this.#detailOf(row)
    return {
      id: showId('audit', row.seq),
      atMs: row.at,
      actor: { id: row.actor, by: ACTOR_KIND.word(row.actor_kind), personId: row.person_id },
      action: row.action,
      object: row.object,
      outcome: row.outcome,
      times: row.times,
      detail: detail === undefined ? null : (JSON.parse(detail) as unknown),
      isErased: row.detail_hash !== null && detail === undefined,
    }
  }

  #detailOf(row: AuditRow): string | undefined {
    if (row.detail === null || row.detail.length === 0 || row.detail_person === null) return undefined
    const vault = this.#vault()
    const key = row.detail_person === 0 ? vault.findNamedKey('house') : vault.personKey(row.detail_person)
    return key && unsealText(key, auditPlace(row.seq), row.detail)
  }
}

function rootOf({ seq, at, hash }: Pick<AuditRow, 'seq' | 'at' | 'hash'>): AuditRoot {
  return { day: new Date(at).toISOString().slice(0, 10), seq, hash: hash.toHex() }
}

function dayStart(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS
}
