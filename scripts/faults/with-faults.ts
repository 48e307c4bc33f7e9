import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crashText, joinReports } from '../../src/testing/crash/crash-report.ts'
import { type CrashRunOptions, type Fault, runCrashes, wrongOf } from '../../src/testing/crash/crash-run.ts'

/** What a program of faults is called with: `--seed`, `--houses`, and its own numbers with their defaults. */
export interface FaultArguments {
  seed: number
  houses: number
  /** A number of the command line, or its default. */
  number(name: string): number
}

export function faultArguments(defaults: Readonly<Record<string, number>>): FaultArguments {
  const names = ['seed', 'houses', ...Object.keys(defaults)]
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  })
  return {
    seed: Number(values['seed'] ?? Math.floor(Math.random() * 2 ** 31)),
    houses: Number(values['houses'] ?? 1),
    number: (name) => Number(values[name] ?? defaults[name]),
  }
}

/** Strikes houses under load, the faults dealt out among them, prints what came of it and ends the process. */
export async function runFaults(
  given: Pick<FaultArguments, 'seed' | 'houses'>,
  faults: readonly Fault[],
  more: Partial<CrashRunOptions> = {},
): Promise<never> {
  const { seed, houses } = given
  console.log(`seed ${seed}: ${faults.length} faults in ${houses} houses`)
  const reports = await Promise.all(
    Array.from({ length: houses }, (_, house) =>
      runCrashes({
        seed: seed + house,
        perPoint: 0,
        random: 0,
        faults: faults.filter((_fault, index) => index % houses === house),
        mayFail: true,
        onKill: (done, of) => {
          if (done % 10 === 0) console.log(`  house ${house + 1}: ${done} of ${of}`)
        },
        ...more,
      }),
    ),
  )
  const report = joinReports(reports)
  console.log(crashText(report))
  process.exit(wrongOf(report).length === 0 ? 0 : 1)
}

/** Ends the program where a tool of the machine is missing. */
export function requireTool(found: string | null, packageName: string): void {
  if (found !== null) return
  console.error(`${join('scripts', 'faults')}: this fault needs a tool of the machine: apt-get install ${packageName}`)
  process.exit(2)
}
