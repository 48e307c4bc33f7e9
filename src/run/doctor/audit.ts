import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditChecked } from '../../compliance/audit-check.ts'
import { AUDIT_ROOTS_FILE, readRoots } from '../../compliance/audit-roots.ts'
import type { Config } from '../../config.ts'
import { nameOfError } from '../../core/failure.ts'
import { verifyAudit } from '../audit.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** A moment's work; `gatehouse audit verify` looks at all of them. */
const NEWEST_ROWS = 20_000
const ID = 'audit.chain'

/** Whether the newest rows of the audit hang together, and agree with the roots in the folder. */
export async function checkAuditChain(config: Config): Promise<Finding> {
  // A damaged vault or a wrong key has a finding of its own.
  if (!existsSync(join(config.dataDir, 'records.db'))) return ok(ID, 'There is no audit yet')
  try {
    const roots = readRoots(join(config.dataDir, AUDIT_ROOTS_FILE))
    return auditFinding(await verifyAudit(config, roots, NEWEST_ROWS), roots.length)
  } catch (error) {
    return warn(ID, `The audit could not be read: ${nameOfError(error)}`, 'Look at key.opens and records.pages first')
  }
}

function auditFinding({ rows, fault }: Pick<AuditChecked, 'rows' | 'fault'>, roots: number): Finding {
  if (fault === null) return ok(ID, `The newest ${rows} rows of the audit are what they were; ${roots} roots are kept`)
  return fail(
    ID,
    `The audit is not what it was, first at row ${fault.seq}: ${fault.kind}`,
    'gatehouse audit verify --roots FILE, with the roots that you keep elsewhere; who had access to the data folder?',
  )
}
