import { must } from '../core/assert.ts'
import { Failure } from '../core/failure.ts'
import type { MessageClass } from '../core/message.ts'
import { type Actor, workspaceWithin } from '../core/principal.ts'
import type { Db, Value } from '../storage/database.ts'
import { keyedHash64, seal, sealText, unseal, unsealText } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { Audit, type AuditNote } from './audit.ts'
import type { AuditHead } from './audit-chain.ts'
import { type Direction, EVENT, type EventType, FORMER, type FormerKind, type Severity } from './codes.ts'
import { RecentIds } from './recent-ids.ts'
import { WaitingActs } from './waiting-acts.ts'

/** What reactors are told after a commit. They change nothing by themselves: what they learn or decide is an input. */
export type Wake =
  /** A message waits to be sent. Moments are wall time. */
  | {
      kind: 'queued'
      messageId: number
      numberId: number
      conversationId: number
      class: MessageClass
      deadlineAtMs: number
      notBeforeMs: number
    }
  /** A message need not be sent any more. */
  | { kind: 'unqueued'; messageId: number }
  /** A message came in or was taken for sending; for the log line, the metrics and the number's rate. */
  | { kind: 'message'; messageId: number; numberId: number; direction: Direction; sinceMs: number; counts: boolean }
  | { kind: 'state'; state: string; resend: boolean }
  | { kind: 'number'; numberId: number }
  | { kind: 'duty'; dueAtMs: number }
  | { kind: 'kept'; what: string }
  /** A file is to be fetched, or one is to be removed. */
  | { kind: 'media' }
  /** The platform said something about the firm's own; for the log line and the metrics. */
  | { kind: 'notice'; severity: Severity; field: string; event: string | null }
  | { kind: 'quarantined' }
  /** What a key or a person may do has changed, or they may do nothing any more; both null: a role or a team has. */
  | { kind: 'rights'; keyHash: Uint8Array | null; personId: number | null }
  /** The audit has grown: by how much of each action, and whether a row is the first of its day. */
  | { kind: 'audited'; counts: Readonly<Record<string, number>>; firstOfDay: boolean }

/** Source of new ids and random numbers, given to every input so that a run can be repeated. */
export interface Ids {
  next(): number
  /** A random positive integer below 2^53. */
  random(): number
}

/** What every input gets besides its own arguments. */
export interface InputContext {
  /** The records' time: it never goes back. */
  now: number
  /** What the wall clock says, which may have been set back since: for what a platform judges by its own clock. */
  wallMs: number
  ids: Ids
}

const PERSON_RANDOM_BITS = 20
/** `Ids.random` has 53 bits; the first of them are taken. */
const RANDOM_BITS = 53

/**
 * A number for a new person: the second, and twenty random bits. It is not given twice, and new persons stand beside
 * each other in every index: wholly random numbers cost a page each in the contacts and in both tables of the vault.
 */
export function personNumber({ now, ids }: Pick<InputContext, 'now' | 'ids'>): number {
  const random = Math.floor(ids.random() / 2 ** (RANDOM_BITS - PERSON_RANDOM_BITS))
  return Math.floor(now / 1000) * 2 ** PERSON_RANDOM_BITS + random
}

export function formerPlace(kind: FormerKind, subject: number, untilOffset: number): string {
  return `former_cells.cell:${kind}:${subject}:${untilOffset}`
}

/** Tables that nearly every message reads the same rows of. */
type MemoTable = 'numbers' | 'contacts'
/** What is remembered of one table; beyond it all of it is forgotten. */
const MEMO_MAX = 20_000

interface Mark {
  offset: number
  wakes: number
  audit?: AuditHead | undefined
}

/**
 * What an input may touch. Reads and writes answer promises although SQLite is synchronous: the same input functions
 * are to run over PostgreSQL later.
 */
export class Tx {
  readonly #database: Db
  readonly vault: Vault
  #offset = 0
  #wakes: Wake[] = []
  #now = 0
  readonly #audit: Audit
  readonly waitingActs = new WaitingActs()
  readonly recentIds: RecentIds
  readonly #memos: Record<MemoTable, Map<string, unknown>> = { numbers: new Map(), contacts: new Map() }
  /** Which memo a statement spoils: statements are static texts, so each is looked at once. */
  readonly #spoils = new Map<string, MemoTable | null>()
  #by: Actor | null = null

  constructor(database: Db, vault: Vault) {
    this.#database = database
    this.vault = vault
    this.#audit = new Audit(database, vault)
    this.recentIds = new RecentIds(database)
  }

  async one<T>(sql: string, ...values: Value[]): Promise<T | undefined> {
    return this.#database.one<T>(sql, ...values)
  }

  async all<T>(sql: string, ...values: Value[]): Promise<T[]> {
    return this.#database.all<T>(sql, ...values)
  }

