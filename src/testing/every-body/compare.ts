import { toTime } from '../../core/clock.ts'
import { stateAfter } from './other-stories.ts'
import type { Json, Seen } from './seen.ts'
import {
  type Expected,
  type ExpectedGroup,
  type ExpectedMessage,
  type ExpectedSend,
  type Person,
  threadKey,
  type Wishes,
} from './world.ts'

const WINDOW_S = 86_400
const FAULTS_MAX = 12

/** What is seen and should not be, or should be and is not; empty if all is well. Bounded: one mistake makes thousands. */
export function faultsOf(expected: Expected, seen: Seen): string[] {
  const faults = new Faults()
  if (seen.doubled.length > 0) faults.add('messages', `listed twice: ${seen.doubled.slice(0, 3).join(', ')}`)
  for (const message of expected.messages.values()) compareMessage(faults, message, seen)
  for (const send of expected.sends.values()) compareSend(faults, send, seen)
  compareThreads(faults, expected, seen)
  compareFamilies(faults, expected, seen)
  compareNotices(faults, expected, seen)
  compareFacts(faults, expected, seen)
  comparePersons(faults, expected, seen)
  for (const wishes of expected.wishes.values()) compareWishes(faults, wishes, seen)
  for (const group of expected.groups.values()) compareGroup(faults, group, seen)
  compareEvents(faults, expected, seen)
  return faults.list
}

class Faults {
  readonly list: string[] = []

  add(about: string, what: string): void {
    if (this.list.length < FAULTS_MAX) this.list.push(`${about}: ${what}`)
  }

  /** All that is wanted is there; undefined is not asked for. */
  match(about: string, wanted: Json, found: Json, path = ''): void {
    if (wanted === undefined) return
    if (typeof wanted !== 'object' || wanted === null) {
      if (wanted !== found) this.add(about, `${path} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`)
      return
    }
    if (typeof found !== 'object' || found === null || Array.isArray(found) !== Array.isArray(wanted)) {
      this.add(about, `${path} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`)
      return
    }
    if (Array.isArray(wanted) && wanted.length !== found.length) {
      this.add(about, `${path} has ${found.length} members, not ${wanted.length}`)
    }
    for (const [name, member] of Object.entries(wanted)) this.match(about, member, found[name], `${path}/${name}`)
  }
}

const phoneOf = ({ digits }: Person) => (digits === null ? null : `+${digits}`)

function compareMessage(faults: Faults, wanted: ExpectedMessage, seen: Seen): void {
  const about = `${wanted.type} ${wanted.id}`
  const view = seen.messages.get(wanted.id)
  if (!view) return faults.add(about, 'is not there')
  faults.match(about, { ...frameOf(wanted), ...saidIn(wanted, seen) }, view)
  for (const member of MARKS)
    if (!hasMark(wanted, member) && view[member] !== undefined) faults.add(about, `has ${member}`)
  const isHidden = wanted.revokedAt !== undefined
  if (isHidden && (view.content !== undefined || view[wanted.type] !== undefined)) faults.add(about, 'is shown')
  compareFiles(faults, about, wanted, view)
  compareReactions(faults, about, isHidden ? {} : wanted.reactions, view)
  comparePeople(faults, about, wanted, view)
}

/** What stands around what was said. */
function frameOf(wanted: ExpectedMessage): Json {
  return {
    direction: wanted.direction,
    type: wanted.edit?.type ?? wanted.type,
    at: wanted.at < 0 ? undefined : toTime(wanted.at * 1000),
    state: wanted.state,
    number: wanted.line.id,
    source: wanted.isFromPhone ? 'phone' : undefined,
    standby: wanted.isStandby || undefined,
    history: wanted.isHistory || undefined,
    revoked: wanted.revokedAt === undefined ? undefined : 'hidden',
    revoked_at: wanted.revokedAt === undefined ? undefined : toTime(wanted.revokedAt * 1000),
  }
}

function saidIn(wanted: ExpectedMessage, seen: Seen): Json {
  if (wanted.revokedAt !== undefined) return {}
  const { type, own, content } = { ...wanted, ...wanted.edit }
  return {
    content,
    // Of a call it is ours.
    [type]: type === 'call' ? undefined : own,
    edited_at: wanted.edit && toTime(wanted.edit.at * 1000),
    reply_to: wanted.replyTo === undefined ? undefined : replyOf(wanted.replyTo, wanted, seen),
  }
}

/** Members that are there only where they say something. */
const MARKS = ['source', 'standby', 'history', 'edited_at', 'revoked', 'reply_to'] as const

function hasMark(wanted: ExpectedMessage, member: (typeof MARKS)[number]): boolean {
  const isShown = wanted.revokedAt === undefined
  switch (member) {
    case 'source':
      return wanted.isFromPhone === true
    case 'standby':
      return wanted.isStandby === true
    case 'history':
      return wanted.isHistory === true
    case 'edited_at':
      return isShown && wanted.edit !== undefined
    case 'revoked':
      return !isShown
    case 'reply_to':
      return isShown && wanted.replyTo !== undefined
  }
}

