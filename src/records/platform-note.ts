import type { InboundItem, MessageItem, StatusItem } from '../core/inbound.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Keeps whole what the platform said and nobody here understands yet. A repeated delivery is one note. */
export const keepNote = input(
  'note.keep',
  async (
    tx: Tx,
    ask: { item: Exclude<InboundItem, MessageItem | StatusItem>; arrivedAtMs: number },
    { now, ids }: InputContext,
  ) => {
    const { item } = ask
    const body = JSON.stringify(item.raw ?? null)
    const account = item.account?.id ?? null
    const field = item.kind === 'other' || item.kind === 'notice' ? item.field : item.kind
    const hash = tx.hash('note', field, account ?? '', body)
    if (await tx.one('SELECT id FROM platform_notes WHERE hash = ?1', hash)) return { outcome: 'repeated' as const }
    const id = ids.next()
    await tx.run(
      'INSERT INTO platform_notes (id, field, account, at, hash, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
      id,
      field,
      account,
      Math.min(item.atMs ?? now, now),
      hash,
      tx.seal(0, `platform_notes.body:${id}`, body),
    )
    tx.wake({ kind: 'kept', what: 'field' })
    return { outcome: 'kept' as const }
  },
)
