import { must } from '../core/assert.ts'
import { DAY_MS, MINUTE_MS } from '../core/clock.ts'
import { type IdKind, readId } from '../core/ids.ts'
import { type Actor, workspaceWithin } from '../core/principal.ts'
import type { Db } from '../storage/database.ts'
import { sealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import {
  ACTOR_KIND,
  AUDIT_KEY,
  AUDIT_START,
  type AuditHead,
  type AuditRow,
  auditPlace,
  chainHash,
  detailHash,
  headMac,
  isSame,
} from './audit-chain.ts'

/** Longer details are cut: they are for people to read. */
const DETAIL_CHARS_MAX = 4000

/** What is written down of an act, or of somebody's looking at something. */
export interface AuditNote {
  by: Actor
  /** `noun.verb`; a name is never given a second meaning. */
  action: string
  /** Our id of what it was done to. */
  object: string | null
  /** `done`, or the code of the refusal. */
  outcome: string
  times?: number
  /** Anything personal that belongs to it. Sealed with the key of the person whom `object` names, or of the house. */
  detail?: object | null
}

interface Minute {
  workspace_id: number
  actor: string
  actor_kind: number
  person_id: number | null
  action: string
  outcome: string
  minute: number
  times: number
}

/** The one writer of the audit: it belongs to the book's thread, and what it writes to the commit under way. */
export class Audit {
  readonly #database: Db
  readonly #vault: Vault
  #head: AuditHead | undefined
  #written: AuditHead | undefined
  /** The minute up to which everything counted has become rows. */
  #closedMinute = -1
  #counts = new Map<string, number>()
  #firstOfDay = false
  #lastDay: number | undefined

  constructor(database: Db, vault: Vault) {
    this.#database = database
    this.#vault = vault
  }

  /** Appends a row. */
  note(note: AuditNote, now: number): void {
    this.closeMinutes(now)
    this.#append(note, now)
  }

  /** Counts what machines do many times a second: one row for each minute. */
  count(note: Omit<AuditNote, 'object' | 'detail'>, now: number): void {
    this.closeMinutes(now)
    this.#database.run(
      `INSERT INTO audit_minutes (workspace_id, actor, actor_kind, person_id, action, outcome, minute, times)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
       ON CONFLICT (actor, workspace_id, action, outcome) DO UPDATE SET times = times + 1`,
      note.by.workspaceId,
      note.by.id,
      ACTOR_KIND.code(note.by.by),
      note.by.personId,
      note.action,
      note.outcome,
      Math.floor(now / MINUTE_MS),
    )
  }

  /** What was counted in minutes that are over becomes rows. */
  closeMinutes(now: number): void {
    const minute = Math.floor(now / MINUTE_MS)
    if (minute === this.#closedMinute) return
    const over = this.#database.all<Minute>(
      `SELECT workspace_id, actor, actor_kind, person_id, action, outcome, minute, times FROM audit_minutes
       WHERE minute < ?1 AND workspace_id > 0 ORDER BY minute, actor, action, outcome`,
      minute,
    )
    for (const row of over) {
      const by = {
        id: row.actor,
        by: ACTOR_KIND.word(row.actor_kind),
        workspaceId: row.workspace_id,
        personId: row.person_id,
      }
      this.#append({ by, action: row.action, object: null, outcome: row.outcome, times: row.times }, now)
    }
    if (over.length > 0) this.#database.run('DELETE FROM audit_minutes WHERE minute < ?1 AND workspace_id > 0', minute)
    this.#closedMinute = minute
  }

  /** Writes down where the chain ends; true where it has grown in this commit. */
  commit(): boolean {
    if (this.#head === this.#written || this.#head === undefined) return false
    this.#database.run(
      'UPDATE audit_head SET seq = ?1, hash = ?2, mac = ?3 WHERE id = 1',
      this.#head.seq,
      this.#head.hash,
      headMac(this.#key(), this.#head),
    )
    this.#written = this.#head
    return true
  }

  /** Rows of this commit by their action, and whether one of them is the first of its day. */
  takeCounts(): { counts: Record<string, number>; firstOfDay: boolean } {
    const taken = { counts: Object.fromEntries(this.#counts), firstOfDay: this.#firstOfDay }
    this.#counts = new Map()
    this.#firstOfDay = false
    return taken
  }

  /** Where the chain ends now; undefined where nothing was written since the start. */
  mark(): AuditHead | undefined {
    return this.#head
  }

  /** What was written since a mark was taken back; without one, a whole commit was. Counts for metrics stay. */
  forget(mark: AuditHead | undefined): void {
    this.#head = mark
    this.#closedMinute = -1
    this.#lastDay = undefined
  }

  #append(note: AuditNote, now: number): void {
    const key = this.#key()
    this.#head ??= this.#read(key)
    const seq = this.#head.seq + 1
    const detail = this.#seal(note, seq)
    const row = {
      seq,
      at: now,
      workspace_id: note.by.workspaceId,
      actor: note.by.id,
      actor_kind: ACTOR_KIND.code(note.by.by),
      person_id: note.by.personId,
      action: note.action,
      object: note.object,
      outcome: note.outcome,
      times: note.times ?? 1,
      detail_person: detail?.person ?? null,
      detail_hash: detail ? detailHash(detail.sealed) : null,
    }
    const hash = chainHash(key, this.#head.hash, row)
    this.#insert(row, hash, detail?.sealed ?? null)
    this.#head = { seq, hash }
    this.#counts.set(note.action, (this.#counts.get(note.action) ?? 0) + row.times)
    const day = Math.floor(now / DAY_MS)
    if (day !== this.#lastDay) this.#firstOfDay = true
    this.#lastDay = day
  }

  #insert(row: Omit<AuditRow, 'hash' | 'detail'>, hash: Uint8Array, sealed: Uint8Array | null): void {
    this.#database.run(
      `INSERT INTO audit (seq, at, workspace_id, actor, actor_kind, person_id, action, object, outcome, times,
         detail_person, detail_hash, hash, detail)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`,
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
      row.detail_hash,
      hash,
      sealed,
    )
  }

  /**
   * Where the chain ends. What vouches for it comes before what the table has, so that a row taken from the end leaves a
   * gap for ever; where nothing vouches, a number is left out, which says so.
   */
  #read(key: Uint8Array): AuditHead {
    const kept = this.#database.one<AuditHead & { mac: Uint8Array }>(
      'SELECT seq, hash, mac FROM audit_head WHERE id = 1',
    )
    const last =
      this.#database.one<AuditHead>(
        'SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1 /* of any workspace: it is one chain */',
      ) ?? AUDIT_START
    if (kept?.seq === 0 && kept.mac.length === 0 && last.seq === 0) return AUDIT_START
    if (!kept || !isSame(headMac(key, kept), kept.mac)) return { seq: last.seq + 1, hash: last.hash }
    return last.seq > kept.seq ? last : { seq: kept.seq, hash: kept.hash }
  }

  #seal({ by, object, detail }: AuditNote, seq: number): { person: number; sealed: Uint8Array } | null {
    if (!detail) return null
    const person = object === null ? 0 : this.#personOf(object, workspaceWithin(by))
    const key = person === 0 ? this.#vault.findNamedKey('house') : this.#vault.personKey(person)
    // Erased meanwhile: nothing of them is written any more.
    if (!key) return null
    const text = JSON.stringify(detail)
    const short = text.length <= DETAIL_CHARS_MAX ? text : JSON.stringify({ cut: text.slice(0, DETAIL_CHARS_MAX) })
    return { person, sealed: sealText(key, auditPlace(seq), short) }
  }

  /** Whose key seals what is said of an object; 0: the house's. */
  #personOf(object: string, within: number | null): number {
    for (const [kind, sql] of PERSON_OF) {
      const id = readId(kind, object)
      if (id === undefined) continue
      // Who works here may work in many workspaces.
      const values = kind === 'person' ? [id] : [id, within]
      return this.#database.one<{ person: number }>(sql, ...values)?.person ?? 0
    }
    return 0
  }

  #key(): Uint8Array {
    return must(this.#vault.findNamedKey(AUDIT_KEY), 'the key of the audit')
  }
}

const PERSON_OF: readonly [IdKind, string][] = [
  ['contact', 'SELECT person FROM contacts WHERE id = ?1 AND workspace_id = coalesce(?2, workspace_id)'],
  ['person', 'SELECT key_person AS person FROM people WHERE id = ?1'],
  [
    'conversation',
    `SELECT k.person FROM conversations c JOIN contacts k ON k.id = c.contact_id
     WHERE c.id = ?1 AND c.workspace_id = coalesce(?2, c.workspace_id)`,
  ],
]
