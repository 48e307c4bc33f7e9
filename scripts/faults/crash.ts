/**
 * Kills the real program again and again under load and checks that nothing was lost, doubled or changed:
 * `bun scripts/faults/crash.ts --kills 300 [--seed N] [--houses 2] [--binary dist/gatehouse]`.
 */
import { parseArgs } from 'node:util'
import { CRASH_POINTS } from '../../src/core/crash-point.ts'
import { crashText, joinReports } from '../../src/testing/crash/crash-report.ts'
import { runCrashes, wrongOf } from '../../src/testing/crash/crash-run.ts'

/** This share of the kills comes from outside, at random moments. */
const RANDOM_SHARE = 0.3

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '300' },
      houses: { type: 'string', default: '2' },
      seed: { type: 'string' },
      binary: { type: 'string' },
    },
  })
  const houses = Number(values.houses)
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const perHouse = Math.ceil(Number(values.kills) / houses)
  const perPoint = Math.max(1, Math.floor((perHouse * (1 - RANDOM_SHARE)) / CRASH_POINTS.length))
  // A released program has no named points: it is killed from outside only.
  const counts =
    values.binary === undefined
      ? { perPoint, random: Math.max(0, perHouse - perPoint * CRASH_POINTS.length) }
      : { perPoint: 0, random: perHouse }
  console.log(`seed ${seed}: ${houses} houses, ${perHouse} kills each; --seed ${seed} repeats the plan`)
  const reports = await Promise.all(
    Array.from({ length: houses }, (_, index) =>
      runCrashes({
        seed: seed + index,
        ...counts,
        command: values.binary === undefined ? undefined : [values.binary],
        onKill: (done, of) => {
          if (done % 10 === 0) console.log(`  house ${index + 1}: ${done} of ${of}`)
        },
      }),
    ),
  )
  const report = joinReports(reports)
  console.log(crashText(report))
  return wrongOf(report).length === 0 ? 0 : 1
}

process.exit(await main())
