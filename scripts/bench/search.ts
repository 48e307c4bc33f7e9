/**
 * The search at a size: fills records and index, then asks.
 *
 *   bun scripts/bench/search.ts --folder /var/tmp/search --messages 1000000,5000000
 *
 * The records hold sealed messages as the house writes them; the index is filled by the code that fills it in service,
 * only in larger commits and without syncing. A question is what the thread does for it, from the question to the text
 * of the answer: the plan, the look into the index, and fifty messages opened, checked and put into the API's words.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { channelNamed } from '../../src/channels/registry.ts'
import { must } from '../../src/core/assert.ts'
import { systemClock } from '../../src/core/clock.ts'
import { MAIN_WORKSPACE } from '../../src/core/principal.ts'
import { DIRECTION, STATE } from '../../src/records/codes.ts'
import { profilePlace } from '../../src/records/contact-row.ts'
import { openRecords, openRecordsReadonly } from '../../src/records/open.ts'
import { seeing } from '../../src/records/page.ts'
import { type SearchAsk, Searcher, type SearchViewer } from '../../src/records/search.ts'
import { SearchFeed } from '../../src/records/search-feed.ts'
import { SearchGarbage } from '../../src/records/search-garbage.ts'
import { SearchIndex } from '../../src/records/search-index.ts'
import { SearchTerms } from '../../src/records/search-terms.ts'
import { bodyPlace } from '../../src/records/sent-message.ts'
import { Views } from '../../src/records/views.ts'
import { Histogram } from '../../src/run/storm/histogram.ts'
import type { Db } from '../../src/storage/database.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { sealText } from '../../src/vault/sealing.ts'
import { prepareVault, Vault } from '../../src/vault/vault.ts'
import { zipf } from './bodies.ts'
import { optionsOf } from './options.ts'
import { Texts } from './texts.ts'

const PEOPLE = 100_000
const NUMBERS = 12
const OUT_SHARE = 0.4
/** Messages come over a year, as many each day. */
const SPAN_MS = 365 * 86_400_000
const RECORDS_BATCH = 20_000
const FILL_BATCH = 50_000
/** Taken in as in service, to see what that costs. */
const SERVICE_MESSAGES = 50_000
const SERVICE_STEP = 250
/** Of a hundred people one is erased. */
const ERASED_SHARE = 0.01
const QUESTIONS = 400
const WARM_UP = 40

/** Messages that questions are made of. */
const SAMPLE = 4_000
const DENSE = /[\p{scx=Han}\p{scx=Hira}\p{scx=Thai}\p{scx=Hang}]/u

const MASTER_KEY = new Uint8Array(32).fill(9)
const NAMES = [
  'Ada Okafor',
  'Jürgen Weiß',
  '王小明',
  'María José Pérez',
  'Иван Петров',
  '佐藤 花子',
  'Fatima Zahra',
  'สมชาย',
]

const EVERYTHING: SearchAsk = {
  q: null,
  person: null,
  conversationId: null,
  account: null,
  direction: null,
  kind: null,
  fromMs: null,
  untilMs: null,
  limit: 50,
  below: null,
}
const OWNER: SearchViewer = { see: seeing(MAIN_WORKSPACE, () => true), conversationIds: null }

interface Person {
  key: Uint8Array
  phone: string
}

class Bench {
  readonly #folder: string
  readonly #writing: Db
  readonly #records: Db
  readonly #vault: Vault
  readonly #index: SearchIndex
  readonly #feed: SearchFeed
  readonly #searcher: Searcher
  readonly #random = seededRandom(21)
  readonly #startMs = Date.now() - SPAN_MS
  readonly #total: number
  readonly #only: string
  #written = 0

