import { isEmail, isLanguage, isZone, LANGUAGES_MAX, SKILL_CHARS_MAX, SKILLS_MAX } from '../people/people-words.ts'
import {
  EMAIL_CHARS_MAX,
  type Hours,
  PERSON_NAME_CHARS_MAX,
  type Shift,
  WEEKDAYS,
  type Work,
} from '../records/person.ts'
import { wrong } from './body.ts'

const SHIFTS_MAX = 6
const TIME_OF_DAY = /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/

export function nameIn(value: unknown, path: string): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= PERSON_NAME_CHARS_MAX) return value.trim()
  throw wrong(`${path}/name`, `a text of 1 to ${PERSON_NAME_CHARS_MAX} characters`)
}

export function emailIn(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length <= EMAIL_CHARS_MAX && isEmail(value.trim())) return value.trim()
  throw wrong(`${path}/email`, 'an e-mail address')
}

/** What of somebody's work is said; what is absent is not in it. */
export function workIn(body: Record<string, unknown>, path: string): Partial<Work> {
  const { languages, skills, zone, hours } = body
  return {
    ...(languages === undefined ? {} : { languages: languagesIn(languages, path) }),
    ...(skills === undefined ? {} : { skills: skillsIn(skills, path) }),
    ...(zone === undefined ? {} : { zone: zoneIn(zone, path) }),
    ...(hours === undefined ? {} : { hours: hoursIn(hours, path) }),
  }
}

function languagesIn(value: unknown, path: string): string[] {
  if (!Array.isArray(value) || value.length > LANGUAGES_MAX)
    throw wrong(`${path}/languages`, `a list of at most ${LANGUAGES_MAX}`)
  return value.map((language: unknown, index) => {
    if (typeof language === 'string' && isLanguage(language)) return language
    throw wrong(`${path}/languages/${index}`, 'a language, such as "en" or "pt-BR"')
  })
}

function skillsIn(value: unknown, path: string): string[] {
  if (!Array.isArray(value) || value.length > SKILLS_MAX)
    throw wrong(`${path}/skills`, `a list of at most ${SKILLS_MAX}`)
  return value.map((skill: unknown, index) => {
    if (typeof skill === 'string' && skill.trim() !== '' && skill.length <= SKILL_CHARS_MAX) return skill.trim()
    throw wrong(`${path}/skills/${index}`, `a text of 1 to ${SKILL_CHARS_MAX} characters`)
  })
}

function zoneIn(value: unknown, path: string): string | null {
  if (value === null || (typeof value === 'string' && isZone(value))) return value
  throw wrong(`${path}/zone`, 'a time zone, such as "Europe/Berlin", or null')
}

function hoursIn(value: unknown, path: string): Hours | null {
  if (value === null) return null
  if (typeof value !== 'object' || Array.isArray(value))
    throw wrong(`${path}/hours`, `an object of ${WEEKDAYS.join(', ')}, or null`)
  const hours: Hours = {}
  for (const [name, shifts] of Object.entries(value)) {
    const day = WEEKDAYS.find((one) => one === name)
    if (!day) throw wrong(`${path}/hours`, `an object of ${WEEKDAYS.join(', ')}, or null`)
    hours[day] = shiftsIn(shifts, `${path}/hours/${day}`)
  }
  return hours
}

function shiftsIn(value: unknown, path: string): Shift[] {
  if (!Array.isArray(value) || value.length > SHIFTS_MAX) throw wrong(path, `a list of at most ${SHIFTS_MAX} shifts`)
  return value.map((shift: unknown, index) => {
    const [from, until] = Array.isArray(shift) && shift.length === 2 ? (shift as unknown[]) : []
    const isTime = (text: unknown): text is string => typeof text === 'string' && TIME_OF_DAY.test(text)
    if (isTime(from) && isTime(until) && from < until) return [from, until] as const
    throw wrong(`${path}/${index}`, 'a pair of times of day, the earlier first, such as ["09:00", "17:30"]')
  })
}
