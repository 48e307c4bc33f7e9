import { type CommandContext, complaining, EXIT_FAILED, EXIT_OK } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import type { ReloadReport } from '../gateway/reload.ts'
import { askRunningHouse } from './running-house.ts'

/** Has the running house read its configuration anew, and says what it did. */
export async function reloadCommand(context: CommandContext<Config>): Promise<number> {
  const loaded = context.loadConfig()
  const dataDir = loaded.ok ? loaded.config.dataDir : loaded.dataDir
  return await complaining(context, async () => {
    // The house reads its own file and environment: also where this command cannot, it says what is wrong there.
    const report = dataDir === undefined ? undefined : await askRunningHouse<ReloadReport>({ dataDir }, 'reload', {})
    if (report) return tell(context, report)
    for (const problem of loaded.ok ? [] : loaded.problems) context.complain(problem)
    context.complain('No house runs here: nothing was changed')
    return EXIT_FAILED
  })
}

function tell({ options, print, complain }: CommandContext<Config>, report: ReloadReport): number {
  const code = report.outcome === 'refused' ? EXIT_FAILED : EXIT_OK
  if (options['json'] === true) {
    print(JSON.stringify(report, null, 2))
    return code
  }
  for (const problem of report.problems) complain(problem)
  if (report.outcome === 'refused') complain('Nothing was changed: the house goes on as it was')
  if (report.outcome === 'unchanged') print('Nothing is different')
  for (const key of report.changed) {
    if (!report.needs_restart.includes(key)) print(`changed: ${key}`)
  }
  for (const key of report.needs_restart) print(`needs a restart: ${key}`)
  return code
}
