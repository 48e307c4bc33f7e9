import { type IdKind, showId } from '../core/ids.ts'
import type { Actor } from '../core/principal.ts'
import type { AuditNote } from './audit.ts'
import { type Input, input, type Tx } from './tx.ts'

/** Objects of one act that are named; a list of more is a row for each of these. */
const OBJECTS_MAX = 1000

/** Programs send by the thousand: of theirs one row tells how many in each minute, and the messages say the rest. */
const COUNTED: ReadonlySet<string> = new Set(['message.queue'])

/** What an input's name begins with, as the kind of its object. */
const KIND_OF: Readonly<Record<string, IdKind>> = {
  message: 'message',
  conversation: 'conversation',
  contact: 'contact',
  media: 'media',
  erasure: 'erasure',
  api_key: 'key',
  person: 'person',
  role: 'role',
  team: 'team',
}

/** Writes down an act that was applied, in its own commit. */
export async function auditDone<Args, Result>(
  tx: Tx,
  command: Input<Args, Result>,
  { args, result, by }: { args: Args; result: Result; by: Actor },
): Promise<void> {
  if (command === noteAudit) return
  const row = { by, action: command.name, outcome: 'done' }
  if (isCounted(command.name, by)) return await tx.auditCount(row)
  const told = command.audited?.objects(args, result) ?? objectsOf(command.name, args, result)
  if (told.length === 0) return await tx.audit({ ...row, object: null })
  for (const { object, detail } of told.slice(0, OBJECTS_MAX)) {
    await tx.audit({ ...row, object, detail: detail ?? null })
  }
}

/** Writes down that an act was asked for and refused. */
export async function auditRefused<Args, Result>(
  tx: Tx,
  command: Input<Args, Result>,
  { args, by, code }: { args: Args; by: Actor; code: string },
): Promise<void> {
  if (command === noteAudit) return
  const row = { by, action: command.name, outcome: code }
  if (isCounted(command.name, by)) return await tx.auditCount(row)
  await tx.audit({ ...row, object: objectsOf(command.name, args, undefined)[0]?.object ?? null })
}

/** Of a key that speaks for nobody. */
function isCounted(name: string, { by, personId }: Actor): boolean {
  return COUNTED.has(name) && by === 'api_key' && personId === null
}

/** From what the arguments and the result are called: `personId`, `id`. */
function objectsOf(name: string, args: unknown, result: unknown): { object: string; detail?: object }[] {
  const noun = name.split('.')[0] ?? ''
  const kind = KIND_OF[noun]
  const asked = membersOf(args)
  if (noun === 'number') return typeof asked['numberId'] === 'number' ? [{ object: `number ${asked['numberId']}` }] : []
  if (kind === undefined) return []
  const answered = membersOf(result)
  const found = asked[`${noun}Id`] ?? asked['id'] ?? answered['id'] ?? membersOf(answered['answer'])['id']
  if (typeof found === 'string') return [{ object: found }]
  return typeof found === 'number' ? [{ object: showId(kind, found) }] : []
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Notes of what was looked at, taken out of the house, refused at the door, or done outside of the records. */
export const noteAudit = input('audit.note', async (tx: Tx, ask: { notes: readonly AuditNote[] }) => {
  await tx.closeAuditMinutes()
  for (const note of ask.notes) await tx.audit(note)
  return null
})
