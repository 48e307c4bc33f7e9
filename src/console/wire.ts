import type { MessageState } from '../core/message.ts'

/** The forms of the HTTP API and of events, as far as the console reads them. Times are RFC 3339, ids opaque strings. */

/** What `GET /api/v1/me` answers: who the key is, and where the journal stands. */
export interface Me {
  role: string
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
}

/** A conversation: one customer on one number. Inside events some members may be absent, such as `last_message`. */
export interface ConversationView {
  id: string
  number: string
  number_alias: string | null
  contact: ContactView
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
  [member: string]: unknown
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
