import type { AddressBookItem } from '../core/inbound.ts'
import { contactOf, setBookName } from './contact.ts'
import { numberOfItem } from './number.ts'
import { type InputContext, input, type Tx } from './tx.ts'

/**
 * Takes an entry of the address book of the firm's phone: who is there is a contact, by the name that the firm gave them
 * beside the one they gave themselves. Nothing was said, so there is no conversation and nothing unread.
 */
export const receiveAddressBook = input(
  'address_book.receive',
  async (tx: Tx, ask: { source: string; item: AddressBookItem }, context: InputContext) => {
    const { item } = ask
    const number = await numberOfItem(tx, ask.source, item.account, context)
    const { name, ...who } = item.person
    const contact = await contactOf(tx, number.portfolio, who, { ...context, source: 'address_book' })
    const atMs = Math.min(item.atMs, context.now)
    const known = await tx.one<{ at: number }>('SELECT at FROM address_book_entries WHERE contact_id = ?1', contact.id)
    if (known && known.at > atMs) return { outcome: 'superseded' as const }
    await tx.run(
      `INSERT INTO address_book_entries (contact_id, at, is_removed, body) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (contact_id) DO UPDATE SET at = excluded.at, is_removed = excluded.is_removed, body = excluded.body`,
      contact.id,
      atMs,
      item.action === 'remove' ? 1 : 0,
      tx.seal(contact.person, addressBookPlace(contact.id), JSON.stringify(item.raw)),
    )
    await setBookName(tx, contact.person, item.action === 'add' ? (name ?? null) : null)
    return { outcome: 'received' as const }
  },
)

function addressBookPlace(contactId: number): string {
  return `address_book_entries.body:${contactId}`
}
