import { statSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../core/assert.ts'
import { messageOf, nameOfError } from '../core/failure.ts'
import { storageFault } from '../storage/database.ts'
import { lookThrough, pageCountOf } from '../storage/page-look.ts'
import type { Vault } from '../vault/vault.ts'
import { NUMBER_STATE, type NumberState } from './codes.ts'
import { type LostKeys, lostKeysOf, progressOf, requireAccounts } from './lost-commits.ts'
import { openRecordsReadonly } from './open.ts'

/** Larger files are looked at in a sample: every page of some gigabytes takes minutes. */
const WHOLE_BYTES_MAX = 512 * 1024 * 1024
const SAMPLED_ROWS = 2000
/** A second or two of reading; the running house looks at all of them. */
const SUMS_PAGES_MAX = 262_144

/** Keys that are lost are those of whoever came last: a second of looking. */
const PEOPLE_MAX = 200_000

/** What a doctor wants to know of the records, whether a house runs or not. Nothing of it is personal. */
export interface RecordsFacts {
  appliedSeq: number
  /** As the high-water mark counts it. */
  progress: number
  quarantine: { count: number; oldestAtMs: number | null }
  numbers: { account: string; alias: string; state: NumberState; reason: string | null }[]
}

export function readRecordsFacts(path: string): RecordsFacts {
  const database = openRecordsReadonly(path)
  try {
    return database.snapshot(() => {
      const house = must(
        database.one<{ next_id: number; event_offset: number; applied_seq: number }>(
          'SELECT next_id, event_offset, applied_seq FROM house WHERE id = 1',
        ),
        'the row of the house',
      )
      const quarantine = database.one<{ count: number; oldest: number | null }>(
        'SELECT count(*) AS count, min(at) AS oldest FROM quarantine WHERE replayed_at IS NULL',
      )
      const numbers = database.all<{ account: string; alias: string; state: number; reason: string | null }>(
        'SELECT account, alias, state, reason FROM numbers ORDER BY id',
      )
      return {
        appliedSeq: house.applied_seq,
        progress: progressOf(house),
        quarantine: { count: quarantine?.count ?? 0, oldestAtMs: quarantine?.oldest ?? null },
        numbers: numbers.map((number) => ({ ...number, state: NUMBER_STATE.word(number.state) })),
      }
    })
  } finally {
    database.close()
  }
}

/** What of the keys is lost: of an older copy of the vault, say. */
export function readLostKeys(path: string, vault: Pick<Vault, 'commits' | 'hasPerson'>): LostKeys {
  const database = openRecordsReadonly(path)
  try {
    return lostKeysOf(database, vault, PEOPLE_MAX)
  } finally {
    database.close()
  }
}

/** What a start would say of the credentials of people; null: nothing. */
export function faultOfAccounts(folder: string): string | null {
  const database = openRecordsReadonly(join(folder, 'records.db'))
  try {
    requireAccounts(database, folder, false)
    return null
  } catch (error) {
    return messageOf(error)
  } finally {
    database.close()
  }
}

/** How much room the files of messages take, by their rows. */
export function mediaBytesIn(path: string): number {
  const database = openRecordsReadonly(path)
  try {
    // Who sent the same file twice has it once.
    return (
      database.one<{ bytes: number | null }>(
        'SELECT sum(bytes) AS bytes FROM (SELECT max(size_bytes) AS bytes FROM media WHERE file IS NOT NULL GROUP BY file)',
      )?.bytes ?? 0
    )
  } finally {
    database.close()
  }
}

/** `ok`, or what SQLite says of its pages: of a large file, of those that a sample of rows lies on. */
export function checkPagesOf(path: string, wholeBytesMax = WHOLE_BYTES_MAX): { said: string; isWhole: boolean } {
  const isWhole = statSync(path).size <= wholeBytesMax
  try {
    const database = openRecordsReadonly(path)
    try {
      if (isWhole) {
        return {
          said: database.one<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check ?? 'no answer',
          isWhole,
        }
      }
      // Aggregates over whole rows: each of their pages is read.
      database.one(
        `SELECT max(length(hex(body))) FROM messages WHERE id IN
         (SELECT abs(random()) % (SELECT max(id) FROM messages) + 1 FROM events LIMIT ${SAMPLED_ROWS})`,
      )
      return { said: 'ok', isWhole }
    } finally {
      database.close()
    }
  } catch (error) {
    if (storageFault(error) !== 'fatal') throw error
    return { said: nameOfError(error), isWhole }
  }
}

/** What comparing pages with their sums has found. */
export interface SumsFacts {
  /** Whether there are sums of this file. */
  isKnown: boolean
  pages: number
  looked: number
  /** Of those that were looked at. */
  unknown: number
  damaged: number[]
}

/** Compares the pages with their sums; of a large file as many as are wanted, from a random one on. */
export function checkSumsOf(path: string, random: () => number): SumsFacts {
  const pages = pageCountOf(path)
  const facts: SumsFacts = { isKnown: true, pages, looked: 0, unknown: 0, damaged: [] }
  const first = pages <= SUMS_PAGES_MAX ? 1 : 1 + Math.floor(random() * (pages - SUMS_PAGES_MAX))
  for (const { isKnown, count, unknown, damaged } of lookThrough(path, first)) {
    facts.isKnown = isKnown
    facts.unknown += unknown
    facts.damaged.push(...damaged)
    facts.looked = Math.min(pages, facts.looked + count)
    if (facts.looked >= SUMS_PAGES_MAX) break
  }
  return facts
}
