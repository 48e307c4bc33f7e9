/** The quick checks: format, lint, types, house rules. Seconds, so that they can be run all the time. */
import { LINT, runStep, TIDY, TYPES } from './steps.ts'

const results = await Promise.all([LINT, TYPES, TIDY].map(runStep))
process.exit(results.every(Boolean) ? 0 : 1)
