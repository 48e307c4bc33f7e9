import { Failure } from '../core/failure.ts'
import { isObject, type JsonObject } from './json.ts'

/** The body of a control request as an object that has only known members. */
export function readObject(input: unknown, members: readonly string[], path?: string): JsonObject {
  const where = path === undefined ? {} : { path }
  if (!isObject(input)) throw new Failure('invalid', `${path ?? 'The body'} must be a JSON object`, where)
  for (const name of Object.keys(input)) {
    if (members.includes(name)) continue
    const wrong = name.slice(0, 100)
    throw new Failure('invalid', `No such member; there are: ${members.join(', ')}`, {
      path: path === undefined ? wrong : `${path}.${wrong}`,
    })
  }
  return input
}

/** A text member, or undefined if it is not there. */
export function readText(body: JsonObject, path: string, most: number): string | undefined {
  const value = body[path]
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '' && value.length <= most) return value
  throw new Failure('invalid', `Must be a text of 1 to ${most} characters`, { path })
}

/** A text member that must be there. */
export function needText(body: JsonObject, path: string, most: number): string {
  const text = readText(body, path, most)
  if (text !== undefined) return text
  throw new Failure('invalid', `Is needed: a text of 1 to ${most} characters`, { path })
}

/** A member that is one of these words, or undefined if it is not there. */
export function readChoice<T extends string>(body: JsonObject, path: string, choices: readonly T[]): T | undefined {
  const value = body[path]
  if (value === undefined) return undefined
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new Failure('invalid', `Must be one of: ${choices.join(', ')}`, { path })
}

/** A member that is a whole number of this range, or undefined if it is not there. */
export function readCount(body: JsonObject, path: string, range: { least: number; most: number }): number | undefined {
  const value = body[path]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.least && value <= range.most) return value
  throw new Failure('invalid', `Must be a whole number from ${range.least} to ${range.most}`, { path })
}

/** A list member with at least one element, or undefined if it is not there. */
export function readList(body: JsonObject, path: string, most: number): unknown[] | undefined {
  const value = body[path]
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.length >= 1 && value.length <= most) return value
  throw new Failure('invalid', `Must be a list of 1 to ${most} elements`, { path })
}
