import { keyedHash } from '../vault/sealing.ts'
import { DIRECTION, type Direction } from './codes.ts'
import type { Document } from './search-document.ts'

/**
 * Raised whenever other terms would be made of the same text: an index of another version is made anew.
 */
export const TERMS_VERSION = 1

/** 40 bits of the hash: in five million terms a wrong one is found once in 200,000 questions, and refused when opened. */
const TERM_BYTES = 5
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'
const DAY_LENGTH = '2026-11-22'.length
const MONTH_LENGTH = '2026-11'.length

/** Hashes that are kept in memory; people use few words often, and a hash costs more than the search for it. */
const KEPT_MAX = 100_000

/** What a row of the index is about, beside its words. */
export interface Facets {
  conversationId: number
  numberId: number
  direction: Direction
  kind: string
  atMs: number
  /** Who wrote it in a group. */
  authorId: number | null
}

/** Makes the terms of the index: hashes with the workspace's search key, so equal words have equal terms and no more is told. */
export class SearchTerms {
  readonly #key: Uint8Array
  readonly #kept = new Map<string, string>()

  constructor(key: Uint8Array) {
    this.#key = key
  }

  readonly word = (word: string): string => this.#term('word', word)

  conversation(id: number): string {
    return this.#term('conversation', String(id))
  }

  number(id: number): string {
    return this.#term('number', String(id))
  }

  author(contactId: number): string {
    return this.#term('author', String(contactId))
  }

  /** One term for both: there are few pairs, and every term of every message takes space. */
  form(direction: Direction, kind: string): string {
    return this.#term('form', `${direction} ${kind}`)
  }

  /** Of a time in RFC 3339. */
  day(time: string): string {
    return this.#term('day', time.slice(0, DAY_LENGTH))
  }

  month(time: string): string {
    return this.#term('month', time.slice(0, MONTH_LENGTH))
  }

  ofMessage(document: Document, facets: Facets): string {
    const time = new Date(facets.atMs).toISOString()
    const terms = [
      ...this.#ofDocument(document),
      this.conversation(facets.conversationId),
      this.number(facets.numberId),
      this.form(facets.direction, facets.kind),
      this.day(time),
      this.month(time),
    ]
    if (facets.authorId !== null) terms.push(this.author(facets.authorId))
    return terms.join(' ')
  }

  ofPerson(document: Document): string {
    return [...new Set(this.#ofDocument(document))].join(' ')
  }

  #ofDocument({ sequence, loose }: Document): string[] {
    const terms = sequence.map(this.word)
    if (loose.size === 0) return terms
    const placed = new Set(sequence)
    for (const part of loose) if (!placed.has(part)) terms.push(this.word(part))
    return terms
  }

  #term(space: string, text: string): string {
    const name = `${space} ${text}`
    const kept = this.#kept.get(name)
    if (kept !== undefined) return kept
    const term = lettersOf(keyedHash(this.#key, space, text))
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear()
    this.#kept.set(name, term)
    return term
  }
}

/** Every direction there is, for a search that names none. */
export const DIRECTIONS: readonly Direction[] = [DIRECTION.word(0), DIRECTION.word(1)]

/** Base 32 in small letters: FTS5 takes it as one word. */
function lettersOf(hash: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (let index = 0; index < TERM_BYTES; index++) {
    held = (held << 8) | (hash[index] ?? 0)
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += LETTERS[(held >> bits) & 31]
    }
    held &= (1 << bits) - 1
  }
  return text
}
