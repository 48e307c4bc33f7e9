import { must } from '../core/assert.ts'
import type { MessageClass, MessageState, WhenInDoubt } from '../core/message.ts'

/**
 * Words as small numbers in the tables: a message must not take more than 250 bytes. A code is never given a second
 * meaning; new words get new numbers.
 */
export class Codes<Word extends string> {
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
  | 'message.edited'
  | 'message.revoked'
  | 'message.reaction'
  | 'conversation.created'
  | 'conversation.updated'
  | 'number.state'
  | 'contact.updated'
  | 'message.media'
  | 'conversation.assigned'
  | 'conversation.visible'
  | 'conversation.gone'
export const EVENT = new Codes<EventType>({
  'message.received': 1,
  'message.state': 2,
  'conversation.created': 3,
  'conversation.updated': 4,
  'number.state': 5,
  'message.edited': 6,
  'message.revoked': 7,
  'message.reaction': 8,
  'contact.updated': 9,
  'message.media': 10,
  'conversation.assigned': 11,
  'conversation.visible': 12,
  'conversation.gone': 13,
})

export const FLAG_STANDBY = 1
export const FLAG_FROM_PHONE = 2
export const FLAG_PACING = 4
/** Something done to another message: not in the thread by itself, not unread, never the last message. */
export const FLAG_ACT = 8
/** Brought by the platform as older than the connection: no event told of it. */
export const FLAG_HISTORY = 16
/** An edit of it, or a further step of a call. */
export const FLAG_EDITED = 32
export const FLAG_REVOKED = 64
export const FLAG_REACTED = 128
/** It has rows in `media`. */
export const FLAG_ATTACHED = 256

/** A `reply` is a message of its own that waits for the one it answers. */
export type ActKind = 'reaction' | 'edit' | 'revoke' | 'call' | 'reply'
export const ACT = new Codes<ActKind>({ reaction: 1, edit: 2, revoke: 3, call: 4, reply: 5 })

/** What becomes of a message that its author takes back; the higher wins. */
export const REVOKED_CHOICES = ['kept', 'hidden', 'deleted'] as const
export type Revoked = (typeof REVOKED_CHOICES)[number]
export const REVOKED = new Codes<Revoked>({ kept: 0, hidden: 1, deleted: 2 })

export const CONTACT_KIND = { person: 0, group: 1 } as const

/** How somebody came to be known by a phone, a user id or another identity. */
export type IdentitySource = 'message' | 'status' | 'answer' | 'address_book' | 'notice' | 'api' | 'import'
export const IDENTITY_SOURCE = new Codes<IdentitySource>({
  message: 0,
  status: 1,
  answer: 2,
  address_book: 3,
  notice: 4,
  api: 5,
  import: 6,
})

/** Who said that two contacts are one person; the platform's word comes first. */
export type MergeSource = 'platform' | 'person'
export const MERGE_SOURCE = new Codes<MergeSource>({ platform: 0, person: 1 })

export type Membership = 'member' | 'left' | 'asks' | 'asks_no_more'
export const MEMBERSHIP = new Codes<Membership>({ member: 1, left: 2, asks: 3, asks_no_more: 4 })

/** Cells whose former content is kept for the events told with it. */
export type FormerKind = 'profile' | 'number' | 'upstream' | 'card' | 'head'
export const FORMER = new Codes<FormerKind>({ profile: 1, number: 2, upstream: 3, card: 5, head: 6 })

export const SEVERITIES = ['info', 'warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]
export const SEVERITY = new Codes<Severity>({ info: 0, warning: 1, critical: 2 })

/** Whom a fact is about. A `written_number` is one that the platform named and nobody declared. */
export type FactSubjectKind = 'number' | 'written_number' | 'account' | 'portfolio' | 'template'
export const FACT_SUBJECT = new Codes<FactSubjectKind>({
  number: 0,
  written_number: 1,
  account: 2,
  portfolio: 3,
  template: 4,
})

/** What became of a file that came with a message. */
export type MediaState = 'waiting' | 'ready' | 'failed' | 'gone' | 'too_large' | 'refused'
export const MEDIA_STATE = new Codes<MediaState>({ waiting: 0, ready: 1, failed: 2, gone: 3, too_large: 4, refused: 5 })
