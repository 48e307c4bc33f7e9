import {
  EMAIL_CHARS_MAX,
  emailOf,
  type NewPerson,
  PEOPLE_AT_ONCE_MAX,
  PERSON_NAME_CHARS_MAX,
} from '../records/person.ts'
import type { Role } from '../records/role.ts'
import { parseCsv } from './csv.ts'
import { isEmail, isLanguage, isZone, LANGUAGES_MAX, SKILL_CHARS_MAX, SKILLS_MAX } from './people-words.ts'

/** The columns of a file of people; the first three have to be there. */
export const PEOPLE_COLUMNS = ['name', 'email', 'role', 'languages', 'skills', 'zone'] as const
const REQUIRED: readonly string[] = ['name', 'email', 'role']
/** Faults that are told of one file: who has so many has one fault in the whole of it. */
const FAULTS_MAX = 200

export interface RowFault {
  /** As a spreadsheet counts: the heading is row 1. */
  row: number
  column: string | null
  fault: string
}

/**
 * Reads people from a CSV file (RFC 4180, with commas or semicolons): a heading with the names of the columns, then a row
 * for each. Several languages or skills of one person are parted by spaces or `|`. Every fault is told, not only the first.
 */
export function parsePeople(
  text: string,
  roles: readonly Role[],
  /** The permission of a role that whoever asks may not give; undefined where they may. */
  refusedOf: (role: Role) => string | undefined,
): { people: NewPerson[]; faults: RowFault[] } {
  const faults: RowFault[] = []
  const read = parseCsv(text)
  if ('fault' in read) return { people: [], faults: [{ row: read.fault.row, column: null, fault: read.fault.text }] }
  const [heading = [], ...others] = read.rows
  const columns = heading.map((name) => name.trim().toLowerCase())
  const unknown = columns.find((name) => !(PEOPLE_COLUMNS as readonly string[]).includes(name))
  const missing = REQUIRED.find((name) => !columns.includes(name))
  if (unknown !== undefined || missing !== undefined) {
    const wanted = `The first row must name the columns: ${PEOPLE_COLUMNS.join(', ')}`
    return {
      people: [],
      faults: [{ row: 1, column: missing ?? null, fault: `${wanted}; the first three have to be there` }],
    }
  }
  if (others.length > PEOPLE_AT_ONCE_MAX) {
    return { people: [], faults: [{ row: 1, column: null, fault: `At most ${PEOPLE_AT_ONCE_MAX} people at once` }] }
  }
  const emails = new Map<string, number>()
  const people = others.map((cells, index) => {
    const row = index + 2
    const note = (column: string | null, words: string) => {
      if (faults.length < FAULTS_MAX) faults.push({ row, column, fault: words })
    }
    if (cells.length !== columns.length) note(null, `There are ${cells.length} cells, and ${columns.length} columns`)
    const cell = (name: string) => (cells[columns.indexOf(name)] ?? '').trim()
    const person = personIn(cell, { roles, refusedOf, note })
    const first = emails.get(emailOf(person.email))
    if (first !== undefined && person.email !== '') note('email', `The same address as in row ${first}`)
    emails.set(emailOf(person.email), row)
    return person
  })
  if (people.length === 0) faults.push({ row: 2, column: null, fault: 'There is nobody in the file' })
  return { people, faults }
}

function personIn(
  cell: (name: string) => string,
  {
    roles,
    refusedOf,
    note,
  }: {
    roles: readonly Role[]
    refusedOf: (role: Role) => string | undefined
    note: (column: string, fault: string) => void
  },
): NewPerson {
  const name = cell('name')
  const email = cell('email')
  if (name === '' || name.length > PERSON_NAME_CHARS_MAX) note('name', `1 to ${PERSON_NAME_CHARS_MAX} characters`)
  if (!isEmail(email) || email.length > EMAIL_CHARS_MAX) note('email', 'This is no e-mail address')
  const role = roles.find((one) => one.name === cell('role').toLowerCase())
  const refused = role && refusedOf(role)
  if (!role) note('role', `One of ${roles.map((one) => one.name).join(', ')}`)
  else if (refused) note('role', `You may not give this role: you do not have the permission ${refused}`)
  const languages = partsIn(cell('languages'))
  if (languages.length > LANGUAGES_MAX || !languages.every(isLanguage))
    note('languages', 'Languages such as "en" or "pt-BR"')
  const skills = partsIn(cell('skills'))
  if (skills.length > SKILLS_MAX || skills.some((skill) => skill.length > SKILL_CHARS_MAX)) {
    note('skills', `At most ${SKILLS_MAX}, each of at most ${SKILL_CHARS_MAX} characters`)
  }
  const zone = cell('zone') === '' ? null : cell('zone')
  if (zone !== null && !isZone(zone)) note('zone', 'A time zone such as "Europe/Berlin"')
  return { name, email, roleId: role?.id ?? 0, work: { languages, skills, zone, hours: null } }
}

function partsIn(text: string): string[] {
  return text.split(/[\s|]+/u).filter((part) => part !== '')
}
