import { join } from 'node:path'
import { daysIn, MIGRATIONS as JOURNAL } from '../journal/day-file.ts'
import { MIGRATIONS as ACCOUNTS, ACCOUNTS_FILE } from '../people/accounts.ts'
import { MIGRATIONS as RECORDS } from '../records/open.ts'
import { MIGRATIONS as SEARCH } from '../records/search-index.ts'
import type { Form } from '../storage/upgrade.ts'
import { MIGRATIONS as LEDGER, LEDGER_FILE } from '../vault/erasure-ledger.ts'
import { MIGRATIONS as VAULT } from '../vault/vault.ts'

/**
 * Every database of the data folder that cannot be made anew, in the order in which they are migrated. What an upgrade
 * has changed of the records is taken back whole; keys, the journal and the ledger keep what came since, in the older form.
 */
export const FORMS: readonly Form[] = [
  {
    label: 'vault',
    migrations: VAULT,
    open: { secureDelete: true },
    back: 'rows',
    dropped: { 'named_keys.created_at': '0' },
    files: () => ['vault.db'],
  },
  { label: 'ledger', migrations: LEDGER, open: {}, back: 'rows', files: () => [LEDGER_FILE] },
  {
    label: 'journal',
    migrations: JOURNAL,
    open: { secureDelete: true },
    back: 'rows',
    files: (folder) => daysIn(join(folder, 'journal')).map((day) => `journal/${day}.db`),
  },
  { label: 'accounts', migrations: ACCOUNTS, open: { secureDelete: true }, back: 'rows', files: () => [ACCOUNTS_FILE] },
  { label: 'records', migrations: RECORDS, open: {}, back: 'copy', files: () => ['records.db'] },
]

/** The versions that this program writes, by the name of the database. */
export const VERSIONS: Readonly<Record<string, number>> = Object.fromEntries([
  ...FORMS.map(({ label, migrations }) => [label, migrations.length]),
  ['search', SEARCH.length],
])
