import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InboundItem } from '../../core/inbound.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { isPlain, mutated, objectsIn } from './mutate.test-support.ts'
import { SAMPLES } from './samples.test-support.ts'
import { faultsOf } from './soundness.test-support.ts'
import { parse } from './webhook.test-support.ts'

const FIXTURES = join(import.meta.dir, '../../../../shared/fixtures/whatsapp')
const RECEIVED_MS = Date.UTC(2026, 10, 22)
const ROUNDS = 100_000
const SEED = 20261122

/** The samples of these tests and, where the shared folder is there, what the platform and others published. */
const bodies = [
  ...SAMPLES.map((sample) => JSON.stringify(sample)),
  ...(existsSync(FIXTURES) ? readdirSync(FIXTURES) : [])
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => readFileSync(join(FIXTURES, name), 'utf8')),
]

/**
 * Objects of a body that must be found again inside some item's `raw`, as the same objects. Found without the parser:
 * the elements of a value's lists, in a history the messages of its threads, and everything that is none of these.
 */
function piecesOf(body: unknown): object[] {
  if (!isPlain(body) || !Array.isArray(body['entry'])) return objects([body])
  if ((body['object'] ?? 'whatsapp_business_account') !== 'whatsapp_business_account') return objects([body])
  return body['entry'].flatMap((entry) => {
    if (!isPlain(entry) || !Array.isArray(entry['changes'])) return objects([entry])
    return entry['changes'].flatMap((change) =>
      isPlain(change) && isPlain(change['value']) ? membersOf(change['value']) : objects([change]),
    )
  })
}

function membersOf(value: Record<string, unknown>): object[] {
  return Object.entries(value).flatMap(([name, member]) => {
    if (['messaging_product', 'metadata', 'contacts'].includes(name)) return []
    if (name === 'standby' && isPlain(member)) return membersOf(member)
    const elements = Array.isArray(member) ? member : [member]
    return name === 'history' ? elements.flatMap(piecesOfChunk) : objects(elements)
  })
}

function piecesOfChunk(chunk: unknown): object[] {
  if (!isPlain(chunk)) return objects([chunk])
  const { threads, ...rest } = chunk
  const inThreads = (Array.isArray(threads) ? threads : [threads]).flatMap((thread) => {
    if (!isPlain(thread) || !Array.isArray(thread['messages'])) return objects([thread])
    const { id: _id, context: _context, messages, ...more } = thread
    return [...objects(messages), ...objects(Object.values(more))]
  })
  return [...inThreads, ...objects(Object.values(rest))]
}

/** Everything of the items but the platform's objects, in one text. */
function sayings(items: readonly InboundItem[]): string {
  return JSON.stringify(items, (name, value) => (name === 'raw' ? undefined : value))
}

function objects(values: unknown[]): object[] {
  return values.filter((value): value is object => typeof value === 'object' && value !== null)
}

describe('parse() and content()', () => {
  test(`understand ${ROUNDS} spoilt bodies without a fault, and lose no object of them`, () => {
    const random = seededRandom(SEED)
    const countOf: Record<string, number> = {}
    for (let round = 0; round < ROUNDS; round++) {
      const body = mutated(bodies, random)
      const items = parse(body, RECEIVED_MS)
      const faults = faultsOf(items)
      if (sayings(items) !== sayings(parse(body, RECEIVED_MS))) faults.push('not the same twice')
      const kept = new Set(objectsIn(items.map((item) => item.raw)))
      const lost = piecesOf(body).find((piece) => !kept.has(piece))
      if (lost !== undefined) faults.push(`lost ${JSON.stringify(lost)}`)
      if (faults.length > 0) {
        throw new Error(`seed ${SEED}, round ${round}: ${faults[0]} in ${JSON.stringify(body)?.slice(0, 4_000)}`)
      }
      for (const { kind } of items) countOf[kind] = (countOf[kind] ?? 0) + 1
    }
    const kinds = [
      'message',
      'act',
      'call',
      'handover',
      'preference',
      'address_book',
      'group',
      'status',
      'notice',
      'other',
    ]
    for (const kind of kinds) expect([kind, (countOf[kind] ?? 0) > 500]).toEqual([kind, true])
  }, 60_000)

  test('understand 20,000 bodies with a byte changed', () => {
    const seed = 7
    const random = seededRandom(seed)
    let parsedCount = 0
    for (let round = 0; round < 20_000; round++) {
      const text = bodies[round % bodies.length] ?? ''
      const at = Math.floor(random() * text.length)
      const changed = text.slice(0, at) + String.fromCharCode(32 + Math.floor(random() * 95)) + text.slice(at + 1)
      let body: unknown
      try {
        body = JSON.parse(changed)
      } catch {
        continue
      }
      parsedCount++
      expect(faultsOf(parse(body, RECEIVED_MS)), `seed ${seed}, round ${round}`).toEqual([])
    }
    expect(parsedCount).toBeGreaterThan(5_000)
  }, 20_000)
})
