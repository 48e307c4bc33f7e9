import { type CommandContext, EXIT_OK, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { FORMS } from '../relay/forms.ts'
import { type TakenBack, takeBack } from '../relay/rollback.ts'

/** Takes the newest upgrade back, so that the program of before can be started again. The house may not run. */
export function rollbackCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    const isTrial = context.options['dry-run'] === true
    const done = await takeBack({
      folder: config.dataDir,
      forms: FORMS,
      nowMs: systemClock.epochMs(),
      isTrial,
      say: context.complain,
    })
    if (context.options['json'] === true) context.print(JSON.stringify({ dry_run: isTrial, ...done }, null, 2))
    else for (const line of linesOf(done, isTrial)) context.print(line)
    return EXIT_OK
  })
}

function linesOf(done: TakenBack, isTrial: boolean): string[] {
  const databases = done.databases.map(({ path, from, to }) => `${path} (version ${from} to ${to})`)
  return [
    isTrial ? 'This would go back to the copy of before the upgrade:' : 'Gone back to the copy of before the upgrade:',
    `  ${done.copy}, made at ${done.made_at}`,
    `  Back in the older form: ${databases.join(', ') || 'nothing'}`,
    `  Lost: what people and programs have done since (${done.events_lost} events in all)`,
    `  Comes back: what platforms have said since (${done.journal_entries} entries of the journal are applied once more)`,
    '  Held: messages that were waiting to be sent then. gatehouse release lets them go',
    ...(done.erased_again > 0 ? [`  Erased again at the next start: ${done.erased_again} people at most`] : []),
    isTrial ? 'Nothing was changed.' : 'Now start the program of before the upgrade.',
  ]
}
