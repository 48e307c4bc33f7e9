import { type CommandContext, EXIT_OK, EXIT_USAGE, type Options, withConfig } from '../cli/commands.ts'
import { auditedCommand } from '../compliance/audited-command.ts'
import type { Config } from '../config.ts'
import { type Released, type ReleaseWhat, release } from '../relay/release.ts'
import { askRunningHouse, inHouseAlone } from './running-house.ts'

const WHY = {
  erased: 'whoever they were for has been erased',
  number_paused: 'sending from their number is paused',
  window_closed: 'the customer has not written in the last 24 hours',
} as const

/** Lets messages go that a restore has held: through the running house, or in the folder, where the next start sends them. */
export function releaseCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    const what = wanted(context.options)
    if (!what) {
      context.complain('release wants one of: --all, --number ALIAS, --message ID')
      return EXIT_USAGE
    }
    const released = (await askRunningHouse<Released>(config, 'release', what)) ?? (await releaseAlone(config, what))
    print(context, released)
    return EXIT_OK
  })
}

function wanted({ all, number, message }: Options): ReleaseWhat | undefined {
  if ([all === true, number, message].filter(Boolean).length !== 1) return undefined
  if (typeof number === 'string') return { number }
  return typeof message === 'string' ? { message } : { all: true }
}

function releaseAlone(config: Config, what: ReleaseWhat): Promise<Released> {
  return inHouseAlone(config, ({ book: { ask } }) =>
    auditedCommand(ask, 'message.release', () => release(ask, what, config.dispatch.deadlineMs)),
  )
}

function print({ options, print: line }: CommandContext<Config>, { released, stay }: Released): void {
  if (options['json'] === true) return line(JSON.stringify({ released, stay }))
  line(`Released: ${released}`)
  for (const [reason, why] of Object.entries(WHY)) {
    const count = stay[reason as keyof typeof WHY]
    if (count > 0) line(`Still held: ${count} (${why})`)
  }
}
