import type { LogChunk, LogEvent } from './event-log.ts'

/** Events in offset order from `start` on, and the offset they cover. Valid until the ring changes. */
export interface Span {
  events: readonly LogEvent[]
  start: number
  upto: number
}

export interface RingBounds {
  ringEventsMax: number
  ringBytesMax: number
}

/** Evicted places that may stay in the array before it is copied. */
const SLACK = 4096

/**
 * The newest events in memory. Invariant: every event of the log in (after, upto] is here, and no other; overflow
 * moves `after` up, and who needs more reads the log.
 */
export class EventRing {
  readonly #bounds: RingBounds
  #events: LogEvent[] = []
  #first = 0
  #bytes = 0
  #after: number
  #upto: number
  #changedAt = 0

  constructor(after: number, bounds: RingBounds) {
    this.#after = after
    this.#upto = after
    this.#bounds = bounds
  }

  get after(): number {
    return this.#after
  }

  get upto(): number {
    return this.#upto
  }

  /** The newest change of rights that came by. */
  get changedAt(): number {
    return this.#changedAt
  }

  get size(): number {
    return this.#events.length - this.#first
  }

  /** Characters of the kept events, which for most text is its bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes the log's next chunk, which begins where the ring ends. */
  append(chunk: LogChunk): void {
    for (const event of chunk.events) {
      this.#events.push(event)
      this.#bytes += event.json.length
    }
    this.#upto = chunk.upto
    this.#changedAt = Math.max(this.#changedAt, changedAt(chunk))
    while (this.size > this.#bounds.ringEventsMax || this.#bytes > this.#bounds.ringBytesMax) this.#evict()
    if (this.#first > SLACK && this.#first * 4 > this.#events.length) {
      this.#events = this.#events.slice(this.#first)
      this.#first = 0
    }
  }

  /** The events above `cursor`, which must not lie below `after`. */
  span(cursor: number): Span {
    let low = this.#first
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const event = this.#events[middle]
      if (event && event.offset <= cursor) low = middle + 1
      else high = middle
    }
    return { events: this.#events, start: low, upto: this.#upto }
  }

  #evict(): void {
    const event = this.#events[this.#first++]
    if (!event) return
    this.#bytes -= event.json.length
    this.#after = event.offset
  }
}

/** The newest change of rights among events; 0 where there is none. */
export function changedAt({ events }: { events: readonly LogEvent[] }): number {
  return events.findLast(({ change }) => change !== undefined)?.change ?? 0
}
