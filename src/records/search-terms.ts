import { keyedHash } from '../vault/sealing.ts'
import { DIRECTION, type Direction } from './codes.ts'
import type { Document } from './search-document.ts'

/**
 * Raised whenever other terms would be made of the same text: an index of another version is made anew.
 */
export const TERMS_VERSION = 2

/**
 * Pairs of neighbours share so many terms: among five million messages some thirteen are proposed by chance. With fewer terms
 * more messages are opened in vain, with one for each pair the index is half as large again.
 */
const PAIR_BITS = 22

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'
const DAY_LENGTH = '2026-11-22'.length
const MONTH_LENGTH = '2026-11'.length

/**
 * Hashes that are kept in memory. People use few words often, and to find one of them again costs a twentieth of its hash,
 * if it comes as the very same string: one that was just put together costs as much as the hash (measured).
 */
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

/**
 * Makes the terms of the index: hashes with the workspace's search key, so equal words have equal terms, and no more is told.
 * Of a hash 40 bits are kept: among five million terms a question meets a wrong one once in 200,000 times, and what was
 * found by it is refused when it is opened.
 */
export class SearchTerms {
  readonly #key: Uint8Array
  readonly #words = new Map<string, string>()
  readonly #facets = new Map<string, string>()

  constructor(key: Uint8Array) {
    this.#key = key
  }

  readonly word = (word: string): string => {
    const known = this.#words.get(word)
    if (known !== undefined) return known
    const term = this.#made('word', word)
    if (this.#words.size >= KEPT_MAX) this.#words.clear()
    this.#words.set(word, term)
    return term
  }

  conversation(id: number): string {
    return this.#made('conversation', String(id))
  }

  number(id: number): string {
    return this.#kept('number', String(id))
  }

  author(contactId: number): string {
    return this.#made('author', String(contactId))
  }

  /** One term for both: there are few pairs, and every term of every message takes space. */
  form(direction: Direction, kind: string): string {
    return this.#kept('form', `${direction} ${kind}`)
  }

  /** Of a time in RFC 3339. */
  day(time: string): string {
    return this.#kept('day', time.slice(0, DAY_LENGTH))
  }

  month(time: string): string {
    return this.#kept('month', time.slice(0, MONTH_LENGTH))
  }

  /** Of two terms that follow each other. What it is made of tells nobody anything without the key. */
  pair(one: string, next: string): string {
    return pairLettersOf(Bun.hash.xxHash32(one + next) >>> (32 - PAIR_BITS))
  }

  ofMessage(document: Document, facets: Facets): string {
    const time = new Date(facets.atMs).toISOString()
    const sequence = document.sequence.map(this.word)
    const terms = [
      ...sequence,
      ...sequence.slice(1).map((next, index) => this.pair(sequence[index] ?? '', next)),
      ...this.#loose(document),
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
    return [...new Set([...document.sequence.map(this.word), ...this.#loose(document)])].join(' ')
  }

  #loose({ loose }: Document): string[] {
    return [...loose].map((part) => this.#made('word', part))
  }

  /** Of what many messages have in common. */
  #kept(space: string, text: string): string {
    const name = `${space} ${text}`
    const known = this.#facets.get(name)
    if (known !== undefined) return known
    const term = this.#made(space, text)
    if (this.#facets.size >= KEPT_MAX) this.#facets.clear()
    this.#facets.set(name, term)
    return term
  }

  #made(space: string, text: string): string {
    return lettersOf(keyedHash(this.#key, space, text))
  }
}

/** Every direction there is, for a search that names none. */
export const DIRECTIONS: readonly Direction[] = [DIRECTION.word(0), DIRECTION.word(1)]

/** Base 32 in small letters, two of them for every ten bits: FTS5 takes it as one word. */
const PAIRS = Array.from({ length: 1024 }, (_, bits) => `${LETTERS[bits >> 5]}${LETTERS[bits & 31]}`)

/** The first 40 bits of a hash. */
function lettersOf([a = 0, b = 0, c = 0, d = 0, e = 0]: Uint8Array): string {
  const pairs = [(a << 2) | (b >> 6), ((b & 63) << 4) | (c >> 4), ((c & 15) << 6) | (d >> 2), ((d & 3) << 8) | e]
  return `${PAIRS[pairs[0] ?? 0]}${PAIRS[pairs[1] ?? 0]}${PAIRS[pairs[2] ?? 0]}${PAIRS[pairs[3] ?? 0]}`
}

/** Shorter than the term of a word: never one. */
function pairLettersOf(bits: number): string {
  return `${LETTERS[bits >>> 20]}${PAIRS[(bits >>> 10) & 1023]}${PAIRS[bits & 1023]}`
}
