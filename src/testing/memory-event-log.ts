import type { EventLog, LogChunk, LogEvent } from '../realtime/event-log.ts'

/** An event log in memory, with offsets that the test may leave gaps in. */
export class MemoryEventLog implements EventLog {
  #events: LogEvent[] = []
  #head = 0
  #oldest = 1
  #epoch = 'epoch-1'
  /** How many reads were asked for. */
  readCount = 0
  /** Set to make the next reads fail. */
  failing: Error | null = null
  /** Set to make reads wait. */
  gate: Promise<void> | null = null

  head(): number {
    return this.#head
  }

  oldest(): number {
    return this.#oldest
  }

  epoch(): string {
    return this.#epoch
  }

  async read(after: number, limit: number): Promise<LogChunk> {
    this.readCount++
    await this.gate
    if (this.failing) throw this.failing
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle]?.offset ?? 0) <= after) low = middle + 1
      else high = middle
    }
    const events = this.#events.slice(low, low + limit)
    const last = events.at(-1)
    return { events, upto: events.length === limit && last ? last.offset : this.#head }
  }

  /** Commits one event, `skip` offsets above the next one, and answers its offset. */
  add(event: Partial<Pick<LogEvent, 'type' | 'conversationId' | 'numberId'>> & { data?: object }, skip = 0): number {
    const offset = this.#head + 1 + skip
    const { type = 'team.updated', conversationId = null, numberId = null, data = {} } = event
    const json = JSON.stringify({ offset, type, at: '2026-11-22T09:00:00.000Z', data })
    this.#events.push({ offset, type, workspaceId: 1, conversationId, numberId, assigneeId: null, teamId: null, json })
    this.#head = offset
    return offset
  }

  /** Tells all events otherwise from now on, as where their person was erased. */
  erase(): void {
    this.#events = this.#events.map((event) => {
      const { data: _, ...rest } = JSON.parse(event.json) as Record<string, unknown>
      return { ...event, json: JSON.stringify({ ...rest, data: { erased: true } }) }
    })
  }

  /** Removes what lies below `oldest`. */
  keepFrom(oldest: number): void {
    this.#oldest = oldest
    this.#events = this.#events.filter((event) => event.offset >= oldest)
  }

  /** Becomes another log, as after a restore. */
  replace(epoch: string, head = 0): void {
    this.#epoch = epoch
    this.#events = []
    this.#head = head
    this.#oldest = 1
  }
}
