import { messageOf } from '../core/failure.ts'
import { replayAsk } from './replay-ask.ts'
import { stormOptions } from './storm-options.ts'

/** The exit codes that scripts and service managers rely on. */
export const EXIT_OK = 0
export const EXIT_FAILED = 1
/** Wrong use or wrong configuration: starting again will not help. */
export const EXIT_USAGE = 2

export const COMMAND_NAMES = [
  'serve',
  'simulate',
  'check-config',
  'reload',
  'healthcheck',
  'doctor',
  'replay',
  'backup',
  'restore',
  'release',
  'rollback',
  'erase',
  'audit',
  'key',
  'search',
  'support-bundle',
  'storm',
  'version',
  'help',
] as const
export type CommandName = (typeof COMMAND_NAMES)[number]

/** Options as given; an absent one is undefined. */
export type Options = Readonly<Record<string, string | boolean | undefined>>

export interface OptionDescription {
  readonly name: string
  readonly help: string
  /** What its value is called in help; absent for a switch. */
  readonly value?: string
}

/** What a command says about itself. */
export interface CommandDescription {
  readonly name: CommandName
  /** One line. */
  readonly summary: string
  readonly options: readonly OptionDescription[]
  /** What follows the options, such as `[COMMAND]`. */
  readonly operand?: string
  /** How many words it may have, parted by one space. Default: 1. */
  readonly operandWordsMax?: number
  /** What is wrong with options that are each well-formed. */
  readonly check?: (options: Options) => string | undefined
}

/** The configuration, or every problem with it as a line. */
export type Loaded<C> =
  | {
      readonly ok: true
      readonly config: C
      /** What is not wrong, and probably not meant: a line each. */
      readonly notes?: readonly string[]
    }
  | {
      readonly ok: false
      readonly problems: readonly string[]
      /** Where the data lies, as far as that could be read. */
      readonly dataDir?: string | undefined
    }

/** What a command may touch. `C` is the configuration's type, which this room only passes on. */
export interface CommandContext<C> {
  readonly options: Options
  readonly operand: string | undefined
  /** Reads and checks the configuration anew; opens nothing. */
  readonly loadConfig: () => Loaded<C>
  /** A line to standard output, and to standard error. */
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
}

export interface Command<C> extends CommandDescription {
  /** Answers the exit code. */
  run(context: CommandContext<C>): Promise<number>
}

/** Every command has these. */
export const COMMON_OPTIONS: readonly OptionDescription[] = [
  { name: 'config', value: 'FILE', help: 'The configuration file; goes before GATEHOUSE_CONFIG.' },
  { name: 'help', help: 'Says how to use it.' },
]

