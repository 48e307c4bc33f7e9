export type Level = 'ok' | 'warn' | 'fail'

/** What one check found. Holds nothing personal and no secret. */
export interface Finding {
  /** Of the check, such as `disk.space`; stays the same from version to version. */
  id: string
  level: Level
  what: string
  /** What to do about it; null where nothing has to be done. */
  remedy: string | null
}

export function ok(id: string, what: string): Finding {
  return { id, level: 'ok', what, remedy: null }
}

export function warn(id: string, what: string, remedy: string): Finding {
  return { id, level: 'warn', what, remedy }
}

export function fail(id: string, what: string, remedy: string): Finding {
  return { id, level: 'fail', what, remedy }
}

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
] as const

/** A length of time in words that are short enough for a line: `3 days`. */
export function lengthOf(seconds: number): string {
  const [size, name] = UNITS.find(([unit]) => seconds >= unit) ?? [1, 'second']
  const count = Math.floor(seconds / size)
  return count === 1 ? `1 ${name}` : `${count} ${name}s`
}

export function sizeOf(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`
  return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`
}

/** A path as a remedy names it that can be pasted into a shell. */
export function shellWord(path: string): string {
  return /^[\w./:@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
