/** An object out of JSON, of which nothing is known yet. */
export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of a member, or undefined if it is no text. */
export function textMember(object: JsonObject | undefined, name: string): string | undefined {
  const value = object?.[name]
  return typeof value === 'string' ? value : undefined
}

/** The object of a member, or undefined if it is no object. */
export function objectMember(object: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = object?.[name]
  return isObject(value) ? value : undefined
}

/** Nesting that is read; more is taken for an attack on the parser. */
const DEPTH_MAX = 64

/** The value of a JSON text, or undefined if it is none or nested too deeply. */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What stands in JSON text between its brackets: strings, whole, and anything else that is no bracket. */
const BETWEEN_BRACKETS = /"(?:[^"\\]|\\.)*"?|[^"[\]{}]+/gs

function isTooDeep(text: string): boolean {
  let depth = 0
  for (const bracket of text.replaceAll(BETWEEN_BRACKETS, '')) {
    depth += bracket === '{' || bracket === '[' ? 1 : -1
    if (depth > DEPTH_MAX) return true
  }
  return false
}
