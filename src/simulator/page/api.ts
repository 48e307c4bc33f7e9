/** What the simulator's control API says, as far as the page reads it. */
export interface NumberView {
  number: string
  alias: string
  display: string
}

export interface CustomerView {
  phone: string
  name: string
  /** Shown instead of the phone where the customer shows none. */
  user_id?: string
  identity?: string
}

export interface ChoiceView {
  kind: 'button_reply' | 'list_reply' | 'button'
  id: string
  title: string
}

export interface MessageView {
  id: string
  direction: 'written' | 'received'
  type: string
  text: string
  choices: ChoiceView[]
  media_id: string | null
  context_id: string | null
  at: string
  state: 'sent' | 'delivered' | 'read'
  reactions: { by: string; emoji: string }[]
  edited: boolean
  revoked: boolean
  /** In a group: the phone of who wrote it; null: the firm. */
  author?: string | null
}

export interface ChatView {
  is_typing: boolean
  is_standby: boolean
  window_expires_at: string | null
  items: MessageView[]
}

export interface GroupView {
  id: string
  number: string
  subject: string
  members: string[]
}

export interface SampleView {
  sample: string
  plain: string
}

export interface NoticeView {
  name: string
  plain: string
}

export interface FaultView {
  id: string
  kind: string
  number: string | null
  used: number
}

export interface HappeningView {
  at: string
  tone: string
  text: string
}

export interface HealthView {
  handshake: { state: string; detail: string }
  webhooks: { pending: number }
}

/** Asks the simulator; an error carries the simulator's own words. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method }
  if (body instanceof Blob) {
    init.body = body
    init.headers = { 'content-type': body.type }
  } else if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { 'content-type': 'application/json' }
  }
  const response = await fetch(path, init).catch(() => null)
  if (!response) throw new Error('The simulator does not answer.')
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(answer.detail ?? `The simulator answered ${response.status}.`)
  return answer
}

/** The part of the address that belongs to a customer. */
export function customerPath(phone: string, rest = ''): string {
  return `/_/customers/${encodeURIComponent(phone)}${rest}`
}
