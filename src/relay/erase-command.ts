import { must } from '../core/assert.ts'
import { Failure } from '../core/failure.ts'
import { readId } from '../core/ids.ts'
import { phoneForms } from '../core/phone.ts'
import { COMMAND_LINE } from '../core/principal.ts'
import { ErasureReader } from '../records/erasure-reader.ts'
import type { Eraser } from './erasure.ts'
import type { House } from './house.ts'

/** Who is to be erased, as the command line says it. */
export type EraseAsk = { contact: string } | { phone: string }

/** Erases a person whole and answers the erasure with its report, as the API shows it. */
export async function eraseWhole(house: House, eraser: Eraser, who: EraseAsk): Promise<object> {
  const staffId = 'contact' in who ? readId('person', who.contact) : undefined
  if (staffId !== undefined) return await whole(house, eraser, await eraser.beginStaff(staffId, null, COMMAND_LINE))
  const contactId = 'contact' in who ? readId('contact', who.contact) : contactByPhone(house, who.phone)
  if (contactId === undefined) throw new Failure('not_found', 'No such contact')
  const erasures = new ErasureReader(house.records())
  return await whole(house, eraser, erasures.ofContact(contactId) ?? (await eraser.begin(contactId, COMMAND_LINE)))
}

async function whole(house: House, eraser: Eraser, id: number): Promise<object> {
  await eraser.finished()
  return must(new ErasureReader(house.records()).one(id, null), 'the erasure')
}

/** The contact of a phone; of one that two portfolios know, nobody is chosen. */
function contactByPhone(house: House, phone: string): number | undefined {
  const records = house.records()
  const portfolios = records.all<{ portfolio: string }>('SELECT DISTINCT portfolio FROM numbers ORDER BY portfolio')
  const persons = portfolios.flatMap(({ portfolio }) =>
    phoneForms(phone).flatMap((form) => house.vault().findPerson('phone', portfolio, form) ?? []),
  )
  const found = new Set(persons)
  if (found.size > 1) throw new Failure('conflict', 'Several contacts have this phone: say which by its id')
  const [person] = found
  if (person === undefined) return undefined
  return records.one<{ id: number }>('SELECT id FROM contacts WHERE person = ?1', person)?.id
}
