import { type CommandContext, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import { auditedCommand } from '../compliance/audited-command.ts'
import type { Config } from '../config.ts'
import { systemClock } from '../core/clock.ts'
import { createLog } from '../core/pino-log.ts'
import { type EraseAsk, eraseWhole } from '../relay/erase-command.ts'
import { Eraser } from '../relay/erasure.ts'
import { removeSearchIndex } from '../relay/search-client.ts'
import { THREADS } from '../threads.ts'
import { askRunningHouse, inHouseAlone } from './running-house.ts'

const WANTED =
  'erase wants the id of a contact or of who worked here, or --phone-from-stdin and the phone on standard input'
/** E.164 with its plus sign. */
const PHONE = /^\+[1-9]\d{5,14}$/

/** Erases a person whole and prints the report. A phone is never an argument: those are seen by everybody on the machine. */
export function eraseCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    const who = await wanted(context)
    if (typeof who === 'string') {
      context.complain(who)
      return EXIT_USAGE
    }
    const erasure = (await askRunningHouse<Erasure>(config, 'erase', who)) ?? (await eraseAlone(config, who))
    print(context, erasure)
    return EXIT_OK
  })
}

/** Who is to be erased, or what is wrong with the words. */
async function wanted({ options, operand }: CommandContext<Config>): Promise<EraseAsk | string> {
  const fromStdin = options['phone-from-stdin'] === true
  if (fromStdin === (operand !== undefined)) return WANTED
  if (operand !== undefined) return { contact: operand }
  const phone = (await Bun.stdin.text()).replace(/[\s().-]/g, '')
  return PHONE.test(phone) ? { phone } : 'The phone must be in E.164, such as +15550100'
}

interface Erasure {
  id: string
  report: { erased: Record<string, number>; copies: Record<string, string | null>[] } | null
  report_sha256: string | null
}

function print({ options, print: line }: CommandContext<Config>, erasure: Erasure): void {
  if (options['json'] === true) return line(JSON.stringify(erasure, null, 2))
  line(`Erased: ${erasure.id}`)
  for (const [what, count] of Object.entries(erasure.report?.erased ?? {})) {
    if (count > 0) line(`  ${what.replaceAll('_', ' ')}: ${count}`)
  }
  line('Copies that cannot be edited:')
  for (const copy of erasure.report?.copies ?? []) {
    const since = copy['unreadable_since']
    const from = copy['unreadable_from']
    const when = since ? `unreadable since ${since}` : from ? `unreadable from ${from}` : 'until the backups expire'
    line(`  ${copy['of']?.replaceAll('_', ' ')}: ${when} (${copy['because']})`)
  }
  line(`SHA-256 of the report: ${erasure.report_sha256}`)
}

async function eraseAlone(config: Config, who: EraseAsk): Promise<Erasure> {
  return await inHouseAlone(config, async (house) => {
    const eraser = new Eraser({
      house,
      clock: systemClock,
      log: createLog('error', { write: (text) => process.stderr.write(text) }),
      scanThread: THREADS.scan,
      forget: () => {},
      eraseFromSearch: async () => removeSearchIndex(config.dataDir),
      // The next start removes the files whose rows are gone.
      filesRemoved: async () => true,
      onState: () => {},
    })
    const erased = auditedCommand(house.book.ask, 'contact.erase', () => eraseWhole(house, eraser, who))
    return (await erased) as Erasure
  })
}
