/**
 * Inside, an id is a positive integer from the book's one counter; outside it is an opaque string that tells its kind.
 */
const PREFIX = {
  message: 'msg',
  conversation: 'cnv',
  contact: 'con',
  media: 'med',
  notice: 'ntc',
  merge: 'mrg',
  erasure: 'ers',
  key: 'key',
  person: 'per',
  role: 'rol',
  team: 'tea',
  workspace: 'wsp',
  audit: 'aud',
} as const

export type IdKind = keyof typeof PREFIX

export function showId(kind: IdKind, id: number): string {
  return `${PREFIX[kind]}_${id.toString(36)}`
}

/** The number inside an id, or undefined if the text is no id of that kind. */
export function readId(kind: IdKind, text: string): number | undefined {
  const prefix = `${PREFIX[kind]}_`
  if (!text.startsWith(prefix)) return undefined
  const digits = text.slice(prefix.length)
  if (!/^[1-9a-z][0-9a-z]{0,10}$/.test(digits)) return undefined
  const id = Number.parseInt(digits, 36)
  return Number.isSafeInteger(id) ? id : undefined
}
