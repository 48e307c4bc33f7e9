import { parseArgs } from 'node:util'
import { COMMON_OPTIONS, type CommandDescription, type CommandName, DESCRIPTIONS, type Options } from './commands.ts'

export type ParsedArguments =
  | {
      readonly ok: true
      readonly command: CommandName
      readonly options: Options
      readonly operand: string | undefined
    }
  | { readonly ok: false; readonly message: string }

/**
 * Reads the words after the program's name. Help wins over everything else that may be wrong:
 * `gatehouse replay --help` is `gatehouse help replay`.
 */
export function parseArguments(argv: readonly string[]): ParsedArguments {
  const [word, ...rest] = argv
  if (word === undefined) return wrong('No command')
  if (word === '--help' || word === '-h') return { ok: true, command: 'help', options: {}, operand: undefined }
  if (word === '--version') return { ok: true, command: 'version', options: {}, operand: undefined }
  if (!isCommand(word)) return wrong(`Unknown ${word.startsWith('-') ? 'option' : 'command'} "${word}"`)
  if (rest.includes('--help') || rest.includes('-h')) {
    return { ok: true, command: 'help', options: {}, operand: word }
  }
  return parseRest(DESCRIPTIONS[word], rest)
}

export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(DESCRIPTIONS, word)
}

function parseRest(command: CommandDescription, rest: readonly string[]): ParsedArguments {
  const described = [...command.options, ...COMMON_OPTIONS]
  const options = Object.fromEntries(
    described.map(({ name, value }) => [name, { type: value === undefined ? 'boolean' : 'string' } as const]),
  )
  let parsed: { values: Options; positionals: string[] }
  try {
    parsed = parseArgs({ args: [...rest], options, allowPositionals: true, strict: true }) as typeof parsed
  } catch (error) {
    return wrong(`${command.name}: ${error instanceof Error ? error.message.split('. ')[0] : 'wrong options'}`)
  }
  const { operandWordsMax = 1 } = command
  const operand = parsed.positionals.length === 0 ? undefined : parsed.positionals.slice(0, operandWordsMax).join(' ')
  const excess = parsed.positionals[command.operand === undefined ? 0 : operandWordsMax]
  if (excess !== undefined) return wrong(`${command.name}: unexpected "${excess}"`)
  if (command.name === 'help' && operand !== undefined && !isCommand(operand)) {
    return wrong(`Unknown command "${operand}"`)
  }
  const problem = command.check?.(parsed.values)
  if (problem !== undefined) return wrong(problem)
  return { ok: true, command: command.name, options: { ...parsed.values }, operand }
}

function wrong(message: string): ParsedArguments {
  return { ok: false, message }
}
