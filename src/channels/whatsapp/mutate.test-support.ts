/**
 * Bodies that no platform would send, made from ones that it does. The generator is given, so the same seed makes the
 * same bodies.
 */

type Random = () => number

const NAMES = [
  ...['__proto__', 'constructor', 'toString', 'messages', 'statuses', 'message_echoes', 'standby', 'history', 'calls'],
  ...['groups', 'id', 'from', 'type', 'field', 'value', 'errors', 'contacts', 'threads', 'edit', 'message', 'text'],
]

const TEXTS = [
  ...['', 'x', '0', '-1', '1790000000', '16505551234', 'US.1', 'text', 'edit', 'system', 'interactive', 'group'],
  ...[
    '\u0000',
    '\ud800',
    '\udfff!',
    '\u202e\u2066',
    'e\u0301'.repeat(20),
    '👩‍👩‍👧‍👦',
    'ا\u064b',
    '한국어',
    '\ufeff',
    '𝕏',
    '{"a":',
    '[[[[',
  ],
]

const VALUES: readonly (() => unknown)[] = [
  ...[null, 0, -1, Number.POSITIVE_INFINITY, 1790000000, 2 ** 53, 0.1, true, false].map((value) => () => value),
  ...TEXTS.map((text) => () => text),
  ...['[]', '{}', '[[]]', '[{}]', '{"id":7}', '{"id":"a","from":"1"}', '{"__proto__":{"id":"p"}}'].map(
    (json) => () => JSON.parse(json),
  ),
]

/** A body like `body`, which is changed, or one of several that are joined; at most 60 levels deep. */
export function mutated(bodies: readonly string[], random: Random): unknown {
  const taken = () => JSON.parse(pick(bodies, random) ?? '{}')
  let body: unknown = taken()
  const kind = random()
  if (kind < 0.1) body = merged(body, taken())
  else if (kind < 0.15) body = split(body, random)
  for (let count = Math.floor(random() * 5); count > 0; count--) change(body, random)
  if (random() < 0.005) return junk(random)
  return body
}

/** Both bodies' entries in one, in any order. */
function merged(one: unknown, other: unknown): unknown {
  const entries = [one, other].flatMap((body) => (isPlain(body) && Array.isArray(body['entry']) ? body['entry'] : []))
  return { object: 'whatsapp_business_account', entry: entries.reverse() }
}

/** One list of the body becomes two changes. */
function split(body: unknown, random: Random): unknown {
  if (!isPlain(body) || !Array.isArray(body['entry'])) return body
  const entry = pick(body['entry'], random)
  const changes = isPlain(entry) && Array.isArray(entry['changes']) ? entry['changes'] : []
  const change = pick(changes, random)
  if (change !== undefined) changes.push(structuredClone(change))
  return body
}

function change(body: unknown, random: Random): void {
  const target = pick(objectsIn(body), random)
  if (target === undefined) return
  const name = pick(Object.keys(target), random) ?? 'x'
  const other = pick(NAMES, random) ?? 'x'
  const value = (target as Record<string, unknown>)[name]
  const kind = random()
  if (kind < 0.25) set(target, name, junk(random))
  else if (kind < 0.4) drop(target, name)
  else if (kind < 0.5) set(target, name, retyped(value))
  else if (kind < 0.6) set(target, other, junk(random))
  else if (kind < 0.75) set(target, `${name}_`, structuredClone(value))
  else if (kind < 0.8) set(target, name, deep(random))
  else if (kind < 0.81) set(target, name, huge(random))
  else if (kind < 0.9) shuffle(target, random)
  else set(target, other, structuredClone(value))
}

function drop(target: object, name: string): void {
  if (Array.isArray(target)) target.splice(Number(name), 1)
  else Reflect.deleteProperty(target, name)
}

function retyped(value: unknown): unknown {
  if (typeof value === 'string') return /^\d{1,15}$/.test(value) ? Number(value) : [value]
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value[0] ?? {}
  return [value]
}

function shuffle(target: object, random: Random): void {
  if (Array.isArray(target)) target.sort(() => random() - 0.5)
  else
    for (const [name, value] of Object.entries(target).reverse()) {
      Reflect.deleteProperty(target, name)
      set(target, name, value)
    }
}

/** As `JSON.parse` would set it, also for `__proto__`. What is no place in a list comes behind its end. */
function set(target: object, name: string, value: unknown): void {
  if (Array.isArray(target) && !/^\d+$/.test(name)) target.push(value)
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}

function deep(random: Random): unknown {
  const isList = random() < 0.5
  let value: unknown = junk(random)
  for (let level = Math.floor(random() * 50); level > 0; level--) value = isList ? [value] : { message: value }
  return value
}

function huge(random: Random): unknown {
  const kind = random()
  if (kind < 0.4) return (pick(TEXTS, random) ?? '').repeat(2_000)
  if (kind < 0.7) return Array.from({ length: 1_500 }, () => 0)
  return Array.from({ length: 300 }, (_, index) => ({ id: `i${index}`, from: '16505551234', type: 'text', text: {} }))
}

function junk(random: Random): unknown {
  return pick(VALUES, random)?.()
}

function pick<T>(from: readonly T[], random: Random): T | undefined {
  return from[Math.floor(random() * from.length)]
}

/** Every object of the body, the outermost first. */
export function objectsIn(value: unknown): object[] {
  const found: object[] = []
  const open = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    found.push(next)
    for (const member of Object.values(next)) open.push(member)
  }
  return found
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
