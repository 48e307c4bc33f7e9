/**
 * Fills a data folder as if so many messages had come in during the last days.
 *
 *   bun scripts/bench/generate.ts --folder /var/tmp/house --messages 5000000
 *
 * Everybody's first message goes through the book, as it does in service, so that people, keys, contacts and
 * conversations are what they always are. The rest is written straight into the tables with the same seals, hashes and
 * events, without syncing and with the large indexes made at the end; a last look compares the form of both kinds of
 * rows. The folder is then one whose older journal days are gone: a new day is bound to the last sequence.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DAY_MS } from '../../src/core/clock.ts'
import { DayFile } from '../../src/journal/day-file.ts'
import { dayKeyName, dayOf, type Entry } from '../../src/journal/entry.ts'
import { DIRECTION, EVENT, STATE } from '../../src/records/codes.ts'
import { receivedEventData, SERVICE_WINDOW_MS } from '../../src/records/conversation.ts'
import { messageKey } from '../../src/records/message-row.ts'
import { openRecords } from '../../src/records/open.ts'
import { bodyPlace } from '../../src/records/sent-message.ts'
import type { Db } from '../../src/storage/database.ts'
import { HighWaterMark } from '../../src/storage/high-water.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { keyedHash64, sealText } from '../../src/vault/sealing.ts'
import { prepareVault, Vault } from '../../src/vault/vault.ts'
import { Bodies, PEOPLE, zipf } from './bodies.ts'
import { openBook, SOURCE } from './open-book.ts'
import { optionsOf } from './options.ts'
import { prepareHouse } from './servers.ts'

const SPAN_MS = 7 * DAY_MS
const BATCH = 5_000
/** Large, and filled in random order: cheaper to make from what is there. */
const LATE_INDEXES = ['messages_conversation', 'messages_upstream', 'conversations_recent']

/** A conversation as far as new messages change it. */
interface Thread {
  id: number
  person: number
  lastId: number
  lastAtMs: number
  unread: number
}

class Filling {
  readonly #database: Db
  readonly #vault: Vault
  readonly #folder: string
  readonly #count: number
  readonly #people: number
  readonly #startMs: number
  readonly #bodies = new Bodies({ seed: 7, batch: 1, statusShare: 0, idPrefix: 'fill' })
  #nowMs: number
  #nextId = 0
  #offset = 0

