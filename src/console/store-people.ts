import type { Draft, MessageEntry } from './store.ts'
import { isPerson, withPerson, withSender } from './store-acts.ts'
import type { EventRecord, PersonView } from './wire.ts'

/** What a change of a person does to all that is shown of them. */
export function applyPersonEvent(draft: Draft, { data, offset }: EventRecord): void {
  const person = data['contact']
  if (!isPerson(person)) return
  const known = draft.people.get(person.id)
  if (known !== undefined && known.offset < offset) draft.people.set(person.id, { view: person, offset })
  applyToConversations(draft, person, data['conversation_id'], offset)
  applyToGroups(draft, person, offset)
}

/** It is told in each conversation of theirs: one that was another's has become theirs, or is theirs again. */
function applyToConversations(draft: Draft, person: PersonView, toldIn: unknown, offset: number): void {
  for (const entry of draft.conversations.values()) {
    const { id, contact } = entry.view
    const isTheirs = contact.id === person.id || (id === toldIn && person.merged_into === null)
    if (!isTheirs || entry.offset >= offset) continue
    const view = { ...entry.view, contact: withPerson({ ...contact, id: person.id }, person) }
    draft.conversations.set(id, { ...entry, view })
    // Of several who are one, which name stands where is for the server to say.
    if (person.merged_into !== null || person.merged.length > 0) want(draft, id)
    if (person.erased === true) dropSaid(draft, view.id, offset)
  }
}

/** What they said in groups stands there under the name that they have now. */
function applyToGroups(draft: Draft, person: PersonView, offset: number): void {
  const isTheirs = ({ view }: MessageEntry) => view.sender?.id === person.id
  for (const [id, thread] of draft.threads) {
    if (!thread.messages.some(isTheirs)) continue
    if (person.erased === true) dropSaid(draft, id, offset)
    else {
      const messages = thread.messages.map((entry) =>
        isTheirs(entry) ? { ...entry, view: withSender(entry.view, person) } : entry,
      )
      draft.threads.set(id, { ...thread, messages })
    }
  }
}

/** Whoever said it was erased: nothing of it stays here, and what is left of it is fetched. */
function dropSaid(draft: Draft, id: string, offset: number): void {
  const entry = draft.conversations.get(id)
  if (entry === undefined || entry.offset >= offset) return
  draft.conversations.set(id, { ...entry, view: { ...entry.view, last_message: null }, lastOffset: offset })
  draft.threads.delete(id)
  want(draft, id)
}

/** Has a conversation fetched. */
export function want(draft: Draft, id: string): void {
  if (!draft.wanted.includes(id)) draft.wanted.push(id)
}
