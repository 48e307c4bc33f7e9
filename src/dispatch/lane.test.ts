import { describe, expect, test } from 'bun:test'
import type { HeapItem } from './indexed-heap.ts'
import { LANE_RANKS, type LaneRank, Lanes } from './lane.ts'

/** Serves so many departures with these lanes never empty; how many each got. */
function serve(backlogged: readonly LaneRank[], departures: number): number[] {
  const lanes = new Lanes<HeapItem>()
  for (const rank of backlogged) lanes.add({ heapKey: 0, heapTie: 0, heapIndex: -1 }, rank, { key: 0, tie: 0 })
  const served = LANE_RANKS.map(() => 0)
  for (let index = 0; index < departures; index++) {
    const rank = lanes.choose()
    if (rank === undefined) break
    lanes.departed(rank)
    served[rank] = (served[rank] ?? 0) + 1
  }
  return served
}

describe('Lanes', () => {
  test.each<[string, LaneRank[], number[]]>([
    ['all busy: the guaranteed shares', [0, 1, 2, 3], [6_000, 2_500, 1_000, 500]],
    ['urgent borrows all but the share of bulk', [0, 3], [9_500, 0, 0, 500]],
    ['reply borrows before notice and bulk', [1, 2, 3], [0, 8_500, 1_000, 500]],
    ['notice borrows before bulk', [2, 3], [0, 0, 9_500, 500]],
    ['bulk alone has it all', [3], [0, 0, 0, 10_000]],
  ])('%s', (_, backlogged, expected) => {
    for (const [rank, count] of serve(backlogged, 10_000).entries()) {
      expect(Math.abs(count - (expected[rank] ?? 0))).toBeLessThanOrEqual(4)
    }
  })

  test('an idle lane saves up two departures, not more', () => {
    const lanes = new Lanes<HeapItem>()
    for (let index = 0; index < 1_000; index++) lanes.departed(3)
    const urgent = { heapKey: 0, heapTie: 0, heapIndex: -1 }
    lanes.add(urgent, 0, { key: 0, tie: 0 })
    lanes.add({ heapKey: 0, heapTie: 0, heapIndex: -1 }, 2, { key: 0, tie: 0 })
    const first: (LaneRank | undefined)[] = []
    for (let index = 0; index < 6; index++) {
      const rank = lanes.choose()
      first.push(rank)
      if (rank !== undefined) lanes.departed(rank)
    }
    expect(first.slice(0, 2)).toEqual([0, 0])
    expect(first).toContain(2)
  })

  test('inside a lane the least key leaves first, then the least tie', () => {
    const lanes = new Lanes<HeapItem>()
    const items = [3, 1, 2].map((key) => ({ heapKey: 0, heapTie: 0, heapIndex: -1, name: key }))
    for (const item of items) lanes.add(item, 0, { key: item.name === 3 ? 1 : item.name, tie: item.name })
    const popped = [lanes.pop(0), lanes.pop(0), lanes.pop(0)].map((item) => items.find((one) => one === item)?.name)
    expect(popped).toEqual([1, 3, 2])
    expect(lanes.size).toBe(0)
    expect(lanes.choose()).toBeUndefined()
  })
})
