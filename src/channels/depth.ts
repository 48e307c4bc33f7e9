/** Deepest nesting that is read. The platform's own bodies stay below 12. */
export const DEPTH_MAX = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
/** `{` and `}` differ from the brackets in this one bit, so that two comparisons find all four. */
const BRACE_BIT = 0x20

/**
 * Whether JSON nests deeper than `max` arrays and objects. A scan of the bytes that runs before the parser does,
 * because a parser's stack and everything that walks the value later would follow the nesting. It need not know whether
 * the text is valid: up to the first fault it counts as a parser does, and a parser goes no further.
 */
export function depthExceeds(bytes: Uint8Array, max: number): boolean {
  const length = bytes.length
  let depth = 0
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) {
      at = endOfString(bytes, at + 1)
    } else if ((byte & ~BRACE_BIT) === OPEN_BRACKET) {
      if (++depth > max) return true
    } else if ((byte & ~BRACE_BIT) === CLOSE_BRACKET && depth > 0) {
      depth--
    }
  }
  return false
}

/** Where the string that begins at `from` has its closing quote; past the end if it has none. */
function endOfString(bytes: Uint8Array, from: number): number {
  const length = bytes.length
  let at = from
  while (at < length) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) return at
    at += byte === BACKSLASH ? 2 : 1
  }
  return at
}