function compareFiles(faults: Faults, about: string, wanted: ExpectedMessage, view: Json): void {
  if (wanted.revokedAt !== undefined || wanted.edit) return
  const count = view.attachments?.length ?? 0
  if (count !== (wanted.files ?? 0)) faults.add(about, `has ${count} files, not ${wanted.files ?? 0}`)
}

function replyOf(upstreamId: string, wanted: ExpectedMessage, seen: Seen): Json {
  const target = seen.messages.get(upstreamId)
  const isHere = target !== undefined && target.conversation_id === seen.messages.get(wanted.id)?.conversation_id
  return { message_id: isHere ? target.id : null, upstream_id: upstreamId }
}

function compareReactions(faults: Faults, about: string, wanted: ExpectedMessage['reactions'], view: Json): void {
  const found = (view.reactions ?? []).map(({ by, emoji, at }: Json) => `${by} ${emoji} ${at}`).sort()
  const all = (['customer', 'us'] as const).flatMap((side) => {
    const reaction = wanted[side]
    return reaction && reaction.emoji !== null ? [`${side} ${reaction.emoji} ${toTime(reaction.at * 1000)}`] : []
  })
  if (found.join() !== all.sort().join()) faults.add(about, `has the reactions ${found.join()}, not ${all.join()}`)
}

function comparePeople(
  faults: Faults,
  about: string,
  { person, groupId, direction }: ExpectedMessage,
  view: Json,
): void {
  const { conversation } = view
  if (groupId !== undefined)
    faults.match(about, { kind: 'group', group: { id: groupId } }, conversation, 'conversation')
  if (!person) return
  const who = { name: person.name, phone: phoneOf(person), user_id: person.userId }
  if (groupId === undefined)
    faults.match(about, { kind: 'person', contact: anyName(who, direction) }, conversation, 'conversation')
  else if (direction === 'in') faults.match(about, who, view.sender, 'sender')
}

/** A thread that only the firm wrote in may not know what its customer is called. */
function anyName({ name, ...who }: Json, direction: string): Json {
  return direction === 'in' ? who : who
}

function compareSend(faults: Faults, wanted: ExpectedSend, seen: Seen): void {
  const { id, to, words, participants } = wanted
  const view = seen.messages.get(id)
  const about = `sent ${id}`
  if (!view) return faults.add(about, 'is not there')
  if (participants) return compareParticipants(faults, about, participants, view)
  const shownTo = typeof to === 'string' ? to : to?.user_id
  faults.match(`${about} with ${[...words].join()}`, { direction: 'out', to: shownTo, state: stateAfter(words) }, view)
  const told = (view.statuses ?? []).map(({ status }: Json) => status).sort()
  if (told.join() !== [...words].sort().join())
    faults.add(about, `has the statuses ${told.join()}, not ${[...words].join()}`)
}

function compareParticipants(faults: Faults, about: string, wanted: ReadonlyMap<string, string>, view: Json): void {
  const found = new Map((view.participants ?? []).map(({ phone, state }: Json) => [phone, state]))
  for (const [phone, state] of wanted) faults.match(about, state, found.get(phone), phone)
}

interface Thread {
  unread: number
  openedAt: number
  last: ExpectedMessage
  hasCall: boolean
}

/** Clocks and counters of threads. */
function compareThreads(faults: Faults, expected: Expected, seen: Seen): void {
  for (const [key, { unread, openedAt, last, hasCall }] of threadsOf(expected)) {
    const conversation = seen.messages.get(last.id)?.conversation
    if (!conversation) continue
    const wanted = {
      unread,
      window_expires_at: openedAt === 0 ? null : toTime((openedAt + WINDOW_S) * 1000),
      standby: expected.owners.get(key)?.value ?? false,
      last_message: hasCall ? undefined : { upstream_id: last.id },
    }
    faults.match(`the thread of ${key}`, wanted, conversation)
  }
}

function threadsOf(expected: Expected): Map<string, Thread> {
  const threads = new Map<string, Thread>()
  for (const message of expected.messages.values()) {
    const { person, line, groupId } = message
    if (!person || groupId !== undefined) continue
    const key = threadKey(person, line)
    const known = threads.get(key)
    const thread = known ?? { unread: 0, openedAt: expected.openings.get(key) ?? 0, last: message, hasCall: false }
    if (!known) threads.set(key, thread)
    if (message.direction === 'in' && !message.isHistory) thread.unread += 1
    if (message.opensWindow) thread.openedAt = Math.max(thread.openedAt, message.at)
    if (message.at > thread.last.at) thread.last = message
    thread.hasCall ||= message.type === 'call'
  }
  return threads
}

/** All threads of whoever changed their names show the same contact. */
function compareFamilies(faults: Faults, { families }: Expected, seen: Seen): void {
  for (const { messages, phone, userId } of families) {
    const contacts = messages.map((id) => seen.messages.get(id)?.conversation.contact)
    const about = `whoever wrote ${messages[0]}`
    if (new Set(contacts.map((contact) => contact?.id)).size !== 1) faults.add(about, 'is several contacts')
    faults.match(about, { phone, user_id: userId }, contacts[0])
  }
}

