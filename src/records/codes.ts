import { must } from '../core/assert.ts'
import type { MessageClass, MessageState, WhenInDoubt } from '../core/message.ts'

/**
 * Words as small numbers in the tables: a message must not take more than 250 bytes. A code is never given a second
 * meaning; new words get new numbers.
 */
class Codes<Word extends string> {
  readonly #codeOf: ReadonlyMap<string, number>
  readonly #wordOf: ReadonlyMap<number, Word>

  constructor(codes: Readonly<Record<Word, number>>) {
    const pairs = Object.entries(codes) as [Word, number][]
    this.#codeOf = new Map(pairs)
    this.#wordOf = new Map(pairs.map(([word, code]) => [code, word]))
  }

  code(word: Word): number {
    return must(this.#codeOf.get(word), `the code of ${word}`)
  }

  word(code: number): Word {
    return must(this.#wordOf.get(code), `the word of code ${code}`)
  }
}

export const STATE = new Codes<MessageState>({
  received: 0,
  queued: 1,
  sending: 2,
  accepted: 3,
  sent: 4,
  delivered: 5,
  read: 6,
  played: 7,
  failed: 8,
  in_doubt: 9,
  held: 10,
  cancelled: 11,
  expired: 12,
})

export const CLASS = new Codes<MessageClass>({ urgent: 0, reply: 1, notice: 2, bulk: 3 })

export const DOUBT = new Codes<WhenInDoubt>({ resend: 0, hold: 1, fail: 2 })

export type Direction = 'in' | 'out'
export const DIRECTION = new Codes<Direction>({ in: 0, out: 1 })

export type NumberState = 'active' | 'paused' | 'unclaimed'
export const NUMBER_STATE = new Codes<NumberState>({ active: 0, paused: 1, unclaimed: 2 })

/** Who brought a state about. */
export type StateSource = 'api' | 'dispatch' | 'platform' | 'person' | 'recovery'
export const SOURCE = new Codes<StateSource>({ api: 0, dispatch: 1, platform: 2, person: 3, recovery: 4 })

export type EventType =
  | 'message.received'
  | 'message.state'
  | 'conversation.created'
  | 'conversation.updated'
  | 'number.state'
export const EVENT = new Codes<EventType>({
  'message.received': 1,
  'message.state': 2,
  'conversation.created': 3,
  'conversation.updated': 4,
  'number.state': 5,
})

export const FLAG_STANDBY = 1
export const FLAG_FROM_PHONE = 2
export const FLAG_PACING = 4

/** Cells whose former content is kept for the events told with it. */
export type FormerKind = 'profile' | 'number' | 'upstream'
export const FORMER = new Codes<FormerKind>({ profile: 1, number: 2, upstream: 3 })
