/**
 * A million spoilt webhook bodies through the parser, each item asked what it says and shown, in one process: does
 * anything throw, is any item slow, does memory stay flat? The tests do the first on a tenth of it; here time and
 * memory are measured too. At the end the worst bodies of the greatest size that ingest takes.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mutated } from '../../src/channels/whatsapp/mutate.test-support.ts'
import { SAMPLES } from '../../src/channels/whatsapp/samples.test-support.ts'
import { faultsOf } from '../../src/channels/whatsapp/soundness.test-support.ts'
import { body, said, withFrame } from '../../src/channels/whatsapp/webhook.test-support.ts'
import { whatsapp } from '../../src/channels/whatsapp/whatsapp.ts'
import type { InboundItem } from '../../src/core/inbound.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { optionsOf } from './options.ts'

const RECEIVED_MS = Date.UTC(2026, 10, 22)
/** What ingest takes. */
const BODY_BYTES_MAX = 3_000_000
const REPORT_EVERY = 100_000
const SLOW_MS = 1
const AGAIN_MAX = 10

const options = optionsOf(process.argv.slice(2), { bodies: '1000000', seed: '1', samples: '' })
const bodies = SAMPLES.map((sample) => JSON.stringify(sample))
if (options.samples !== '') {
  const names = readdirSync(options.samples).filter((name) => name.endsWith('.json'))
  bodies.push(...names.map((name) => readFileSync(join(options.samples, name), 'utf8')))
}

const found = { bodies: 0, items: 0, bytes: 0, throws: 0, faults: 0, slowestParseMs: 0, slowestItemMs: 0, over20Ms: 0 }
const kinds = new Map<string, number>()

function millisecondsOf(work: () => void): number {
  const startNs = Bun.nanoseconds()
  work()
  return (Bun.nanoseconds() - startNs) / 1e6
}

/** What is slow is done again: of work that always is the same the fastest of several says what it costs. */
function fastestOf(work: () => void): number {
  let fastestMs = millisecondsOf(work)
  for (let again = 0; again < AGAIN_MAX && fastestMs > SLOW_MS; again++) {
    fastestMs = Math.min(fastestMs, millisecondsOf(work))
  }
  return fastestMs
}

/** Content and view of one item, and of the new message in an edit. */
function ask(item: InboundItem): void {
  if (item.kind === 'message') say(item.type, item.raw)
  if (item.kind === 'call') say('call', item.raw)
  if (item.kind === 'act') say(item.act, item.raw)
  if (item.kind === 'act' && item.edited) say(item.edited.type, item.edited.raw)
}

function say(type: string, raw: Record<string, unknown>): void {
  whatsapp.content(type, raw)
  whatsapp.view(type, raw)
}

function take(text: string): void {
  found.bodies++
  found.bytes += text.length
  const parsed: unknown = JSON.parse(text)
  let items: InboundItem[] = []
  const parseMs = fastestOf(() => {
    items = [...whatsapp.parse(parsed, RECEIVED_MS)]
  })
  found.slowestParseMs = Math.max(found.slowestParseMs, parseMs)
  found.items += items.length
  for (const item of items) {
    kinds.set(item.kind, (kinds.get(item.kind) ?? 0) + 1)
    const itemMs = parseMs / items.length + fastestOf(() => ask(item))
    found.slowestItemMs = Math.max(found.slowestItemMs, itemMs)
    if (itemMs > 20) found.over20Ms++
  }
  const faults = faultsOf(items)
  found.faults += faults.length
  if (faults.length > 0) console.log('fault:', faults[0], text.slice(0, 2_000))
}

function tryTo(text: string): void {
  try {
    take(text)
  } catch (error) {
    found.throws++
    console.log('throws:', error, text.slice(0, 2_000))
  }
}

function heapMb(): number {
  Bun.gc(true)
  return Math.round((process.memoryUsage().heapUsed / 1e6) * 10) / 10
}

function fuzz(): void {
  const random = seededRandom(Number(options.seed))
  const heaps: number[] = []
  const count = Number(options.bodies)
  const seconds = millisecondsOf(() => {
    for (let round = 1; round <= count; round++) {
      tryTo(JSON.stringify(mutated(bodies, random)) ?? 'null')
      if (round % REPORT_EVERY === 0) heaps.push(heapMb())
    }
  })
  console.log(`${Math.round(seconds / 1000)} s, seed ${options.seed}, ${bodies.length} samples`)
  console.log(found)
  console.log(Object.fromEntries([...kinds].sort()))
  console.log(`heap in use after each ${REPORT_EVERY} bodies, MB: ${heaps.join(' ')}`)
}

