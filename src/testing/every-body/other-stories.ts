import { saying, words } from './sayings.ts'
import type { Json } from './seen.ts'
import { type ExpectedMessage, LINES, type Line, namedAs, type Person, type Wishes, type World } from './world.ts'

/* What the platform brings beside what is said: the past, calls, wishes, and what becomes of what we send. */

/** What the firm's phone kept from before: it is in its place, and nothing else comes of it. */
export function past(world: World): void {
  const person = world.person(world.pick(['phone', 'both']))
  const line = world.line()
  const messages = Array.from({ length: 2 + world.below(10) }, () => oneOfThePast(world, person, line))
  if (world.chance(0.4)) messages.push(withoutFile(world, person, line))
  const metadata = { phase: world.below(3), chunk_order: world.serial(), progress: world.below(101) }
  const context = person.userId === null ? undefined : { user_id: person.userId }
  const object = { metadata, threads: [{ id: person.digits, context, messages }] }
  world.say(line, 'history', object, { field: 'history' })
}

function oneOfThePast(world: World, person: Person, line: Line): Json {
  const isOurs = world.chance(0.5)
  const at = world.stamp()
  const id = world.messageId()
  const status = world.pick(['SENT', 'DELIVERED', 'READ', 'PLAYED', 'ERROR'])
  const { type, own, content, files } = saying(world)
  const stateOfOurs = status === 'ERROR' ? 'failed' : status.toLowerCase()
  expectOfThePast(world, {
    id,
    person,
    line,
    direction: isOurs ? 'out' : 'in',
    at,
    type,
    own,
    files,
    content: type === 'unsupported' ? { kind: 'unsupported' } : content,
    state: isOurs ? stateOfOurs : 'received',
    isFromPhone: isOurs,
  })
  const who = isOurs ? { from: line.display, to: person.digits } : { from: person.digits }
  return { ...who, id, timestamp: String(at), type, [type]: own, history_context: { status } }
}

/** A message whose file is not there yet; it comes by itself, under the same id, before or after. */
function withoutFile(world: World, person: Person, line: Line): Json {
  const at = world.stamp()
  const id = world.messageId()
  const frame = { from: person.digits, id, timestamp: String(at) }
  const image = { id: `f${world.serial()}`, mime_type: 'image/jpeg', sha256: 'x', caption: words(world) }
  world.say(line, 'messages', { ...frame, type: 'image', image }, { field: 'history', person })
  const content = { kind: 'attachment', text: image.caption }
  expectOfThePast(world, { id, person, line, direction: 'in', at, type: 'image', own: image, content, files: 1 })
  return { ...frame, type: 'media_placeholder', history_context: { status: 'READ' } }
}

function expectOfThePast(
  world: World,
  message: Omit<ExpectedMessage, 'isHistory' | 'opensWindow' | 'reactions'>,
): void {
  world.expected.messages.set(message.id, { ...message, isHistory: true, opensWindow: false, reactions: {} })
}

export function calls(world: World): void {
  const person = world.person(world.pick(['phone', 'both']))
  const line = world.line()
  const isIn = world.chance(0.5)
  const id = `wacid.${world.serial()}`
  const parties = isIn ? { from: person.digits, to: line.display } : { from: line.display, to: person.digits }
  const direction = isIn ? 'USER_INITIATED' : 'BUSINESS_INITIATED'
  const step = (event: string, more: Json): number => {
    const at = world.stamp()
    const object = { id, ...parties, event, direction, timestamp: String(at), ...more }
    world.say(line, 'calls', object, { field: 'calls', person })
    return at
  }
  const startedAt = step('connect', { session: { sdp_type: 'offer', sdp: 'x' } })
  if (isIn) world.opens(person, line, startedAt)
  const answer = isIn ? null : ring(world, person, line, id)
  const end = world.chance(0.8)
    ? { status: world.pick(['COMPLETED', 'FAILED']), duration: world.below(900) }
    : undefined
  if (end) step('terminate', end)
  const told = { outcome: answer === 'REJECTED' ? 'rejected' : null }
  world.expected.messages.set(id, {
    id,
    person,
    line,
    direction: isIn ? 'in' : 'out',
    // Which of its steps comes first is not for us to say.
    at: -1,
    type: 'call',
    content: { kind: 'call', call: end ? { outcome: end.status.toLowerCase(), duration_s: end.duration } : told },
    opensWindow: false,
    reactions: {},
  })
}

