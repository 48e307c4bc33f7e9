import { DENSE, folded, LETTER, letterOf } from './search-letters.ts'
import { stemOf } from './search-stem.ts'

/** A word, or one character of a script that is written without spaces. */
export interface Atom {
  /** NFKC, case-folded. */
  norm: string
  /** What is looked for: the light stem of a word, the character itself. */
  stem: string
  /** Where it stands in the text, in UTF-16 code units. */
  start: number
  end: number
  isCharacter: boolean
  /** Whether it follows another character without anything between. */
  isGlued: boolean
}

/** A character with the marks that belong to it, in normalised text. */
const CHARACTERS = /\P{M}\p{M}*|\p{M}+/gu
const NO_WORD = /[^\p{L}\p{N}\p{M}]/gu

/** A longer word is cut: nobody looks for its end. */
const WORD_MAX = 64

/** The words of a text in their order, at most so many. */
export function atomsOf(text: string, max: number): Atom[] {
  const atoms: Atom[] = []
  let at = 0
  while (at < text.length && atoms.length < max) {
    const run = runAt(text, at)
    if (run.letter === LETTER.word) addWord(atoms, text.slice(at, run.end), at)
    else if (run.letter === LETTER.plainDense) addPlain(atoms, text, at, run.end)
    else if (run.letter === LETTER.dense) addCharacters(atoms, text.slice(at, run.end), at)
    at = run.end
  }
  return atoms.length > max ? atoms.slice(0, max) : atoms
}

/** From here as far as it is of one kind. A dense run is plain where all of it is. */
function runAt(text: string, start: number): { letter: number; end: number } {
  const first = text.codePointAt(start) ?? 0
  let letter = letterOf(first)
  let end = start + (first > 0xffff ? 2 : 1)
  while (end < text.length) {
    const codePoint = text.codePointAt(end) ?? 0
    const next = letterOf(codePoint)
    if (next !== letter) {
      if (next < LETTER.dense || letter < LETTER.dense) break
      letter = LETTER.dense
    }
    end += codePoint > 0xffff ? 2 : 1
  }
  return { letter, end }
}

function addWord(atoms: Atom[], run: string, start: number): void {
  const { norm, stem } = knownWord(run)
  if (norm === '') return
  atoms.push({ norm, stem, start, end: start + run.length, isCharacter: false, isGlued: false })
}

/** People use few words often: to look one up costs a tenth of folding and stemming it (measured). */
const WORDS_KEPT_MAX = 50_000
const words = new Map<string, { norm: string; stem: string }>()

function knownWord(run: string): { norm: string; stem: string } {
  const known = words.get(run)
  if (known) return known
  const norm = folded(run.slice(0, WORD_MAX)).replace(NO_WORD, '')
  const word = { norm, stem: stemOf(norm) }
  if (words.size >= WORDS_KEPT_MAX) words.clear()
  words.set(run, word)
  return word
}

function addPlain(atoms: Atom[], text: string, start: number, runEnd: number): void {
  for (let at = start; at < runEnd; ) {
    const end = at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1)
    const character = text.slice(at, end)
    atoms.push({ norm: character, stem: character, start: at, end, isCharacter: true, isGlued: at > start })
    at = end
  }
}

function addCharacters(atoms: Atom[], run: string, start: number): void {
  const norm = folded(run).replace(NO_WORD, '')
  // Where normalising changes the text, such as half-width or parted letters, nobody knows which became which.
  const isSame = norm === run
  let isGlued = false
  for (const match of norm.matchAll(CHARACTERS)) {
    const character = match[0]
    const from = isSame ? start + match.index : start
    const end = isSame ? from + character.length : start + run.length
    atoms.push({ norm: character, stem: character, start: from, end, isCharacter: true, isGlued })
    isGlued = true
  }
}

/** What is looked for by its beginning: mail addresses, phones, and numbers of orders, invoices and the like. */
export interface Code {
  /** Without what parts it, folded. */
  joined: string
  start: number
  end: number
}

