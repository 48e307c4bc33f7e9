import type { MessageContent } from '../core/content.ts'

/**
 * The content model in the API's names. Files are not in it: what became of them says more than what the sender said
 * of them. The answers of a form keep the names that the form gave them.
 */
export function contentView(content: MessageContent): Record<string, unknown> {
  const { attachments: _, ...members } = content
  return snaked(members) as Record<string, unknown>
}

function snaked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snaked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      name === 'answers' ? member : snaked(member),
    ]),
  )
}
