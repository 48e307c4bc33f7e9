import { type Saying, saying, surroundings, textSaying } from './sayings.ts'
import type { Json } from './seen.ts'
import {
  type Element,
  type ExpectedMessage,
  type Line,
  type Person,
  recipientOf,
  senderOf,
  type World,
} from './world.ts'

/*
 * What is said between customers and the firm. A story is told in whatever order: each of its pieces goes its own way,
 * and only where the platform cannot have said one before the other is there an `after`.
 */

const DOES_NOT_OPEN = ['system', 'edit', 'revoke']
const EMOJIS = ['👍', '❤️', '😮', '👩‍👩‍👧', '🙏🏽']

interface Said {
  element: Element
  expected: ExpectedMessage
}

interface SayOptions {
  saying?: Saying
  groupId?: string
  isStandby?: boolean
  known?: string[]
  after?: readonly Element[] | undefined
}

/** A message of a customer. */
export function say(world: World, person: Person, line: Line, options: SayOptions = {}): Said {
  const { isStandby = false, groupId, known = [], after } = options
  const { type, own, content, files, beside } = options.saying ?? saying(world)
  const around = type === 'system' ? { beside: {}, content: {} } : surroundings(world, known)
  const at = world.stamp()
  const id = world.messageId()
  const timestamp = world.chance(0.1) ? at : String(at)
  const frame = { ...senderOf(person), id, timestamp, type, [type]: own, group_id: groupId }
  const object = { ...frame, ...around.beside, ...beside }
  const element = world.say(line, 'messages', object, { field: isStandby ? 'standby' : 'messages', person, after })
  const expected: ExpectedMessage = {
    id,
    person,
    groupId,
    line,
    direction: 'in',
    at,
    type,
    own,
    content: { ...content, ...around.content },
    files,
    replyTo: around.replyTo,
    state: 'received',
    opensWindow: !isStandby && !DOES_NOT_OPEN.includes(type),
    isStandby,
    reactions: {},
  }
  world.expected.messages.set(id, expected)
  if (groupId === undefined) world.owns(person, line, at, isStandby)
  return { element, expected }
}

/** A message of the firm's phone, or of another application in a thread of its own. */
function echo(world: World, person: Person, line: Line, isStandby = false): Said {
  const { type, own, content } = textSaying(world)
  const at = world.stamp()
  const id = world.messageId()
  const frame = { id, timestamp: String(at) }
  const sent = { ...recipientOf(person), type, [type]: own }
  const object = isStandby ? { ...frame, message: sent } : { from: line.display, ...frame, ...sent }
  const field = isStandby ? 'standby' : 'smb_message_echoes'
  const introduced = isStandby || world.chance(0.5) ? { person } : {}
  const element = world.say(line, 'message_echoes', object, { field, ...introduced })
  const expected: ExpectedMessage = {
    id,
    person,
    line,
    direction: 'out',
    at,
    type,
    own,
    content,
    isFromPhone: true,
    isStandby,
    opensWindow: false,
    reactions: {},
  }
  world.expected.messages.set(id, expected)
  if (isStandby) world.owns(person, line, at, true)
  return { element, expected }
}

type Side = 'customer' | 'us'

/** By the customer, or by the firm from its phone. */
function act(world: World, side: Side, target: ExpectedMessage, { type, ...deed }: Json): number {
  const { person, line, groupId } = target
  if (!person) throw new Error('Nobody said it')
  const at = world.stamp()
  const frame = { id: world.messageId(), timestamp: String(at), type, [type]: deed, group_id: groupId }
  if (side === 'customer') world.say(line, 'messages', { ...senderOf(person), ...frame }, { person })
  else {
    const object = { from: line.display, ...recipientOf(person), ...frame }
    world.say(line, 'message_echoes', object, { field: 'smb_message_echoes', person })
  }
  if (type === 'reaction') world.expected.reactions.add(frame.id)
  return at
}

export function react(world: World, side: Side, target: ExpectedMessage): void {
  const emoji = world.chance(0.25) ? null : world.pick(EMOJIS)
  const written = emoji ?? (world.chance(0.5) ? '' : undefined)
  const at = act(world, side, target, { type: 'reaction', message_id: target.id, emoji: written })
  // Each is later than the one before.
  target.reactions[side] = { at, emoji }
  if (side === 'customer' && target.person && target.groupId === undefined) world.opens(target.person, target.line, at)
}

function edit(world: World, side: Side, target: ExpectedMessage): void {
  const { type, own, content } = textSaying(world)
  const message = { type, [type]: own }
  const at = act(world, side, target, { type: 'edit', original_message_id: target.id, message })
  target.edit = { at, type, own, content }
}

function revoke(world: World, side: Side, target: ExpectedMessage): void {
  target.revokedAt = act(world, side, target, { type: 'revoke', original_message_id: target.id })
}

