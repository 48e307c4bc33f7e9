import { DAY_MS } from '../../core/clock.ts'
import type { SumsFacts } from '../../records/checkup.ts'
import type { LostKeys } from '../../records/lost-commits.ts'
import { damageText } from '../../storage/page-look.ts'
import { type Finding, fail, lengthOf, ok, warn } from './finding.ts'

/** The platform gives a webhook up after seven days, and what is set aside goes after thirty. */
const QUARANTINE_DAYS_FAIL = 20
const FULL = 2

/** Whether the master key opens the vault; `error` is what it said. */
export function checkMasterKey(error: string | null, has: { vault: boolean; records: boolean }): Finding {
  const id = 'key.opens'
  const putBack = 'Put the newest copy of vault.db in its place: "When only the keys are damaged" in the README'
  if (!has.vault && has.records) return fail(id, 'vault.db is missing, and with it the keys of all records', putBack)
  if (!has.vault) return ok(id, 'There is no vault yet: the first start makes it')
  if (error === null) return ok(id, 'The master key opens the vault')
  if (/CANTOPEN|READONLY/.test(error)) return fail(id, error, 'Look at folder.permissions')
  if (!error.includes('master key')) return fail(id, error, putBack)
  return fail(id, error, 'Find the key that the folder was made with; after a change of key, the new one')
}

/** Whether the vault is as new as the records: an older copy of it opens all but what is of people who came since. */
export function checkLostKeys({ commits, people }: LostKeys): Finding {
  const id = 'key.whole'
  const remedy =
    'Put the vault.db that belongs to these records back, or restore the whole with --journal: "When only the keys are damaged" in the README'
  const lost = [
    ...(commits > 0 ? [`the vault is older than the records, by ${commits} of its commits`] : []),
    ...(people > 0 ? [`nothing of ${people} ${people === 1 ? 'person' : 'people'} opens any more`] : []),
  ]
  if (lost.length === 0) return ok(id, 'The vault has a key for everybody in the records')
  return fail(id, `Keys are lost: ${lost.join('; ')}`, remedy)
}

/** `fault`: what a start would say. */
export function checkAccounts(fault: string | null): Finding {
  const id = 'accounts'
  if (fault === null) return ok(id, 'What people sign in with is there')
  const [what = fault, ...remedy] = fault.split('. ')
  return fail(id, what, remedy.join('. '))
}

/** `fault`: why the ledger of erasures cannot be read. */
export function checkLedger(fault: string | null): Finding {
  const id = 'erasures.ledger'
  if (fault === null) return ok(id, 'The ledger of erasures is what was written')
  return fail(id, fault, 'Stop the house and put the copy of it that lies beside the copies of the keys in its place')
}

export function checkSqlite(version: string, least: readonly number[]): Finding {
  const id = 'sqlite.version'
  const parts = version.split('.').map(Number)
  const differing = least.findIndex((part, index) => (parts[index] ?? 0) !== part)
  if (differing === -1 || (parts[differing] ?? 0) > (least[differing] ?? 0)) return ok(id, `SQLite ${version}`)
  return fail(id, `SQLite ${version} can damage a database`, `Run the binary, or a Bun with SQLite ${least.join('.')}`)
}

/** Per database, what its writer's connection has in force: 2 is FULL. */
export function checkSynchronous(inForce: Readonly<Record<string, number>> | undefined): Finding {
  const id = 'sqlite.synchronous'
  if (!inForce) return ok(id, 'No house is running: nothing is written')
  const loose = Object.entries(inForce).filter(([, value]) => value < FULL)
  if (loose.length === 0) return ok(id, 'Every commit is synced')
  const names = loose.map(([name]) => name).join(', ')
  return fail(id, `Commits are not synced: ${names}`, 'Start the house again; if it stays so, report it')
}

/** A mark outside the database tells of commits that are not in it any more. */
export function checkMark(name: 'journal' | 'records', mark: number, reached: number): Finding {
  const id = `${name}.mark`
  if (reached >= mark) return ok(id, `Nothing that was committed is missing in the ${name}`)
  return fail(
    id,
    `The ${name} end before what was committed once: ${mark - reached} steps are missing`,
    `Restore a backup; or start once with --accept-loss, which says what is lost`,
  )
}

/** What SQLite says of the pages, or why it could not be asked. */
export function checkPages(name: string, said: string, isWhole: boolean): Finding {
  const id = `${name}.pages`
  if (said === 'ok') {
    return ok(
      id,
      isWhole ? `The pages of ${name}.db are whole` : `A sample of ${name}.db is whole; it is too large for all`,
    )
  }
  return fail(id, `${name}.db is damaged: ${said}`, 'Restore a backup: gatehouse restore')
}

/** What comparing the pages with their sums has found, here and by the running house. */
export function checkSums(name: string, sums: SumsFacts, foundByHouse: number): Finding {
  const id = `${name}.sums`
  if (sums.damaged.length > 0 || foundByHouse > 0) {
    const what =
      sums.damaged.length > 0
        ? damageText(`${name}.db`, sums.damaged)
        : `${name}.db is damaged: pages were not what was written, of which the house has found ${foundByHouse}`
    return fail(id, what, 'Look at the disk, and restore a backup made before: gatehouse restore')
  }
  if (!sums.isKnown) return ok(id, `There are no sums of this ${name}.db: the next start makes them`)
  const share = sums.looked < sums.pages ? `A sample of ${sums.looked} pages of ${name}.db is` : `${name}.db is`
  return ok(id, `${share} what was written${sums.unknown > 0 ? `; ${sums.unknown} pages have no sum yet` : ''}`)
}

/** `error`: what was met among the last entries. */
export function checkJournalTail(error: string | null, count: number): Finding {
  const id = 'journal.chain'
  if (error === null) return ok(id, `The last ${count} entries of the journal open and hang together`)
  return fail(id, error, 'Restore a backup; the journal that was shipped may have what is damaged here')
}

export function checkQuarantine(count: number, oldestAtMs: number | null, nowMs: number): Finding {
  const id = 'quarantine'
  if (count === 0 || oldestAtMs === null) return ok(id, 'Nothing is set aside')
  const ageS = Math.max(0, nowMs - oldestAtMs) / 1000
  const what = `${count} ${count === 1 ? 'item is' : 'items are'} set aside, the oldest for ${lengthOf(ageS)}`
  const remedy = 'Install the version that understands them, then: gatehouse replay --quarantine. After 30 days they go'
  return ageS * 1000 > QUARANTINE_DAYS_FAIL * DAY_MS ? fail(id, what, remedy) : warn(id, what, remedy)
}
