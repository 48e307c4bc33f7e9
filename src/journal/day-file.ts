import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import createDay from '../../migrations/journal/0001_create_day.sql' with { type: 'text' }
import { Db, type OpenOptions } from '../storage/database.ts'
import { type Migration, migrate } from '../storage/migrate.ts'
import { seal, tagOf, unseal } from '../vault/sealing.ts'
import { type Entry, type NewEntry, placeOf } from './entry.ts'

export const MIGRATIONS: readonly Migration[] = [{ name: '0001_create_day.sql', sql: createDay }]
/**
 * The first byte of an entry that was overwritten. Behind it: how often, a new seal, and at the end the tag of the first
 * seal, which the next entry is bound to. So the chain still holds.
 */
const OVERWRITTEN = 0x4f
const OVERWRITTEN_MAX = 255
const TAG_BYTES = 16
const DAY_FILE = /^(\d{4}-\d{2}-\d{2})\.db$/

/** The end of a chain: the last entry's sequence and tag. */
export interface ChainEnd {
  seq: number
  tag: Uint8Array
}

export const CHAIN_START: ChainEnd = { seq: 0, tag: new Uint8Array(16) }

interface Row {
  seq: number
  at: number
  source: string
  sealed: Uint8Array
}

/** The days that have a file, oldest first. */
export function daysIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .map((name) => DAY_FILE.exec(name)?.[1])
    .filter((day) => day !== undefined)
    .sort()
}

function overwrittenPlace(place: string, times: number): string {
  return `${place}:overwritten:${times}`
}

/** How often an entry was overwritten. */
function timesOf(sealed: Uint8Array): number {
  return sealed[0] === OVERWRITTEN ? (sealed[1] ?? 0) : 0
}

/** Opens an entry as it lies in its file, bound to the tag of the one before; throws and names its sequence where it does not open. */
export function openEntry(key: Uint8Array, row: Row, previousTag: Uint8Array): Entry {
  const { seq, at, source, sealed } = row
  const place = placeOf(seq, at, source, previousTag)
  try {
    const timesCut = timesOf(sealed)
    if (timesCut === 0) return { seq, atMs: at, source, body: unseal(key, place, sealed) }
    const inner = sealed.subarray(2, sealed.length - TAG_BYTES)
    return { seq, atMs: at, source, body: unseal(key, overwrittenPlace(place, timesCut), inner), timesCut }
  } catch (cause) {
    throw new Error(`The journal is damaged: entry ${seq} does not open`, { cause })
  }
}

/** Takes the file of a day and its log from the disk. */
export function unlinkDay(folder: string, day: string): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(join(folder, `${day}.db${ending}`), { force: true })
}

/** One day of the journal. */
export class DayFile {
  readonly day: string
  readonly #database: Db
  readonly #key: Uint8Array
  #hasTables = false