  constructor(folder: string, total: number, only: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.#total = total
    this.#only = only
    this.#vault = new Vault(join(folder, 'vault.db'), MASTER_KEY, { synchronous: 'OFF' })
    prepareVault(this.#vault)
    this.#writing = openRecords(join(folder, 'records.db'), 'bench', { synchronous: 'OFF' })
    this.#records = openRecordsReadonly(join(folder, 'records.db'))
    const channel = must(channelNamed('whatsapp'), 'the channel')
    const views = new Views(
      this.#records,
      this.#vault,
      (_channel, type, raw) => channel.view(type, raw),
      (_channel, type, raw) => channel.content(type, raw),
    )
    const terms = new SearchTerms(must(this.#vault.findNamedKey('search'), 'the search key'))
    this.#index = new SearchIndex(join(folder, 'search.db'), 'bench', { synchronous: 'OFF' })
    const deps = { records: this.#records, vault: this.#vault, views, terms, index: this.#index, clock: systemClock }
    this.#feed = new SearchFeed({
      ...deps,
      terms: () => terms,
      onFault: (error) => {
        throw error
      },
    })
    this.#searcher = new Searcher(deps)
    this.#written = this.#records.one<{ id: number | null }>('SELECT max(id) AS id FROM messages')?.id ?? 0
    if (!this.#records.one('SELECT id FROM contacts LIMIT 1')) this.#meetPeople()
  }

  run(sizes: readonly number[], isAsking: boolean): void {
    for (const size of sizes) {
      this.#growTo(size)
      if (isAsking) this.#ask(size)
    }
  }

  /** As the night does it. */
  merge(): void {
    const startedMs = performance.now()
    for (let isFirst = true; !this.#index.mergeStep(isFirst); isFirst = false);
    console.log(`  whole merge: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  }

  /** What is there from an earlier run is taken as it is. */
  #growTo(size: number): void {
    if (this.#written < size) {
      const fresh = size - this.#written
      this.#write(size - SERVICE_MESSAGES)
      this.#fill(FILL_BATCH, fresh - SERVICE_MESSAGES, 'filled')
      this.#write(size)
      this.#fill(SERVICE_STEP, SERVICE_MESSAGES, 'as in service')
      this.#erase()
    }
    const { size: bytes } = statSync(join(this.#folder, 'search.db'))
    console.log(`  ${(bytes / size).toFixed(1)} B a message in search.db`)
  }

  #person(id: number): Person {
    return { key: must(this.#vault.personKey(id), 'the key of a person'), phone: phoneOf(id) }
  }

  #meetPeople(): void {
    this.#writing.transaction(() => {
      for (let number = 1; number <= NUMBERS; number++) {
        this.#writing.run(
          `INSERT INTO numbers (id, channel, account, app, portfolio, alias, state, created_at) VALUES (?1, 'whatsapp', ?2, 'bench', 'bench', ?2, 0, 0)`,
          number,
          `10000000000${number}`,
        )
      }
      for (let index = 0; index < PEOPLE; index++) this.#meet(index)
    })
    this.#vault.commit()
  }

  /** Contact and conversation have the same id: it is all that this needs. */
  #meet(index: number): void {
    const id = index + 1
    const person = this.#vault.createPerson(() => id)
    const { key, phone } = this.#person(id)
    const name = `${NAMES[index % NAMES.length]} ${index}`
    this.#writing.run(
      'INSERT INTO contacts (id, person, portfolio, profile, created_at) VALUES (?1, ?2, ?3, ?4, 0)',
      id,
      person,
      'bench',
      sealText(key, profilePlace(id), JSON.stringify({ name, phone })),
    )
    this.#writing.run(
      'INSERT INTO conversations (id, number_id, contact_id, created_at, last_message_at) VALUES (?1, ?2, ?3, 0, 0)',
      id,
      1 + (index % NUMBERS),
      id,
    )
  }

  #write(upto: number): void {
    const startedMs = performance.now()
    const first = this.#written
    const personOf = zipf(PEOPLE, this.#random)
    const texts = new Texts(seededRandom(23 + first))
    while (this.#written < upto) {
      this.#writing.transaction(() => {
        for (let end = Math.min(upto, this.#written + RECORDS_BATCH); this.#written < end; )
          this.#writeOne(personOf(), texts.next())
      })
    }
    const seconds = (performance.now() - startedMs) / 1000
    console.log(`  records: ${this.#written - first} messages in ${seconds.toFixed(0)} s`)
  }

  #writeOne(index: number, body: string): void {
    const id = ++this.#written
    const person = this.#person(index + 1)
    const atMs = Math.floor(this.#startMs + (id / this.#total) * SPAN_MS)
    const isOut = this.#random() < OUT_SHARE
    const text = { body }
    const stamp = Math.floor(atMs / 1000).toString()
    const raw = { from: person.phone.slice(1), id: `wamid.${id}`, timestamp: stamp, text, type: 'text' }
    this.#writing.run(
      `INSERT INTO messages (id, conversation_id, at, arrived_at, direction, type, state, body) VALUES (?1, ?2, ?3, ?3, ?4, 'text', ?5, ?6)`,
      id,
      index + 1,
      atMs,
      DIRECTION.code(isOut ? 'out' : 'in'),
      STATE.code(isOut ? 'sent' : 'received'),
      sealText(person.key, bodyPlace(id), JSON.stringify(raw)),
    )
  }

  #fill(step: number, count: number, how: string): void {
    const startedMs = performance.now()
    const before = process.cpuUsage()
    while (!this.#feed.step(step));
    const used = process.cpuUsage(before)
    const ms = performance.now() - startedMs
    const rate = Math.round((count / ms) * 1000)
    const cost = Math.round((used.user + used.system) / count)
    console.log(`  index ${how}, ${step} a commit: ${rate} messages a second, ${cost} µs of a processor each`)
  }

  /** Everything of some people, as an erasure takes it out. */
  #erase(): void {
    const ids = Array.from({ length: Math.round(PEOPLE * ERASED_SHARE) }, () => 1 + Math.floor(this.#random() * PEOPLE))
    const terms = new SearchTerms(must(this.#vault.findNamedKey('search'), 'the search key'))
    this.#index.erase({ messageIds: [], contactIds: ids, terms: ids.map((id) => terms.conversation(id)) }, 0)
    this.#writing.transaction(() => {
      for (const id of ids) this.#writing.run('DELETE FROM messages WHERE conversation_id = ?1', id)
    })
  }

  #ask(size: number): void {
    console.log(`\n${size} messages: milliseconds\n`)
    console.log('| question | p50 | p99 | max | p99 unheld | processor, mean | items | ended early |')
    console.log('|---|--:|--:|--:|--:|--:|--:|--:|')
    for (const [name, question] of Object.entries(this.#questions(size))) {
      if (new RegExp(this.#only).test(name)) this.#measure(name, question)
    }
    console.log(`\nmemory ${Math.round(process.memoryUsage.rss() / 1024 / 1024)} MB`)
  }

  #questions(size: number): Record<string, () => { ask: Partial<SearchAsk>; viewer?: SearchViewer }> {
    const words = this.#wordsOf(size)
    const personOf = zipf(PEOPLE, this.#random)
    const several = (choose: () => number): SearchViewer => {
      const ids = new Set(Array.from({ length: 500 }, choose))
      return {
        see: seeing(MAIN_WORKSPACE, ({ conversationId }) => ids.has(conversationId ?? 0)),
        conversationIds: [...ids],
      }
    }
    const viewers = Array.from({ length: 5 }, () => several(() => 1 + Math.floor(this.#random() * PEOPLE)))
    const busy = several(
      (
        () => () =>
          1 + personOf()
      )(),
    )
    const one = <T>(list: readonly T[]): T => must(list[Math.floor(this.#random() * list.length)], 'one')
    const foreign = () => [one(COMMON_ENGLISH), one(COMMON_GERMAN), one(COMMON_RUSSIAN)]
    return {
      'word, as often as it is written': () => ({ ask: { q: one(words.any) } }),
      'rare word': () => ({ ask: { q: one(words.rare) } }),
      'phrase of 2 or 3': () => ({ ask: { q: `"${one(words.phrases)}"` } }),
      'two words of one message': () => ({ ask: { q: one(words.pairs) } }),
      'worst AND: common words that never meet': () => ({ ask: { q: foreign().slice(0, 2).join(' ') } }),
      'worst AND: three of them': () => ({ ask: { q: foreign().join(' ') } }),
      'worst phrase: common words, wrong order': () => ({ ask: { q: `"${one(WRONG_ORDER)}"` } }),
      'beginning of an order number': () => ({ ask: { q: one(words.orders).slice(0, 5) } }),
      'Chinese, Japanese, Korean, Thai: 2 to 4 characters': () => ({ ask: { q: one(words.dense) } }),
      'one Chinese character': () => ({ ask: { q: one(words.dense).slice(0, 1) } }),
      'person by name': () => ({ ask: { person: `${1 + Math.floor(this.#random() * PEOPLE)}` } }),
      'person by phone, and a word': () => ({
        ask: { person: phoneOf(1 + personOf()), q: one(words.any) },
      }),
      'word in one conversation': () => ({ ask: { q: one(words.any), conversationId: 1 + personOf() } }),
      'word, sent, in one month': () => ({ ask: { q: one(words.any), direction: 'out', ...this.#month() } }),
      'restricted viewer: 500 conversations': () => ({ ask: { q: one(words.any) }, viewer: one(viewers) }),
      'restricted viewer: the 500 busiest, two words': () => ({ ask: { q: one(words.pairs) }, viewer: busy }),
      'restricted viewer: no list, sees 1 in 200': () => ({ ask: { q: one(words.any) }, viewer: SEES_FEW }),
    }
  }

  #month(): { fromMs: number; untilMs: number } {
    const fromMs = this.#startMs + Math.floor(this.#random() * 11) * 30 * 86_400_000
    return { fromMs, untilMs: fromMs + 30 * 86_400_000 }
  }

  /** Words, phrases and numbers out of messages chosen at random. */
  #wordsOf(size: number) {
    const texts = Array.from({ length: SAMPLE }, () => this.#textOf(1 + Math.floor(this.#random() * size)))
    const spaced = texts.filter((text) => !DENSE.test(text)).map((text) => text.match(/\p{L}+/gu) ?? [])
    const long = spaced.filter((words) => words.length > 1)
    const counts = new Map<string, number>()
    for (const word of spaced.flat()) counts.set(word, (counts.get(word) ?? 0) + 1)
    const startIn = (words: readonly string[]) => Math.floor(this.#random() * (words.length - 1))
    const runs = texts.filter((text) => DENSE.test(text)).flatMap((text) => text.match(/[\p{L}\p{M}]{2,}/gu) ?? [])
    return {
      any: long.map((words) => words[startIn(words)] ?? ''),
      rare: long.flatMap((words) => words.find((word) => counts.get(word) === 1) ?? []),
      phrases: long.map((words) => {
        const start = startIn(words)
        return words.slice(start, start + 2 + (start % 2)).join(' ')
      }),
      pairs: long.map((words) => `${words[startIn(words)]} ${words.at(-1)}`),
      orders: texts.flatMap((text) => /GH\d+|\d+-\d+-B/.exec(text)?.[0] ?? []),
      dense: runs.map((run) => run.slice(startIn([...run])).slice(0, 4)),
    }
  }

  #textOf(id: number): string {
    const ask: SearchAsk = { ...EVERYTHING, kind: 'text', limit: 1, below: id + 1 }
    const content = this.#searcher.search(ask, OWNER).items[0]?.message['content'] as { text?: string } | undefined
    return content?.text ?? ''
  }

  #measure(name: string, question: () => { ask: Partial<SearchAsk>; viewer?: SearchViewer }): void {
    const histogram = new Histogram()
    // Without what the thread waited for a processor while others had it.
    const unheld = new Histogram()
    const garbage = new SearchGarbage()
    // What it costs whatever else the machine does: the time that this thread had a processor.
    let before = process.threadCpuUsage()
    let items = 0
    let early = 0
    for (let index = 0; index < WARM_UP + QUESTIONS; index++) {
      const { ask, viewer = OWNER } = question()
      if (index === WARM_UP) before = process.threadCpuUsage()
      const heldMs = waitedMs()
      const startedMs = performance.now()
      const page = this.#searcher.search({ ...EVERYTHING, ...ask }, viewer)
      JSON.stringify(page)
      const ms = performance.now() - startedMs
      const heldMsSince = waitedMs() - heldMs
      // As the thread does when the answer is out.
      garbage.add(page.items.length)
      if (index < WARM_UP) continue
      histogram.add(ms)
      unheld.add(ms - heldMsSince)
      items += page.items.length
      if (page.more) early++
    }
    const { p50, p99, max } = histogram.figures()
    const used = process.threadCpuUsage(before)
    const cost = ((used.user + used.system) / 1000 / QUESTIONS).toFixed(2)
    const share = `${Math.round((early / QUESTIONS) * 100)} %`
    console.log(
      `| ${name} | ${p50} | ${p99} | ${max} | ${unheld.figures().p99} | ${cost} | ${(items / QUESTIONS).toFixed(1)} | ${share} |`,
    )
  }
}

const SCHEDULED = '/proc/thread-self/schedstat'
const isTold = existsSync(SCHEDULED)

/** What this thread has waited for a processor so far; 0 where the system does not tell. */
function waitedMs(): number {
  return isTold ? Number(readFileSync(SCHEDULED, 'utf8').split(' ')[1]) / 1e6 : 0
}

function phoneOf(id: number): string {
  return `+49${1_510_000_000 + id * 7}`
}

const COMMON_ENGLISH = ['the', 'you', 'order', 'please', 'when', 'delivery']
const COMMON_GERMAN = ['ich', 'und', 'bitte', 'wann', 'nicht', 'bestellung']
const COMMON_RUSSIAN = ['мой', 'заказ', 'когда', 'пожалуйста', 'что', 'доставка']
const WRONG_ORDER = ['the und', 'ich please', 'you заказ', 'und you', 'wann the']
const SEES_FEW: SearchViewer = {
  see: seeing(MAIN_WORKSPACE, ({ conversationId }) => (conversationId ?? 0) % 200 === 0),
  conversationIds: null,
}

if (import.meta.main) {
  const options = optionsOf(process.argv.slice(2), {
    folder: '/var/tmp/gatehouse-bench/search',
    messages: '1000000,5000000',
    /** `no`: only fill. */
    ask: 'yes',
    /** `yes`: first the whole merge, on what is there. */
    merge: 'no',
    keep: 'no',
    /** A pattern: only the questions with such names. */
    only: '',
  })
  const sizes = options.messages.split(',').map(Number)
  const bench = new Bench(options.folder, sizes.at(-1) ?? 0, options.only)
  if (options.merge === 'yes') bench.merge()
  bench.run(sizes, options.ask === 'yes')
  if (options.keep === 'no') rmSync(options.folder, { recursive: true, force: true })
}