/** What becomes of a message: reactions of both, edits and a revoke of whoever wrote it. */
function happenTo(world: World, author: Side, target: ExpectedMessage): void {
  for (const side of ['customer', 'us', 'customer'] as const) if (world.chance(0.1)) react(world, side, target)
  // Only what was written can be edited.
  if (target.type === 'text' && world.chance(0.1)) edit(world, author, target)
  if (target.edit && world.chance(0.4)) edit(world, author, target)
  if (world.chance(0.06)) revoke(world, author, target)
}

/** Somebody writes, answers, reacts, edits and takes back; the firm answers from its phone. */
export function talk(world: World): void {
  const person = world.person()
  const line = world.line()
  const known: string[] = []
  for (let left = 3 + world.below(12); left > 0; left--) {
    const isOurs = world.chance(0.25)
    const { expected } = isOurs ? echo(world, person, line) : say(world, person, line, { known })
    known.push(expected.id)
    happenTo(world, isOurs ? 'us' : 'customer', expected)
  }
  if (world.chance(0.05)) reactToNothing(world, person, line)
}

/** To a message that nobody ever saw. */
function reactToNothing(world: World, person: Person, line: Line): void {
  const at = world.stamp()
  const id = world.messageId()
  const reaction = { message_id: world.messageId(), emoji: '👍' }
  world.say(
    line,
    'messages',
    { ...senderOf(person), id, timestamp: String(at), type: 'reaction', reaction },
    { person },
  )
  world.expected.reactions.add(id)
  world.opens(person, line, at)
}

/** A thread that another application owns: the newest word says whose it is. */
export function passing(world: World): void {
  const person = world.person()
  const line = world.line()
  for (let left = 1 + world.below(5); left > 0; left--) {
    const kind = world.below(4)
    if (kind === 0) say(world, person, line)
    else if (kind === 1) say(world, person, line, { isStandby: true })
    else if (kind === 2) echo(world, person, line, true)
    else handover(world, person, line)
  }
}

function handover(world: World, person: Person, line: Line): void {
  const at = world.stamp()
  const isOurs = world.chance(0.5)
  const type = isOurs ? 'control_passed' : 'control_taken'
  const sender = person.userId === null ? { phone_number: person.digits } : { user_id: person.userId }
  const recipient = { phone_number_id: line.id, display_phone_number: line.display }
  const value = { sender, recipient, type, timestamp: at, [type]: { metadata: world.trace() } }
  world.add({ field: 'messaging_handovers', entryId: line.waba, list: null, object: value })
  world.owns(person, line, at, !isOurs)
}

function write(world: World, person: Person, line: Line, after?: readonly Element[]): Said {
  return say(world, person, line, { saying: textSaying(world), after })
}

/** Somebody gets another number, or another user id, and goes on writing: they are who they were. */
export function newIdentity(world: World): void {
  const before = world.person('both')
  const line = world.line()
  const first = Array.from({ length: 1 + world.below(2) }, () => write(world, before, line))
  const hasNewNumber = world.chance(0.6)
  const after: Person = { ...world.person('both'), name: before.name }
  if (!hasNewNumber) after.digits = before.digits
  const told = tellChange(world, line, { before, after, hasNewNumber, said: first.map(({ element }) => element) })
  // With the same phone under another user id, whoever writes first would be somebody else.
  const order = hasNewNumber && world.chance(0.5) ? undefined : [told.element]
  const later = Array.from({ length: world.below(3) }, () => write(world, after, line, order))
  const all = [...first, ...later].map(({ expected }) => expected)
  for (const message of all) message.person = null
  const messages = [...all.map(({ id }) => id), told.id]
  world.expected.families.push({ messages, phone: `+${after.digits}`, userId: after.userId })
}

function tellChange(
  world: World,
  line: Line,
  { before, after, hasNewNumber, said }: { before: Person; after: Person; hasNewNumber: boolean; said: Element[] },
): { id: string; element: Element } {
  const at = world.stamp()
  const id = world.messageId()
  const body = `changed ${world.serial()}`
  const own = hasNewNumber
    ? { type: 'user_changed_number', body, wa_id: after.digits, user_id: after.userId }
    : { type: 'user_changed_user_id', body, previous_user_id: before.userId, user_id: after.userId }
  const object = { from: before.digits, id, timestamp: String(at), type: 'system', system: own }
  const element = world.say(line, 'messages', object, { after: said })
  const code = hasNewNumber ? 'number_changed' : 'user_id_changed'
  world.expected.messages.set(id, {
    id,
    person: null,
    line,
    direction: 'in',
    at,
    type: 'system',
    own,
    content: { kind: 'notice', notice: { code }, text: body },
    opensWindow: false,
    reactions: {},
  })
  return { id, element }
}

/** The platform names somebody by phone here, by user id there, and at last by both. */
export function manyNames(world: World): void {
  const person: Person = { ...world.person('both'), parentUserId: null }
  const line = world.line()
  const namings: Person[] = [
    { ...person, naming: 'phone', userId: null },
    { ...person, naming: 'user', digits: null },
    person,
  ]
  const said = namings.map((one) => write(world, one, line).expected)
  for (const message of said) message.person = null
  const messages = said.map(({ id }) => id)
  world.expected.families.push({ messages, phone: `+${person.digits}`, userId: person.userId })
}
