import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** Where a value is not what its schema says. */
export function schemaFaults(schema: TSchema, value: unknown): string[] {
  return [...Value.Errors(schema, value)]
    .map(({ path, message }) => `${path} ${message}`)
    .filter((fault) => !fault.includes("Unknown format 'date-time'"))
}

/** The paths of all members, over the first item of each list: what a reader of an example would rely on. */
export function shapeOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : shapeOf(value[0], `${path}/0`)
  // Counts by what there was to erase: not everybody had everything.
  if (typeof value !== 'object' || value === null || path.endsWith('/erased')) return []
  return Object.entries(value).flatMap(([name, member]) => [`${path}/${name}`, ...shapeOf(member, `${path}/${name}`)])
}
