import { toTime } from '../core/clock.ts'
import type { PreferenceItem } from '../core/inbound.ts'
import type { Db } from '../storage/database.ts'
import { contactOf } from './contact.ts'
import { tellContact } from './contact-event.ts'
import type { ItemAsk } from './item-ask.ts'
import { numberOfItem } from './number.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/** Words of the platform; what is longer is cut, and kept whole beside. */
const WORD_CHARS_MAX = 64

/** Takes what a person wants to receive. The newest stamp of a category holds; a repeated one changes nothing. */
export const receivePreference = input(
  'preference.receive',
  async (tx: Tx, ask: ItemAsk<PreferenceItem>, context: InputContext) => {
    const { item } = ask
    const number = await numberOfItem(tx, ask.source, item.account, context)
    const contact = await contactOf(tx, number.portfolio, item.person, context)
    const category = item.category.slice(0, WORD_CHARS_MAX).toWellFormed()
    const before = await consentOf(tx, contact.id, category)
    const id = context.ids.next()
    const added = await tx.run(
      `INSERT INTO consents (id, contact_id, category, value, at, arrived_at, source, body)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'platform', ?7) ON CONFLICT DO NOTHING`,
      id,
      contact.id,
      category,
      item.value.slice(0, WORD_CHARS_MAX).toWellFormed(),
      Math.min(item.atMs, context.now),
      ask.arrivedAtMs,
      tx.seal(contact.person, consentPlace(id), JSON.stringify(item.raw)),
    )
    if (added === 0) return { outcome: 'repeated' as const }
    const after = await consentOf(tx, contact.id, category)
    if (after?.value !== before?.value) await tellContact(tx, contact.id)
    return { outcome: 'received' as const, id }
  },
)

function consentPlace(consentId: number): string {
  return `consents.body:${consentId}`
}

async function consentOf(tx: Tx, contactId: number, category: string): Promise<{ value: string } | undefined> {
  return await tx.one<{ value: string }>(
    'SELECT value FROM consents WHERE contact_id = ?1 AND category = ?2 ORDER BY at DESC, id DESC LIMIT 1',
    contactId,
    category,
  )
}

/** What somebody wants by now, or by a consent's id, by category: the newest word of all contacts that they are. */
export function consentViews(
  database: Db,
  contactIds: readonly number[],
  uptoId = Number.MAX_SAFE_INTEGER,
): Record<string, { value: string; at: string; source: string }> {
  const rows = database.all<{ category: string; value: string; at: number; source: string }>(
    `SELECT category, value, at, source FROM consents WHERE contact_id IN (SELECT value FROM json_each(?1))
     AND id <= ?2 ORDER BY at, id`,
    JSON.stringify(contactIds),
    uptoId,
  )
  return Object.fromEntries(
    rows.map(({ category, value, at, source }) => [category, { value, at: toTime(at), source }]),
  )
}
