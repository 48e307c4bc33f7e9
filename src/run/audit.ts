import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandContext, EXIT_FAILED, EXIT_OK, EXIT_USAGE, withConfig } from '../cli/commands.ts'
import { type AuditChecked, checkAudit } from '../compliance/audit-check.ts'
import { AUDIT_ROOTS_FILE, appendRoots, readRoots } from '../compliance/audit-roots.ts'
import { AUDIT_SIGNATURE_KEY, firstUnsigned, publicKeyOf, RootSigner } from '../compliance/audit-signature.ts'
import type { Config } from '../config.ts'
import { systemClock, yieldToLoop } from '../core/clock.ts'
import { AuditReader, type AuditRoot } from '../records/audit-reader.ts'
import { openRecordsReadonly } from '../records/open.ts'
import { setupOf } from '../setup.ts'
import { Vault } from '../vault/vault.ts'
import { requireData } from './running-house.ts'

const WANTED =
  'audit wants: audit verify [--roots FILE], audit roots --to FILE, or audit signatures --roots FILE --public-key KEY'

/**
 * Walks the chain of the audit, or gives its roots out. It reads beside the house, in short snapshots of its own process,
 * and holds nothing up.
 */
export function auditCommand(context: CommandContext<Config>): Promise<number> {
  return withConfig(context, async (config) => {
    const done = await run(context, config)
    if (done === undefined) context.complain(WANTED)
    return done ?? EXIT_USAGE
  })
}

/** Undefined where it is asked for something that there is not. */
async function run(context: CommandContext<Config>, config: Config): Promise<number | undefined> {
  const { operand } = context
  const { to, roots, 'public-key': key } = context.options
  const file = typeof roots === 'string' ? roots : null
  if (operand === 'verify' && to === undefined && key === undefined) return await verify(context, config, file)
  if (operand === 'roots' && typeof to === 'string' && file === null) return giveRoots(context, config, to)
  if (operand === 'signatures' && file !== null && typeof key === 'string') return checkSignatures(context, file, key)
  return undefined
}

async function verify(context: CommandContext<Config>, config: Config, path: string | null): Promise<number> {
  if (path !== null && !existsSync(path)) throw new Error(`There is no file ${path}`)
  const roots = [...readRoots(join(config.dataDir, AUDIT_ROOTS_FILE)), ...(path === null ? [] : readRoots(path))]
  const checked = await verifyAudit(config, roots)
  if (context.options['json'] === true) context.print(JSON.stringify(checked, null, 2))
  else print(context, checked)
  return checked.ok ? EXIT_OK : EXIT_FAILED
}

/** Looks at the audit of a data folder; `newest`: only at so many rows. */
export async function verifyAudit(config: Config, roots: readonly AuditRoot[], newest?: number): Promise<AuditChecked> {
  const opened = openAudit(config)
  try {
    return await checkAudit({
      reader: opened.reader,
      vault: opened.vault,
      roots,
      ...(newest === undefined ? {} : { newest }),
      giveWay: yieldToLoop,
    })
  } finally {
    opened.close()
  }
}

function print(
  { print: line, complain }: CommandContext<Config>,
  { ok, rows, head, roots, fault }: AuditChecked,
): void {
  if (ok) {
    line(`The audit is whole: ${rows} rows, up to ${head.seq}; ${roots} roots agree`)
    line(`Head: ${head.hash}`)
    return
  }
  complain(`The audit is not what it was. First at row ${fault?.seq}: ${fault?.kind}. ${fault?.what}`)
}

/** All roots so far, and the last row as the root of the day under way. */
function giveRoots(context: CommandContext<Config>, config: Config, to: string): number {
  const opened = openAudit(config)
  try {
    const roots = opened.reader.rootsAfter(undefined, systemClock.epochMs())
    const newest = opened.reader.newest()
    const signer = opened.signer()
    const bare = newest && newest.seq !== roots.at(-1)?.seq ? [...roots, newest] : roots
    const all = signer ? bare.map((root) => signer.signed(root)) : bare
    const known = new Set(readRoots(to).map(({ seq, hash }) => `${seq} ${hash}`))
    const added = all.filter(({ seq, hash }) => !known.has(`${seq} ${hash}`))
    if (!existsSync(to)) writeFileSync(to, '', { mode: 0o600 })
    appendRoots(to, added)
    const counts = { roots: all.length, added: added.length, last_seq: all.at(-1)?.seq ?? 0 }
    const key = signer?.publicKey ?? null
    if (context.options['json'] === true) {
      context.print(JSON.stringify({ ...counts, public_key: key }))
      return EXIT_OK
    }
    context.print(`${counts.added} roots added to ${to}; the last is of row ${counts.last_seq}`)
    context.print(key ? `Public key: ${key}` : 'They are not signed: no house has been started since they can be')
    return EXIT_OK
  } finally {
    opened.close()
  }
}

/** What whoever keeps roots can find out without the house: whether they are the house's own. */
function checkSignatures(context: CommandContext<Config>, path: string, key: string): number {
  if (!existsSync(path)) throw new Error(`There is no file ${path}`)
  const roots = readRoots(path)
  const wrong = firstUnsigned(roots, publicKeyOf(key))
  if (context.options['json'] === true) context.print(JSON.stringify({ ok: !wrong, roots: roots.length, wrong }))
  else if (wrong) context.complain(`The root of row ${wrong.seq} (${wrong.day}) is not signed by this key`)
  else context.print(`${roots.length} roots are signed by this key`)
  return wrong ? EXIT_FAILED : EXIT_OK
}

function openAudit(config: Config): {
  reader: AuditReader
  vault: Vault
  signer(): RootSigner | undefined
  close(): void
} {
  const path = (name: string) => join(config.dataDir, name)
  requireData(config.dataDir)
  if (!existsSync(path('vault.db'))) throw new Error(`${path('vault.db')} is missing: restore it from its newest copy`)
  const vault = new Vault(path('vault.db'), setupOf(config).masterKey, { readonly: true })
  const records = openRecordsReadonly(path('records.db'))
  return {
    reader: new AuditReader(records, () => vault),
    vault,
    signer: () => {
      const seed = vault.findNamedKey(AUDIT_SIGNATURE_KEY)
      return seed && new RootSigner(seed)
    },
    close: () => {
      records.close()
      vault.close()
    },
  }
}
