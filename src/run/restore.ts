import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type CommandContext, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { messageOf } from '../core/failure.ts'
import { createLog } from '../core/pino-log.ts'
import { segmentsIn } from '../journal/shipped-file.ts'
import { type Restored, restore } from '../relay/restore.ts'
import { setupOf } from '../setup.ts'
import { giveToOwner } from '../storage/data-folder.ts'
import { THREADS } from '../threads.ts'
import { countErased, LEDGER_FILE } from '../vault/erasure-ledger.ts'
import { drillCommand, textOf } from './drill.ts'

/** Makes the data folder from a backup, or with the word `drill` tries one. */
export function restoreCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    if (context.operand === 'drill') return await drillCommand(context, config)
    const from = textOf(context, 'from')
    if (context.operand !== undefined || from === undefined) {
      context.complain('restore wants: restore --from FOLDER, or: restore drill')
      return EXIT_USAGE
    }
    print(context, await restoreFrom(context, config, from))
    const folder = resolve(config.dataDir)
    for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))]) giveToOwner(path)
    return EXIT_OK
  })
}

function restoreFrom(context: CommandContext<Config>, config: Config, from: string): Promise<Restored> {
  const vaultFrom = textOf(context, 'vault-from') ?? config.backup.vaultFolder ?? from
  // Each erasure and each backup leaves the newest ledger beside the vault's copies.
  const left = join(vaultFrom, LEDGER_FILE)
  const hasLeft = existsSync(left)
  const ledger = textOf(context, 'ledger') ?? (hasLeft ? left : null)
  if (ledger === left)
    context.complain(`The erasure ledger is ${left}, as it lies beside the keys. --ledger names a newer one`)
  const shipped = textOf(context, 'journal') ?? null
  const { shipFolder } = config.backup
  if (shipped === null && shipFolder !== undefined && segmentsIn(shipFolder).length > 0)
    context.complain(`What was shipped to ${shipFolder} is left out. --journal ${shipFolder} goes on with it`)
  return restore({
    from,
    vaultFrom,
    ledger,
    ...(hasLeft && ledger !== left && isWhole(context, left) ? { otherLedger: left } : {}),
    shipped,
    folder: config.dataDir,
    masterKey: setupOf(config).masterKey,
    clock: systemClock,
    log: createLog('error', { write: (text) => process.stderr.write(text) }),
    threads: THREADS,
    say: context.complain,
  })
}

/** One that nobody has named, and that is damaged, is left out. */
function isWhole({ complain }: CommandContext<Config>, ledger: string): boolean {
  try {
    countErased(ledger)
    return true
  } catch (error) {
    complain(`It is left out: ${messageOf(error)}`)
    return false
  }
}

function print({ options, print: line, complain }: CommandContext<Config>, restored: Restored): void {
  if (options['json'] === true) line(JSON.stringify(restored, null, 2))
  else for (const text of linesOf(restored)) line(text)
  if (restored.erased_again === null) for (const text of WITHOUT_LEDGER) complain(text)
}

const WITHOUT_LEDGER = [
  '',
  'WARNING: there is no erasure ledger. People who were erased after the backup was made are back.',
  'Where the ledger of the old house is still there (erasure-ledger.db in its data folder), restore once more with --ledger.',
]

function linesOf(done: Restored): string[] {
  const { counts } = done
  return [
    `Restored: ${done.backup}, made at ${done.made_at}`,
    `  ${counts.messages} messages, ${counts.conversations} conversations, ${counts.contacts} contacts`,
    `  Applied from the journal: ${done.journal_entries} entries (${done.shipped_entries} of them from the shipped one)`,
    `  Held: ${done.held} messages that were not final. gatehouse release lets them go; a status settles them`,
    ...(done.erased_again === null ? [] : [`  Erased again: ${done.erased_again} people`]),
    'Sockets and programs see a new epoch and fetch anew. Start it: gatehouse serve',
  ]
}
