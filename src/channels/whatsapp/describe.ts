import { type JsonObject, objectOf } from './read.ts'

/** Words that may be members of the API's view. Others, and the view's own names, would shadow something. */
const MEMBER = /^[a-z][a-z0-9_]{0,63}$/

/** The members that a message view has of itself; see the API's description of a message. */
const VIEW_MEMBERS: ReadonlySet<string> = new Set([
  ...['id', 'upstream_id', 'conversation_id', 'number', 'direction', 'type', 'from', 'to', 'at', 'state', 'reason'],
  ...['class', 'reference', 'source', 'context', 'standby', 'pacing', 'timeline', 'attempt', 'erased'],
  ...['content', 'attachments', 'reactions', 'reply_to', 'edited_at', 'revoked_at', 'revoked', 'sender', 'history'],
  ...['group'],
])

/** Where the object of a type goes whose word cannot be a member. */
const ELSEWHERE = 'object'

/**
 * What the API shows of a message's own object: the object of its type, whole, under the type's name, and its
 * `context`. For `text` that is `{ text: { body } }`. Works for what came in, for what we send, and for anything else
 * that JSON can be.
 */
export function viewOf(type: string, raw: JsonObject): Record<string, unknown> {
  const view: Record<string, unknown> = {}
  // A standby echo wraps the body of the send.
  const content = Object.hasOwn(raw, type) ? raw : (objectOf(raw['message']) ?? raw)
  const name = MEMBER.test(type) && !VIEW_MEMBERS.has(type) ? type : ELSEWHERE
  if (Object.hasOwn(content, type)) view[name] = content[type]
  // A step of a call has no object of its own: it is one.
  else if (type === 'call') view[name] = raw
  const context = objectOf(raw['context']) ?? objectOf(content['context'])
  if (context) view['context'] = context
  return view
}
