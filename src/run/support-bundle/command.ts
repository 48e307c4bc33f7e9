import { existsSync, writeFileSync } from 'node:fs'
import { type CommandContext, complaining, EXIT_OK, EXIT_USAGE, type Loaded } from '../../cli/commands.ts'
import type { Config } from '../../config.ts'
import { systemClock } from '../../core/clock.ts'
import { examine } from '../doctor/doctor.ts'
import { askRunningHouse } from '../running-house.ts'
import { type BundleManifest, folderOf, makeBundle } from './bundle.ts'
import { gather } from './contents.ts'
import { redactedProblem } from './redacted.ts'

/** Variables that change how the program runs; others are nobody's business. */
const RELEVANT = /^(GATEHOUSE|WA|BUN|NODE|LC)_[A-Z0-9_]+$|^(TZ|LANG|LD_PRELOAD|(HTTPS?|ALL|NO)_PROXY|container)$/i

/** Gathers what somebody else needs to help, says what it is, and writes it. Also where no house runs, or the configuration is wrong. */
export async function supportBundleCommand(
  context: CommandContext<Config>,
  environment: readonly string[],
): Promise<number> {
  const nowMs = systemClock.epochMs()
  const path = typeof context.options['to'] === 'string' ? context.options['to'] : `${folderOf(nowMs)}.tar.gz`
  if (existsSync(path)) {
    context.complain(`${path} is there already: name another file with --to`)
    return EXIT_USAGE
  }
  return await complaining(context, async () => {
    const gathered = await gather({
      loaded: context.loadConfig(),
      environmentNames: environment.filter((name) => RELEVANT.test(name)).sort(),
      ask: (dataDir, command) => askRunningHouse({ dataDir }, command, {}),
      doctor: () => examine({ loadConfig: () => withoutFound(context.loadConfig()) }),
    })
    const { manifest, archive } = makeBundle(gathered, nowMs)
    if (context.options['json'] !== true) printManifest(context.print, manifest)
    writeFileSync(path, archive, { mode: 0o600, flag: 'wx' })
    if (context.options['json'] === true)
      context.print(JSON.stringify({ file: path, bytes: archive.byteLength, ...manifest }, null, 2))
    else context.print(`Written: ${path} (${archive.byteLength} bytes). Look into it before you pass it on.`)
    return EXIT_OK
  })
}

function withoutFound(loaded: Loaded<Config>): Loaded<Config> {
  return loaded.ok ? loaded : { ...loaded, problems: loaded.problems.map(redactedProblem) }
}

function printManifest(print: (line: string) => void, { files, removed, problems }: BundleManifest): void {
  print('In the bundle:')
  for (const { path, about, bytes } of files) print(`  ${path.padEnd(20)} ${String(bytes).padStart(8)} bytes  ${about}`)
  const found = Object.entries(removed).map(([kind, count]) => `${kind} ${count}`)
  print(
    found.length === 0
      ? 'The scan for personal data found nothing.'
      : `Taken out by the scan for personal data: ${found.join(', ')}`,
  )
  for (const problem of problems) print(`Left out: ${problem}`)
}
