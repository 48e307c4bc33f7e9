import { SECRET_SHOWN } from './secret.ts'

/** One thing that is wrong with the configuration. Holds no secret. */
export interface ConfigProblem {
  /** The file, or the environment variable. */
  readonly source: string
  /** Where in the file, such as `whatsapp.number[0].display`; for a variable, the key it stands for. Empty: the whole. */
  readonly key: string
  readonly found: string
  readonly wanted: string
}

const SHOWN_LENGTH_MAX = 80

/** A found value as a problem shows it: short, and without a password inside an address. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value instanceof Date) return value.toISOString()
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^\s"]*@/g, `//${SECRET_SHOWN}@`)
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text
}

/** A problem as one line. */
export function problemLine(problem: ConfigProblem): string {
  const place =
    problem.key === '' || problem.key === problem.source ? problem.source : `${problem.source}: ${problem.key}`
  return `${place}: found ${problem.found}, wanted ${problem.wanted}`
}
