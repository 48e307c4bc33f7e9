/**
 * What a heap needs of its items: they carry their own key and place, so that one in the middle is moved or taken out
 * without a search. An item is in at most one heap at a time.
 */
export interface HeapItem {
  heapKey: number
  /** Decides between equal keys: the lower leaves first. */
  heapTie: number
  /** Place inside the heap's array; -1 while it is in none. */
  heapIndex: number
}

/** A binary heap, the least key first. Every change is O(log n). */
export class IndexedHeap<Item extends HeapItem> {
  readonly #items: Item[] = []

  get size(): number {
    return this.#items.length
  }

  peek(): Item | undefined {
    return this.#items[0]
  }

  /** Puts an item in, or moves it if it is in already. */
  set(item: Item, key: number, tie = 0): void {
    if (item.heapIndex < 0) {
      item.heapKey = key
      item.heapTie = tie
      item.heapIndex = this.#items.length
      this.#items.push(item)
      this.#up(item)
      return
    }
    if (key === item.heapKey && tie === item.heapTie) return
    item.heapKey = key
    item.heapTie = tie
    this.#up(item)
    this.#down(item)
  }

  pop(): Item | undefined {
    const top = this.#items[0]
    if (top !== undefined) this.remove(top)
    return top
  }

  /** Takes an item out; one that is in no heap stays so. */
  remove(item: Item): void {
    const index = item.heapIndex
    if (index < 0) return
    item.heapIndex = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    last.heapIndex = index
    this.#items[index] = last
    this.#up(last)
    this.#down(last)
  }

  /**
   * About how many items leave before this one: counted up to `exactMax` items, beyond that read off the keys as if
   * they were evenly spread up to `keyMax`. Good enough for a prediction, and O(1) on a long queue.
   */
  countBefore(item: Item, exactMax: number, keyMax: number): number {
    const first = this.#items[0]
    if (first === undefined) return 0
    if (this.#items.length > exactMax) {
      const spread = keyMax - first.heapKey
      const part = spread > 0 ? (item.heapKey - first.heapKey) / spread : 1
      return Math.round(Math.min(1, Math.max(0, part)) * (this.#items.length - 1))
    }
    let count = 0
    for (const other of this.#items) if (isBefore(other, item)) count++
    return count
  }

  #up(item: Item): void {
    const items = this.#items
    let index = item.heapIndex
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = items[parentIndex]
      if (parent === undefined || !isBefore(item, parent)) break
      items[index] = parent
      parent.heapIndex = index
      index = parentIndex
    }
    items[index] = item
    item.heapIndex = index
  }

  #down(item: Item): void {
    const items = this.#items
    let index = item.heapIndex
    for (;;) {
      let childIndex = 2 * index + 1
      let child = items[childIndex]
      if (child === undefined) break
      const right = items[childIndex + 1]
      if (right !== undefined && isBefore(right, child)) {
        child = right
        childIndex++
      }
      if (!isBefore(child, item)) break
      items[index] = child
      child.heapIndex = index
      index = childIndex
    }
    items[index] = item
    item.heapIndex = index
  }
}

function isBefore(left: HeapItem, right: HeapItem): boolean {
  return left.heapKey < right.heapKey || (left.heapKey === right.heapKey && left.heapTie < right.heapTie)
}
