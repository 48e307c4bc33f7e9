import type { MessageClass } from '../core/message.ts'

/** A message that waits for its turn. All times are monotonic milliseconds; the caller converts wall deadlines. */
export interface QueuedMessage {
  messageId: number
  numberId: number
  conversationId: number
  class: MessageClass
  /** When it is too late to send it. */
  deadlineMs: number
  /** When it may leave at the earliest; 0 = at once. It holds the later messages of its conversation as well. */
  notBeforeMs: number
  /** Rises with acceptance and keeps the order inside a conversation; a retried message keeps its old one. */
  order: number
}

/** A message that leaves: its `sending` is committed now, its request begins at `leavesAtMs` if the fence lets it. */
export interface Assignment {
  messageId: number
  numberId: number
  leavesAtMs: number
}

/** Why nothing leaves from a number. */
export type PauseReason = 'operator' | 'refused' | 'restricted' | 'token' | 'disconnected' | 'maintenance' | 'draining'

/** Which limit holds a message: what stops its number, else the one that holds it longest. */
export type WaitReason =
  /** The number's messages per second, and what is ahead of it in its own lane. */
  | 'number_rate'
  /** The platform's limit for one business number and one person. */
  | 'pair'
  /** An earlier message of its conversation. */
  | 'order'
  | 'not_before'
  | 'paused'
  | 'breaker'
  /** More urgent lanes of its number are served first. */
  | 'lane'
  /** Too many requests without an answer. */
  | 'in_flight'
  | 'nothing'

/** `leavesAtMs` is a prediction; Infinity where somebody must act first, as on a paused number. */
export interface Explanation {
  leavesAtMs: number
  waitsFor: WaitReason
}

/** A definite no that may be repeated: the caller puts the message back with its old `order`. */
export interface RetryResult {
  retryAtMs: number
  scope: 'number' | 'pair' | 'app' | 'transport'
  /** The platform said "too fast" (WhatsApp: 130429, 131056, 4), in distinction from "not now". */
  throttled: boolean
}

/**
 * What became of a message that was taken. `unsent`: no request was made (its `sending` could not be committed, it was
 * cancelled meanwhile), so there is nothing to learn and nothing to count.
 */
export type SendResult = 'accepted' | 'refused' | 'unknown' | 'unsent' | RetryResult

/** What `take` decided. */
export interface Taken {
  leave: Assignment[]
  /** Their deadline passed while they waited: they are out of the queue. */
  expired: number[]
  /** When to call `take` again; null = only after the next change. The caller needs one timer for all numbers. */
  wakeAtMs: number | null
}

/** The ceiling an operator sets, in messages per second; null: learned, from the platform's 80 downwards. */
export interface NumberSettings {
  ratePerSecondMax: number | null
}

export interface DispatcherOptions {
  /** Places for urgent, reply and notice together, waiting or in flight. Default 100,000. */
  messagesMax?: number
  /** Places for bulk on each number: a window over the records. Default 500. */
  bulkHeadsMax?: number
  /** How far ahead messages are taken, so that their `sending` is committed in groups. At most 50. Default 30. */
  aheadMs?: number
  /** Requests without an answer, over all numbers. Default 1,024. */
  inFlightMax?: number
  /** Messages that one call of `take` lets leave, and as many that it lets expire. Default 256. */
  batchMax?: number
  /** Numbers that may be declared. Default 10,000. */
  numbersMax?: number
  /** Persons per number whose pair limit is remembered. Default 20,000. */
  pairsMax?: number
}

/** One number as the metrics and the console show it. */
export interface NumberStats {
  numberId: number
  waiting: number
  inFlight: number
  /** The limit that holds now, messages per second. */
  ratePerSecond: number
  /** Part of the limit that the last second used, inbound counted; above 1 if the platform sent us more. */
  limitUsedRatio: number
  paused: PauseReason | null
  breakerOpen: boolean
}

/** Counters rise for ever; the rest is the present. */
export interface DispatchStats {
  waiting: Record<MessageClass, number>
  inFlight: number
  counters: {
    taken: number
    /** Refused at the door: no place. */
    full: number
    expired: number
    removed: number
    /** Answers by which the platform said "too fast". */
    throttled: number
    breakerOpened: number
    /** Pair limits forgotten for want of room while they still held. */
    pairsForgotten: number
    /** Retries that never came back, whose conversation went on without them. */
    returnsLost: number
  }
  numbers: NumberStats[]
}
