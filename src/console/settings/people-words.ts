import { Problem } from '../api.ts'
import { type Hours, type Member, type Team, WEEKDAYS, type Weekday } from './settings-wire.ts'

/** What somebody is called: their name, else their address. */
export function memberName({ name, email }: Pick<Member, 'name' | 'email'>): string {
  return name || email || 'Somebody'
}

/** People by name, as the reader's language sorts. */
export function byName(a: Member, b: Member): number {
  return memberName(a).localeCompare(memberName(b))
}

/** Those in whose name, address, role or teams every word of the search begins a word or stands somewhere. */
export function peopleWith(people: readonly Member[], search: string): Member[] {
  const words = plain(search)
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return [...people]
  return people.filter(({ name, email, role, teams, state }) => {
    const text = plain([name, email, role.name, state, ...teams.map((team) => team.name)].join(' '))
    return words.every((word) => text.includes(word))
  })
}

/** Without accents and case, so that nobody has to type them. */
function plain(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()
}

/** Words that are parted by commas, spaces at their ends taken off. */
export function partsOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** What a list becomes when what was ticked and unticked is done to what it is by now: nobody else's change is undone. */
export function changedList(
  now: readonly string[],
  before: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): string[] {
  const kept = now.filter((id) => wanted.has(id) || !before.has(id))
  return [...kept, ...[...wanted].filter((id) => !before.has(id) && !kept.includes(id))]
}

/** The teams that have to change, with all their people, so that somebody is in the wanted ones alone. */
export function teamChanges(
  teams: readonly Team[],
  personId: string,
  wanted: ReadonlySet<string>,
): { id: string; people: string[] }[] {
  return teams.flatMap(({ id, people }) => {
    if (people.includes(personId) === wanted.has(id)) return []
    return [{ id, people: wanted.has(id) ? [...people, personId] : people.filter((one) => one !== personId) }]
  })
}

export const DAY_NAMES: Readonly<Record<Weekday, string>> = {
  mon: 'Monday',
  tue: 'Tuesday',
  wed: 'Wednesday',
  thu: 'Thursday',
  fri: 'Friday',
  sat: 'Saturday',
  sun: 'Sunday',
}

/** Shifts as they are typed: `09:00–12:30, 13:30–18:00`. */
export function shiftsText(shifts: Hours[Weekday]): string {
  return (shifts ?? []).map(([from, until]) => `${from}–${until}`).join(', ')
}

/** Reads what was typed for each day; nothing for a day is a day off, nothing at all any time. Throws at the day. */
export function hoursOf(textOfDay: (day: Weekday) => string): Hours | null {
  const hours: Hours = {}
  for (const day of WEEKDAYS) {
    const text = textOfDay(day).trim()
    if (text !== '') hours[day] = partsOf(text).map((part) => shiftOf(part, day))
  }
  return Object.keys(hours).length === 0 ? null : hours
}

function shiftOf(text: string, day: Weekday): [string, string] {
  const [, from, until] = /^(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})$/.exec(text) ?? []
  if (from === undefined || until === undefined)
    throw new Problem('invalid', 0, 'Please write such as 09:00–12:30, 13:30–18:00.', { path: `/hours/${day}` })
  return [from.padStart(5, '0'), until.padStart(5, '0')]
}