const MAIL_NAME = /[\p{L}\p{N}._%+-]{1,64}$/u
const MAIL_HOST = /^[\p{L}\p{N}.-]{1,190}\.\p{L}{2,24}/u
const MAIL_NAME_MAX = 64
const MAIL_HOST_MAX = 215
/** With a plus sign or without, parted as people part it. */
const PHONE = /(?<![\p{L}\p{N}])\+?\(?\d[\d ().\u00a0/-]{5,22}\d(?![\p{L}\p{N}])/gu
const PIECE = /[\p{L}\p{N}]+/gu
/** Two to six pieces. */
const PIECES = /(?<![\p{L}\p{N}])[\p{L}\p{N}]+(?:[-_./#][\p{L}\p{N}]+){1,5}/gu
const PHONE_DIGITS_MIN = 7
const PHONE_DIGITS_MAX = 15
const CODE_MIN = 4
const CODE_MAX = 40
/** Of one text; what is beyond is found by its pieces. */
const CODES_MAX = 50

export function codesOf(text: string): Code[] {
  const found: Code[] = []
  collectMails(found, text)
  // Most texts have none, and to look for them costs more than everything else.
  if (!/\p{N}/u.test(text)) return found
  collect(found, text, PHONE, (joined) => {
    return /^\d+$/.test(joined) && joined.length >= PHONE_DIGITS_MIN && joined.length <= PHONE_DIGITS_MAX
  })
  collect(found, text, PIECES, isCode)
  collect(found, text, PIECE, isCode)
  return found
}

function isCode(joined: string): boolean {
  return DIGIT.test(joined) && joined.length >= CODE_MIN && !DENSE_ANYWHERE.test(joined)
}

/** From each at sign to both sides: a pattern for the whole would begin anew at every letter before it. */
function collectMails(found: Code[], text: string): void {
  for (let at = text.indexOf('@'); at >= 0 && found.length < CODES_MAX; at = text.indexOf('@', at + 1)) {
    const name = MAIL_NAME.exec(text.slice(Math.max(0, at - MAIL_NAME_MAX), at))?.[0]
    const host = MAIL_HOST.exec(text.slice(at + 1, at + 1 + MAIL_HOST_MAX))?.[0]
    if (name === undefined || host === undefined) continue
    add(found, { start: at - name.length, text: `${name}@${host}` })
  }
}

const DIGIT = /\p{N}/u
const DENSE_ANYWHERE = new RegExp(DENSE, 'v')

function collect(found: Code[], text: string, pattern: RegExp, isWanted: (joined: string) => boolean): void {
  for (const match of text.matchAll(pattern)) {
    if (found.length >= CODES_MAX) return
    add(found, { start: match.index, text: match[0] }, isWanted)
  }
}

function add(
  found: Code[],
  { start, text }: { start: number; text: string },
  isWanted = (_joined: string) => true,
): void {
  const joined = folded(text).replace(NO_WORD, '')
  if (joined.length <= CODE_MAX && isWanted(joined)) found.push({ joined, start, end: start + text.length })
}

const PREFIX_MIN = 3
const PREFIX_MAX = 20
const LAST_DIGITS = 4

/** Every beginning of it is of as many characters as code units, and once there is a digit it has no stem. */
const SIMPLE = /^[a-z0-9]*$/

/** Adds a code or name whole, its beginnings from three characters, and the last four of its digits. */
export function addParts(parts: Set<string>, joined: string): void {
  const characters = SIMPLE.test(joined) ? joined : [...joined]
  parts.add(stemOf(joined))
  let hasDigit = false
  for (let length = PREFIX_MIN; length < Math.min(characters.length, PREFIX_MAX + 1); length++) {
    const beginning = typeof characters === 'string' ? joined.slice(0, length) : characters.slice(0, length).join('')
    hasDigit ||= DIGIT.test(beginning)
    parts.add(hasDigit ? beginning : stemOf(beginning))
  }
  const digits = joined.replace(/\P{N}/gu, '')
  if (digits.length > LAST_DIGITS) parts.add(digits.slice(-LAST_DIGITS))
}
