import { type CommandContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { askRunningHouse } from './running-house.ts'

/** Has the running house make its word index anew. Where none runs, the next start does so if the file is gone. */
export function searchCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    if (context.operand !== 'rebuild') {
      context.complain('search wants: search rebuild')
      return EXIT_USAGE
    }
    const asked = await askRunningHouse(config, 'search/rebuild', {})
    if (!asked) {
      context.complain('No house runs here: delete search.db, and the next start makes it anew')
      return EXIT_FAILED
    }
    context.print('The word index is being made anew: searches say how far it is')
    return EXIT_OK
  })
}
