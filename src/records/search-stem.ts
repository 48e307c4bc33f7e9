/**
 * Light stems: endings of nouns and adjectives, and the commonest of English verbs, are taken away, so that a word finds
 * its other forms. A short message does not say its language, and neither does a question: one function for the whole
 * script, the same for both, matters more than a fine one for each language. What it takes for one word too often costs
 * nothing but a few results more. English and German share the first function, Russian has the second.
 */
export function stemOf(word: string): string {
  if (DIGIT.test(word)) return word
  if (LATIN.test(word)) return latinStem(word)
  if (CYRILLIC.test(word)) return russianStem(word)
  if (ARABIC_OR_HEBREW.test(word)) return withoutPoints(word)
  return GREEK.test(word) ? withoutMarks(word) : word
}

const DIGIT = /\p{N}/u
const LATIN = /^\p{Script=Latin}/u
const CYRILLIC = /^\p{Script=Cyrillic}/u
const GREEK = /^\p{Script=Greek}/u
const ARABIC_OR_HEBREW = /^[\p{Script=Arabic}\p{Script=Hebrew}]/u

/** A word keeps at least so many letters. */
const STEM_MIN = 3
/** Endings come off one after the other: `orders`, `order`. */
const ROUNDS_MAX = 4

function latinStem(word: string): string {
  let stem = /^[a-z]*$/.test(word) ? word : plainLatin(word)
  if (stem.length < STEM_MIN + 1) return stem
  // ä, ö, ü as they are written without these letters; not in words as short as `toe`, and not after a vowel or q.
  if (stem.length > 4) stem = stem.replace(/(?<![aeiouq])([aou])e/g, '$1')
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const shorter = shortenLatin(stem)
    if (shorter === stem) break
    stem = shorter
  }
  // `shipped` without its ending is `shipp`.
  return stem.replace(/([b-df-hj-np-tv-z])\1$/, '$1')
}

function plainLatin(word: string): string {
  return withoutMarks(word).replace(/[æœøłđıðþ]/g, (letter) => PLAIN[letter] ?? letter)
}

const PLAIN: Readonly<Record<string, string>> = {
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ı: 'i',
  ð: 'd',
  þ: 'th',
}

/** Endings with what has to be left of the word; the first that fits is taken. */
const LATIN_ENDINGS: readonly [ending: RegExp, left: number, instead: string][] = [
  [/(ies|ied)$/, 2, 'y'],
  [/ing$/, STEM_MIN, ''],
  [/ern$/, STEM_MIN, ''],
  [/(ed|em|en|er|es)$/, STEM_MIN, ''],
  [/(?<![suis])s$/, STEM_MIN, ''],
  [/e$/, STEM_MIN, ''],
]

function shortenLatin(word: string): string {
  for (const [ending, left, instead] of LATIN_ENDINGS) {
    const found = ending.exec(word)
    if (found && found.index >= left) return word.slice(0, found.index) + instead
  }
  return word
}

/** Case endings, the longest first. */
const RUSSIAN_ENDINGS = [
  ...['иями', 'ями', 'ами', 'ией', 'иям', 'ием', 'иях', 'ого', 'его', 'ому', 'ему', 'ыми', 'ими'],
  ...['ов', 'ев', 'ей', 'ой', 'ий', 'ый', 'ая', 'яя', 'ое', 'ее', 'ые', 'ие', 'ую', 'юю', 'ам', 'ям', 'ах', 'ях', 'ом'],
  ...['ем', 'ым', 'им', 'ых', 'их', 'ью', 'ия', 'ья', 'ии', 'ию'],
  ...['а', 'е', 'и', 'о', 'у', 'ы', 'ь', 'ю', 'я', 'й'],
]

function russianStem(word: string): string {
  const plain = word.replaceAll('ё', 'е')
  const ending = RUSSIAN_ENDINGS.find((one) => plain.length >= one.length + STEM_MIN && plain.endsWith(one))
  return ending === undefined ? plain : plain.slice(0, -ending.length)
}

/** Without vowel points and the lengthening stroke; the forms of alef, yeh and the feminine ending are one each. */
function withoutPoints(word: string): string {
  return word
    .replace(/[\p{M}\u0640]/gu, '')
    .replace(/[أإآٱ]/g, 'ا')
    .replaceAll('ى', 'ي')
    .replaceAll('ة', 'ه')
}

function withoutMarks(word: string): string {
  return word.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC')
}
