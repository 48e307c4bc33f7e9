/** Long runs of the whole-house simulation by hand: `bun scripts/simulate-house.ts --seeds 2000 --from 1`. */
import { parseArgs } from 'node:util'
import { type HouseRun, HouseRunFailed, runHouse } from '../src/testing/house-simulation/run-house.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    /** One seed alone. */
    seed: { type: 'string' },
    /** Actions of the outside in each run. */
    actions: { type: 'string', default: '120' },
    /** Every step as it is made. */
    trace: { type: 'boolean', default: false },
    /** Go on after a failure. */
    all: { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  const from = Number(values.seed ?? values.from)
  const count = values.seed === undefined ? Number(values.seeds) : 1
  const runs: HouseRun[] = []
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const run = await tried(seed)
    if (run) runs.push(run)
    else failed++
    if (failed > 0 && !values.all) break
    if ((seed - from + 1) % 100 === 0) report(runs, failed)
  }
  report(runs, failed)
  return failed === 0 ? 0 : 1
}

/** The run, or undefined where it broke a promise, which is printed. */
async function tried(seed: number): Promise<HouseRun | undefined> {
  const onLine = (line: string) => console.log(line)
  try {
    return await runHouse(seed, { actions: Number(values.actions), ...(values.trace && { onLine }) })
  } catch (error) {
    if (!(error instanceof HouseRunFailed)) throw error
    console.log(values.all ? error.message.split('\n', 1)[0] : error.message)
    return undefined
  }
}

function report(runs: readonly HouseRun[], failed: number): void {
  const sum = (pick: (run: HouseRun) => number) => runs.reduce((total, run) => total + pick(run), 0)
  const points: Record<string, number> = {}
  for (const run of runs) {
    for (const [point, times] of Object.entries(run.crashedAt)) points[point] = (points[point] ?? 0) + times
  }
  console.log(
    `${runs.length} seeds held, ${failed} failed: ${sum((run) => run.steps)} steps, ${sum((run) => run.crashes)} crashes, ` +
      `${(sum((run) => run.virtualMs) / 3_600_000).toFixed(1)} virtual hours, ${sum((run) => run.webhookItems)} webhook items, ` +
      `${sum((run) => run.sends)} sends, ${sum((run) => run.events)} events`,
  )
  console.log(`Died at: ${JSON.stringify(points)}`)
}

process.exit(await main())
