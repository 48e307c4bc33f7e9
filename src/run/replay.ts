import { type CommandContext, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import { replayAsk } from '../cli/replay-ask.ts'
import { auditedCommand } from '../compliance/audited-command.ts'
import type { Config } from '../config.ts'
import { pause, systemClock } from '../core/clock.ts'
import { type ReplayAsk, replay } from '../relay/replay.ts'
import { askRunningHouse, houseAlone } from './running-house.ts'

/** Asks the running house; where none runs, opens the folder itself, gives in, and waits until it is applied. */
export function replayCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    const read = replayAsk(context.options)
    if (!read.ok) {
      context.complain(read.message)
      return EXIT_USAGE
    }
    const running = await askRunningHouse<{ replayed: number }>(config, 'replay', read.ask)
    const count = running?.replayed ?? (await replayAlone(config, read.ask))
    context.print(`Given in again: ${count}`)
    return EXIT_OK
  })
}

async function replayAlone(config: Config, ask: ReplayAsk): Promise<number> {
  let appliedSeq = 0
  let head = 0
  const house = houseAlone(config, (commit) => {
    appliedSeq = commit.appliedSeq
  })
  const opened = await house.open()
  head = opened.journalHead
  appliedSeq = opened.appliedSeq
  const journal = house.journalReader()
  const append = async (entry: Parameters<typeof house.journal.append>[0]) => {
    head = await house.journal.append(entry)
    return head
  }
  const count = await auditedCommand(house.book.ask, 'journal.replay', () =>
    replay({ ask: house.book.ask, journal, append, nowMs: () => systemClock.epochMs() }, ask),
  )
  while (appliedSeq < head) await pause(systemClock, 10)
  journal.close()
  await house.close()
  return count
}
