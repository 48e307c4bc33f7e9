interface Entry<T> {
  dueMs: number
  order: number
  value: T
}

/** Things that are due at a time, earliest first; of equal times, in the order they were put in. */
export class DueHeap<T> {
  #entries: Entry<T>[] = []
  #order = 0

  /** When the earliest is due, or undefined if there is none. */
  get nextDueMs(): number | undefined {
    return this.#entries[0]?.dueMs
  }

  push(value: T, dueMs: number): void {
    const entries = this.#entries
    const entry = { dueMs, order: this.#order++, value }
    let index = entries.length
    entries.push(entry)
    while (index > 0) {
      const parentIndex = (index - 1) >> 1
      const parent = entries[parentIndex]
      if (!parent || !isBefore(entry, parent)) break
      entries[index] = parent
      index = parentIndex
    }
    entries[index] = entry
  }

  /** Takes the earliest if it is due by then. */
  popDue(nowMs: number): T | undefined {
    const first = this.#entries[0]
    if (!first || first.dueMs > nowMs) return undefined
    const last = this.#entries.pop()
    if (last && last !== first) this.#sink(last)
    return first.value
  }

  #sink(entry: Entry<T>): void {
    const entries = this.#entries
    let index = 0
    for (;;) {
      let childIndex = index * 2 + 1
      let child = entries[childIndex]
      if (!child) break
      const right = entries[childIndex + 1]
      if (right && isBefore(right, child)) {
        childIndex += 1
        child = right
      }
      if (!isBefore(child, entry)) break
      entries[index] = child
      index = childIndex
    }
    entries[index] = entry
  }
}

function isBefore<T>(left: Entry<T>, right: Entry<T>): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.order < right.order)
}