/** What the customer does whom the firm calls. */
function ring(world: World, person: Person, line: Line, id: string): string {
  const answer = world.pick(['ACCEPTED', 'REJECTED'])
  for (const status of ['RINGING', answer]) {
    const object = { id, type: 'call', status, timestamp: String(world.stamp()), recipient_id: person.digits }
    world.say(line, 'statuses', object, { field: 'calls', person })
  }
  return answer
}

/** What somebody wants, and what the firm's phone calls them. */
export function wishes(world: World): void {
  const person = world.person(world.pick(['phone', 'both']))
  const line = world.line()
  const expected: Wishes = { person, consents: new Map() }
  for (let left = 1 + world.below(4); left > 0; left--) {
    if (world.chance(0.5)) wish(world, line, expected)
    else enter(world, line, expected)
  }
  world.expected.wishes.set(person, expected)
}

function wish(world: World, line: Line, { person, consents }: Wishes): void {
  const at = world.stamp()
  const category = world.pick(['marketing_messages', 'other_messages'])
  const value = world.pick(['stop', 'resume', 'signup'])
  const timestamp = world.chance(0.8) ? at : String(at)
  const object = { ...namedAs(person), detail: 'x', category, value, timestamp }
  world.say(line, 'user_preferences', object, { field: 'user_preferences', person })
  consents.set(category, { at, value })
}

/** An entry of the address book is made, changed or taken out. */
function enter(world: World, line: Line, expected: Wishes): void {
  const at = world.stamp()
  const name = world.chance(0.75) ? words(world) : null
  const contact = { phone_number: expected.person.digits, full_name: name ?? undefined }
  const object = {
    type: 'contact',
    contact,
    action: name === null ? 'remove' : 'add',
    metadata: { timestamp: String(at) },
  }
  world.say(line, 'state_sync', object, { field: 'smb_app_state_sync' })
  expected.bookName = { at, value: name }
}

const WORDS = ['sent', 'delivered', 'read', 'played', 'failed', 'warning', 'captured']

/** What becomes of a message that we send. The statuses come in any order, also before the send was answered. */
export function send(world: World): void {
  const line = world.pick(LINES.slice(0, 2))
  const person = world.person(world.pick(['phone', 'both', 'user']))
  const id = world.messageId()
  const told = new Set<string>()
  for (const status of WORDS) {
    if (!world.chance(status === 'sent' || status === 'delivered' ? 0.7 : 0.25)) continue
    told.add(status)
    const object = { id, status, timestamp: String(world.stamp()), ...addresseeOf(person), ...detailOf(status) }
    world.say(line, 'statuses', object, status === 'failed' ? {} : { person })
  }
  const to = person.digits === null ? { user_id: person.userId ?? '' } : `+${person.digits}`
  world.expected.sends.set(id, { id, line, to, words: told })
}

function addresseeOf({ digits, userId }: Person): Json {
  return { recipient_id: digits ?? undefined, recipient_user_id: userId ?? undefined }
}

function detailOf(status: string): Json {
  if (status === 'failed') return { errors: [{ code: 131026, title: 'Message undeliverable' }] }
  if (status === 'captured') return { type: 'payment', payment: { reference_id: 'r' } }
  if (status !== 'sent') return {}
  return { pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' } }
}

/** Where a message is after these words, in whatever order they came. */
export function stateAfter(told: ReadonlySet<string>): string {
  const reached = ['played', 'read', 'delivered'].find((word) => told.has(word))
  return reached ?? ['failed', 'sent'].find((word) => told.has(word)) ?? 'accepted'
}
