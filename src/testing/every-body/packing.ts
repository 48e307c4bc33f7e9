import type { Json } from './seen.ts'
import type { Element, World } from './world.ts'

/** What is posted: a body, and whether all before it has to be taken first. */
export interface Posted {
  text: string
  isBarrier: boolean
}

/**
 * The elements in any order that respects `after`, each at least once, in bodies of any size: alone, merged into lists,
 * changes and entries, split, and doubled.
 */
export function packed(world: World): Posted[] {
  const ordered = shuffled(world)
  const posted: Posted[] = []
  for (let index = 0; index < ordered.length; ) {
    const size = world.chance(0.01) ? 200 : world.chance(0.5) ? 1 : 1 + world.below(12)
    const some = ordered.slice(index, index + size)
    index += size
    posted.push({ text: bodyOf(world, some), isBarrier: some.some(({ after }) => after !== undefined) })
    if (world.chance(0.08)) posted.push({ text: posted[world.below(posted.length)]?.text ?? '{}', isBarrier: false })
  }
  return posted
}

/** A random order; what comes after something else comes after it, and a seventh of all comes a second time. */
function shuffled(world: World): Element[] {
  const keys = new Map<Element, number>()
  for (const element of world.elements) {
    const from = Math.max(0, ...(element.after ?? []).map((one) => keys.get(one) ?? 0))
    keys.set(element, from + (1 - from) * (0.000_001 + fraction(world)))
  }
  const doubles = world.elements
    .filter(({ after }) => after === undefined && world.chance(0.14))
    .map((element) => ({ element, key: (keys.get(element) ?? 0) + fraction(world) / 4 }))
  const all = [...[...keys].map(([element, key]) => ({ element, key })), ...doubles]
  return all.sort((one, other) => one.key - other.key).map(({ element }) => element)
}

function fraction(world: World): number {
  return world.below(1_000_000_000) / 1_000_000_000
}

interface Change {
  element: Element
  value: Json
}

function bodyOf(world: World, elements: readonly Element[]): string {
  const entries: Json[] = []
  const shares = world.chance(0.7)
  let last: { change: Change; entry: Json } | undefined
  for (const element of elements) {
    if (last && shares && isOneValue(last.change.element, element)) {
      put(last.change.value, element)
      continue
    }
    const value = webhookValue(element)
    const change = { field: element.field, value }
    const isOneEntry = last && world.chance(0.5) && isSameEntry(last.change.element, element)
    const entry = isOneEntry ? last?.entry : entryOf(element)
    entry.changes.push(world.chance(0.5) ? change : { value, field: element.field })
    if (!isOneEntry) entries.push(entry)
    last = { change: { element, value }, entry }
  }
  return written(world, { object: 'whatsapp_business_account', entry: entries })
}

/** The platform escapes what is not ASCII, and slashes. */
function written(world: World, body: Json): string {
  const text = JSON.stringify(body)
  if (world.chance(0.5)) return text
  return text
    .replace(/\//g, '\\/')
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function isOneValue(one: Element, other: Element): boolean {
  const isList = one.list !== null && other.list !== null
  return isList && one.field === other.field && one.line === other.line && one.entryId === other.entryId
}

function isSameEntry(one: Element, other: Element): boolean {
  return one.entryId === other.entryId && one.time === other.time
}

function entryOf({ entryId, time }: Element): Json {
  return { id: entryId, ...(time === undefined ? {} : { time }), changes: [] }
}

function webhookValue(element: Element): Json {
  const { line, list, field } = element
  if (list === null) return structuredClone(element.object)
  const metadata = { display_phone_number: line?.display, phone_number_id: line?.id }
  const value: Json = { messaging_product: 'whatsapp', metadata, ...(field === 'standby' ? { standby: {} } : {}) }
  put(value, element)
  return value
}

function put(value: Json, { field, list, object, contact }: Element): void {
  const into = field === 'standby' ? value.standby : value
  if (list !== null) into[list] = [...(into[list] ?? []), object]
  if (!contact) return
  const known: Json[] = into.contacts ?? []
  const isThere = known.some((one) => JSON.stringify(one) === JSON.stringify(contact))
  into.contacts = isThere ? known : [...known, contact]
}
