import { must } from '../core/assert.ts'
import { DAY_MS } from '../core/clock.ts'
import type { Entry } from '../journal/entry.ts'
import { seal, unseal } from '../vault/sealing.ts'
import type { Vault } from '../vault/vault.ts'
import { type InputContext, input, type Tx } from './tx.ts'

export const QUARANTINE_KEEP_MS = 30 * DAY_MS

/** The item's place in its body where the whole body could not be parsed. */
export const WHOLE_BODY = -1

/** Rows that one purge takes. */
const PURGE_BATCH = 500

export function quarantinePlace(seq: number): string {
  return `quarantine_bodies.body:${seq}`
}

function key(vault: Vault): Uint8Array {
  return must(vault.findNamedKey('quarantine'), 'the quarantine key')
}

/**
 * Sets aside an item that could not be applied, for thirty days and under a key of its own. The body is kept once, as
 * it came: to replay it is to give the same bytes in again, and its other items are known by then.
 */
export async function setAside(
  tx: Tx,
  what: { entry: Entry; item: number; reason: string },
  { now, ids }: InputContext,
): Promise<void> {
  const { seq, source, body } = what.entry
  await tx.run(
    'INSERT INTO quarantine (id, seq, item, at, reason, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
    ids.next(),
    seq,
    what.item,
    now,
    what.reason,
    now + QUARANTINE_KEEP_MS,
  )
  tx.wake({ kind: 'quarantined' })
  if (await tx.one('SELECT seq FROM quarantine_bodies WHERE seq = ?1', seq)) return
  await tx.run(
    'INSERT INTO quarantine_bodies (seq, source, body) VALUES (?1, ?2, ?3)',
    seq,
    source,
    seal(key(tx.vault), quarantinePlace(seq), body),
  )
}

/**
 * Bodies with items that were set aside and not given in again yet, oldest first, whole: those after one sequence, up to
 * another or the last there is. What fails once more while a replay goes on is beyond that end, so the replay ends.
 */
export const listQuarantine = input(
  'quarantine.list',
  async (tx: Tx, ask: { limit: number; afterSeq: number; uptoSeq: number | null }) => {
    const last = await tx.one<{ seq: number }>('SELECT coalesce(max(seq), 0) AS seq FROM quarantine_bodies')
    const uptoSeq = ask.uptoSeq ?? last?.seq ?? 0
    const rows = await tx.all<{ seq: number; source: string; body: Uint8Array }>(
      `SELECT seq, source, body FROM quarantine_bodies WHERE seq > ?1 AND seq <= ?2
       AND seq IN (SELECT seq FROM quarantine WHERE replayed_at IS NULL) ORDER BY seq LIMIT ?3`,
      ask.afterSeq,
      uptoSeq,
      ask.limit,
    )
    const bodies = rows.map((row) => ({
      seq: row.seq,
      source: row.source,
      body: unseal(key(tx.vault), quarantinePlace(row.seq), row.body),
    }))
    return { uptoSeq, bodies }
  },
)

/** Notes that a body was given in again, as a new entry of the journal; it stays here until it expires. */
export const markReplayed = input(
  'quarantine.replayed',
  async (tx: Tx, ask: { seq: number }, { now }: InputContext) => {
    await tx.run('UPDATE quarantine SET replayed_at = ?2 WHERE seq = ?1 AND replayed_at IS NULL', ask.seq, now)
    return null
  },
)

export const purgeQuarantine = input('quarantine.purge', async (tx: Tx, _ask: null, { now }: InputContext) => {
  const purged = await tx.run(
    'DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE expires_at < ?1 LIMIT ?2)',
    now,
    PURGE_BATCH,
  )
  await tx.run(
    `DELETE FROM quarantine_bodies WHERE seq IN (SELECT b.seq FROM quarantine_bodies b
     WHERE NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.seq = b.seq) LIMIT ?1)`,
    PURGE_BATCH,
  )
  return { purged }
})
