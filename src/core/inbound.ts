import type { AttachmentContent } from './content.ts'
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

/** A group of several people and the firm, by the channel's own id. */
export interface GroupReference {
  id: string
  subject?: string
}

/** What a notice of the platform says became of the identity of `MessageItem.person`, who is who they were before. */
export interface IdentityChange {
  /** Who they are from now on. */
  to: PersonReference
}

/** A message that came in, or one that the firm sent from another device (`direction: 'out'`). */
export interface MessageItem {
  kind: 'message'
  account: AccountReference
  /** `standby`: a thread that another application owns. Each is a key space of its own. */
  space: 'messages' | 'standby'
  direction: 'in' | 'out'
  upstreamId: string
  /** The platform's stamp, milliseconds since 1970. */
  atMs: number
  /** Set where the platform gave no stamp: `atMs` is then when it came in, and another one each time it is delivered. */
  isUnstamped?: true
  /** The platform's word, such as `text`; unknown words are kept. */
  type: string
  /** Set where we do not know that word: it is shown as something else that came, and counted. */
  isUnknown?: true
  /** The customer, also where the direction is `out`; empty for what the firm wrote to a group. */
  person: PersonReference
  /** Whether it opens the customer service window (messages of customers do; system notices do not). */
  opensWindow: boolean
  /** Set in a group: `person` is who wrote it there. */
  group?: GroupReference
  /** The files that come with it, which have to be fetched. */
  attachments?: AttachmentContent[]
  /** Set where the platform brings older messages: they make no event, are not unread and open no window. */
  history?: { state: Extract<MessageState, 'sent' | 'delivered' | 'read' | 'played' | 'failed'> | null }
  identity?: IdentityChange
  /** The platform's own object, whole. */
  raw: Record<string, unknown>
}

/** What somebody did to a message that is already there, or that never came. It has an id of its own. */
export interface ActItem {
  kind: 'act'
  act: 'reaction' | 'edit' | 'revoke'
  account: AccountReference
  space: 'messages' | 'standby'
  /** `out`: by the firm, from its phone. */
  direction: 'in' | 'out'
  upstreamId: string
  /** The message that it is about. */
  targetUpstreamId: string
  atMs: number
  isUnstamped?: true
  /** The customer; empty for what the firm did in a group. */
  person: PersonReference
  group?: GroupReference
  /** A reaction of a customer opens the window, an edit or a revoke does not. */
  opensWindow: boolean
  /** Of a reaction; null: taken back. */
  emoji?: string | null
  /** Of an edit: the whole new message as the platform would have sent it, with its type. */
  edited?: { type: string; raw: Record<string, unknown> }
  attachments?: AttachmentContent[]
  history?: MessageItem['history']
  raw: Record<string, unknown>
}

/** A step of a call. All steps of a call share its id; (id, step) comes once. */
export interface CallItem {
  kind: 'call'
  account: AccountReference
  /** Who called whom. */
  direction: 'in' | 'out'
  upstreamId: string
  /** `connect`, `terminate`, `ringing`, `accepted`, `rejected`, or another word of the platform in lower case. */
  step: string
  atMs: number
  person: PersonReference
  /** The platform's rule: a customer's call opens the customer service window as a message does. */
  opensWindow: boolean
  /** Lower case, such as `completed` or `failed`; only when it has ended. */
  outcome: string | null
  durationS: number | null
  raw: Record<string, unknown>
}

/** Another application or person took a thread over, or gave it to us. */
export interface HandoverItem {
  kind: 'handover'
  account: AccountReference
  person: PersonReference
  atMs: number
  /** Whether the thread is ours from now on. */
  isOurs: boolean
  raw: Record<string, unknown>
}

/** What a person wants or does not want to receive. */
export interface PreferenceItem {
  kind: 'preference'
  account: AccountReference
  person: PersonReference
  /** The platform's word, such as `marketing_messages`. */
  category: string
  /** `stop`, `resume`, or another word of the platform. */
  value: string
  atMs: number
  raw: Record<string, unknown>
}

/** An entry of the address book of the firm's phone. */
export interface AddressBookItem {
  kind: 'address_book'
  account: AccountReference
  person: PersonReference
  action: 'add' | 'remove'
  atMs: number
  raw: Record<string, unknown>
}

/** What became of a group, its people or its settings. */
export interface GroupItem {
  kind: 'group'
  account: AccountReference
  group: GroupReference
  /** Our word; null: another of the platform's, which is kept and changes nothing. */
  change:
    | 'created'
    | 'deleted'
    | 'members_added'
    | 'members_removed'
    | 'join_requested'
    | 'join_request_revoked'
    | 'settings'
    | 'suspended'
    | 'suspension_cleared'
    | null
  members: PersonReference[]
  description?: string
  inviteLink?: string
  atMs: number
  raw: Record<string, unknown>
}

/** Whom or what a fact of the platform is about. Numbers are named by id or, where the platform says no more, as written. */
export type FactSubject =
  | { kind: 'number'; account?: string; display?: string }
  /** WhatsApp: the business account (WABA). */
  | { kind: 'account'; id: string }
  | { kind: 'portfolio'; id: string | null }
  | { kind: 'template'; accountId: string; id: string | null; name: string; language: string | null }

/** A fact that the platform states about something of the firm's: never about a customer, so never personal. */
export interface Fact {
  subject: FactSubject
  /** Our word, such as `quality`, `status`, `throughput`, `messaging_limit`, `restriction`; see the channel's table. */
  name: string
  /** Text, number, or null: it does not hold any more. */
  value: string | number | null
  /** When it ends by itself. */
  untilMs: number | null
}

/** What the platform says about the firm's own numbers, accounts and templates. */
export interface NoticeItem {
  kind: 'notice'
  /** The webhook field. */
  field: string
  /** The platform's word for what happened, in lower case, where it has one. */
  event: string | null
  account: AccountReference | null
  /** The business account whose webhook it was. */
  accountId: string | null
  atMs: number | null
  facts: Fact[]
  /** Whether somebody should look: a ban, a restriction, a changed PIN. */
  severity: 'info' | 'warning' | 'critical'
  /** The webhook with this change alone. */
  raw: unknown
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
  /** Set where we do not know the platform's word: it is counted. */
  isUnknown?: true
  atMs: number
  recipient: PersonReference | null
  /** In groups: the participant the status is about. Part of the status's identity. */
  participant: string | null
  /** What we put into the platform's echo field, if it came back. */
  correlation: string | null
  failure: { code: number; title: string } | null
  /** What the failure means beyond this message; absent where it means nothing more. */
  consequences?: Consequences
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

export type InboundItem =
  | MessageItem
  | ActItem
  | CallItem
  | HandoverItem
  | PreferenceItem
  | AddressBookItem
  | GroupItem
  | StatusItem
  | NoticeItem
  | OtherItem

/** What a final no says beyond the message that it is about: what must not send until somebody has looked. */
export interface Consequences {
  pauses: 'nothing' | 'number' | 'waba' | 'template'
  closesWindow: boolean
}

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
      /** It may be repeated once the access token is another one: until then nothing is sent with it. */
      pauses?: 'token'
    }
  /** A definite and final no. */
  | ({ kind: 'refused'; code: number | null; reason: string } & Consequences)
  /** It may have gone out: only a status, or the end of its wait, settles it. */
  | { kind: 'unknown'; code: number | null; reason: string }
