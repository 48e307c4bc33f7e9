import { RecordTime } from '../../src/core/record-time.ts'
import { Book } from '../../src/records/book.ts'
import { parseEntry, randomId } from '../../src/relay/book-thread.ts'
import type { Db } from '../../src/storage/database.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { APP, NUMBER_DISPLAY, NUMBER_ID, WABA_ID } from './bodies.ts'

/** Where the entries of these benchmarks come from. */
export const SOURCE = `whatsapp/${APP}`

const NUMBER = {
  channel: 'whatsapp',
  account: NUMBER_ID,
  app: APP,
  portfolio: 'bench',
  waba: WABA_ID,
  pool: 'default',
  alias: 'bench',
  display: `+${NUMBER_DISPLAY}`,
  perSecondMax: null,
}

/** A book on new records that knows the app and the number of the bodies. It reads no journal and leaves no mark. */
export async function openBook(database: Db, vault: Vault, epochMs: () => number): Promise<Book> {
  const clock = { epochMs, monoMs: () => performance.now(), after: () => () => {} }
  const book = new Book({
    database,
    vault,
    journal: { read: () => [], close: () => {} } as never,
    mark: { write: () => {} },
    clock,
    time: new RecordTime(clock),
    randomId,
    parse: parseEntry,
    yieldToLoop: () => Promise.resolve(),
  })
  book.submit({ id: 1, name: 'app.declare', args: { id: SOURCE, portfolio: NUMBER.portfolio } })
  book.submit({ id: 2, name: 'number.declare', args: NUMBER })
  await book.work()
  return book
}
