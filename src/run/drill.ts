import { join } from 'node:path'
import { type CommandContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/failure.ts'
import { createLog } from '../core/pino-log.ts'
import { type Drilled, drill } from '../relay/drill.ts'
import { writeDrill } from '../relay/drill-result.ts'
import { setupOf } from '../setup.ts'
import { FolderLock } from '../storage/lock.ts'
import { stepBack } from '../storage/step-back.ts'
import { THREADS } from '../threads.ts'
import { requireData } from './running-house.ts'

/**
 * Tries a backup beside the house, which may run, and writes down how it ended: `doctor` shows it. For a timer, every
 * night. Behind everything else that wants the processor.
 */
export async function drillCommand(context: CommandContext<Config>, config: Config): Promise<number> {
  const from = textOf(context, 'from') ?? config.backup.folder
  if (from === undefined) {
    context.complain('restore drill wants [backup] folder in the configuration, or --from FOLDER')
    return EXIT_USAGE
  }
  requireData(config.dataDir)
  stepBack()
  // One that meets another would tell of a backup that does not restore.
  const lock = new FolderLock(join(config.dataDir, 'drill-lock.db'), 'A drill is under way already: wait for its end')
  try {
    return await drillFrom(context, config, from)
  } finally {
    lock.release()
  }
}

async function drillFrom(context: CommandContext<Config>, config: Config, from: string): Promise<number> {
  const { options } = context
  const startedMs = systemClock.monoMs()
  const ended = await drill({
    dataDir: config.dataDir,
    from,
    vaultFrom: textOf(context, 'vault-from') ?? config.backup.vaultFolder ?? from,
    backup: textOf(context, 'backup') ?? 'latest',
    masterKey: setupOf(config).masterKey,
    clock: systemClock,
    log: createLog('error', { write: (line) => process.stderr.write(line) }),
    random: Math.random,
    threads: THREADS,
  }).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))))
  const faults = ended instanceof Error ? [ended.message] : ended.faults
  const result = {
    at: systemClock.epochMs(),
    ok: faults.length === 0,
    backup: ended instanceof Error ? null : ended.backup,
    faults,
    seconds: (systemClock.monoMs() - startedMs) / 1000,
  }
  noteDrill(context, config.dataDir, result)
  if (options['json'] === true)
    context.print(JSON.stringify({ ...(ended instanceof Error ? {} : ended), ...result }, null, 2))
  else if (!(ended instanceof Error)) for (const line of linesOf(ended, result.seconds)) context.print(line)
  for (const fault of faults) context.complain(`Wrong: ${fault}`)
  return result.ok ? EXIT_OK : EXIT_FAILED
}

/** An option with a value. */
export function textOf({ options }: CommandContext<Config>, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** Where the data folder has no room, what came of it is only said. */
function noteDrill(
  { complain }: CommandContext<Config>,
  dataDir: string,
  result: Parameters<typeof writeDrill>[1],
): void {
  try {
    writeDrill(dataDir, result)
  } catch (error) {
    complain(`It could not be written down for doctor: ${messageOf(error)}`)
  }
}

function linesOf(done: Drilled, seconds: number): string[] {
  const { counts, cells } = done
  return [
    `Tried: ${done.backup}, made at ${done.made_at}, in ${seconds.toFixed(1)} s`,
    `  ${counts.messages} messages, ${counts.conversations} conversations, ${counts.contacts} contacts, ${done.media} media files`,
    `  Journal applied: ${done.journal_entries} entries`,
    `  Sealed cells: ${cells.opened} opened, ${cells.erased} of erased people; in the living house ${cells.same} the same, ${cells.changed} changed, ${cells.gone} gone`,
    done.faults.length === 0 ? 'It restores.' : 'It does not restore as it should:',
  ]
}
