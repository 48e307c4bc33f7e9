import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InboundItem } from '../../core/inbound.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { prepareMessage } from './outbound.ts'
import { parse } from './parse.ts'

const FIXTURES = join(import.meta.dir, '../../../../shared/fixtures/whatsapp')
const isThere = existsSync(FIXTURES)
const RECEIVED_MS = Date.UTC(2026, 10, 22)
const CONTENT_FIELDS = ['messages', 'standby', 'smb_message_echoes']

const jsonFiles = (folder: string) =>
  isThere
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort()
    : []
const bodies = jsonFiles(FIXTURES).map((name) => ({ name, text: readFileSync(join(FIXTURES, name), 'utf8') }))
const requests = jsonFiles(join(FIXTURES, 'api')).filter((name) => name.startsWith('req__'))

/**
 * Every id in a list called messages, message_echoes or statuses, with the list's name and the change's field; found
 * without the parser.
 */
function idsIn(value: unknown, field = '', list = ''): { field: string; list: string; id: string }[] {
  if (Array.isArray(value)) return value.flatMap((element) => idsIn(element, field, list))
  if (typeof value !== 'object' || value === null) return []
  const object = value as Record<string, unknown>
  const here = typeof object['field'] === 'string' ? object['field'] : field
  const own = list !== '' && typeof object['id'] === 'string' ? [{ field: here, list, id: object['id'] }] : []
  const inner = Object.entries(object).flatMap(([name, member]) =>
    idsIn(member, here, ['messages', 'message_echoes', 'statuses'].includes(name) ? name : ''),
  )
  return [...own, ...inner]
}

describe.skipIf(!isThere)('the webhook fixtures (skipped where the shared folder is missing)', () => {
  test('are all there', () => {
    expect(bodies.length).toBeGreaterThanOrEqual(100)
  })

  test.each(bodies)('$name loses no message and no status', ({ text }) => {
    const body: unknown = JSON.parse(text)
    const items = parse(body, RECEIVED_MS)
    expect(items.length).toBeGreaterThan(0)
    expect(items.filter((item) => item.kind === 'other' && item.field === 'malformed')).toEqual([])
    const found = idsIn(body)
    const inContent = found.filter(({ field }) => CONTENT_FIELDS.includes(field))
    const parsed = items.flatMap((item) => (item.kind === 'other' ? [] : [item.upstreamId]))
    expect(parsed.sort()).toEqual(inContent.map(({ id }) => id).sort())
    const kept = JSON.stringify(items.filter((item) => item.kind === 'other'))
    for (const { id } of found) if (!parsed.includes(id)) expect(kept).toContain(JSON.stringify(id))
  })

  test('hold messages, echoes, statuses and others', () => {
    const kinds = bodies.flatMap(({ text }) => parse(JSON.parse(text), RECEIVED_MS).map((item) => item.kind))
    const count = (kind: string) => kinds.filter((found) => found === kind).length
    expect(count('message')).toBeGreaterThan(40)
    expect(count('status')).toBeGreaterThan(8)
    expect(count('other')).toBeGreaterThan(40)
  })
})

/** What stands for a value that the reader shall fill in, or belongs to groups, which are not sent to yet. */
const isPlaceholder = (text: string) => /"[^"]*<[A-Z_0-9]+>/.test(text) || text.includes('"group"')

describe.skipIf(!isThere)('the sample sends (skipped where the shared folder is missing)', () => {
  const samples = requests.flatMap((name) => {
    const text = readFileSync(join(FIXTURES, 'api', name), 'utf8')
    const { to, ...body } = JSON.parse(text)
    return typeof body.type === 'string' && to !== undefined && !isPlaceholder(text) ? [{ name, body }] : []
  })

  test('are all there', () => {
    expect(samples.length).toBeGreaterThanOrEqual(25)
  })

  test.each(samples)('$name is taken', ({ body }) => {
    expect(prepareMessage(body).content).toMatchObject({ type: body.type, [body.type]: body[body.type] })
  })
})

