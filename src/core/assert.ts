/** States what must hold; a violation is a bug and ends the part it happens in. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`)
}

/** The value, which the caller knows to be there. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`Assertion failed: ${what} is missing`)
  return value
}
