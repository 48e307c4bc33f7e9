import type { ContactView, ConversationView } from '../wire.ts'

/** What a customer is called: the name they gave, else their phone, else that they are unknown. */
export function nameOf(contact: ContactView): string {
  if (contact.erased === true) return 'Erased person'
  return contact.name || contact.phone || contact.user_id || 'Unknown customer'
}

/** What a conversation is called: the group's subject, or the customer. */
export function titleOf(view: ConversationView): string {
  if (view.kind === 'group') return view.group?.subject || view.contact.name || 'Group without a name'
  return nameOf(view.contact)
}

/** One or two letters that stand for a name. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word))
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0] ?? '')
  return letters.join('').toUpperCase() || '#'
}

/** One of six tones, always the same for the same person. */
export function toneOf(id: string): number {
  let sum = 0
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973
  return sum % 6
}

/** The business number by the name it has in this house. */
export function numberName(view: ConversationView): string {
  return view.number_alias ?? view.number
}
