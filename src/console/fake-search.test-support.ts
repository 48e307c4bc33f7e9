import type { MessageView, SearchItem } from './wire.ts'

type NameOf = (conversationId: string) => string | null | undefined

/**
 * As simple as can be: the text as it stands, in capitals or not; the rest as it is in the views. A member that the
 * server does not know is refused as it refuses it; the answer is then what is said of it.
 */
export function searched(
  messages: readonly MessageView[],
  body: Record<string, unknown>,
  nameOf: NameOf,
): SearchItem[] | string {
  const {
    q,
    person,
    conversation_id,
    number,
    direction,
    kind,
    from,
    to,
    limit: _limit,
    cursor: _cursor,
    ...others
  } = body
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) return `Unknown member: /${unknown}`
  if (q === '*') return 'Nothing to search for'
  const words = String(q ?? '').toLowerCase()
  const isOne = (asked: unknown, value: unknown) => asked === undefined || asked === value
  return messages
    .filter(
      (message) =>
        isOne(conversation_id, message.conversation_id) &&
        isOne(number, message['number']) &&
        isOne(direction, message.direction) &&
        isOne(kind, message.content?.kind) &&
        (person === undefined || nameOf(message.conversation_id)?.includes(String(person))) &&
        (from === undefined || message.at >= String(from)) &&
        (to === undefined || message.at < String(to)),
    )
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .flatMap((message) => {
      const at = (message.content?.text ?? '').toLowerCase().indexOf(words)
      const highlights: SearchItem['highlights'] = words === '' ? [] : [[at, at + words.length]]
      return at < 0 ? [] : [{ message, conversation_id: message.conversation_id, highlights }]
    })
    .slice(0, 50)
}
