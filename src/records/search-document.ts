import { type Atom, addParts, atomsOf, type Code, codesOf } from './search-words.ts'
import type { View } from './views.ts'

/** What is looked for in a message. */
export interface Searchable {
  /** The word for what it is: see ContentKind. */
  kind: string
  /** What a person reads in it. */
  text: string
  /** File names, places, titles of choices, numbers of products and so on. */
  more: readonly string[]
  /** Names of people and firms: found by their beginnings too. */
  names: readonly string[]
}

/** Of one message; what is beyond is not found. The longest text that a customer can send has some 2,000 words. */
const ATOMS_MAX = 4_000
const FIELDS_MAX = 100
/** How deep the answers of a form are looked into. */
const DEPTH_MAX = 5

/** What of a message's view is looked for. Undefined where it shows no content: hidden, erased, or nothing in it. */
export function searchableOf(view: View): Searchable | undefined {
  const content = objectOf(view['content'])
  const kind = content['kind']
  if (typeof kind !== 'string') return undefined
  const text = textOf(content['text'])
  // Nearly all messages are of this form, and to look for all the others costs more than their words.
  if (kind === 'text' && !('attachments' in view) && !('referral' in content) && !('product' in content)) {
    return { kind, text, more: [], names: [] }
  }
  const place = objectOf(content['place'])
  const choice = objectOf(content['choice'])
  const order = objectOf(content['order'])
  const referral = objectOf(content['referral'])
  const people = listOf(content['people'])
  const more = [
    ...listOf(view['attachments']).map((file) => file['file_name']),
    ...[place['name'], place['address'], choice['title'], choice['description']],
    ...[referral['headline'], referral['body'], objectOf(content['product'])['product_id'], order['catalog_id']],
    ...listOf(order['items']).map((item) => item['product_id']),
    ...people.flatMap((person) => [...arrayOf(person['phones']), ...arrayOf(person['emails'])]),
    ...stringsIn(objectOf(content['form'])['answers'], DEPTH_MAX),
    ...textsIn(view['template'], DEPTH_MAX),
  ]
  const names = people.flatMap((person) => [person['name'], person['organization']])
  const isNew = (field: unknown): field is string => typeof field === 'string' && field !== '' && !text.includes(field)
  return {
    kind,
    text,
    more: [...new Set(more.filter(isNew))].slice(0, FIELDS_MAX),
    names: names.filter((name) => typeof name === 'string').slice(0, FIELDS_MAX),
  }
}

/** All texts in the answers of a form, whose members have the names that its author gave them. */
function stringsIn(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null || depth === 0) return []
  return Object.values(value).flatMap((member) => stringsIn(member, depth - 1))
}

/** What is put into the places of a template. */
function textsIn(value: unknown, depth: number): string[] {
  if (typeof value !== 'object' || value === null || depth === 0) return []
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'text' && typeof member === 'string' ? [member] : textsIn(member, depth - 1),
  )
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function listOf(value: unknown): Record<string, unknown>[] {
  return arrayOf(value).map(objectOf)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/**
 * A message or a person as the index has it. Only the words are made at once: to find a word again in an opened message
 * needs nothing else, and the rest costs more than they do.
 */
export class Document {
  /** The words of each field, in their order. The first is the text. */
  readonly fields: readonly (readonly Atom[])[]
  readonly #what: Omit<Searchable, 'kind'>
  #codes: readonly Code[] | undefined
  #loose: ReadonlySet<string> | undefined

  constructor(what: Omit<Searchable, 'kind'>) {
    const fields: Atom[][] = []
    let left = ATOMS_MAX
    for (const field of [what.text, ...what.more, ...what.names]) {
      const atoms = atomsOf(field, left)
      left -= atoms.length
      fields.push(atoms)
    }
    this.fields = fields
    this.#what = what
  }

  /** The codes of the text. */
  get codes(): readonly Code[] {
    this.#codes ??= codesOf(this.#what.text)
    return this.#codes
  }

  /** In their order: stems, and pairs of characters. */
  get sequence(): string[] {
    return this.fields.flatMap(sequenceOf)
  }

  /** What has no place: single characters, codes and names with their beginnings. */
  get loose(): ReadonlySet<string> {
    this.#loose ??= this.#looseParts()
    return this.#loose
  }

  #looseParts(): Set<string> {
    const { more, names } = this.#what
    const loose = new Set<string>()
    for (const atoms of this.fields) for (const atom of atoms) if (atom.isCharacter) loose.add(atom.stem)
    const codes = [...this.codes, ...[...more, ...names].flatMap(codesOf)]
    for (const { joined } of codes) addParts(loose, joined)
    for (const atoms of this.fields.slice(1 + more.length)) {
      for (const atom of atoms) if (!atom.isCharacter) addParts(loose, atom.norm)
    }
    return loose
  }
}

/** A lone character stands by itself, two and more as their pairs. */
function sequenceOf(atoms: readonly Atom[]): string[] {
  const sequence: string[] = []
  for (const [index, atom] of atoms.entries()) {
    const next = atoms[index + 1]
    if (!atom.isCharacter) sequence.push(atom.stem)
    else if (next?.isGlued) sequence.push(atom.stem + next.stem)
    else if (!atom.isGlued) sequence.push(atom.stem)
  }
  return sequence
}