function compareNotices(faults: Faults, { notices }: Expected, seen: Seen): void {
  const found = new Map<string, Json[]>()
  for (const notice of seen.notices) {
    for (const [mark] of JSON.stringify(notice.object).matchAll(/t\d+x/g))
      found.set(mark, [...(found.get(mark) ?? []), notice])
  }
  for (const [mark, wanted] of notices) {
    const [notice, ...others] = found.get(mark) ?? []
    const about = `the notice ${mark} of ${wanted.field}`
    if (!notice) faults.add(about, 'is not there')
    else if (others.length > 0) faults.add(about, `is there ${others.length + 1} times`)
    else {
      const { at, ...members } = wanted
      faults.match(about, { ...members, at: at === undefined ? undefined : toTime(at * 1000) }, notice)
    }
  }
}

function compareFacts(faults: Faults, { facts }: Expected, seen: Seen): void {
  const nowMs = Math.max(...seen.events.map(({ at }) => Date.parse(at)))
  for (const [key, { at, value, until }] of facts) {
    const hasEnded = until !== null && until <= nowMs
    const wanted = hasEnded
      ? { value: null, since: toTime(until), until: null }
      : { value, since: toTime(at * 1000), until: until === null ? null : toTime(until) }
    const found = factOf(key, seen)
    if (found !== undefined || !key.startsWith('account 102290129349999'))
      faults.match(`the fact ${key}`, wanted, found)
  }
}

function factOf(key: string, seen: Seen): Json {
  const words = key.split(' ')
  const name = words.at(-1) ?? ''
  const [kind, subject] = words
  if (kind === 'number') return seen.numbers.find(({ number }) => number === subject)?.facts[name]
  if (kind === 'account') return seen.numbers.find(({ waba }) => waba === subject)?.account_facts[name]
  if (kind === 'portfolio') return seen.numbers.find(({ portfolio }) => portfolio === subject)?.portfolio_facts[name]
  return seen.templates.find((one) => one.account === subject && one.name === words[2] && one.language === words[3])
    ?.facts[name]
}

/** Whoever wrote is a contact with all that they are known by. */
function comparePersons(faults: Faults, { messages }: Expected, seen: Seen): void {
  const contacts = new Map(seen.contacts.map((contact) => [contact.id, contact]))
  const done = new Set<Person>()
  for (const { id, person, groupId, direction, isHistory } of messages.values()) {
    if (!person || groupId !== undefined || direction === 'out' || isHistory || done.has(person)) continue
    done.add(person)
    const contact = contacts.get(seen.messages.get(id)?.conversation.contact.id)
    const { name, username, parentUserId } = person
    const wanted = {
      profile_name: name,
      username,
      parent_user_id: parentUserId,
      phone: phoneOf(person),
      user_id: person.userId,
    }
    faults.match(`the contact of ${name}`, wanted, contact)
  }
}

function compareWishes(faults: Faults, { person, consents, bookName }: Wishes, seen: Seen): void {
  const about = `what ${person.name} wants`
  const contact = seen.contacts.find(({ phone }) => phone === phoneOf(person))
  if (!contact) return faults.add(about, 'is nobody’s')
  const wanted = Object.fromEntries(
    [...consents].map(([category, { at, value }]) => [category, { value, at: toTime(at * 1000), source: 'platform' }]),
  )
  faults.match(about, { consents: wanted, book_name: bookName?.value ?? null }, contact)
}

function compareGroup(faults: Faults, wanted: ExpectedGroup, seen: Seen): void {
  const about = `the group ${wanted.id}`
  const conversation = seen.groups.find(({ group }) => group.id === wanted.id)
  if (!conversation) return faults.add(about, 'is not there')
  faults.match(
    about,
    {
      subject: wanted.subject.value,
      description: wanted.description?.value ?? null,
      invite_link: wanted.inviteLink,
      state: wanted.state.value,
    },
    conversation.group,
  )
  for (const [person, { value }] of wanted.members) {
    const member = conversation.group.members.find(({ phone }: Json) => phone === phoneOf(person))
    if (!member) faults.add(about, `${person.name} is not one of its people`)
    else faults.match(about, { state: value }, member, person.name)
  }
}

/** Each message was told once, what is of the past not at all; each reaction at least once. */
function compareEvents(faults: Faults, { messages, reactions }: Expected, seen: Seen): void {
  const told = new Map<string, number>()
  const reacted = new Set<string>()
  for (const { type, data } of seen.events) {
    if (type === 'message.received') told.set(data.message.upstream_id, (told.get(data.message.upstream_id) ?? 0) + 1)
    if (type === 'message.reaction') reacted.add(`${data.upstream_id} ${data.emoji}`)
  }
  for (const { id, isHistory } of messages.values()) {
    const times = told.get(id) ?? 0
    if (times !== (isHistory ? 0 : 1)) faults.add(id, `was told ${times} times`)
  }
  if (reactions.size > 0 && reacted.size === 0) faults.add('reactions', 'were never told')
}
