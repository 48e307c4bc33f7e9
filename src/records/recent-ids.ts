import type { Db } from '../storage/database.ts'

/** Ids that are remembered: about 40 B each. */
const REMEMBERED_MAX = 65_536

/** The bits of an id's hash that every row has, whatever stands before them in its key. */
export const ID_HASH_BITS = 31n
export const ID_HASH_MASK = (1n << ID_HASH_BITS) - 1n

/**
 * The platform ids that came last, by the end of their hashes. The index knows a message by its stamp and its id, and a
 * message that is delivered again with another stamp would be taken for a new one; who is remembered here is looked for
 * in its thread first. It may remember too much (after a rollback, or where two hashes end alike), never too little of
 * the latest.
 */
export class RecentIds {
  readonly #known = new Set<number>()
  /** In the order in which they came, the oldest overwritten first. */
  readonly #ring = new Int32Array(REMEMBERED_MAX)
  #next = 0
  #isFull = false

  /** Reads the latest from the index, in which stamps come first. */
  constructor(database: Db) {
    const rows = database.all<{ hash: number }>(
      `SELECT upstream_hash & ${ID_HASH_MASK} AS hash FROM messages WHERE upstream_hash BETWEEN 0 AND ${1n << 62n}
       ORDER BY upstream_hash DESC LIMIT ${REMEMBERED_MAX}`,
    )
    for (const { hash } of rows.toReversed()) this.#remember(hash)
  }

  has(hash: bigint): boolean {
    return this.#known.has(Number(hash & ID_HASH_MASK))
  }

  add(hash: bigint): void {
    this.#remember(Number(hash & ID_HASH_MASK))
  }

  #remember(hash: number): void {
    if (this.#known.has(hash)) return
    if (this.#isFull) this.#known.delete(this.#ring[this.#next] ?? 0)
    this.#ring[this.#next] = hash
    this.#known.add(hash)
    this.#next = (this.#next + 1) % REMEMBERED_MAX
    this.#isFull ||= this.#next === 0
  }
}
