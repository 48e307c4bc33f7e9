import type { ConversationView, NumberView } from '../wire.ts'

/** What stands in the way of a reply, or should be known before one is written. */
export interface ReplyBlock {
  words: string
  /** False where it is only a warning. */
  isFinal: boolean
}

/**
 * Whether a reply can be written now, and if not, why. The server has the last word; this saves the writing. Taking
 * over, the reply goes although another application holds the conversation.
 */
export function replyBlock(
  view: ConversationView,
  numbers: readonly NumberView[],
  nowMs: number,
  { isTakingOver, mayReply }: { isTakingOver: boolean; mayReply: boolean },
): ReplyBlock | null {
  if (!mayReply) return { isFinal: true, words: 'You may read here, and not answer.' }
  const number = numbers.find((other) => other.number === view.number)
  const name = view.number_alias ?? view.number
  if (view.contact.erased === true)
    return { isFinal: true, words: 'This person was erased: nobody can be written to here.' }
  if (number?.state === 'unclaimed') {
    return { isFinal: true, words: `Nothing can be sent from ${name}: the number has not been set up here yet.` }
  }
  if (view.standby && !isTakingOver) {
    return { isFinal: true, words: 'Another application holds this conversation: take it over to reply.' }
  }
  // The window counts by what the customer wrote to the other application, which the server knows.
  if (view.standby)
    return { isFinal: false, words: 'Your reply takes this conversation over from the other application.' }
  // The platform's rule: the 24-hour window is a matter between two; a group has none.
  if (view.kind === 'group') return null
  if (view.window_expires_at === null || Date.parse(view.window_expires_at) <= nowMs) {
    const words =
      'The 24-hour window is closed: WhatsApp takes a reply only within a day of the customer’s last message.'
    return { isFinal: true, words }
  }
  if (number?.state === 'paused') {
    return { isFinal: false, words: `${name} is paused. Replies may be refused until it is active again.` }
  }
  return null
}