  async run(sql: string, ...values: Value[]): Promise<number> {
    const spoilt = this.#spoiltBy(sql)
    if (spoilt) this.#memos[spoilt].clear()
    return this.#database.run(sql, ...values)
  }

  /**
   * Reads through a memory of what was found: it holds until a row of the table is updated or deleted, or anything is
   * taken back. What was not found is not remembered, so new rows need no care.
   */
  async memo<T>(table: MemoTable, key: string, read: () => Promise<T | undefined>): Promise<T | undefined> {
    const memo = this.#memos[table]
    if (memo.has(key)) return memo.get(key) as T
    const found = await read()
    if (found === undefined) return undefined
    if (memo.size >= MEMO_MAX) memo.clear()
    memo.set(key, found)
    return found
  }

  /** Where what is remembered of a table does not hold any more for a reason that is not a statement on it. */
  spoil(table: MemoTable): void {
    this.#memos[table].clear()
  }

  #spoiltBy(sql: string): MemoTable | null {
    const known = this.#spoils.get(sql)
    if (known !== undefined) return known
    const table = /^\s*(?:UPDATE|DELETE\s+FROM|INSERT\s+OR\s+REPLACE\s+INTO)\s+(numbers|contacts)\b/i.exec(sql)?.[1]
    const spoilt = (table as MemoTable | undefined) ?? null
    this.#spoils.set(sql, spoilt)
    return spoilt
  }

  /** Writes an event into the same commit. `data` is what the rows cannot tell later; never anything personal. */
  async event(
    type: EventType,
    about: { numberId?: number; conversationId?: number; messageId?: number; workspaceId?: number },
    data?: object,
  ): Promise<void> {
    const workspaceId = about.workspaceId ?? (await this.workspaceOf(about.numberId ?? 0))
    this.#requireOwn(workspaceId)
    this.#offset += 1
    this.#database.run(
      'INSERT INTO events ("offset", at, type, number_id, conversation_id, message_id, data, workspace_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)',
      this.#offset,
      this.#now,
      EVENT.code(type),
      about.numberId ?? null,
      about.conversationId ?? null,
      about.messageId ?? null,
      data ? JSON.stringify(data) : null,
      workspaceId,
    )
  }

  /** The workspace that a number belongs to, and with it everything that was said on it. */
  async workspaceOf(numberId: number): Promise<number> {
    const workspaceId = await this.memo('numbers', `workspace of ${numberId}`, async () => {
      const row = this.#database.one<{ workspace_id: number }>(
        'SELECT workspace_id FROM numbers WHERE id = ?1',
        numberId,
      )
      return row?.workspace_id
    })
    return must(workspaceId, 'the number that an event is about')
  }

  /**
   * The workspace that whoever asks is in: what is of another is not there for them, by whatever id they name it. Null:
   * it is the house itself or a channel, or a command on the machine, which act in every workspace.
   */
  get within(): number | null {
    return this.#by === null ? null : workspaceWithin(this.#by)
  }

  /** What somebody does stays in the workspace that they act in. Doors ask before; where one forgot, nothing is changed. */
  #requireOwn(workspaceId: number): void {
    if (this.within === null || this.within === workspaceId) return
    throw new Failure('not_found', 'Nothing of the kind is in this workspace')
  }

  /**
   * Keeps what a cell held up to now, sealed with the key of a person or of the house (0): an event never changes, and
   * those told so far are read with it. Called before the cell is overwritten.
   */
  async keepFormer(kind: FormerKind, cell: { subject: number; person: number; text: string }): Promise<void> {
    const place = formerPlace(kind, cell.subject, this.#offset)
    // Changed twice between two events: only the first content was told.
    this.#database.run(
      'INSERT INTO former_cells (kind, subject, until_offset, cell) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING',
      FORMER.code(kind),
      cell.subject,
      this.#offset,
      this.seal(cell.person, place, cell.text),
    )
  }

  /** Writes down what must happen later. The same kind and subject again replaces it. */
  async owe(kind: string, subject: number, due: { term: number; atMs: number }): Promise<void> {
    this.#database.run(
      `INSERT INTO duties (kind, subject, term, due_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (kind, subject) DO UPDATE SET term = excluded.term, due_at = excluded.due_at`,
      kind,
      subject,
      due.term,
      due.atMs,
    )
    this.wake({ kind: 'duty', dueAtMs: due.atMs })
  }

  /** Closes a duty; with a term only if it has not moved on since: a late firing takes nothing from the new one. */
  async settle(kind: string, subject: number, term: number | null = null): Promise<void> {
    this.#database.run(
      'DELETE FROM duties WHERE kind = ?1 AND subject = ?2 AND term = coalesce(?3, term)',
      kind,
      subject,
      term,
    )
  }

  /** Tells the reactors after the commit; nothing is told of what is rolled back. */
  wake(wake: Wake): void {
    this.#wakes.push(wake)
  }

  /** Writes down who did or saw something, in the same commit. */
  async audit(note: AuditNote): Promise<void> {
    this.#audit.note(note, this.#now)
  }

  /** The same for what machines do many times a second: it is counted, and one row tells of each minute. */
  async auditCount(note: { by: Actor; action: string; outcome: string }): Promise<void> {
    this.#audit.count(note, this.#now)
  }

  /** What was counted in minutes that are over becomes rows. */
  async closeAuditMinutes(): Promise<void> {
    this.#audit.closeMinutes(this.#now)
  }

  /** Seals a text with a person's key; person 0 stands for the house. */
  seal(person: number, place: string, text: string): Uint8Array {
    return sealText(must(this.#keyOf(person), 'the key to seal with'), place, text)
  }

  /** Opens a cell; undefined where the person's key has been destroyed. */
  unseal(person: number, place: string, sealed: Uint8Array): string | undefined {
    const key = this.#keyOf(person)
    return key && unsealText(key, place, sealed)
  }

  /** The same with a key that has a name and is nobody's. */
  sealNamed(keyName: string, place: string, text: string): Uint8Array {
    return sealText(this.#namedKey(keyName), place, text)
  }

  /** Undefined where the key has been destroyed. */
  unsealNamed(keyName: string, place: string, sealed: Uint8Array): string | undefined {
    const key = this.vault.findNamedKey(keyName)
    return key && unsealText(key, place, sealed)
  }

  sealBytes(keyName: string, place: string, content: Uint8Array): Uint8Array {
    return seal(this.#namedKey(keyName), place, content)
  }

  unsealBytes(keyName: string, place: string, sealed: Uint8Array): Uint8Array {
    return unseal(this.#namedKey(keyName), place, sealed)
  }

  /** Whether the person's key has been destroyed: nothing can be sealed for them any more. */
  isErased(person: number): boolean {
    return person !== 0 && this.vault.personKey(person) === undefined
  }

  /** What is deleted or overwritten meanwhile is overwritten with zeroes: it costs too much for everything else. */
  async deletingSecurely<T>(work: () => Promise<T>): Promise<T> {
    this.#database.run('PRAGMA secure_delete = ON')
    try {
      return await work()
    } finally {
      this.#database.run('PRAGMA secure_delete = OFF')
    }
  }

  /** 64 bits of a keyed hash, for looking up what may not be stored in clear. */
  hash(...parts: string[]): bigint {
    return keyedHash64(must(this.vault.findNamedKey('upstream'), 'the upstream hash key'), ...parts)
  }

  /** For the book alone: starts an input. */
  begin(now: number, offset: number, by: Actor | null): void {
    this.#now = now
    this.#by = by
    this.#offset = offset
  }

  /** For the book alone: where a rollback returns to. */
  mark(): Mark {
    return { offset: this.#offset, wakes: this.#wakes.length, audit: this.#audit.mark() }
  }

  /** For the book alone: forgets what was said since a mark. */
  forget(mark: Mark): void {
    this.#offset = mark.offset
    this.#wakes.length = mark.wakes
    this.#audit.forget(mark.audit)
    this.spoil('numbers')
    this.spoil('contacts')
  }

  /** For the book alone: writes down where the audit ends; true where it has grown. */
  commitAudit(): boolean {
    if (!this.#audit.commit()) return false
    this.wake({ kind: 'audited', ...this.#audit.takeCounts() })
    return true
  }

  /** For the book alone: the last event's offset. */
  offset(): number {
    return this.#offset
  }

  /** For the book alone: what the reactors are to be told. */
  takeWakes(): Wake[] {
    const wakes = this.#wakes
    this.#wakes = []
    return wakes
  }

  #namedKey(name: string): Uint8Array {
    return must(this.vault.findNamedKey(name), 'the key to seal with')
  }

  #keyOf(person: number): Uint8Array | undefined {
    return person === 0 ? this.vault.findNamedKey('house') : this.vault.personKey(person)
  }
}

/** One way to change the records: a function of the transaction, its arguments, the moment and new ids. */
export interface Input<Args, Result> {
  name: string
  apply(tx: Tx, args: Args, context: InputContext): Promise<Result>
  /** What the audit says of it where somebody asked for it; absent: its name, and whatever it is about. */
  audited?: Audited<Args, Result>
}

/** Ids of what was done something to, each a row of its own, with what is personal of it. */
export interface Audited<Args, Result> {
  objects(args: Args, result: Result): readonly { object: string; detail?: object }[]
}

export function input<Args, Result>(
  name: string,
  apply: (tx: Tx, args: Args, context: InputContext) => Promise<Result>,
  audited?: Audited<Args, Result>,
): Input<Args, Result> {
  return audited ? { name, apply, audited } : { name, apply }
}
