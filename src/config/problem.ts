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

/** Of the known words the one that was probably meant, if one is near enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const distanceMax = Math.min(word.length - 1, Math.max(2, Math.floor(word.length / 3)))
  let best: { word: string; distance: number } | undefined
  for (const candidate of known) {
    const distance = editDistance(word, candidate)
    if (distance <= distanceMax && (best === undefined || distance < best.distance))
      best = { word: candidate, distance }
  }
  return best?.word
}

/** How many letters must be put in, taken out or changed (Levenshtein). */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1]
    for (const [column, other] of [...to].entries()) {
      const changed = (above[column] ?? 0) + (letter === other ? 0 : 1)
      current.push(Math.min(changed, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    above = current
  }
  return above[to.length] ?? 0
}
