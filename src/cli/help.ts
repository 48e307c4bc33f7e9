import { COMMON_OPTIONS, type CommandDescription, DESCRIPTIONS, type OptionDescription } from './commands.ts'

const TERM_COLUMNS = 18

/** How to use the program. `environment` is what the configuration says about its variables. */
export function programHelp(commands: readonly CommandDescription[], environment: string): string {
  return [
    'gatehouse: a self-hosted gateway and desk for customer messaging',
    '',
    'Usage: gatehouse COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => term(name, summary)),
    '',
    'Options of every command:',
    ...COMMON_OPTIONS.map(optionLine),
    '',
    'Exit codes: 0 done, 1 failed, 2 wrong use or configuration.',
    '',
    environment,
  ].join('\n')
}

/** How to use one command. */
export function commandHelp({ name, summary, options, operand }: CommandDescription): string {
  const usage = ['Usage: gatehouse', name, operand, '[OPTIONS]'].filter((word) => word !== undefined).join(' ')
  return [summary, '', usage, '', 'Options:', ...[...options, ...COMMON_OPTIONS].map(optionLine)].join('\n')
}

/** Where to go on after wrong use. */
export function usageHint(command: string | undefined): string {
  const known = command !== undefined && Object.hasOwn(DESCRIPTIONS, command)
  return `See: gatehouse ${known ? `${command} ` : ''}--help`
}

function optionLine({ name, value, help }: OptionDescription): string {
  return term(`--${name}${value === undefined ? '' : ` ${value}`}`, help)
}

function term(word: string, text: string): string {
  return `  ${`${word} `.padEnd(TERM_COLUMNS)}${text}`
}
