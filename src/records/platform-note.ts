import { canonicalJson } from '../core/canonical-json.ts'
import type { AccountReference, OtherItem } from '../core/inbound.ts'
import type { ItemAsk } from './item-ask.ts'
import { ownerOfSource } from './number.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** What a note holds beside the platform's own object where it is a notice that was understood. */
interface NoticeColumns {
  event: string | null
  businessAccount: string | null
  severity: number
  facts: string
}

interface NewNote {
  id: number
  field: string
  /** The number it is about, by the channel's own id. */
  account: string | null
  atMs: number
  arrivedAtMs: number
  hash: bigint
  raw: unknown
  notice: NoticeColumns | null
  workspaceId: number
}

/** Keeps whole what the platform said and nobody here understands yet. A repeated delivery is one note. */
export const keepNote = input(
  'note.keep',
  async (tx: Tx, ask: Pick<ItemAsk<OtherItem>, 'item' | 'arrivedAtMs' | 'source'>, { now, ids }: InputContext) => {
    const { item, arrivedAtMs } = ask
    const { workspaceId } = await ownerOfSource(tx, ask.source)
    const hash = noteHash(tx, item.field, item)
    if (await isNoteKnown(tx, hash, workspaceId)) return { outcome: 'repeated' as const }
    await insertNote(tx, {
      id: ids.next(),
      field: item.field,
      account: item.account?.id ?? null,
      atMs: Math.min(item.atMs ?? now, now),
      arrivedAtMs,
      hash,
      raw: item.raw,
      notice: null,
      workspaceId,
    })
    tx.wake({ kind: 'kept', what: 'field' })
    return { outcome: 'kept' as const }
  },
)

/** Of the whole, in whatever order its members come: a delivery in another batch is the same note. */
export function noteHash(tx: Tx, field: string, item: { account: AccountReference | null; raw: unknown }): bigint {
  return tx.hash('note', field, item.account?.id ?? '', canonicalJson(item.raw ?? null))
}

export async function isNoteKnown(tx: Tx, hash: bigint, workspaceId: number): Promise<boolean> {
  const known = await tx.one('SELECT id FROM platform_notes WHERE hash = ?1 AND workspace_id = ?2', hash, workspaceId)
  return known !== undefined
}

export async function insertNote(tx: Tx, note: NewNote): Promise<void> {
  await tx.run(
    `INSERT INTO platform_notes (id, field, account, at, arrived_at, hash, body, event, business_account, severity, facts,
       workspace_id)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`,
    note.id,
    note.field,
    note.account,
    note.atMs,
    note.arrivedAtMs,
    note.hash,
    tx.seal(0, notePlace(note.id), JSON.stringify(note.raw ?? null)),
    note.notice?.event ?? null,
    note.notice?.businessAccount ?? null,
    note.notice?.severity ?? null,
    note.notice?.facts ?? null,
    note.workspaceId,
  )
}

export function notePlace(noteId: number): string {
  return `platform_notes.body:${noteId}`
}
