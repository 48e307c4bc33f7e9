import { must } from '../../core/assert.ts'
import { seededRandom } from '../seeded-random.ts'

/** All chance of a run comes from here. */
export class Chance {
  readonly random: () => number

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** True with this probability. */
  is(probability: number): boolean {
    return this.random() < probability
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1))
  }

  /** One of the list, which is not empty. */
  of<T>(list: readonly T[]): T {
    return must(list[Math.floor(this.random() * list.length)], 'something to choose from')
  }

  /** One of those with a weight. */
  byWeight<T extends { weight: number }>(list: readonly T[]): T {
    let left = this.random() * list.reduce((sum, { weight }) => sum + weight, 0)
    for (const each of list) {
      left -= each.weight
      if (left < 0) return each
    }
    return must(list.at(-1), 'something to choose from')
  }
}
