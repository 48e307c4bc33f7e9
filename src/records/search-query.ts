import { Failure } from '../core/failure.ts'
import type { Document } from './search-document.ts'
import { stemOf } from './search-stem.ts'
import type { SearchTerms } from './search-terms.ts'
import { type Atom, atomsOf, codesOf } from './search-words.ts'

/** One thing that a message has to have. */
export interface Clause {
  /** One word or several that follow each other. */
  atoms: readonly Atom[]
  /** In quotes: these very forms, not their stems. */
  isExact: boolean
  /** A code as it is indexed whole: `30-20418-B` is also found as `3020418b`. */
  joined: string | null
  /** Numbers with spaces between: one phone number, or several that need not stand together. */
  isApart: boolean
}

export const QUERY_CHARACTERS_MAX = 200
export const QUERY_WORDS_MAX = 20

/** Between quotes, or up to the end where they are not closed. */
const QUOTED = /["“”„«»]([^"“”„«»]*)(?:["“”„«»]|$)/gu
const SPACED_PHONE = /(?<![\p{L}\p{N}])\+?\(?\d[\d ().\u00a0/-]{5,22}\d(?![\p{L}\p{N}])/gu

/** What was asked for, or the refusal. `path` names the member it came in. */
export function readQuery(text: string, path: string): Clause[] {
  if (text.length > QUERY_CHARACTERS_MAX) {
    throw new Failure('invalid', `Too long: at most ${QUERY_CHARACTERS_MAX} characters are searched for`, { path })
  }
  const clauses: Clause[] = []
  const plain = text.replace(QUOTED, (_whole, phrase: string) => {
    add(clauses, phrase, { isExact: true, isApart: false })
    return ' '
  })
  const rest = plain.replace(SPACED_PHONE, (phone) => {
    add(clauses, phone, { isExact: false, isApart: true })
    return ' '
  })
  for (const word of rest.split(/\s+/u)) add(clauses, word, { isExact: false, isApart: false })
  if (clauses.length === 0) {
    throw new Failure('invalid', 'Nothing to search for: at least one letter or digit is wanted', { path })
  }
  if (clauses.reduce((count, { atoms }) => count + wordsIn(atoms), 0) > QUERY_WORDS_MAX) {
    throw new Failure('invalid', `Too many words: at most ${QUERY_WORDS_MAX} are searched for`, { path })
  }
  return clauses
}

function add(clauses: Clause[], text: string, how: Pick<Clause, 'isExact' | 'isApart'>): void {
  const atoms = atomsOf(text, QUERY_CHARACTERS_MAX)
  const first = atoms[0]
  if (!first) return
  const whole = codesOf(text).find(({ start, end }) => start <= first.start && end >= endOf(atoms))
  // The beginning of a code need not look like one yet.
  const isOne = how.isExact || atoms.length === 1 || atoms.some(({ isCharacter }) => isCharacter)
  clauses.push({ atoms, ...how, joined: isOne ? null : (whole?.joined ?? atoms.map(({ norm }) => norm).join('')) })
}

function endOf(atoms: readonly Atom[]): number {
  return atoms.at(-1)?.end ?? 0
}

/** A run of characters counts as one word for every four. */
function wordsIn(atoms: readonly Atom[]): number {
  const characters = atoms.filter(({ isCharacter }) => isCharacter).length
  return atoms.length - characters + Math.ceil(characters / 4)
}

/**
 * By what phrases are asked for: by words where the index has no pairs; by pairs alone, which are few, but others share their
 * terms; or by both.
 */
export type PhrasesBy = 'words' | 'pairs' | 'both'

/** The clauses in the words of FTS5, as a part of what is ANDed. */
export function expressionOf(
  clauses: readonly Clause[],
  terms: Pick<SearchTerms, 'word' | 'pair'>,
  by: PhrasesBy,
): string[] {
  return clauses.map(({ atoms, joined, isApart }) => {
    const { sequence, singles } = placesOf(atoms)
    const words = sequence.map(terms.word)
    const hasPairs = by !== 'words' && !isApart && words.length > 1
    const pairs = hasPairs ? words.slice(1).map((next, index) => terms.pair(words[index] ?? '', next)) : []
    const asked = [...pairs, ...(hasPairs && by === 'pairs' ? [] : words), ...singles.map(terms.word)]
    const parts = asked.map((term) => `"${term}"`).join(' AND ')
    return joined === null ? parts : `((${parts}) OR "${terms.word(stemOf(joined))}")`
  })
}

/**
 * What stands in a document's sequence wherever the phrase stands. A single character at an end of the phrase may be part
 * of a longer run there, which has pairs only: it is asked for apart.
 */
function placesOf(atoms: readonly Atom[]): { sequence: string[]; singles: string[] } {
  const sequence: string[] = []
  const singles: string[] = []
  for (const [index, atom] of atoms.entries()) {
    const next = atoms[index + 1]
    if (!atom.isCharacter) sequence.push(atom.stem)
    else if (next?.isGlued) sequence.push(atom.stem + next.stem)
    else if (!atom.isGlued) {
      if (index === 0 || !next) singles.push(atom.stem)
      else sequence.push(atom.stem)
    }
  }
  return { sequence, singles }
}

export type Span = [start: number, end: number]

/**
 * Where what was asked for stands in the text of a document, or undefined where the document does not have it. The index
 * only proposes: this decides, on the opened text.
 */
export function matchOf(clauses: readonly Clause[], document: Document): Span[] | undefined {
  const spans: Span[] = []
  for (const clause of clauses) {
    const found = spansOf(clause, document)
    if (!found) return undefined
    spans.push(...found)
  }
  return joinedSpans(spans)
}

function spansOf(clause: Clause, document: Document): Span[] | undefined {
  const { atoms, isExact, joined, isApart } = clause
  const only = atoms.length === 1 && !isExact ? atoms[0]?.stem : undefined
  const words = isApart && atoms.length > 1 ? apartSpans(atoms, document) : phraseSpans(clause, document)
  if (words) return words
  const part = joined === null ? only : stemOf(joined)
  return part === undefined ? undefined : codeSpans(part, document)
}

function codeSpans(part: string, { loose, codes }: Document): Span[] | undefined {
  if (!loose.has(part)) return undefined
  return codes.filter(({ joined }) => isPartOf(part, joined)).map(({ start, end }) => [start, end])
}

/** Each by itself, in any order. */
function apartSpans(atoms: readonly Atom[], document: Document): Span[] | undefined {
  return matchOf(
    atoms.map((atom) => ({ atoms: [atom], isExact: false, joined: null, isApart: false })),
    document,
  )
}

function phraseSpans({ atoms, isExact }: Clause, { fields }: Document): Span[] | undefined {
  const found = fields.map((field) => phraseIn(field, atoms, isExact))
  return found.some((spans) => spans.length > 0) ? found[0] : undefined
}

function isPartOf(part: string, joined: string): boolean {
  return joined.startsWith(part) || stemOf(joined) === part || joined.replace(/\P{N}/gu, '').endsWith(part)
}

function phraseIn(field: readonly Atom[], phrase: readonly Atom[], isExact: boolean): Span[] {
  const spans: Span[] = []
  for (let start = 0; start + phrase.length <= field.length; start++) {
    if (!isAt(field, start, phrase, isExact)) continue
    spans.push([field[start]?.start ?? 0, field[start + phrase.length - 1]?.end ?? 0])
  }
  return spans
}

function isAt(field: readonly Atom[], start: number, phrase: readonly Atom[], isExact: boolean): boolean {
  for (let offset = 0; offset < phrase.length; offset++) {
    const found = field[start + offset]
    const wanted = phrase[offset]
    if (!found || !wanted || found.isCharacter !== wanted.isCharacter) return false
    if (isExact ? found.norm !== wanted.norm : found.stem !== wanted.stem) return false
    if (offset > 0 && found.isGlued !== wanted.isGlued) return false
  }
  return true
}

/** In order, without those that lie in others. */
function joinedSpans(spans: Span[]): Span[] {
  const joined: Span[] = []
  for (const [start, end] of spans.sort((one, other) => one[0] - other[0] || other[1] - one[1])) {
    const last = joined.at(-1)
    if (last && start < last[1]) last[1] = Math.max(last[1], end)
    else joined.push([start, end])
  }
  return joined
}
