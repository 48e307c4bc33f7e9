import { must } from '../core/assert.ts'
import { DAY_MS } from '../core/clock.ts'
import { seal, unseal } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { type InputContext, input, type Tx } from './tx.ts'

export const QUARANTINE_KEEP_MS = 30 * DAY_MS

/** The item's place in its body where the whole body could not be parsed. */
export const WHOLE_BODY = -1

export interface Quarantined {
  seq: number
  item: number
  source: string
  /** What failed, without the data. */
  reason: string
  body: Uint8Array
}

function place(id: number): string {
  return `quarantine.body:${id}`
}

function key(vault: Vault): Uint8Array {
  return must(vault.findNamedKey('quarantine'), 'the quarantine key')
}

/** Sets aside what could not be applied, under a key of its own, for thirty days. */
export async function setAside(tx: Tx, what: Quarantined, { now, ids }: InputContext): Promise<void> {
  const id = ids.next()
  await tx.run(
    `INSERT INTO quarantine (id, seq, item, at, source, reason, body, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    id,
    what.seq,
    what.item,
    now,
    what.source,
    what.reason,
    seal(key(tx.vault), place(id), what.body),
    now + QUARANTINE_KEEP_MS,
  )
  tx.wake({ kind: 'quarantined' })
}

/** What is set aside and was not given in again yet, oldest first, whole. */
export const listQuarantine = input('quarantine.list', async (tx: Tx, ask: { limit: number }) => {
  const rows = await tx.all<{ id: number; source: string; at: number; body: Uint8Array }>(
    'SELECT id, source, at, body FROM quarantine WHERE replayed_at IS NULL ORDER BY id LIMIT ?1',
    ask.limit,
  )
  return rows.map((row) => ({
    id: row.id,
    source: row.source,
    atMs: row.at,
    body: unseal(key(tx.vault), place(row.id), row.body),
  }))
})

/** Notes that it was given in again, as a new input; it stays here until it expires. */
export const markReplayed = input('quarantine.replayed', async (tx: Tx, ask: { ids: number[] }, { now }: InputContext) => {
  for (const id of ask.ids) await tx.run('UPDATE quarantine SET replayed_at = ?2 WHERE id = ?1', id, now)
  return null
})

export const purgeQuarantine = input('quarantine.purge', async (tx: Tx, _ask: null, { now }: InputContext) => ({
  purged: await tx.run(
    'DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE expires_at < ?1 LIMIT 500)',
    now,
  ),
}))
