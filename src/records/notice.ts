import type { NoticeItem } from '../core/inbound.ts'
import { SEVERITY } from './codes.ts'
import { findFacts, keepFacts } from './fact.ts'
import type { ItemAsk } from './item-ask.ts'
import { ownerOfSource } from './number.ts'
import { insertNote, isNoteKnown, noteHash } from './platform-note.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Takes what the platform says about the firm's own numbers, accounts and templates. A repeated one changes nothing. */
export const receiveNotice = input(
  'notice.receive',
  async (tx: Tx, ask: ItemAsk<NoticeItem>, { now, ids }: InputContext) => {
    const { item, source } = ask
    const hash = noteHash(tx, item.field, item)
    const owner = await ownerOfSource(tx, source)
    if (await isNoteKnown(tx, hash, owner.workspaceId)) return { outcome: 'repeated' as const }
    const [channel = ''] = source.split('/')
    const facts = await findFacts(tx, item, { channel, ...owner, accountId: item.accountId })
    const number = item.account?.id ?? facts.find(({ kind }) => kind === 'number')?.subject ?? null
    const atMs = Math.min(item.atMs ?? ask.arrivedAtMs, now)
    const id = ids.next()
    await insertNote(tx, {
      id,
      field: item.field,
      account: number,
      atMs,
      arrivedAtMs: ask.arrivedAtMs,
      hash,
      raw: item.raw,
      notice: {
        event: item.event,
        businessAccount: item.accountId,
        severity: SEVERITY.code(item.severity),
        facts: JSON.stringify(facts),
      },
      workspaceId: owner.workspaceId,
    })
    await keepFacts(tx, facts, { channel, workspaceId: owner.workspaceId, noteId: id, atMs, now })
    tx.wake({ kind: 'notice', severity: item.severity, field: item.field, event: item.event })
    return { outcome: 'received' as const, id }
  },
)
