export interface Totals {
  passed: number
  failed: number
  skipped: number
}

/**
 * The totals of a report in JUnit's form. Undefined if there is none or it is cut off: then nothing is known about the
 * tests, which the caller must count as a failure.
 */
export function totalsOf(report: string): Totals | undefined {
  const head = /<testsuites\b([^>]*)>/.exec(report)?.[1]
  if (head === undefined || !report.trimEnd().endsWith('</testsuites>')) return undefined
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? Number.NaN)
  const [tests, failures, skipped] = [count('tests'), count('failures'), count('skipped')]
  const errors = count('errors') || 0
  if (!(Number.isFinite(tests) && Number.isFinite(failures) && Number.isFinite(skipped))) return undefined
  return { passed: tests - failures - errors - skipped, failed: failures + errors, skipped }
}
