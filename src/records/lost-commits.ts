import { statSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import type { Db } from '../storage/database.ts'
import { type HighWaterMark, readMark } from '../storage/high-water.ts'
import type { Vault } from '../vault/vault.ts'

/** Owed after an accepted loss: nothing that waits may be sent, since it may have gone out already. */
export const UNFINISHED_DUTY = 'house.hold_unfinished'

/** What of the row of the house only rises: each commit that matters raises at least one of them. */
interface Progress {
  next_id: number
  event_offset: number
  applied_seq: number
}

/** How far the records have come, as one number that rises with every commit that gives an id, an event or an entry. */
export function progressOf(house: Progress): number {
  return house.next_id + house.event_offset + house.applied_seq
}

/**
 * Throws, with nothing made, where a file is missing that has been there, unless the loss is accepted: an empty one in its
 * place would leave its log behind, and once the right file is put back SQLite would write that log into it.
 */
export function requireFiles(folder: string, acceptLoss: boolean): void {
  if (acceptLoss) return
  const [records, vault] = ['records.db', 'vault.db'].map((name) => isThere(join(folder, name)))
  if (!records && readMark(join(folder, 'records-high-water')) > 0) {
    throw new Error(
      'records.db is missing or empty, and was there before. Put it back, with records.db-wal if there was one; or restore a ' +
        'backup; or start once with --accept-loss: what platforms said in the last days is applied anew from the ' +
        'journal, and everything else is lost',
    )
  }
  if (!vault && records) {
    throw new Error(
      'vault.db is missing or empty, and with it the keys of all records. Put it back, or its newest copy: "When only the ' +
        'keys are damaged" in the README says how. Or start once with --accept-loss to go on without them',
    )
  }
}

/** The credentials of people are there from the first start on: without them nobody would come in, and nobody be told. */
export function requireAccounts(database: Db, folder: string, acceptLoss: boolean): void {
  if (acceptLoss || isThere(join(folder, 'accounts.db'))) return
  if (database.one('SELECT person_id FROM memberships LIMIT 1') === undefined) return
  throw new Error(
    'accounts.db is missing or empty, and with it what people sign in with. Put it back, with accounts.db-wal if there was ' +
      'one, or the accounts.db of the newest backup. Or start once with --accept-loss: then everybody wants a new link ' +
      '(POST /api/v1/people/{id}/link, with an API key)',
  )
}

function isThere(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0
}

/**
 * Throws where the records have lost commits that were durable once, unless the loss is accepted: then offsets may come
 * to mean other events, so the epoch changes, and what waits to be sent is to be held. What the platform said is not
 * lost: the journal has it, and it is applied anew.
 */
export function requireAllCommits(
  database: Db,
  mark: HighWaterMark,
  start: { acceptLoss: boolean; epoch: string; nowMs: number },
): void {
  const house = must(
    database.one<Progress>('SELECT next_id, event_offset, applied_seq FROM house WHERE id = 1'),
    'the row of the house',
  )
  const progress = progressOf(house)
  if (progress >= mark.read()) return
  if (!start.acceptLoss) {
    throw new Error(
      `The records end at event ${house.event_offset}, but more was committed. Restore them from a backup, or start ` +
        'once with --accept-loss: what platforms said is applied anew from the journal, commands since then are lost, ' +
        'and messages that wait to be sent are held',
    )
  }
  database.transaction(() => {
    database.run('UPDATE house SET epoch = ?1 WHERE id = 1', start.epoch)
    database.run(
      'INSERT OR REPLACE INTO duties (kind, subject, term, due_at) VALUES (?1, 0, 0, ?2)',
      UNFINISHED_DUTY,
      start.nowMs,
    )
  })
  mark.write(progress)
}

/** Among the settings: which vault these records are sealed with. */
const VAULT_SETTING = 'vault'

/**
 * Throws where the vault is of another house, which has as many commits and perhaps the same master key: nothing would open,
 * and what came in would be sealed with keys that are gone once the right vault is back. `mark` says whose it is.
 */
export function requireOwnVault(database: Db, mark: string, acceptLoss: boolean): void {
  const known = database.one<{ value: string }>('SELECT value FROM settings WHERE name = ?1', VAULT_SETTING)?.value
  if (known === mark) return
  if (known !== undefined && !acceptLoss) {
    throw new Error(
      'vault.db is of another house: it does not open these records. Put their own back, or its newest copy: "When only the ' +
        'keys are damaged" in the README says how. Or start once with --accept-loss to go on without their keys',
    )
  }
  database.run('INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)', VAULT_SETTING, mark)
}

/** How many commits the vault has lost, as far as the records know, and how many people of the newest have no key here. */
export interface LostKeys {
  commits: number
  people: number
}

export function lostKeysOf(database: Db, vault: Pick<Vault, 'commits' | 'hasPerson'>, peopleMax: number): LostKeys {
  // The records first: a vault that is written to beside is never behind what they had then.
  const known = database.commitCount()
  const persons = database.all<{ person: number }>(
    `SELECT key_person AS person FROM people UNION ALL
     SELECT person AS person FROM (SELECT person FROM contacts ORDER BY id DESC LIMIT ?1)`,
    peopleMax,
  )
  const people = persons.filter(({ person }) => !vault.hasPerson(person)).length
  return { commits: Math.max(0, known - vault.commits()), people }
}

/**
 * Throws where the vault has lost commits. It is committed before the records, which remember how many commits it had:
 * fewer than that, and whoever writes next might be somebody new, or rows do not open.
 */
export function requireWholeVault(database: Db, vault: Pick<Vault, 'commits'>, acceptLoss: boolean): void {
  const missing = database.commitCount() - vault.commits()
  if (missing <= 0) return
  if (!acceptLoss) {
    throw new Error(
      `The vault has lost ${missing} ${missing === 1 ? 'commit' : 'commits'}: keys and identities of contacts are ` +
        'missing. Restore the vault, or start once with --accept-loss to go on without them',
    )
  }
  database.transaction(() => database.countCommit(vault.commits()))
}
