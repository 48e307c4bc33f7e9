import type { MessageState } from '../core/message.ts'
import type { MessageView } from './wire.ts'

/** How a state of an outgoing message is shown: a mark with a name, and words where the mark alone would hide trouble. */
export interface MessageStatus {
  mark: 'clock' | 'one' | 'two' | 'read' | 'alert' | 'doubt' | 'stop'
  label: string
  /** Shown in full under the message. */
  words: string | null
  actions: readonly ('retry' | 'cancel')[]
}

type Show = Omit<MessageStatus, 'words' | 'actions'> & Partial<Pick<MessageStatus, 'words' | 'actions'>>

const SHOW: Readonly<Record<MessageState, Show>> = {
  queued: { mark: 'clock', label: 'Queued', words: 'Waiting to be sent', actions: ['cancel'] },
  sending: { mark: 'clock', label: 'Sending' },
  accepted: { mark: 'clock', label: 'Taken by WhatsApp, not yet sent' },
  sent: { mark: 'one', label: 'Sent' },
  delivered: { mark: 'two', label: 'Delivered' },
  read: { mark: 'read', label: 'Read' },
  played: { mark: 'read', label: 'Played' },
  failed: { mark: 'alert', label: 'Failed', words: 'Not sent', actions: ['retry'] },
  in_doubt: {
    mark: 'doubt',
    label: 'In doubt',
    words: 'In doubt: the connection broke while it was sent. It may have arrived, so it is not sent twice',
  },
  held: { mark: 'stop', label: 'Held', words: 'Held back', actions: ['retry', 'cancel'] },
  cancelled: { mark: 'stop', label: 'Cancelled', words: 'Cancelled, never sent' },
  expired: { mark: 'alert', label: 'Expired', words: 'Expired before it could be sent', actions: ['retry'] },
  received: { mark: 'two', label: 'Received' },
}

/** What to show for a message that goes out; null for one that came in, and for one that was erased: nothing tells of it. */
export function statusOf(message: MessageView): MessageStatus | null {
  if (message.direction === 'in' || message.erased === true) return null
  // A state of a later server is shown by its name.
  const show: Show = SHOW[message.state] ?? { mark: 'clock', label: message.state.replaceAll('_', ' ') }
  const reason = message.reason ? reasonWords(message.reason) : null
  const isPacing = message.state === 'accepted' && message.pacing === true
  const label = isPacing ? 'Taken by WhatsApp, which holds it back to see how it is received' : show.label
  const words = show.words === undefined || show.words === null ? null : [show.words, reason].filter(Boolean).join(': ')
  return { mark: show.mark, label, words, actions: show.actions ?? [] }
}

const REASONS: Readonly<Record<string, string>> = {
  window_closed: 'the 24-hour window is closed',
  number_paused: 'the number is paused',
  recipient_opted_out: 'the customer does not want messages',
  template_unknown: 'the template is not known',
  rate_limited: 'too many messages at once',
  deadline: 'its time ran out',
  unavailable: 'WhatsApp could not be reached',
}

/** A reason as people say it: our own code words in full, the platform's sentences as they came. */
export function reasonWords(reason: string): string {
  const known = REASONS[reason]
  if (known !== undefined) return known
  return /^[a-z0-9_]+$/.test(reason) ? reason.replaceAll('_', ' ') : reason
}
