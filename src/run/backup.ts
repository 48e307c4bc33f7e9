import { join, resolve } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { type CommandContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { Failure, messageOf } from '../core/failure.ts'
import { createLog } from '../core/pino-log.ts'
import { backupPlanOf } from '../gateway/safekeeping.ts'
import { checkBackupInThread, takeBackupInThread, takeLedgerInThread } from '../relay/backup-client.ts'
import { Backups } from '../relay/backups.ts'
import type { BackupChecked } from '../relay/check-backup.ts'
import type { BackupDone } from '../relay/take-backup.ts'
import { vaultCopyOf } from '../relay/vault-copy.ts'
import { setupOf } from '../setup.ts'
import { backupNamed, backupsIn, readManifest } from '../storage/backup-manifest.ts'
import { FolderLock } from '../storage/lock.ts'
import { refusalOfUnfinished } from '../storage/unfinished.ts'
import { THREADS } from '../threads.ts'
import { askRunningHouse, requireData } from './running-house.ts'

/** Sealed cells that a check opens. */
const CELLS = 100
const WANTED = 'backup wants: backup, backup list, backup check NAME, or backup check latest'

type Context = CommandContext<Config>

/** Takes a backup, lists them, or looks at everything in one. */
export function backupCommand(context: Context): Promise<number> {
  return withConfig(context, async (config) => {
    const wanted = readWanted(context.operand ?? '')
    if (!wanted) {
      context.complain(WANTED)
      return EXIT_USAGE
    }
    try {
      if (wanted.what === 'list') return list(context, config)
      if (wanted.what === 'check') return await check(context, config, wanted.name)
      return await take(context, config)
    } catch (error) {
      context.complain(messageOf(error))
      return exitCodeOf(error)
    }
  })
}

/** What was not said belongs to the use of the command. */
function exitCodeOf(error: unknown): number {
  return error instanceof Failure && error.code === 'invalid' ? EXIT_USAGE : EXIT_FAILED
}

type Wanted = { what: 'take' | 'list' } | { what: 'check'; name: string }

function readWanted(operand: string): Wanted | undefined {
  if (operand === '') return { what: 'take' }
  if (operand === 'list') return { what: 'list' }
  const [word, name] = operand.split(' ')
  return word === 'check' ? { what: 'check', name: name ?? 'latest' } : undefined
}

async function take(context: Context, config: Config): Promise<number> {
  const { to, vaultTo, vaultBeside } = wishOf(context)
  const ask = { to, vault_to: vaultTo, vault_beside: vaultBeside }
  const done = (await askRunningHouse<BackupDone>(config, 'backup', ask)) ?? (await takeAlone(context, config))
  if (context.options['json'] === true) {
    context.print(JSON.stringify(done, null, 2))
    return EXIT_OK
  }
  context.print(`Backup ${done.name}: ${megabytes(done.bytes)} MB in ${done.seconds.toFixed(1)} s`)
  context.print(`  ${counted(done.counts)}; the journal up to entry ${done.head_seq}`)
  context.print(`  ${done.media.files} files of messages, ${done.media.added} of them new`)
  if (done.media.missing > 0) context.complain(`  ${done.media.missing} files of messages are not in the data folder`)
  if (done.removed.length > 0) context.print(`  Removed: ${done.removed.join(', ')}`)
  if (vaultBeside) context.complain('  The vault lies with what it opens: whoever takes one takes both.')
  return EXIT_OK
}

/** Where no house runs, its files are copied under the folder's lock. */
async function takeAlone(context: Context, config: Config): Promise<BackupDone> {
  const { dataDir } = config
  requireData(dataDir)
  const refusal = refusalOfUnfinished(dataDir, undefined)
  if (refusal) throw new Error(refusal)
  const lock = new FolderLock(join(dataDir, 'lock.db'))
  try {
    const backups = new Backups(
      {
        take: (ask) => takeBackupInThread(THREADS.backup, ask, systemClock),
        takeLedger: (ask) => takeLedgerInThread(THREADS.backup, ask, systemClock),
        clock: systemClock,
        log: createLog('error', { write: () => {} }),
        dataDir,
        masterKey: setupOf(config).masterKey,
        program: packageJson.version,
        restShare: 0,
        metrics: { done: () => {}, failed: () => {} },
      },
      () => backupPlanOf(config),
    )
    return await backups.take(wishOf(context))
  } finally {
    lock.release()
  }
}

/** The house has a working directory of its own: folders are made absolute here. */
function wishOf({ options }: Context): { to?: string; vaultTo?: string; vaultBeside?: true } {
  const { to, 'vault-to': vaultTo } = options
  return {
    ...(typeof to === 'string' ? { to: resolve(to) } : {}),
    ...(typeof vaultTo === 'string' ? { vaultTo: resolve(vaultTo) } : {}),
    ...(options['vault-beside'] === true ? { vaultBeside: true } : {}),
  }
}

interface Places {
  folder: string
  vaultFolder: string | undefined
}

function placesOf(context: Context, config: Config): Places {
  const { to, vaultTo } = wishOf(context)
  const plan = backupPlanOf(config)
  const folder = to ?? plan.folder
  if (folder === undefined)
    throw new Failure('invalid', 'Say where they are: --to FOLDER, or backup.folder in the configuration')
  return { folder, vaultFolder: vaultTo ?? plan.vaultFolder }
}

function list(context: Context, config: Config): number {
  const { folder, vaultFolder } = placesOf(context, config)
  const { masterKey } = setupOf(config)
  const rows = backupsIn(folder).map((name) => {
    try {
      const manifest = readManifest(join(folder, name))
      const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
      const vault = vaultFolder === undefined ? null : (vaultCopyOf(vaultFolder, name, masterKey) ?? null)
      return { name, bytes, counts: manifest.counts, head_seq: manifest.journal.head_seq, vault, damaged: null }
    } catch (error) {
      const damaged = messageOf(error)
      return { name, bytes: null, counts: null, head_seq: null, vault: null, damaged }
    }
  })
  if (context.options['json'] === true) {
    context.print(JSON.stringify(rows, null, 2))
    return EXIT_OK
  }
  if (rows.length === 0) context.print(`There is no whole backup in ${folder}`)
  for (const row of rows) {
    if (row.counts === null) context.print(`${row.name}  damaged: ${row.damaged}`)
    else {
      const vault = row.vault ?? 'no copy of the vault opens it'
      context.print(`${row.name}  ${megabytes(row.bytes)} MB  ${counted(row.counts)}  ${vault}`)
    }
  }
  return EXIT_OK
}

async function check(context: Context, config: Config, wanted: string): Promise<number> {
  const { folder, vaultFolder } = placesOf(context, config)
  if (vaultFolder === undefined) {
    throw new Failure(
      'invalid',
      "Say where the vault's copies are: --vault-to FOLDER, or backup.vault_folder in the configuration",
    )
  }
  const name = backupNamed(folder, wanted)
  const ask = { folder, vaultFolder, name, masterKey: setupOf(config).masterKey, cells: CELLS }
  const checked = await checkBackupInThread(THREADS.backup, ask, systemClock)
  if (context.options['json'] === true) context.print(JSON.stringify(checked, null, 2))
  else show(context, checked)
  return checked.ok ? EXIT_OK : EXIT_FAILED
}

function show(context: Context, checked: BackupChecked): void {
  const { files, media, entries, cells } = checked
  context.print(`Backup ${checked.name}: ${checked.ok ? 'whole' : 'damaged'}`)
  context.print(`  ${files} files, ${media} files of messages, ${entries} entries of the journal`)
  context.print(`  ${cells.opened} sealed cells opened with ${checked.vault ?? 'no copy of the vault'}`)
  for (const fault of checked.faults) context.complain(`  ${fault}`)
}

function counted({ messages, conversations, contacts }: BackupDone['counts']): string {
  return `${messages} messages, ${conversations} conversations, ${contacts} contacts`
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
