import type { AttachmentView, ContactView, MessageView, PersonView, ReactionView } from './wire.ts'

/** What events do to a message, and to a person. Pure; where each belongs is the store's matter. */

/** The message after somebody reacted to it: of each person the last reaction counts, null takes it back. */
export function withReaction(view: MessageView, data: Record<string, unknown>): MessageView {
  // Of what was taken back nothing is shown, and nothing that was done to it.
  if (view.revoked === 'hidden' || view.revoked === 'deleted') return view
  const { emoji, by, contact_id, at } = data
  const contactId = typeof contact_id === 'string' ? contact_id : null
  const others = (view.reactions ?? []).filter((other) => !(other.by === by && other.contact_id === contactId))
  const { reactions: _, ...rest } = view
  if (typeof emoji !== 'string' || emoji === '') return others.length === 0 ? rest : { ...rest, reactions: others }
  const own: ReactionView = {
    emoji,
    by: by === 'us' ? 'us' : 'customer',
    contact_id: contactId,
    at: typeof at === 'string' ? at : view.at,
  }
  return { ...rest, reactions: [...others, own] }
}

/** The message as an edit made it. What an event does not tell of it stays as it was. */
export function withEdit(view: MessageView, edited: MessageView, at: unknown): MessageView {
  const editedAt = edited.edited_at ?? (typeof at === 'string' ? at : undefined)
  const kept = { state: view.state, reason: view.reason ?? null, at: view.at }
  return {
    ...edited,
    ...kept,
    ...(edited.upstream_id ? {} : { upstream_id: view.upstream_id ?? null }),
    ...(view.reactions === undefined ? {} : { reactions: view.reactions }),
    ...(edited.attachments === undefined && view.attachments !== undefined ? { attachments: view.attachments } : {}),
    ...(edited.reply_to === undefined && view.reply_to !== undefined ? { reply_to: view.reply_to } : {}),
    ...(editedAt === undefined ? {} : { edited_at: editedAt }),
  }
}

/** Members of a message that say nothing of what is in it. */
const FRAME = [
  'id',
  'upstream_id',
  'conversation_id',
  'number',
  'direction',
  'type',
  'from',
  'to',
  'at',
  'state',
  'reason',
  'class',
  'reference',
  'source',
  'standby',
  'history',
  'sender',
] as const

/** The message after its author took it back: unless it is kept, nothing of what it said remains here. */
export function withRevoke(view: MessageView, data: Record<string, unknown>): MessageView {
  const word = data['revoked']
  const revoked = word === 'kept' || word === 'deleted' ? word : 'hidden'
  const at = typeof data['at'] === 'string' ? { revoked_at: data['at'] } : {}
  if (revoked === 'kept') return { ...view, revoked, ...at }
  const frame = Object.fromEntries(FRAME.filter((name) => name in view).map((name) => [name, view[name]]))
  return { ...(frame as MessageView), revoked, ...at }
}

/** The message with what became of one of its files. */
export function withAttachment(view: MessageView, attachment: AttachmentView): MessageView {
  const known = view.attachments ?? []
  const isKnown = known.some((other) => other.id === attachment.id)
  const attachments = isKnown
    ? known.map((other) => (other.id === attachment.id ? attachment : other))
    : [...known, attachment]
  return { ...view, attachments }
}

/** A contact as conversations show it, after an event about the person. */
export function withPerson(contact: ContactView, person: PersonView): ContactView {
  const { name = null, phone = null, user_id = null } = person
  return { ...contact, name, phone, user_id, ...(person.erased === true && { erased: true }) }
}

/** A message of a group, under the name that its sender has after an event about them. */
export function withSender(view: MessageView, { name = null, phone = null, user_id = null }: PersonView): MessageView {
  return view.sender === undefined ? view : { ...view, sender: { ...view.sender, name, phone, user_id } }
}

export function isAttachment(value: unknown): value is AttachmentView {
  if (typeof value !== 'object' || value === null) return false
  const view = value as Partial<AttachmentView>
  return typeof view.id === 'string' && typeof view.state === 'string'
}

export function isPerson(value: unknown): value is PersonView {
  if (typeof value !== 'object' || value === null) return false
  const view = value as Partial<PersonView>
  return typeof view.id === 'string' && Array.isArray(view.identities) && Array.isArray(view.merged)
}
