import { textSaying, words } from './sayings.ts'
import type { Json } from './seen.ts'
import { react, say } from './talk-stories.ts'
import { type ExpectedGroup, LINES, namedAs, type Person, type World } from './world.ts'

/** A group is made, people come and go, it is renamed and suspended, they write in it and are written to. */
export function group(world: World): void {
  const line = world.line()
  const id = `group-${world.serial()}`
  const madeAt = world.stamp()
  const subject = words(world)
  const expected: ExpectedGroup = {
    id,
    line,
    subject: { at: madeAt, value: subject },
    description: null,
    state: { at: madeAt, value: 'active' },
    inviteLink: `https://chat.example/${id}`,
    members: new Map(),
  }
  world.expected.groups.set(id, expected)
  const request_id = `r${world.serial()}`
  const made = { type: 'group_create', request_id, subject, invite_link: expected.inviteLink }
  tell(world, expected, { field: 'group_lifecycle_update', at: madeAt, object: made })
  const people = Array.from({ length: 1 + world.below(3) }, () => world.person(world.pick(['phone', 'both'])))
  for (const person of people) {
    join(world, expected, person)
    if (world.chance(0.3)) leave(world, expected, person)
  }
  if (world.chance(0.5)) expected.subject = set(world, expected, 'group_subject')
  if (world.chance(0.5)) expected.description = set(world, expected, 'group_description')
  for (let left = world.below(3); left > 0; left--) suspend(world, expected)
  for (let left = world.below(4); left > 0; left--) {
    const { expected: said } = say(world, world.pick(people), line, { groupId: id })
    if (world.chance(0.2)) react(world, 'customer', said)
  }
  if (world.chance(0.4)) echoTo(world, expected)
  // Nothing is sent to a group that is suspended, and nothing from a number that nobody declared.
  if (expected.state.value === 'active' && line !== LINES[2]) sendTo(world, expected, people)
}

function tell(
  world: World,
  { id, line }: ExpectedGroup,
  { field, at, object }: { field: string; at: number; object: Json },
): void {
  const timestamp = world.chance(0.5) ? at : String(at)
  world.say(line, 'groups', { timestamp, group_id: id, ...object }, { field })
}

function join(world: World, expected: ExpectedGroup, person: Person): void {
  const at = world.stamp()
  const object = { type: 'group_participants_add', reason: 'invite_link', added_participants: [namedAs(person)] }
  tell(world, expected, { field: 'group_participants_update', at, object })
  expected.members.set(person, { at, value: 'member' })
}

function leave(world: World, expected: ExpectedGroup, person: Person): void {
  const at = world.stamp()
  const object = { type: 'group_participants_remove', removed_participants: [namedAs(person)] }
  tell(world, expected, { field: 'group_participants_update', at, object })
  expected.members.set(person, { at, value: 'left' })
}

function set(world: World, expected: ExpectedGroup, setting: string): { at: number; value: string } {
  const at = world.stamp()
  const text = words(world)
  const object = { type: 'group_settings_update', [setting]: { text, update_successful: true } }
  tell(world, expected, { field: 'group_settings_update', at, object })
  return { at, value: text }
}

function suspend(world: World, expected: ExpectedGroup): void {
  const at = world.stamp()
  const isSuspended = world.chance(0.5)
  const object = { type: isSuspended ? 'group_suspend' : 'group_suspend_cleared' }
  tell(world, expected, { field: 'group_status_update', at, object })
  expected.state = { at, value: isSuspended ? 'suspended' : 'active' }
}

/** The firm writes to the group on its phone; how the platform tells it is not documented, and both ways are taken. */
function echoTo(world: World, { id: groupId, line }: ExpectedGroup): void {
  const { type, own, content } = textSaying(world)
  const at = world.stamp()
  const id = world.messageId()
  const named = world.chance(0.5) ? { group_id: groupId } : { to: groupId, recipient_type: 'group' }
  const object = { from: line.display, id, timestamp: String(at), ...named, type, [type]: own }
  world.say(line, 'message_echoes', object, { field: 'smb_message_echoes' })
  const said = { id, person: null, groupId, line, direction: 'out' as const, at, type, own, content }
  world.expected.messages.set(id, { ...said, isFromPhone: true, opensWindow: false, reactions: {} })
}

const STEPS = ['sent', 'delivered', 'read']

/** A message that we send to the group: the platform says of each person how far it is with them. */
function sendTo(world: World, { id: groupId, line }: ExpectedGroup, people: readonly Person[]): void {
  const id = world.messageId()
  const participants = new Map<string, string>()
  const frame = { id, recipient_type: 'group', recipient_id: groupId }
  for (const { digits } of people) {
    const last = world.below(STEPS.length)
    for (const status of STEPS.slice(0, last + 1)) {
      if (status !== STEPS[last] && world.chance(0.3)) continue
      // The platform writes it both ways.
      const who = world.chance(0.5) ? { recipient_participant_id: digits } : { participant_recipient_id: digits }
      world.say(line, 'statuses', { ...frame, status, timestamp: String(world.stamp()), ...who })
    }
    participants.set(`+${digits}`, STEPS[last] ?? '')
  }
  world.expected.sends.set(id, { id, line, to: null, groupId, words: new Set(), participants })
}
