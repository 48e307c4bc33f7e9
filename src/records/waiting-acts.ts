/** Hashes kept in memory, about 60 B each; beyond it every message asks the records. */
const HASHES_MAX = 50_000

/**
 * The platform ids of messages that something was done to before they came, so that a message nobody waits for costs
 * one look into memory. It may hold too much (after a rollback, or when the target has come) and never too little.
 */
export class WaitingActs {
  #hashes: Set<bigint> | null = null
  #isTooMany = false

  /** Whether something may wait for this message. `read` answers the hashes that wait, at most as many as asked for. */
  async may(hash: bigint, read: (limit: number) => Promise<bigint[]>): Promise<boolean> {
    if (this.#isTooMany) return true
    this.#hashes ??= await this.#load(read)
    return this.#isTooMany || this.#hashes.has(hash)
  }

  add(hash: bigint): void {
    if (this.#hashes === null) return
    this.#hashes.add(hash)
    // Read again: what has been joined meanwhile is not in the records' list any more.
    if (this.#hashes.size > HASHES_MAX) this.#hashes = null
  }

  async #load(read: (limit: number) => Promise<bigint[]>): Promise<Set<bigint>> {
    const hashes = await read(HASHES_MAX)
    this.#isTooMany = hashes.length === HASHES_MAX
    return new Set(hashes)
  }
}
