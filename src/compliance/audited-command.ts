import { Failure } from '../core/failure.ts'
import { COMMAND_LINE } from '../core/principal.ts'
import type { AuditNote } from '../records/audit.ts'
import { noteAudit } from '../records/audit-acts.ts'
import type { Ask } from '../records/inputs.ts'

/** Runs a command of the command line and says in the audit that it was run, and what came of it. */
export async function auditedCommand<T>(
  ask: Ask,
  action: string,
  run: () => Promise<T>,
  later: (note: AuditNote) => void = () => {},
): Promise<T> {
  const note = async (outcome: string) => {
    const row = { by: COMMAND_LINE, action, object: null, outcome }
    // What was done is done: where it cannot be written down now, as on a full disk, it is when that is over.
    await ask(noteAudit, { notes: [row] }).catch(() => later(row))
  }
  let result: T
  try {
    result = await run()
  } catch (error) {
    await note(error instanceof Failure ? error.code : 'internal')
    throw error
  }
  await note('done')
  return result
}