const repeated = (piece: unknown) => {
  const length = JSON.stringify(piece).length + 1
  return Array.from({ length: Math.floor((BODY_BYTES_MAX - 1_000) / length) }, () => piece)
}

/** Bodies of the greatest size: many small things, and one large one. */
const worst: [name: string, body: unknown][] = [
  ['smallest messages', body(withFrame({ messages: repeated({ id: '1', from: '1' }) }))],
  ['smallest statuses', body(withFrame({ statuses: repeated({ id: '1', status: 's' }) }))],
  ['smallest changes', { entry: [{ changes: repeated({ value: {} }) }] }],
  ['smallest notices', { entry: [{ changes: repeated({ value: {}, field: 'flows' }) }] }],
  [
    'messages of the history',
    body(withFrame({ history: [{ threads: [{ id: '1', messages: repeated({ id: '1', from: '1' }) }] }] }), 'history'),
  ],
  [
    'threads of the history',
    body(withFrame({ history: [{ threads: repeated({ id: '1', messages: [{ id: '1', from: '1' }] }) }] }), 'history'),
  ],
  ['zeros', body(withFrame({ messages: repeated(0) }))],
  ['one text', body(withFrame({ messages: [said('text', { text: { body: 'é'.repeat(2_900_000) } })] }))],
  [
    'one list of people',
    body(withFrame({ messages: [said('contacts', { contacts: repeated({ phones: [{ phone: '1' }] }) })] })),
  ],
  [
    'one order',
    body(withFrame({ messages: [said('order', { order: { product_items: repeated({ quantity: 1 }) } })] })),
  ],
  [
    'one form',
    body(
      withFrame({
        messages: [
          said('interactive', {
            interactive: { type: 'nfm_reply', nfm_reply: { response_json: JSON.stringify(repeated(1)) } },
          }),
        ],
      }),
    ),
  ],
  [
    'one group',
    body(
      withFrame({
        groups: [{ group_id: 'g', type: 'group_participants_add', added_participants: repeated({ wa_id: '1' }) }],
      }),
      'group_participants_update',
    ),
  ],
  [
    'one restriction',
    body({ event: 'ACCOUNT_RESTRICTION', restriction_info: repeated({ restriction_type: 'x' }) }, 'account_update'),
  ],
  [
    'one object of many members',
    body(
      withFrame({
        messages: [said('text', Object.fromEntries(repeated('abcdefgh').map((_, index) => [`m${index}`, 0])))],
      }),
    ),
  ],
  ['contacts of one message', body(withFrame({ contacts: repeated({ wa_id: '1' }), messages: [said('text')] }))],
]

/** The longest wait for an item of a body: the book may let others have their turn between two of them. */
function longestStepMs(parsed: unknown): number {
  const iterator = whatsapp.parse(parsed, RECEIVED_MS)[Symbol.iterator]()
  let longestMs = 0
  let isDone = false
  while (!isDone) {
    const ms = millisecondsOf(() => {
      isDone = iterator.next().done === true
    })
    longestMs = Math.max(longestMs, ms)
  }
  return longestMs
}

function pressed(): void {
  for (const [name, value] of worst) {
    const text = JSON.stringify(value)
    const readMs = fastestOf(() => void JSON.parse(text))
    const parsed = JSON.parse(text)
    let items: InboundItem[] = []
    const parseMs = fastestOf(() => {
      items = [...whatsapp.parse(parsed, RECEIVED_MS)]
    })
    const stepMs = Math.min(...Array.from({ length: AGAIN_MAX }, () => longestStepMs(parsed)))
    const askMs = items.reduce(
      (slowest, item) =>
        Math.max(
          slowest,
          fastestOf(() => ask(item)),
        ),
      0,
    )
    const perItemMs = parseMs / items.length + askMs
    console.log(
      `${name}: ${items.length} items, JSON read in ${readMs.toFixed(1)} ms, parsed in ${parseMs.toFixed(1)} ms, ` +
        `of which ${stepMs.toFixed(2)} ms at once, slowest item ${perItemMs.toFixed(2)} ms`,
    )
  }
}

fuzz()
pressed()