  constructor(
    options: { folder: string; day: string; key: Uint8Array } & Pick<OpenOptions, 'readonly' | 'synchronous'>,
  ) {
    this.day = options.day
    this.#key = options.key
    // An append-only file wants frequent small checkpoints: at 200 pages p99.9 was 4 ms, at 4000 35 ms (measured).
    this.#database = new Db(join(options.folder, `${options.day}.db`), {
      ...options,
      checkpointPages: 200,
      cacheKib: 2048,
      // Nothing is deleted but what names an erased person, and of that nothing may be left in the file.
      secureDelete: true,
    })
    if (!options.readonly) migrate(this.#database, `journal/${options.day}.db`, MIGRATIONS)
  }

  /** Binds a new file to the end of the one before. */
  begin(previous: ChainEnd): void {
    if (this.#database.one('SELECT previous_seq FROM chain')) return
    this.#database.run('INSERT INTO chain (previous_seq, previous_tag) VALUES (?1, ?2)', previous.seq, previous.tag)
  }

  /** Writes down that the entries after `afterSeq` and before `nextSeq` are gone. */
  noteLoss(afterSeq: number, nextSeq: number, atMs: number): void {
    this.#database.run(
      'INSERT OR REPLACE INTO losses (after_seq, next_seq, at) VALUES (?1, ?2, ?3)',
      afterSeq,
      nextSeq,
      atMs,
    )
  }

  /** Appends in one durable commit, from `first` on; answers the new end of the chain. */
  append(entries: readonly NewEntry[], first: number, previous: ChainEnd): ChainEnd {
    return this.#database.transaction(() => {
      let { tag } = previous
      let seq = first
      for (const entry of entries) {
        // Deflating would be a quarter of this thread's work (measured), for bytes that are gone in eight days.
        const sealed = seal(this.#key, placeOf(seq, entry.atMs, entry.source, tag), entry.body, 'plain')
        this.#database.run(
          'INSERT INTO entries (seq, at, source, sealed) VALUES (?1, ?2, ?3, ?4)',
          seq,
          entry.atMs,
          entry.source,
          sealed,
        )
        tag = tagOf(sealed)
        seq++
      }
      return { seq: seq - 1, tag }
    })
  }

  /** The end of its chain: what was lost behind the last entry is counted. Undefined where a crash left it unbound. */
  end(): ChainEnd | undefined {
    const binding = this.#binding()
    if (!binding) return undefined
    const last = this.#database.one<{ seq: number; sealed: Uint8Array }>(
      'SELECT seq, sealed FROM entries ORDER BY seq DESC LIMIT 1',
    )
    const { seq, tag } = last ? { seq: last.seq, tag: tagOf(last.sealed) } : binding
    return { seq: this.accountedAfter(seq), tag }
  }

  /** The first sequence that this file may hold; undefined where a crash left it unbound. */
  firstSeq(): number | undefined {
    const binding = this.#binding()
    return binding && binding.seq + 1
  }

  /** How far nothing has to be there behind a sequence: the sequence itself, or the end of the known loss it is in. */
  accountedAfter(seq: number): number {
    if (!this.#binding()) return seq
    let last = seq
    for (;;) {
      const loss = this.#database.one<{ next_seq: number | null }>(
        'SELECT max(next_seq) AS next_seq FROM losses WHERE after_seq <= ?1 AND next_seq > ?1 + 1',
        last,
      )
      if (!loss?.next_seq) return last
      last = loss.next_seq - 1
    }
  }

  /** Entries after a sequence, opened and checked against the chain; a broken one throws and names its sequence. */
  read(after: number, limit: number, bytesMax: number): Entry[] {
    if (!this.#binding()) return []
    const rows = this.#database.all<Row>(
      'SELECT seq, at, source, sealed FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2',
      after,
      limit,
    )
    const entries: Entry[] = []
    let previous: ChainEnd | undefined
    let bytes = 0
    for (const row of rows) {
      previous ??= this.#endBefore(row.seq)
      if (row.seq !== previous.seq + 1) this.#requireKnownLoss(previous.seq, row.seq)
      entries.push(openEntry(this.#key, row, previous.tag))
      previous = { seq: row.seq, tag: tagOf(row.sealed) }
      bytes += row.sealed.length
      if (bytes >= bytesMax) break
    }
    return entries
  }

  /**
   * Puts other bodies in the place of entries, in one durable commit that leaves nothing of the old ones in the file or
   * its log. The sequence, the moment and the chain stay. Answers the tags by which the entries are known.
   */
  overwrite(bodies: readonly { seq: number; body: Uint8Array }[]): { seq: number; tag: Uint8Array }[] {
    const done = this.#database.transaction(() => bodies.flatMap((one) => this.#overwriteOne(one) ?? []))
    this.#database.script('PRAGMA wal_checkpoint(TRUNCATE)')
    return done
  }

  /** By what an entry is known, whatever its number: the next one is bound to it. */
  tagOf(seq: number): Uint8Array | undefined {
    const row = this.#database.one<{ sealed: Uint8Array }>('SELECT sealed FROM entries WHERE seq = ?1', seq)
    return row && tagOf(row.sealed)
  }

  /** When the last entry of a source came. */
  lastAtMs(source: string): number | undefined {
    if (!this.#binding()) return undefined
    return this.#database.one<{ at: number }>(
      'SELECT at FROM entries WHERE source = ?1 ORDER BY seq DESC LIMIT 1',
      source,
    )?.at
  }

  /** `PRAGMA synchronous` as it is in force. */
  synchronous(): number {
    return this.#database.synchronous()
  }

  close(): void {
    this.#database.close()
  }

  #overwriteOne({ seq, body }: { seq: number; body: Uint8Array }): { seq: number; tag: Uint8Array } | undefined {
    const row = this.#database.one<Row>('SELECT seq, at, source, sealed FROM entries WHERE seq = ?1', seq)
    if (!row) return undefined
    const tag = tagOf(row.sealed)
    const times = Math.min(OVERWRITTEN_MAX, timesOf(row.sealed) + 1)
    const place = overwrittenPlace(placeOf(seq, row.at, row.source, this.#endBefore(seq).tag), times)
    const sealed = Buffer.concat([Uint8Array.of(OVERWRITTEN, times), seal(this.#key, place, body), tag])
    this.#database.run('UPDATE entries SET sealed = ?2 WHERE seq = ?1', seq, sealed)
    return { seq, tag }
  }

  #endBefore(seq: number): ChainEnd {
    const row = this.#database.one<{ seq: number; sealed: Uint8Array }>(
      'SELECT seq, sealed FROM entries WHERE seq < ?1 ORDER BY seq DESC LIMIT 1',
      seq,
    )
    return row ? { seq: row.seq, tag: tagOf(row.sealed) } : (this.#binding() ?? CHAIN_START)
  }

  /** What the file is bound to. A crash, or a reader at midnight, may meet a file without its table or its row. */
  #binding(): ChainEnd | undefined {
    this.#hasTables ||= this.#database.one("SELECT name FROM sqlite_schema WHERE name = 'losses'") !== undefined
    if (!this.#hasTables) return undefined
    const row = this.#database.one<{ previous_seq: number; previous_tag: Uint8Array }>(
      'SELECT previous_seq, previous_tag FROM chain',
    )
    return row && { seq: row.previous_seq, tag: row.previous_tag }
  }

  #requireKnownLoss(afterSeq: number, nextSeq: number): void {
    const accounted = this.accountedAfter(afterSeq)
    if (accounted + 1 !== nextSeq) throw new Error(`The journal is damaged: entry ${accounted + 1} is missing`)
  }
}
