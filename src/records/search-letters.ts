/** What a code point is to the words of a text. */
export const LETTER = {
  none: 0,
  /** Of a word: a letter, digit or mark. */
  word: 1,
  /** Of a script that is written without spaces. */
  dense: 2,
  /** The same, and no folding or normalising changes it, whatever stands beside it. */
  plainDense: 3,
} as const

/** Scripts whose words are not parted: looked for by characters. Hangul is, for its particles stick to its words. */
export const DENSE =
  '[[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Bopo}\\p{scx=Thai}\\p{scx=Laoo}\\p{scx=Khmr}\\p{scx=Mymr}]' +
  '&&[\\p{L}\\p{M}\\p{Nl}]]'

const IS_WORD = /^[\p{L}\p{N}\p{M}]$/u
const IS_DENSE = new RegExp(`^${DENSE}$`, 'v')
/** Marks join what stands before them, and the parts of a Hangul syllable each other. */
const IS_JOINING = /^[\p{M}\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]$/u

const BLOCK_BITS = 8
const BLOCK_MASK = (1 << BLOCK_BITS) - 1
/** Asked of the patterns once for 256 code points each: to look one up costs a twentieth of a pattern (measured). */
const blocks: (Uint8Array | undefined)[] = []

/** One of `LETTER`. */
export function letterOf(codePoint: number): number {
  const block = codePoint >> BLOCK_BITS
  blocks[block] ??= lettersOf(block)
  return blocks[block]?.[codePoint & BLOCK_MASK] ?? LETTER.none
}

function lettersOf(block: number): Uint8Array {
  return Uint8Array.from({ length: BLOCK_MASK + 1 }, (_, index) => {
    const character = String.fromCodePoint((block << BLOCK_BITS) | index)
    if (IS_DENSE.test(character)) return isPlain(character) ? LETTER.plainDense : LETTER.dense
    return IS_WORD.test(character) ? LETTER.word : LETTER.none
  })
}

function isPlain(character: string): boolean {
  return !IS_JOINING.test(character) && folded(character) === character
}

/** NFKC and case-folded. ß becomes ss, and every sigma the same. */
export function folded(text: string): string {
  if (/^[a-z0-9]*$/.test(text)) return text
  return text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC').replaceAll('ς', 'σ').replaceAll('i̇', 'i')
}
