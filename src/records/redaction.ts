import { phoneForms } from '../core/phone.ts'
import { blindHash } from '../vault/vault.ts'

/** Whoever is erased, by the keyed hashes of what they were known by. Nothing of it is readable. */
export interface Subject {
  portfolios: readonly string[]
  /** Hexadecimal. */
  hashes: readonly string[]
}

/** Whether a text is something that the person is known by, as a whole: a phone, a user id. */
export type Names = (text: string) => boolean

/** The way to something in a JSON document: names of members and places in lists. */
export type Path = readonly (string | number)[]

const PHONE = /^\+?(\d{6,15})$/
/** What may be an id: no words, nothing long. */
const ID = /^[\w.:@-]{3,128}$/
/** Members that say whose words an item is, or whom it is about. */
const SPEAKER: ReadonlySet<string> = new Set(['from', 'from_user_id', 'recipient_id', 'recipient_user_id'])
/** Answers remembered: the same ids come in nearly every body. */
const KNOWN_MAX = 20_000

export function namesOf(subject: Subject, blindKey: Uint8Array): Names {
  const hashes = new Set(subject.hashes)
  const known = new Map<string, boolean>()
  const isOf = (kind: 'phone' | 'user' | 'group', value: string) =>
    subject.portfolios.some((portfolio) => hashes.has(blindHash(blindKey, kind, portfolio, value).toHex()))
  const look = (text: string) => {
    const digits = PHONE.exec(text)?.[1]
    if (digits !== undefined && phoneForms(`+${digits}`).some((form) => isOf('phone', form))) return true
    return ID.test(text) && isOf('user', text)
  }
  return (text) => {
    if (text.length > 128) return false
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= KNOWN_MAX) known.clear()
    const answer = look(text)
    known.set(text, answer)
    return answer
  }
}

/**
 * What has to be taken out of a document so that it does not name the person: the items that do, wherever in them, of
 * lists and the document itself; of what others said the members that do. A list that would be empty goes with what
 * holds it, if that holds no other: a document of which nothing is left is the path of no steps.
 */
export function findCuts(document: unknown, names: Names): Path[] {
  const cuts: Path[] = []
  const rest = visit({ names, cuts, mayVanish: true }, document, [], true)
  return rest === 'kept' ? cuts : [[]]
}

/** The same of a document that stays in any case: a message of somebody else that names the person. */
export function findMentions(document: unknown, names: Names): Path[] {
  const cuts: Path[] = []
  visit({ names, cuts, mayVanish: false }, document, [], false)
  return cuts
}

interface Search {
  names: Names
  cuts: Path[]
  mayVanish: boolean
}

/** `named`: it names the person and is to be taken out of the list that it stands in; `gone`: nothing of it would be left. */
type Rest = 'kept' | 'named' | 'gone'

function visit(search: Search, node: unknown, path: Path, isInList: boolean): Rest {
  if (isName(search, node)) return 'named'
  if (Array.isArray(node)) return visitList(search, node, path)
  if (typeof node === 'object' && node !== null) return visitObject(search, Object.entries(node), path, isInList)
  return 'kept'
}

/** As a text, or as a number of what nobody understood. */
function isName({ names }: Search, value: unknown): boolean {
  return typeof value === 'string' ? names(value) : Number.isSafeInteger(value) && names(String(value))
}

function visitList(search: Search, list: readonly unknown[], path: Path): Rest {
  let left = list.length
  for (const [index, item] of list.entries()) {
    const mark = search.cuts.length
    const place = [...path, index]
    if (visit(search, item, place, true) === 'kept') continue
    search.cuts.length = mark
    search.cuts.push(place)
    left -= 1
  }
  return left === 0 && list.length > 0 ? 'gone' : 'kept'
}

function visitObject(search: Search, members: [string, unknown][], path: Path, isInList: boolean): Rest {
  const isNamed = members.some(([name, value]) => isName(search, name) || isName(search, value))
  if (isNamed && isInList) return 'named'
  // Somebody else's words, which may answer the person or be about them: they stay, without them.
  const isOfOther = members.some(([name, value]) => typeof value === 'string' && SPEAKER.has(name))
  let holdsOther = false
  let hasLost = false
  for (const [name, value] of members) {
    const place = [...path, name]
    const rest = isName(search, name) ? 'named' : visit(search, value, place, isInList && !isOfOther)
    if (rest === 'named' && isInList && !isOfOther) return 'named'
    if (rest === 'kept') holdsOther ||= Array.isArray(value) && value.length > 0
    else search.cuts.push(place)
    hasLost ||= rest === 'gone'
  }
  return search.mayVanish && hasLost && !holdsOther && !isOfOther ? 'gone' : 'kept'
}

/** The document without what the paths lead to; undefined where nothing is left. */
export function applyCuts(document: unknown, cuts: readonly Path[]): unknown {
  if (cuts.length === 0) return document
  const keys = new Set(cuts.map((path) => JSON.stringify(path)))
  return without(document, [], keys)
}

function without(node: unknown, path: Path, keys: ReadonlySet<string>): unknown {
  if (keys.has(JSON.stringify(path))) return undefined
  if (Array.isArray(node)) {
    return node.flatMap((item, index) => {
      const left = without(item, [...path, index], keys)
      return left === undefined ? [] : [left]
    })
  }
  if (typeof node !== 'object' || node === null) return node
  const members = Object.entries(node).map(([name, value]) => [name, without(value, [...path, name], keys)] as const)
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}

/** What of a body in bytes names the person, and what it is without it; undefined where it does not name them. */
export function redactBody(body: Uint8Array, names: Names): { body: Uint8Array; cuts: Path[] } | undefined {
  const text = new TextDecoder().decode(body)
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    // No JSON: whole, or not at all.
    return text.split(/[^\w.+-]+/).some(names) ? { body: new Uint8Array(0), cuts: [[]] } : undefined
  }
  const cuts = findCuts(document, names)
  return cuts.length === 0 ? undefined : { body: bytesOf(applyCuts(document, cuts)), cuts }
}

/** The body without what the paths lead to. */
export function cutBody(body: Uint8Array, cuts: readonly Path[]): Uint8Array {
  if (cuts.some((path) => path.length === 0)) return new Uint8Array(0)
  return bytesOf(applyCuts(JSON.parse(new TextDecoder().decode(body)), cuts))
}

function bytesOf(document: unknown): Uint8Array {
  return document === undefined ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(document))
}
