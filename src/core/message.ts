/** The words of a message that every room speaks. */

export const MESSAGE_CLASSES = ['urgent', 'reply', 'notice', 'bulk'] as const
/** What a message is for; it chooses the lane, the default deadline and what doubt means. */
export type MessageClass = (typeof MESSAGE_CLASSES)[number]

/** In the order in which a message may pass them; see `rankOf`. */
export const MESSAGE_STATES = [
  'queued',
  'held',
  'sending',
  'in_doubt',
  'accepted',
  'sent',
  'delivered',
  'read',
  'played',
  'failed',
  'cancelled',
  'expired',
  'received',
] as const
export type MessageState = (typeof MESSAGE_STATES)[number]

const DOUBT_CHOICES = ['resend', 'hold', 'fail'] as const
/** What happens to a message in doubt when its wait ends. */
export type WhenInDoubt = (typeof DOUBT_CHOICES)[number]

/** What doubt means for a class where the caller does not say. */
export const WHEN_IN_DOUBT: Readonly<Record<MessageClass, WhenInDoubt>> = {
  urgent: 'resend',
  reply: 'hold',
  notice: 'hold',
  bulk: 'fail',
}

/** Progress that the platform reports. A status never lowers it. */
const RANK: Partial<Record<MessageState, number>> = { accepted: 1, sent: 2, delivered: 3, read: 4, played: 5 }

/** How far the platform says that a message has come; 0 for states of our own and failures. */
export function rankOf(state: MessageState): number {
  return RANK[state] ?? 0
}
