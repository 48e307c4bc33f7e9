/** A piece of a text that was found. */
export interface ExcerptPiece {
  text: string
  /** Whether it is what was searched for. */
  isHit: boolean
}

/** Characters shown before the first hit, and in all. */
const BEFORE_MAX = 40
const TEXT_MAX = 220

/**
 * The part of a text around what was found, in pieces. The places are in UTF-16 code units, the end exclusive; those
 * that make no sense are passed over.
 */
export function excerptOf(text: string, hits: readonly (readonly [start: number, end: number])[]): ExcerptPiece[] {
  const known = hits
    .filter(([start, end]) => start >= 0 && end > start && end <= text.length)
    .toSorted((a, b) => a[0] - b[0])
  const first = known[0]?.[0] ?? 0
  const from = first > BEFORE_MAX ? wordStart(text, first - BEFORE_MAX, first) : 0
  const to = Math.min(text.length, from + TEXT_MAX)
  const pieces: ExcerptPiece[] = []
  let at = from
  for (const [start, end] of known) {
    if (start < at || start >= to) continue
    if (start > at) pieces.push({ text: text.slice(at, start), isHit: false })
    at = Math.min(end, to)
    pieces.push({ text: text.slice(start, at), isHit: true })
  }
  if (at < to) pieces.push({ text: text.slice(at, to), isHit: false })
  if (from > 0) pieces.unshift({ text: '… ', isHit: false })
  if (to < text.length) pieces.push({ text: ' …', isHit: false })
  return pieces
}

/** Where the next word begins, so that no word and no character is cut. */
function wordStart(text: string, from: number, to: number): number {
  const space = text.slice(from, to).search(/\s/)
  return space < 0 ? to : from + space + 1
}
