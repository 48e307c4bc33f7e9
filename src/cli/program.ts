import { isCommand, parseArguments } from './arguments.ts'
import {
  COMMAND_NAMES,
  type Command,
  type CommandContext,
  type CommandName,
  DESCRIPTIONS,
  EXIT_OK,
  EXIT_USAGE,
  type Loaded,
  withConfig,
} from './commands.ts'
import { commandHelp, programHelp, usageHint } from './help.ts'

/** What runs a command, once its arguments are read. */
export type Run<C> = (context: CommandContext<C>) => Promise<number>

/** What the program's outermost part gives to the commands. */
export interface Program<C> {
  readonly version: string
  /** What the configuration says about its variables, for help. */
  readonly environmentHelp: string
  /** `path` is what `--config` says. */
  readonly loadConfig: (path: string | undefined) => Loaded<C>
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
  /** What runs the commands that stand above this room. A command that nothing runs is not offered. */
  readonly runners: Partial<Record<Exclude<CommandName, 'check-config' | 'help'>, Run<C>>>
}

/** Reads the arguments, runs the command and answers the exit code. */
export async function runProgram<C>(argv: readonly string[], program: Program<C>): Promise<number> {
  const parsed = parseArguments(argv)
  const commands = commandTable(program)
  const command = parsed.ok ? commands.find(({ name }) => name === parsed.command) : undefined
  if (!parsed.ok || command === undefined) {
    program.complain(parsed.ok ? `Unknown command "${parsed.command}"` : parsed.message)
    program.complain(usageHint(argv[0]))
    return EXIT_USAGE
  }
  const { print, complain } = program
  const configPath = parsed.options['config']
  return command.run({
    options: parsed.options,
    operand: parsed.operand,
    loadConfig: () => program.loadConfig(typeof configPath === 'string' ? configPath : undefined),
    print,
    complain,
  })
}

/** The commands that this program has, in the order of help. */
function commandTable<C>(program: Program<C>): Command<C>[] {
  const runners: Partial<Record<CommandName, Run<C>>> = {
    version: async ({ print }) => {
      print(`gatehouse ${program.version}`)
      return EXIT_OK
    },
    ...program.runners,
    'check-config': checkConfig,
    help: async ({ operand, print }) => {
      const isAboutOne = operand !== undefined && isCommand(operand)
      print(
        isAboutOne ? commandHelp(DESCRIPTIONS[operand]) : programHelp(commandTable(program), program.environmentHelp),
      )
      return EXIT_OK
    },
  }
  return COMMAND_NAMES.flatMap((name) => {
    const run = runners[name]
    return run === undefined ? [] : [{ ...DESCRIPTIONS[name], run }]
  })
}

async function checkConfig<C>(context: CommandContext<C>): Promise<number> {
  return withConfig(context, (_, notes) => {
    for (const note of notes) context.complain(note)
    context.print('The configuration is right')
    return EXIT_OK
  })
}
