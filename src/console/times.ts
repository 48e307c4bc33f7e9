/** Times as people read them, in the browser's language and zone. `nowMs` is milliseconds since 1970. */

const DAY_MS = 86_400_000

/** The time of day. */
export function clockTime(time: string): string {
  return format(time, { hour: '2-digit', minute: '2-digit' })
}

/** Day and time in full, for titles and for anything that is not today. */
export function fullTime(time: string): string {
  return format(time, { dateStyle: 'full', timeStyle: 'medium' })
}

/** Day and time as a line of small print has room for. */
export function shortTime(time: string, nowMs: number): string {
  const days = daysBetween(time, nowMs)
  if (days === 0) return clockTime(time)
  return format(time, { weekday: 'long', hour: '2-digit', minute: '2-digit' })
}

/** As short as a list needs: the time today, the day's name this week, else the date. */
export function listTime(time: string, nowMs: number): string {
  const days = daysBetween(time, nowMs)
  if (days === 0) return clockTime(time)
  if (days === 1) return 'Yesterday'
  if (days > 1 && days < 7) return format(time, { weekday: 'short' })
  return format(time, { day: 'numeric', month: 'short', ...(isSameYear(time, nowMs) ? {} : { year: 'numeric' }) })
}

/** The heading over a day's messages. */
export function dayName(time: string, nowMs: number): string {
  const days = daysBetween(time, nowMs)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  const year = isSameYear(time, nowMs) ? {} : { year: 'numeric' as const }
  return format(time, { weekday: 'long', day: 'numeric', month: 'long', ...year })
}

/** A day as a key to compare: two messages are of one day where the keys are equal, in the browser's zone. */
export function dayKey(time: string): string {
  const date = new Date(time)
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`
}

/** How long until then, in its largest unit: "5 h", "12 min". Empty once it has passed. */
export function timeLeft(time: string, nowMs: number): string {
  const minutes = Math.ceil((Date.parse(time) - nowMs) / 60_000)
  if (!(minutes > 0)) return ''
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`
}

function daysBetween(time: string, nowMs: number): number {
  const then = new Date(time).setHours(12, 0, 0, 0)
  const today = new Date(nowMs).setHours(12, 0, 0, 0)
  return Math.round((today - then) / DAY_MS)
}

function isSameYear(time: string, nowMs: number): boolean {
  return new Date(time).getFullYear() === new Date(nowMs).getFullYear()
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Making a format costs more than using it, so each is made once. */
function format(time: string, options: Intl.DateTimeFormatOptions): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return ''
  const key = JSON.stringify(options)
  let made = formats.get(key)
  if (made === undefined) {
    made = new Intl.DateTimeFormat(undefined, options)
    formats.set(key, made)
  }
  return made.format(date)
}
