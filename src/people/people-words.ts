/** What the words about somebody who works here may look like. */

export const LANGUAGES_MAX = 20
export const SKILLS_MAX = 50
export const SKILL_CHARS_MAX = 50

/** Not the whole of RFC 5321: what can be typed by a person and delivered to. */
const EMAIL = /^[^\s@"(),:;<>[\\\]]{1,64}@[^\s@"(),:;<>[\\\]]+\.[^\s@"(),:;<>[\\\].]{2,}$/u
/** BCP 47: a language, perhaps with script and region. */
const LANGUAGE = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$/

export function isEmail(text: string): boolean {
  return EMAIL.test(text)
}

export function isLanguage(text: string): boolean {
  return LANGUAGE.test(text)
}

/** A name of the IANA time zone database. */
export function isZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}
