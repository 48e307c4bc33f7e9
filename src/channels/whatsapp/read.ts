/** Reading values of unknown shape. None of these throws; what does not fit is undefined. */

export type JsonObject = Record<string, unknown>

/** Seconds. Before the platform's first year or after this century's end, a stamp is a mistake. */
const STAMP_SECONDS_MIN = Date.UTC(2009, 0, 1) / 1000
const STAMP_SECONDS_MAX = Date.UTC(2100, 0, 1) / 1000

const STAMP = /^\d{1,12}(\.\d{1,9})?$/
/** E.164: up to 15 digits, the first is not 0. */
const DIGITS = /^[1-9]\d{0,14}$/
const WRITTEN_PHONE = /^\+?[\d\s().-]+$/
const NOT_DIGITS = /\D/g
const DECIMAL = /^-?\d{1,15}(\.\d{1,20})?$/
const WORD_CHARS_MAX = 64

export function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
}

/**
 * A text that says something; a number gives its digits, because the platform writes some ids both ways. Lone
 * surrogates become U+FFFD here, as they would in the records, so that a key is the same before and after it was
 * stored.
 */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value.toWellFormed()
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : undefined
}

/** An integer, also where the platform writes it as a string. */
export function integerOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined
}

/**
 * A phone number in E.164 with its plus sign. The platform writes its digits alone; people write it with blanks and
 * hyphens.
 */
export function phoneOf(value: unknown): string | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  if (DIGITS.test(text)) return `+${text}`
  if (!WRITTEN_PHONE.test(text)) return undefined
  const digits = text.replace(NOT_DIGITS, '')
  return DIGITS.test(digits) ? `+${digits}` : undefined
}

/** Milliseconds since 1970 of a stamp that the platform writes in seconds, as a string or as a number. */
export function stampMsOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && STAMP.test(value) ? Number(value) : value
  if (typeof seconds !== 'number' || !(seconds >= STAMP_SECONDS_MIN && seconds < STAMP_SECONDS_MAX)) return undefined
  return Math.floor(seconds * 1000)
}

/** A list, or an empty one for what is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The objects of a list, at most `max`; what else is in it is left out. */
export function objectsOf(value: unknown, max: number): JsonObject[] {
  const objects: JsonObject[] = []
  for (const element of listOf(value)) {
    const object = objectOf(element)
    if (!object) continue
    if (objects.length >= max) break
    objects.push(object)
  }
  return objects
}

/** A word of the platform in lower case; what is longer than any of them is cut. */
export function wordOf(value: unknown): string | undefined {
  return textOf(value)?.slice(0, WORD_CHARS_MAX).toLowerCase().toWellFormed()
}

/** A finite number, also where the platform writes it as a decimal string. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

export function isSomething(value: unknown): boolean {
  return value !== undefined && value !== null
}
