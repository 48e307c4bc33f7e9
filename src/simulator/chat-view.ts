import { toTime } from '../core/clock.ts'
import type { ChatMessage } from './customers.ts'
import { type JsonObject, objectMember, textMember } from './json.ts'
import { type Preview, previewOf } from './preview.ts'
import type { FilledTemplate } from './templates.ts'

/** A message that somebody's phone is to show. */
export interface Shown extends Pick<ChatMessage, 'id' | 'direction' | 'atMs' | 'state' | 'echo'> {
  type: string
  /** The platform's message object, with the object of its type. */
  message: JsonObject
  template: FilledTemplate | null
  contextId: string | null
  /** Whose it is: the customer's phone, or `firm`. */
  by: string
  author?: string | null
}

/**
 * What a message does to a chat: a reaction, an edit or a revoke changes the message it is about, anything else is one
 * more. Answers the message to add, or null.
 */
export function chatMessageOf(messages: readonly ChatMessage[], shown: Shown): ChatMessage | null {
  const { type, message } = shown
  const object = objectMember(message, type)
  switch (type) {
    case 'reaction':
      react(find(messages, textMember(object, 'message_id')), shown.by, textMember(object, 'emoji') ?? '')
      return null
    case 'edit':
      edit(find(messages, textMember(object, 'original_message_id')), objectMember(object, 'message'))
      return null
    case 'revoke':
      revoke(find(messages, textMember(object, 'original_message_id')))
      return null
    default:
      return {
        id: shown.id,
        direction: shown.direction,
        type,
        ...previewOf(type, object ?? contactsOf(message), shown.template),
        contextId: shown.contextId,
        atMs: shown.atMs,
        state: shown.state,
        echo: shown.echo,
        ...(shown.author !== undefined && { author: shown.author }),
      }
  }
}

/** The message that a message answers, by the platform's id. */
export function contextIdOf(message: JsonObject): string | null {
  const context = objectMember(message, 'context')
  return textMember(context, 'id') ?? textMember(context, 'message_id') ?? null
}

function find(messages: readonly ChatMessage[], id: string | undefined): ChatMessage | undefined {
  return messages.findLast((message) => message.id === id)
}

function react(target: ChatMessage | undefined, by: string, emoji: string): void {
  if (!target || target.isRevoked) return
  target.reactions ??= new Map()
  if (emoji === '') target.reactions.delete(by)
  else target.reactions.set(by, emoji)
}

function edit(target: ChatMessage | undefined, message: JsonObject | undefined): void {
  const type = textMember(message, 'type')
  if (!target || target.isRevoked || !message || type === undefined) return
  const preview: Preview = previewOf(type, objectMember(message, type), null)
  Object.assign(target, { type, text: preview.text, mediaId: preview.mediaId, isEdited: true })
}

function revoke(target: ChatMessage | undefined): void {
  if (target) Object.assign(target, { text: '', choices: [], mediaId: null, reactions: new Map(), isRevoked: true })
}

/** Contact cards are a list where other types have an object. */
function contactsOf(message: JsonObject): JsonObject | undefined {
  const { contacts } = message
  return Array.isArray(contacts) ? { contacts } : undefined
}

/** A message as the phone shows it. */
export function showMessage(message: ChatMessage, number: string): Record<string, unknown> {
  const { id, direction, type, text, choices, state } = message
  return {
    id,
    number,
    direction,
    type,
    text,
    choices,
    media_id: message.mediaId,
    context_id: message.contextId,
    at: toTime(message.atMs),
    state,
    reactions: [...(message.reactions ?? [])].map(([by, emoji]) => ({ by: by === 'firm' ? by : `+${by}`, emoji })),
    edited: message.isEdited === true,
    revoked: message.isRevoked === true,
    ...(message.author !== undefined && { author: message.author === null ? null : `+${message.author}` }),
  }
}
