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

/**
 * Members that no schema names, although it lists others: whoever generates a client does not know of them. The platform's own
 * object of a message, which is called as its type, is open by nature.
 */
export function undocumentedMembers(schema: TSchema, value: unknown): string[] {
  return unnamed([schema], value, '')
}

function unnamed(schemas: TSchema[], value: unknown, path: string): string[] {
  const fitting = schemas.flatMap((schema) => branchesOf(schema, value))
  if (Array.isArray(value)) {
    const items = fitting.flatMap(({ items }) => items ?? [])
    return value.flatMap((item, index) => unnamed(items, item, `${path}/${index}`))
  }
  if (typeof value !== 'object' || value === null) return []
  const listing = fitting.filter(({ properties }) => Object.keys(properties ?? {}).length > 0)
  if (listing.length === 0) return []
  return Object.entries(value).flatMap(([name, member]) => {
    const known = listing.flatMap(({ properties }) => properties[name] ?? [])
    if (known.length > 0) return unnamed(known, member, `${path}/${name}`)
    return name === (value as { type?: unknown }).type ? [] : [`${path}/${name}`]
  })
}

/** The schemas that say what a value is: of a choice those that it fits, of a whole of parts all of them. */
function branchesOf(schema: TSchema, value: unknown): TSchema[] {
  if (schema['anyOf']) {
    const fitting = (schema['anyOf'] as TSchema[]).filter((one) => schemaFaults(one, value).length === 0)
    return fitting.flatMap((one) => branchesOf(one, value))
  }
  if (schema['allOf']) return (schema['allOf'] as TSchema[]).flatMap((one) => branchesOf(one, value))
  return [schema]
}