/** All commands in the order of help. What runs them is put in by whoever builds the program. */
export const DESCRIPTIONS: Readonly<Record<CommandName, CommandDescription>> = {
  serve: {
    name: 'serve',
    summary: 'Runs the gateway; with no app configured also the simulator, with demo data.',
    options: [
      { name: 'accept-loss', help: 'Starts although the journal or the records have lost what was committed.' },
    ],
  },
  simulate: { name: 'simulate', summary: 'Runs only the simulator of the platform.', options: [] },
  'check-config': {
    name: 'check-config',
    summary: 'Says everything that is wrong with the configuration. Opens nothing.',
    options: [],
  },
  reload: {
    name: 'reload',
    summary: 'Has the running house read its configuration anew, as SIGHUP does: says what changed or is wrong.',
    options: [{ name: 'json', help: 'Prints the report as JSON.' }],
  },
  doctor: {
    name: 'doctor',
    summary: 'Says what is well and what is not, each with its remedy: exit code 1 where something fails.',
    options: [{ name: 'json', help: 'Prints the findings as JSON.' }],
  },
  healthcheck: {
    name: 'healthcheck',
    summary: 'Asks the house at the configured address whether it takes webhooks: exit code 0 or 1.',
    options: [{ name: 'live', help: 'Asks only whether the process lives.' }],
  },
  replay: {
    name: 'replay',
    summary: 'Takes in once more what the outside said, as new input.',
    options: [
      { name: 'quarantine', help: 'What failed and was put aside.' },
      { name: 'from', value: 'N', help: 'The journal from this sequence number,' },
      { name: 'to', value: 'N', help: 'up to and including this one.' },
    ],
    check: (options) => {
      const range = replayAsk(options)
      return range.ok ? undefined : range.message
    },
  },
  backup: {
    name: 'backup',
    summary: 'Takes a backup, beside the running house too; lists them, or looks at everything in one.',
    operand: '[list | check NAME]',
    operandWordsMax: 2,
    options: [
      { name: 'to', value: 'FOLDER', help: 'Where the backups are. Default: backup.folder.' },
      { name: 'vault-to', value: 'FOLDER', help: "Where the vault's copies are. Default: backup.vault_folder." },
      { name: 'vault-beside', help: 'Lets both be one place, although whoever takes one then takes both.' },
      { name: 'json', help: 'Prints what was found or done as JSON.' },
    ],
  },
  restore: {
    name: 'restore',
    summary: 'Makes the data folder from a backup; with the word drill only tries it, beside the house.',
    operand: '[drill]',
    options: [
      { name: 'from', value: 'FOLDER', help: 'The backups, or one of them; of several the newest is taken.' },
      { name: 'vault-from', value: 'FOLDER', help: "Where the vault's copies are." },
      { name: 'ledger', value: 'FILE', help: 'The erasure ledger of the lost house: who was erased stays erased.' },
      { name: 'journal', value: 'FOLDER', help: 'The journal as it was shipped: what came in after the backup.' },
      { name: 'backup', value: 'NAME', help: 'Which backup the drill tries. Default: latest.' },
      { name: 'json', help: 'Prints what was done as JSON.' },
    ],
  },
  release: {
    name: 'release',
    summary: 'Lets messages go that a restore has held: they are queued again, with a new deadline.',
    options: [
      { name: 'all', help: 'All that a restore has held.' },
      { name: 'number', value: 'ALIAS', help: 'Only those that leave from this number.' },
      { name: 'message', value: 'ID', help: 'One message, whatever it is held for.' },
      { name: 'json', help: 'Prints the counts as JSON.' },
    ],
  },
  rollback: {
    name: 'rollback',
    summary: 'Takes the last upgrade of the data folder back, for the program of before it.',
    options: [
      { name: 'dry-run', help: 'Only says what would be done, and what would be lost.' },
      { name: 'json', help: 'Prints it as JSON.' },
    ],
  },
  erase: {
    name: 'erase',
    summary: 'Erases a customer, or who worked here: everything they said and are called, for good. Prints the report.',
    operand: '[CONTACT | PERSON]',
    options: [
      { name: 'phone-from-stdin', help: 'Reads the phone from standard input: arguments are seen by others.' },
      { name: 'json', help: 'Prints the report as JSON.' },
    ],
  },
  audit: {
    name: 'audit',
    summary: 'Says whether anything in the audit was changed, and where first; or gives its roots out.',
    operand: 'verify | roots | signatures',
    options: [
      { name: 'roots', value: 'FILE', help: 'With verify: roots that were kept elsewhere, to compare with.' },
      { name: 'to', value: 'FILE', help: 'With roots: where they are added, best on another machine.' },
      { name: 'public-key', value: 'KEY', help: 'With signatures: the key that signed the file of --roots.' },
      { name: 'json', help: 'Prints what was found as JSON.' },
    ],
  },
  key: {
    name: 'key',
    summary: 'Changes the master key: gatehouse key rotate --new-key-file FILE.',
    operand: 'rotate',
    options: [
      { name: 'new-key-file', value: 'FILE', help: 'Holds the new key: 64 hexadecimal or 44 base64 characters.' },
    ],
    check: (options) =>
      typeof options['new-key-file'] === 'string' ? undefined : 'key rotate wants --new-key-file FILE',
  },
  search: {
    name: 'search',
    summary: 'Makes the word index anew, in the background: gatehouse search rebuild.',
    operand: 'rebuild',
    options: [],
  },
  storm: {
    name: 'storm',
    summary: 'Measures what this machine carries: drives a sandbox of its own through rising load.',
    options: [
      { name: 'quick', help: 'Shorter steps, and fewer of them: rough, and its practical figure lower.' },
      { name: 'seconds', value: 'N', help: 'Seconds of a step, after the warm-up. Default: 12, quick 5.' },
      { name: 'last', value: 'N', help: 'Goes no higher than so many messages a second.' },
      { name: 'loads', value: 'A,B', help: 'Exactly these loads instead of rising until it breaks.' },
      { name: 'sockets', value: 'N', help: 'Sockets that watch. Default: 10.' },
      { name: 'folder', value: 'DIR', help: 'Where the sandbox is made and removed. Default: the temporary folder.' },
      { name: 'json', help: 'Prints the report as JSON.' },
    ],
    check: (options) => {
      const read = stormOptions(options)
      return typeof read === 'string' ? read : undefined
    },
  },
  'support-bundle': {
    name: 'support-bundle',
    summary: 'Gathers what somebody else needs to help, without anything personal, and says what it is.',
    options: [
      { name: 'to', value: 'FILE', help: 'Where to write it. Default: gatehouse-support-<moment>.tar.gz here.' },
      { name: 'json', help: 'Prints what is in it as JSON.' },
    ],
  },
  version: {
    name: 'version',
    summary: 'Says which version this is, what it was built from, and which databases it knows.',
    options: [{ name: 'json', help: 'Prints it as JSON.' }],
  },
  help: { name: 'help', summary: 'Says how to use the program or a command.', options: [], operand: '[COMMAND]' },
}

/** Runs a command; what it throws is said in its own words, and it has failed. */
export async function complaining<C>(
  context: CommandContext<C>,
  work: () => Promise<number> | number,
): Promise<number> {
  try {
    return await work()
  } catch (error) {
    context.complain(messageOf(error))
    return EXIT_FAILED
  }
}

/** The same with the configuration; a wrong one is complained about and nothing is opened. */
export async function withConfig<C>(
  context: CommandContext<C>,
  use: (config: C, notes: readonly string[]) => Promise<number> | number,
): Promise<number> {
  const loaded = context.loadConfig()
  if (loaded.ok) return complaining(context, () => use(loaded.config, loaded.notes ?? []))
  for (const problem of loaded.problems) context.complain(problem)
  const count = loaded.problems.length
  context.complain(count === 1 ? '1 problem in the configuration' : `${count} problems in the configuration`)
  return EXIT_USAGE
}
