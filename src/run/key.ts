import { readFileSync } from 'node:fs'
import { type CommandContext, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import { auditedCommand } from '../compliance/audited-command.ts'
import { readMasterKey } from '../config/kinds.ts'
import type { Config } from '../config.ts'
import { codeOf } from '../core/failure.ts'
import { askRunningHouse, inHouseAlone } from './running-house.ts'

/** Changes the master key, in the running house or in the folder, and says what has to be done next. */
export function keyCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    const wanted = wantedKey(context)
    if ('wrong' in wanted) {
      context.complain(wanted.wrong)
      return EXIT_USAGE
    }
    const { file, next } = wanted
    if (config.demo) throw new Error('The key of the demo is not changed: its secrets are drawn from it')
    const asked = await askRunningHouse(config, 'master-key', { key: next.toHex() })
    if (!asked) await rotateAlone(config, next)
    for (const line of nextSteps(config, file, asked !== undefined)) context.print(line)
    return EXIT_OK
  })
}

function wantedKey({
  operand,
  options,
}: CommandContext<Config>): { file: string; next: Uint8Array } | { wrong: string } {
  const file = options['new-key-file']
  if (operand !== 'rotate' || typeof file !== 'string') return { wrong: 'key wants: key rotate --new-key-file FILE' }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { wrong: `The new key cannot be read from ${file}: ${codeOf(error) ?? 'unknown error'}` }
  }
  const next = keyIn(text)
  if (next) return { file, next }
  return { wrong: `${file} must hold the new key: 32 random bytes as 64 hexadecimal or 44 base64 characters` }
}

function keyIn(text: string): Uint8Array | undefined {
  try {
    return readMasterKey(text)
  } catch {
    return undefined
  }
}

async function rotateAlone(config: Config, next: Uint8Array): Promise<void> {
  await inHouseAlone(config, (house) =>
    auditedCommand(house.book.ask, 'master_key.change', () => house.changeMasterKey(next, async () => {})),
  )
}

function nextSteps(config: Config, file: string, isRunning: boolean): string[] {
  const place = config.masterKeyFile ?? 'the old key file'
  return [
    'The master key is changed: from now on only the new one opens the data folder.',
    `Now set master_key_file (or GATEHOUSE_MASTER_KEY_FILE) to ${file}, or put the new key in the place of ${place}.`,
    isRunning
      ? 'The running house goes on with it; the next start needs the setting.'
      : 'The next start needs the setting.',
    'Then take a backup (gatehouse backup): with a copy of vault.db from before, what is shipped of later days does not open.',
    'Keep the old key for as long as you keep backups of vault.db that were made before; then destroy it.',
  ]
}