  constructor(folder: string, count: number) {
    const { dataDir, keyPath } = prepareHouse(folder)
    if (existsSync(join(dataDir, 'records.db'))) throw new Error(`${dataDir} is not empty`)
    mkdirSync(join(dataDir, 'journal'), { recursive: true, mode: 0o700 })
    const master = Uint8Array.fromHex(readFileSync(keyPath, 'utf8').trim())
    this.#folder = dataDir
    this.#count = count
    this.#people = Math.min(PEOPLE, count)
    this.#startMs = Date.now() - SPAN_MS
    this.#nowMs = this.#startMs
    this.#vault = new Vault(join(dataDir, 'vault.db'), master, { synchronous: 'OFF' })
    prepareVault(this.#vault)
    this.#database = openRecords(join(dataDir, 'records.db'), 'benchmark', { synchronous: 'OFF', cacheKib: 1_000_000 })
  }

  async run(): Promise<void> {
    const startedMs = performance.now()
    await this.#meetEverybody()
    const indexes = this.#dropIndexes()
    this.#writeOn(this.#threads())
    for (const sql of indexes) this.#database.script(sql)
    this.#writeHouse()
    this.#checkForm()
    this.#bindJournal()
    const seconds = (performance.now() - startedMs) / 1000
    console.log(`${this.#count} messages in ${seconds.toFixed(0)} s: ${Math.round(this.#count / seconds)} a second`)
    this.#showSizes()
    this.#database.script('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#database.close()
    this.#vault.close()
  }

  /** When the n-th message came in. */
  #atMs(index: number): number {
    return Math.floor(this.#startMs + (index / this.#count) * SPAN_MS)
  }

  async #meetEverybody(): Promise<void> {
    const book = await openBook(this.#database, this.#vault, () => this.#nowMs)
    const encoder = new TextEncoder()
    for (let person = 0; person < this.#people; ) {
      const entries: Entry[] = []
      for (let end = Math.min(this.#people, person + BATCH); person < end; person++) {
        const atMs = this.#atMs(person)
        this.#nowMs = atMs
        const body = encoder.encode(this.#bodies.bodyOf(person, atMs))
        entries.push({ seq: person + 1, atMs, source: SOURCE, body })
      }
      book.offer(entries)
      while (book.hasWork()) await book.work()
    }
  }

  #dropIndexes(): string[] {
    return LATE_INDEXES.map((name) => {
      const row = this.#database.one<{ sql: string }>('SELECT sql FROM sqlite_schema WHERE name = ?1', name)
      if (!row) throw new Error(`There is no index ${name}`)
      this.#database.script(`DROP INDEX ${name}`)
      return row.sql
    })
  }

  /** Everybody's conversation; people met in the order of their numbers, so the place in this list is the person. */
  #threads(): Thread[] {
    const house = this.#database.one<{ next_id: number; event_offset: number }>(
      'SELECT next_id, event_offset FROM house',
    )
    this.#nextId = house?.next_id ?? 0
    this.#offset = house?.event_offset ?? 0
    return this.#database.all<Thread>(
      `SELECT c.id, k.person, c.last_message_id AS lastId, c.last_message_at AS lastAtMs, c.unread
       FROM conversations c JOIN contacts k ON k.id = c.contact_id ORDER BY c.id`,
    )
  }

  #writeOn(threads: readonly Thread[]): void {
    const random = seededRandom(11)
    const personOf = zipf(threads.length, random)
    const { id: numberId } = this.#database.one<{ id: number }>('SELECT id FROM numbers') ?? { id: 0 }
    const hashKey = this.#vault.findNamedKey('upstream')
    if (!hashKey) throw new Error('The vault has no hash key')
    for (let index = this.#people; index < this.#count; ) {
      this.#database.transaction(() => {
        for (let end = Math.min(this.#count, index + BATCH); index < end; index++) {
          const person = personOf()
          const thread = threads[person]
          if (thread) this.#write({ person, thread, numberId, hashKey, atMs: this.#atMs(index) })
        }
      })
    }
    this.#database.transaction(() => {
      for (const { id, lastId, lastAtMs, unread } of threads) {
        this.#database.run(
          'UPDATE conversations SET last_message_id = ?2, last_message_at = ?3, window_expires_at = ?4, unread = ?5 WHERE id = ?1',
          id,
          lastId,
          lastAtMs,
          lastAtMs + SERVICE_WINDOW_MS,
          unread,
        )
      }
    })
  }

  /** The rows that `receiveMessage` writes for a known person. */
  #write(ask: { person: number; thread: Thread; numberId: number; hashKey: Uint8Array; atMs: number }): void {
    const { thread, atMs: arrivedAtMs } = ask
    const key = this.#vault.personKey(thread.person)
    if (!key) throw new Error('A person has no key')
    // The platform's stamps are whole seconds.
    const atMs = Math.floor(arrivedAtMs / 1000) * 1000
    const id = ++this.#nextId
    const raw = this.#bodies.messageOf(ask.person, atMs)
    this.#database.run(
      `INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, upstream_hash, body, referral_source, flags)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
      id,
      thread.id,
      atMs,
      arrivedAtMs,
      DIRECTION.code('in'),
      'text',
      STATE.code('received'),
      messageKey(keyedHash64(ask.hashKey, 'messages', raw.id), { atMs }),
      sealText(key, bodyPlace(id), JSON.stringify(raw)),
      null,
      0,
    )
    thread.lastId = id
    thread.lastAtMs = atMs
    thread.unread += 1
    this.#database.run(
      'INSERT INTO events ("offset", at, type, number_id, conversation_id, message_id, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)',
      ++this.#offset,
      arrivedAtMs,
      EVENT.code('message.received'),
      ask.numberId,
      thread.id,
      id,
      JSON.stringify(receivedEventData([thread.unread, atMs + SERVICE_WINDOW_MS], atMs)),
    )
  }

  #writeHouse(): void {
    this.#database.run(
      'UPDATE house SET next_id = ?1, event_offset = ?2, applied_seq = ?3, applied_items = 0, last_input_at = ?4',
      this.#nextId,
      this.#offset,
      this.#count,
      this.#atMs(this.#count - 1),
    )
  }

  /** Rows of both kinds have the same types in every column, and the same members in the events' data. */
  #checkForm(): void {
    for (const [table, key] of [
      ['messages', 'id'],
      ['events', '"offset"'],
    ] as const) {
      const columns = this.#database.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
      const types = columns.map(({ name }) => `typeof("${name}")`).join(` || ',' || `)
      const where = table === 'events' ? `WHERE type = ${EVENT.code('message.received')}` : ''
      const data = table === 'events' ? `|| (SELECT group_concat(key) FROM json_each(data))` : ''
      const form = (order: string) =>
        this.#database.one<{ form: string }>(
          `SELECT ${types} ${data} AS form FROM ${table} ${where} ORDER BY ${key} ${order} LIMIT 1`,
        )
      if (form('ASC')?.form !== form('DESC')?.form) throw new Error(`The rows of ${table} are not of one form`)
    }
  }

  /** As if the days before had been unlinked: today's file goes on from their last sequence. */
  #bindJournal(): void {
    const nowMs = Date.now()
    const day = dayOf(nowMs)
    const folder = join(this.#folder, 'journal')
    const file = new DayFile({ folder, day, key: this.#vault.namedKey(dayKeyName(day)) })
    file.begin({ seq: this.#count, tag: new Uint8Array(randomBytes(16)) })
    file.close()
    const mark = new HighWaterMark(join(folder, 'high-water'))
    mark.write(this.#count)
    mark.close()
    this.#vault.commit()
  }

  #showSizes(): void {
    const rows = this.#database.all<{ name: string; table: string; bytes: number }>(
      `SELECT d.name, s.tbl_name AS "table", sum(d.pgsize) AS bytes FROM dbstat d JOIN sqlite_schema s ON s.name = d.name
       GROUP BY d.name ORDER BY bytes DESC`,
    )
    const each = (bytes: number) => `${(bytes / this.#count).toFixed(1).padStart(7)} B a message`
    for (const { name, table, bytes } of rows) {
      if (bytes / this.#count >= 0.05) console.log(`  ${each(bytes)}  ${name === table ? name : `${table}: ${name}`}`)
    }
    const vaultBytes = statSync(join(this.#folder, 'vault.db')).size
    console.log(`  ${each(rows.reduce((sum, row) => sum + row.bytes, 0))}  records.db whole`)
    console.log(`  ${each(vaultBytes)}  vault.db`)
  }
}

export async function fill(folder: string, messages: number): Promise<void> {
  await new Filling(folder, messages).run()
}

if (import.meta.main) {
  const options = optionsOf(process.argv.slice(2), { folder: '/var/tmp/gatehouse-bench/filled', messages: '5000000' })
  await fill(options.folder, Number(options.messages))
}
