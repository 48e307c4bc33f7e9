import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type HeapItem, IndexedHeap } from './indexed-heap.ts'

function item(): HeapItem {
  return { heapKey: 0, heapTie: 0, heapIndex: -1 }
}

describe('IndexedHeap', () => {
  test('gives the same order as sorting, after any mix of sets, moves and removals', () => {
    const step = fc.record({ which: fc.nat(19), key: fc.integer({ min: 0, max: 9 }), remove: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const heap = new IndexedHeap<HeapItem>()
        const items = Array.from({ length: 20 }, item)
        const inside = new Set<HeapItem>()
        for (const [tie, { which, key, remove }] of steps.entries()) {
          const chosen = items[which] ?? item()
          if (remove) heap.remove(chosen)
          else heap.set(chosen, key, tie)
          if (remove) inside.delete(chosen)
          else inside.add(chosen)
        }
        expect(heap.size).toBe(inside.size)
        const sorted = [...inside].sort((a, b) => a.heapKey - b.heapKey || a.heapTie - b.heapTie)
        const popped = sorted.map(() => heap.pop())
        expect(popped).toEqual(sorted)
        expect(heap.pop()).toBeUndefined()
        expect(items.every(({ heapIndex }) => heapIndex === -1)).toBe(true)
      }),
    )
  })

  test('counts exactly what is before an item while it is small, and about while it is large', () => {
    const heap = new IndexedHeap<HeapItem>()
    const items = Array.from({ length: 1_000 }, item)
    for (const [index, one] of items.entries()) heap.set(one, 5_000 + index)
    const probe = items[250] ?? item()
    expect(heap.countBefore(probe, 1_000, 0)).toBe(250)
    expect(Math.abs(heap.countBefore(probe, 64, 5_999) - 250)).toBeLessThan(5)
  })
})