/** Objects of the body that must be found again inside some item's `raw`, as the same objects. */
function piecesOf(body: unknown): object[] {
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])
  const objects = (values: unknown[]) =>
    values.filter((value): value is object => typeof value === 'object' && value !== null)
  const isPlain = (value: unknown): value is Record<string, unknown> =>
    objects([value]).length === 1 && !Array.isArray(value)
  if (!isPlain(body) || !Array.isArray(body['entry'])) return objects([body])
  if ((body['object'] ?? 'whatsapp_business_account') !== 'whatsapp_business_account') return objects([body])
  return body['entry'].flatMap((entry) => {
    if (!isPlain(entry) || !Array.isArray(entry['changes'])) return objects([entry])
    return entry['changes'].flatMap((change) => {
      if (!isPlain(change) || !isPlain(change['value'])) return objects([change])
      const members = (value: Record<string, unknown>): unknown[] =>
        Object.entries(value).flatMap(([name, member]) => {
          if (['messaging_product', 'metadata', 'contacts'].includes(name)) return []
          return name === 'standby' && isPlain(member) ? members(member) : list(member)
        })
      return objects(members(change['value']))
    })
  })
}

function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found
  found.add(value)
  for (const member of Object.values(value)) objectsIn(member, found)
  return found
}

const JUNK = [
  'null',
  '0',
  '-1',
  '1e999',
  '""',
  '"x"',
  '[]',
  '{}',
  '[[]]',
  '[{}]',
  '{"id":7}',
  '"\\ud800"',
  'true',
  '{"__proto__":{"id":"p"}}',
]
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'messages',
  'statuses',
  'standby',
  'id',
  'from',
  'field',
  'value',
  'errors',
]

const kindOf = (item: InboundItem) => (item.kind === 'other' && item.field === 'malformed' ? 'malformed' : item.kind)

/** Changes a few random places of a body: members go, come, change their names, their values or their neighbours. */
function mutate(body: unknown, random: () => number): unknown {
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)]
  const junk = () => JSON.parse(pick(JUNK) ?? 'null')
  for (let count = 1 + Math.floor(random() * 5); count > 0; count--) {
    const target = pick([...objectsIn(body)])
    if (target === undefined) return junk()
    const at = pick(Object.keys(target)) ?? 'x'
    const members = target as Record<string, unknown>
    const kind = random()
    if (kind < 0.35) members[at] = junk()
    else if (kind < 0.55) delete members[at]
    else if (kind < 0.7 && !Array.isArray(target))
      Object.defineProperty(target, pick(NAMES) ?? 'x', {
        value: junk(),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    else if (kind < 0.85 && Array.isArray(target)) target.push(structuredClone(members[at]), junk())
    else members[pick(NAMES.slice(3)) ?? 'x'] = structuredClone(members[at])
  }
  return random() < 0.01 ? junk() : body
}

describe.skipIf(!isThere)('parse() (skipped where the shared folder is missing)', () => {
  test('throws for none of 20,000 mutated bodies and loses no object of them', () => {
    const seed = 20261122
    const random = seededRandom(seed)
    const countOf: Record<string, number> = { message: 0, status: 0, other: 0, malformed: 0 }
    for (let round = 0; round < 20_000; round++) {
      const text = bodies[round % bodies.length]?.text ?? ''
      const body = mutate(JSON.parse(text), random)
      const items = parse(body, RECEIVED_MS)
      for (const item of items) countOf[kindOf(item)] = (countOf[kindOf(item)] ?? 0) + 1
      expect(items.length, `seed ${seed}, round ${round}`).toBeGreaterThan(0)
      const kept = objectsIn(items.map((item) => item.raw))
      const lost = piecesOf(body).filter((piece) => !kept.has(piece))
      if (lost.length > 0)
        throw new Error(`seed ${seed}, round ${round}: lost ${JSON.stringify(lost[0])} of ${JSON.stringify(body)}`)
    }
    for (const count of Object.values(countOf)) expect(count).toBeGreaterThan(500)
  }, 20_000)

  test('throws for none of 20,000 bodies with bytes changed', () => {
    const seed = 7
    const random = seededRandom(seed)
    let parsedCount = 0
    for (let round = 0; round < 20_000; round++) {
      const text = bodies[round % bodies.length]?.text ?? ''
      const at = Math.floor(random() * text.length)
      const changed = text.slice(0, at) + String.fromCharCode(32 + Math.floor(random() * 95)) + text.slice(at + 1)
      let body: unknown
      try {
        body = JSON.parse(changed)
      } catch {
        continue
      }
      parsedCount++
      expect(() => parse(body, RECEIVED_MS), `seed ${seed}, round ${round}`).not.toThrow()
    }
    expect(parsedCount).toBeGreaterThan(5_000)
  }, 20_000)
})
