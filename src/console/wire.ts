import type { MessageState } from '../core/message.ts'
import type { Permission } from '../core/permissions.ts'

/** The forms of the HTTP API and of events, as far as the console reads them. Times are RFC 3339, ids opaque strings. */

/** What `GET /api/v1/me` answers: who the key is, and where the journal stands. */
export interface Me {
  role: string
  permissions: readonly Permission[]
  epoch: string
  head: number
}

/** One page of a list; `as_of` is the journal offset of the transaction it was read in. */
export interface Page<T> {
  items: T[]
  next: string | null
  as_of: number
}

/** A business number. */
export interface NumberView {
  number: string
  alias: string | null
  display: string | null
  state: string
  reason?: string | null
}

/** The customer of a conversation. Any of the members may be unknown. */
export interface ContactView {
  id: string
  name?: string | null
  phone?: string | null
  user_id?: string | null
  erased?: boolean
}

/** A group of several people and the firm. */
export interface GroupView {
  id: string | null
  subject: string | null
}

/** A conversation: one customer on one number. Inside events some members may be absent, such as `last_message`. */
export interface ConversationView {
  id: string
  number: string
  number_alias: string | null
  kind?: 'person' | 'group'
  contact: ContactView
  group?: GroupView | null
  unread: number
  created_at: string
  last_message_at: string | null
  window_expires_at: string | null
  standby: boolean
  last_message?: MessageView | null
}

/** A message. The object of its type stands under the type's own name, so further members are unknown. */
export interface MessageView {
  id: string
  upstream_id?: string | null
  conversation_id: string
  number?: string | null
  direction: 'in' | 'out'
  type: string
  at: string
  state: MessageState
  reason?: string | null
  reference?: string | null
  source?: string
  context?: Record<string, unknown> | null
  standby?: boolean
  pacing?: boolean
  history?: boolean
  /** What it says, in words that fit every channel. Absent where it is hidden or erased. */
  content?: ContentView
  attachments?: readonly AttachmentView[]
  reactions?: readonly ReactionView[]
  reply_to?: { message_id: string | null; upstream_id: string | null }
  edited_at?: string
  revoked?: 'kept' | 'hidden' | 'deleted'
  revoked_at?: string
  /** Who wrote it, in a group. */
  sender?: ContactView
  erased?: boolean
  [member: string]: unknown
}

/** What a message says. Which members there are depends on `kind`, of which more may come. */
export interface ContentView {
  kind: string
  text?: string
  place?: { latitude: number; longitude: number; name?: string; address?: string; url?: string }
  people?: readonly SharedPersonView[]
  choice?: { id: string | null; title: string; description?: string }
  form?: { name: string | null; token: string | null; answers: Record<string, unknown> | null }
  order?: { catalog_id: string | null; items: readonly OrderItemView[] }
  notice?: { code: string }
  call?: { outcome: string | null; duration_s: number | null }
  unsupported?: { hint: string | null; code: number | null }
  template?: { name: string; language: string | null }
  forwarded?: 'once' | 'often'
  referral?: ReferralView
  product?: { catalog_id: string | null; product_id: string }
}

export interface SharedPersonView {
  name: string | null
  phones: readonly string[]
  emails: readonly string[]
  organization: string | null
}

export interface OrderItemView {
  product_id: string
  quantity: number
  price: string | null
  currency: string | null
}

export interface ReferralView {
  source_type?: string | null
  url?: string | null
  headline?: string | null
  body?: string | null
}

/** A file of a message, and what became of it. The addresses are paths of this server and need the key. */
export interface AttachmentView {
  id: string
  state: 'waiting' | 'ready' | 'failed' | 'gone' | 'too_large' | 'refused'
  reason: string | null
  kind: 'image' | 'audio' | 'video' | 'document' | 'sticker'
  mime_type: string | null
  file_name: string | null
  size_bytes: number | null
  voice: boolean
  animated: boolean
  thumbnail: boolean
  url: string | null
  thumbnail_url: string | null
  erased?: boolean
}

export interface ReactionView {
  emoji: string
  by: 'customer' | 'us'
  contact_id: string | null
  at: string
}

export type AttributeValue = string | number | boolean

/** All that is known of a person. */
export interface PersonView extends ContactView {
  profile_name?: string | null
  book_name?: string | null
  username?: string | null
  identities: readonly IdentityView[]
  attributes: Readonly<Record<string, AttributeValue>>
  consents: Readonly<Record<string, { value: string; at: string; source: string }>>
  merged_into: string | null
  /** Ids of those who are shown as this person. */
  merged: readonly string[]
  created_at: string
}

export interface IdentityView {
  kind: string
  value: string
  source: string
  since: string
  until: string | null
  contact_id?: string
}

/** A page of what was searched for, newest first. */
export interface SearchPage {
  items: readonly SearchItem[]
  next: string | null
  /** The search ended before the end of the index. */
  more: boolean
}

export interface SearchItem {
  message: MessageView
  conversation_id: string
  /** Where the words stand in the message's `content.text`, in UTF-16 code units, the end exclusive. */
  highlights: readonly (readonly [start: number, end: number])[]
}

/** One event of the journal. `data` is checked where it is used: unknown types pass unseen. */
export interface EventRecord {
  offset: number
  type: string
  at: string
  data: Record<string, unknown>
}

/** What `POST /api/v1/messages` answers. */
export interface Accepted {
  id: string
  state: MessageState
  conversation_id?: string
}

/** The erasure of a person. Already while it runs nothing of them can be read. */
export interface ErasureView {
  id: string
  state: 'running' | 'done'
  report: ErasureReport | null
  report_sha256: string | null
}

export interface ErasureReport {
  done_at: string
  /** How many, by what it was. */
  erased: Readonly<Record<string, number>>
  /** What cannot be edited, and when nobody can read it any more; null: when the backups expire. */
  copies: readonly { of: string; unreadable_since?: string; unreadable_from?: string | null; because: string }[]
}
