import type { MessageState } from './message.ts'

/** Who a channel says somebody is. At least one of phone and userId is present. */
export interface PersonReference {
  /** E.164 with its plus sign. */
  phone?: string
  /** The channel's own id of the person, stable inside one portfolio (WhatsApp: the BSUID). */
  userId?: string
  parentUserId?: string
  username?: string
  /** The name the person gave themselves. */
  name?: string
}

/** The business number or account that an item belongs to, by the channel's own id. */
export interface AccountReference {
  id: string
  /** E.164 with its plus sign, where the channel says it. */
  display?: string
}

/** A message that came in, or one that the firm sent from another device (`direction: 'out'`). */
export interface MessageItem {
  kind: 'message'
  account: AccountReference
  /** `standby`: a thread that another application owns. A key space of its own. */
  space: 'messages' | 'standby'
  direction: 'in' | 'out'
  upstreamId: string
  /** The platform's stamp, milliseconds since 1970. */
  atMs: number
  /** The platform's word, such as `text`; unknown words are kept. */
  type: string
  /** The customer, also where the direction is `out`. */
  person: PersonReference
  /** Whether it opens the customer service window (messages of customers do; system notices do not). */
  opensWindow: boolean
  /** The platform's own object, whole. */
  raw: Record<string, unknown>
}

/** What the platform says became of a message that was sent. */
export interface StatusItem {
  kind: 'status'
  account: AccountReference
  space: 'messages' | 'standby'
  upstreamId: string
  /** The platform's word. */
  status: string
  /** Our word for it; null for a word we do not know, which is kept and changes nothing. */
  state: Extract<MessageState, 'sent' | 'delivered' | 'read' | 'played' | 'failed'> | null
  atMs: number
  recipient: PersonReference | null
  /** In groups: the participant the status is about. Part of the status's identity. */
  participant: string | null
  /** What we put into the platform's echo field, if it came back. */
  correlation: string | null
  failure: { code: number; title: string } | null
  pricing: { category: string | null; type: string | null; model: string | null; billable: boolean | null } | null
  raw: Record<string, unknown>
}

/** Anything else the platform said: kept whole, counted, not understood here. */
export interface OtherItem {
  kind: 'other'
  /** The webhook field, or the place inside it, such as `messages.errors`. */
  field: string
  account: AccountReference | null
  atMs: number | null
  raw: unknown
}

export type InboundItem = MessageItem | StatusItem | OtherItem

/** What a channel answers to a send. Every member says by itself whether the message may be sent again. */
export type SendOutcome =
  /** The platform took it. */
  | { kind: 'accepted'; upstreamId: string; recipient: PersonReference | null; pacing: boolean }
  /** A definite no that may be repeated: it has not gone out. */
  | {
      kind: 'retry'
      code: number | null
      reason: string
      afterMs: number | null
      scope: 'number' | 'pair' | 'app' | 'transport'
      throttled: boolean
    }
  /** A definite and final no. `pauses` names what must not send until somebody has looked. */
  | {
      kind: 'refused'
      code: number | null
      reason: string
      pauses: 'nothing' | 'number' | 'waba' | 'token' | 'template'
      closesWindow: boolean
    }
  /** It may have gone out: only a status, or the end of its wait, settles it. */
  | { kind: 'unknown'; code: number | null; reason: string }
