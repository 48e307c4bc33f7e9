import type { MessageClass } from '../core/message.ts'
import type { HeapItem } from './indexed-heap.ts'
import { isByDeadline, type LaneRank, RANK_OF } from './lane.ts'
import type { QueuedMessage } from './types.ts'

/** `returning`: a retry was promised and its conversation keeps the place until it is back. */
export type EntryState = 'waiting' | 'taken' | 'returning'

/** A message inside the queue. As a heap item it stands among the deadlines of its number while it waits. */
export class Entry implements HeapItem {
  heapKey = 0
  heapTie = 0
  heapIndex = -1
  state: EntryState = 'waiting'
  /** Neighbours in the conversation while it waits. */
  previous: Entry | undefined = undefined
  next: Entry | undefined = undefined
  takenAtMs = 0
  /** When it leaves, once taken; until when its place is kept, while it is returning. */
  untilMs = 0
  /** Whether its request was thought to open a connection. */
  opens = false
  /** When its request left; how many of the number, in and out, had in the second before; and how many had come in at all. */
  chargedAtMs = 0
  countedBefore = 0
  inboundBefore = 0
  readonly messageId: number
  readonly numberId: number
  readonly class: MessageClass
  readonly rank: LaneRank
  readonly deadlineMs: number
  readonly notBeforeMs: number
  readonly order: number
  readonly conversation: Conversation

  constructor(message: QueuedMessage, conversation: Conversation) {
    this.messageId = message.messageId
    this.numberId = message.numberId
    this.class = message.class
    this.rank = RANK_OF[message.class]
    this.deadlineMs = message.deadlineMs
    this.notBeforeMs = message.notBeforeMs
    this.order = message.order
    this.conversation = conversation
  }
}

/** How many of a conversation's messages are asked for their deadline. */
const DEADLINES_LOOKED_AT = 16

/**
 * What one person is to get from one number, in order. Only the first may leave, and only while none is in flight.
 * So that a reply does not wait behind a campaign's message to the same person for as long as the campaign lasts, the
 * first travels in the most urgent lane, and with the earliest deadline, of those that wait behind it.
 */
export class Conversation implements HeapItem {
  heapKey = 0
  heapTie = 0
  heapIndex = -1
  /** The lane it stands in; undefined while it waits for a time, for an answer, or has nothing waiting. */
  standsIn: LaneRank | undefined = undefined
  first: Entry | undefined = undefined
  /** Taken and not answered, or returning. */
  inFlight: Entry | undefined = undefined
  /** When the first may leave, as far as this conversation decides. */
  readyAtMs = 0
  readonly id: number
  #last: Entry | undefined = undefined
  #rank: LaneRank = RANK_OF.bulk

  constructor(id: number) {
    this.id = id
  }

  /** The most urgent lane of what waits. */
  get rank(): LaneRank {
    return this.#rank
  }

  /** Puts a message where its order says: mostly at the end, a retried one at the front. */
  insert(entry: Entry): void {
    let before = this.#last
    while (before !== undefined && before.order > entry.order) before = before.previous
    const after = before === undefined ? this.first : before.next
    entry.previous = before
    entry.next = after
    if (before === undefined) this.first = entry
    else before.next = entry
    if (after === undefined) this.#last = entry
    else after.previous = entry
    this.#rank = before === undefined && after === undefined ? entry.rank : lower(this.#rank, entry.rank)
  }

  unlink(entry: Entry): void {
    const { previous, next } = entry
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    entry.previous = undefined
    entry.next = undefined
    if (entry.rank === this.#rank && this.first !== undefined) this.#rankAnew()
  }

  /** Where it stands in its lane: by deadline or by acceptance. */
  place(): { key: number; tie: number } {
    const order = this.first?.order ?? 0
    if (!isByDeadline(this.#rank)) return { key: order, tie: 0 }
    let deadlineMs = Number.POSITIVE_INFINITY
    let entry = this.first
    for (let looks = 0; entry !== undefined && looks < DEADLINES_LOOKED_AT; looks++) {
      deadlineMs = Math.min(deadlineMs, entry.deadlineMs)
      entry = entry.next
    }
    return { key: deadlineMs, tie: order }
  }

  /** Ends at the first of the old rank, so a long walk happens at most once for each rank it has held. */
  #rankAnew(): void {
    const was = this.#rank
    let rank: LaneRank = RANK_OF.bulk
    for (let entry = this.first; entry !== undefined; entry = entry.next) {
      rank = lower(rank, entry.rank)
      if (rank === was) break
    }
    this.#rank = rank
  }
}

function lower(left: LaneRank, right: LaneRank): LaneRank {
  return left < right ? left : right
}
