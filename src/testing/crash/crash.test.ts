import { expect, test } from 'bun:test'
import { CRASH_POINTS } from '../../core/crash-point.ts'
import { testSeed } from '../test-seed.ts'
import { crashText, joinReports } from './crash-report.ts'
import { runCrashes, wrongOf } from './crash-run.ts'

/** Two houses are killed beside each other: most of a kill is waiting. */
const HOUSES = [
  { perPoint: 3, random: 5 },
  { perPoint: 2, random: 5 },
] as const
const HITS_MIN = 5
const TEST_MS_MAX = 200_000

test(
  'kill -9 at every named point and at random loses nothing, doubles nothing and changes nothing',
  async () => {
    const seed = testSeed()
    const reports = await Promise.all(HOUSES.map((counts, index) => runCrashes({ seed: seed + index, ...counts })))
    const report = joinReports(reports)
    const text = crashText(report)
    process.stdout.write(`${text}\n`)
    expect(wrongOf(report), text).toEqual([])
    const missed = CRASH_POINTS.filter((point) => (report.histogram.get(point) ?? 0) < HITS_MIN)
    expect(missed, text).toEqual([])
    // Too little would have gone through for the comparison to mean anything.
    expect(report.messagesIn, text).toBeGreaterThan(1000)
    expect(report.sends, text).toBeGreaterThan(200)
  },
  TEST_MS_MAX,
)
