/** What a search is narrowed down to; an empty text narrows nothing down. */
export interface SearchFilters {
  /** Who wrote it: the customer, or the firm. */
  direction: '' | 'in' | 'out'
  /** One of `SEARCH_KINDS`. */
  kind: string
  /** The platform's id of one of the firm's numbers. */
  number: string
  /** A name, a phone, a mail address. */
  person: string
  /** Days as a date field writes them, 2026-11-22; both are meant whole, where the reader is. */
  firstDay: string
  lastDay: string
}

export const NO_FILTERS: SearchFilters = { direction: '', kind: '', number: '', person: '', firstDay: '', lastDay: '' }

/** What a message may be, as the API names it and as the page does. */
export const SEARCH_KINDS: readonly (readonly [kind: string, words: string])[] = [
  ['text', 'Text'],
  ['attachment', 'Pictures, sound, films, files'],
  ['location', 'Places'],
  ['contacts', 'Contact cards'],
  ['choice', 'Buttons and lists that were answered'],
  ['form', 'Forms'],
  ['order', 'Orders'],
  ['template', 'Templates'],
  ['interactive', 'Questions with buttons or lists'],
  ['call', 'Calls'],
]

/** The body of a search, as far as the reader chooses it. */
export interface SearchAsk {
  q?: string
  conversation_id?: string
  direction?: 'in' | 'out'
  kind?: string
  number?: string
  person?: string
  from?: string
  to?: string
}

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/

/** Null where nothing is asked for, so that there is nothing to search. A conversation alone is no question. */
export function searchAsk(words: string, conversation: string | null, filters: SearchFilters): SearchAsk | null {
  const ask: SearchAsk = {}
  const q = words.trim()
  if (q !== '') ask.q = q
  if (filters.direction !== '') ask.direction = filters.direction
  if (filters.kind !== '') ask.kind = filters.kind
  if (filters.number !== '') ask.number = filters.number
  if (filters.person.trim() !== '') ask.person = filters.person.trim()
  const from = startOf(filters.firstDay, 0)
  if (from !== undefined) ask.from = from
  const to = startOf(filters.lastDay, 1)
  if (to !== undefined) ask.to = to
  if (Object.keys(ask).length === 0) return null
  return conversation === null ? ask : { ...ask, conversation_id: conversation }
}

/** How many of the filters narrow something down. */
export function filtersSet(filters: SearchFilters): number {
  return Object.values(filters).filter((value: string) => value.trim() !== '').length
}

/** Both days are given, and the last is before the first: nothing can be found. */
export function isTurned({ firstDay, lastDay }: SearchFilters): boolean {
  return DAY.test(firstDay) && DAY.test(lastDay) && lastDay < firstDay
}

/** The beginning of a day where the reader is, or of one after it; undefined for what is no day yet. */
function startOf(day: string, later: number): string | undefined {
  const [, year, month, date] = DAY.exec(day) ?? []
  if (year === undefined) return undefined
  const start = new Date(Number(year), Number(month) - 1, Number(date) + later)
  return Number.isNaN(start.getTime()) || start.getFullYear() < 1970 ? undefined : start.toISOString()
}
