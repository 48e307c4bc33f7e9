import { edenGC } from 'bun:jsc'

/** Messages found, some 10 kB each: a part of what makes the engine collect by itself, in the midst of a search. */
const FOUND_MAX = 500

/**
 * Collects garbage between searches: to be called when one is answered. Every sixtieth search would have its pause of
 * some milliseconds otherwise, which was most of what the slowest of a hundred took (measured).
 */
export class SearchGarbage {
  #found = 0

  add(found: number): void {
    this.#found += found
    if (this.#found < FOUND_MAX) return
    this.#found = 0
    edenGC()
  }
}
