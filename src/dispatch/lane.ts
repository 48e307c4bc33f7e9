import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'

/** A lane's place in the order of borrowing: 0 urgent, 1 reply, 2 notice, 3 bulk. */
export type LaneRank = 0 | 1 | 2 | 3

export const LANE_RANKS = [0, 1, 2, 3] as const satisfies readonly LaneRank[]

/** The lane of a class. */
export const RANK_OF: Readonly<Record<MessageClass, LaneRank>> = { urgent: 0, reply: 1, notice: 2, bulk: 3 }

/** The guaranteed share of each lane in its number's rate, in hundredths. */
export const LANE_SHARES: readonly [number, number, number, number] = [60, 25, 10, 5]

/** One departure, in the unit of the shares, and the most a lane may save up: two departures. */
const DEPARTURE = 100
const CREDIT_MAX = 2 * DEPARTURE

/** Urgent and reply leave by deadline, notice and bulk in the order of acceptance. */
export function isByDeadline(rank: LaneRank): boolean {
  return rank <= RANK_OF.reply
}

/**
 * The lanes of one number. With every departure each lane earns its share; a lane that has earned a whole departure
 * goes first, in order of rank, and where none has, the rest is borrowed in order of rank. So every lane gets at least
 * its share of what really leaves, at any rate, and what a lane does not use is not lost.
 * Later, the weights of campaigns choose inside `bulk`, whose heap is then keyed by their virtual time.
 */
export class Lanes<Item extends HeapItem> {
  readonly #heaps: readonly IndexedHeap<Item>[] = MESSAGE_CLASSES.map(() => new IndexedHeap<Item>())
  readonly #credits = [DEPARTURE, DEPARTURE, DEPARTURE, DEPARTURE]
  readonly #keysMax = [0, 0, 0, 0]
  #size = 0

  get size(): number {
    return this.#size
  }

  sizeOf(rank: LaneRank): number {
    return this.#heaps[rank]?.size ?? 0
  }

  add(item: Item, rank: LaneRank, place: { key: number; tie: number }): void {
    this.#heaps[rank]?.set(item, place.key, place.tie)
    this.#keysMax[rank] = Math.max(this.#keysMax[rank] ?? 0, place.key)
    this.#size++
  }

  remove(item: Item, rank: LaneRank): void {
    this.#heaps[rank]?.remove(item)
    this.#size--
  }

  /** About how many of its own lane leave before this item. */
  countBefore(item: Item, rank: LaneRank): number {
    return this.#heaps[rank]?.countBefore(item, COUNTED_MAX, this.#keysMax[rank] ?? 0) ?? 0
  }

  /** The lane whose turn it is; undefined if all are empty. */
  choose(): LaneRank | undefined {
    let borrower: LaneRank | undefined
    for (const rank of LANE_RANKS) {
      if (this.sizeOf(rank) === 0) continue
      if ((this.#credits[rank] ?? 0) + (LANE_SHARES[rank] ?? 0) >= DEPARTURE) return rank
      borrower ??= rank
    }
    return borrower
  }

  /** Takes the first of a lane, as if nothing had left yet: call `departed` if it really leaves. */
  pop(rank: LaneRank): Item | undefined {
    const item = this.#heaps[rank]?.pop()
    if (item !== undefined) this.#size--
    return item
  }

  /** One departure from this lane: all earn, and it pays if it could. */
  departed(rank: LaneRank): void {
    for (const other of LANE_RANKS) {
      let credit = (this.#credits[other] ?? 0) + (LANE_SHARES[other] ?? 0)
      if (other === rank && credit >= DEPARTURE) credit -= DEPARTURE
      this.#credits[other] = Math.min(CREDIT_MAX, credit)
    }
  }
}

/** Up to here the items ahead are counted one by one. */
const COUNTED_MAX = 64
