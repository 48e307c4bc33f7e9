import type { Permission } from '../../core/permissions.ts'
import { SETTINGS } from '../view/hooks.ts'
import type { AuditFilter } from './settings-wire.ts'

/** The parts of the settings, in the order they are listed, with the permission that each takes. */
export const PARTS = [
  { part: 'account', name: 'My account', needs: null },
  { part: 'people', name: 'People', needs: 'people.see' },
  { part: 'teams', name: 'Teams', needs: 'people.see' },
  { part: 'roles', name: 'Roles', needs: 'people.see' },
  { part: 'keys', name: 'API keys', needs: 'keys.manage' },
  { part: 'audit', name: 'Audit', needs: 'audit.read' },
] as const satisfies readonly { part: string; name: string; needs: Permission | null }[]

export type Part = (typeof PARTS)[number]['part']

/** Where somebody is in the settings: a part, perhaps one thing in it, perhaps narrowed down. */
export interface Place {
  /** Null: the list of the parts, which a phone shows by itself. */
  part: Part | null
  /** An id, or a word such as `new`. */
  item: string | null
  query: URLSearchParams
}

/** Reads the address behind its `#`. What is unknown leads to the list of the parts. */
export function placeOf(hash: string): Place {
  const [path = '', query = ''] = hash.slice(SETTINGS.length).split('?', 2)
  const [, word = '', item = ''] = path.split('/')
  const found = PARTS.find(({ part }) => part === word)
  return {
    part: found?.part ?? null,
    item: found === undefined || !/^[\w-]{1,60}$/.test(item) ? null : item,
    query: new URLSearchParams(query),
  }
}

/** The address of a place. Only ids and words of ours stand in it, never what is personal. */
export function addressOf(
  part: Part,
  item: string | null = null,
  query: Readonly<Record<string, string>> = {},
): string {
  const words = new URLSearchParams(query).toString()
  return `${SETTINGS}/${part}${item === null ? '' : `/${item}`}${words === '' ? '' : `?${words}`}`
}

/** Goes there, by a step that the browser's back button takes back. */
export function go(part: Part, item: string | null = null): void {
  location.hash = addressOf(part, item)
}

/** What an id or a route looks like; anything else might be personal, and is not put into the address. */
const ID = /^([a-z]{1,4}_[\w-]{1,60}|\/api\/[\w/:.-]{1,90})$/
const ACTION = /^[a-z_]{1,40}\.[a-z_]{1,50}$/
const DAY = /^\d{4}-\d{2}-\d{2}$/
const FILTER_FORMS = { actor: ID, action: ACTION, object: ID, from: DAY, to: DAY } as const

/** The name of a filter that has not its form; null: all have. */
export function faultInFilter(filter: AuditFilter): keyof AuditFilter | null {
  const names = Object.keys(FILTER_FORMS) as (keyof AuditFilter)[]
  return names.find((name) => filter[name] !== undefined && !FILTER_FORMS[name].test(filter[name])) ?? null
}

/** What narrows the audit down, from the address; what has not its form is left out. */
export function filterIn(query: URLSearchParams): AuditFilter {
  const filter: AuditFilter = {}
  for (const name of Object.keys(FILTER_FORMS) as (keyof AuditFilter)[]) {
    const word = query.get(name)
    if (word !== null && FILTER_FORMS[name].test(word)) filter[name] = word
  }
  return filter
}

/** Whole days where the reader is, as the moments the API wants: `to` is the end of its day. */
export function askedOf(filter: AuditFilter): AuditFilter {
  const start = (day: string, later: number) => {
    const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
    return new Date(year, month - 1, date + later).toISOString()
  }
  return {
    ...filter,
    ...(filter.from === undefined ? {} : { from: start(filter.from, 0) }),
    ...(filter.to === undefined ? {} : { to: start(filter.to, 1) }),
  }
}
