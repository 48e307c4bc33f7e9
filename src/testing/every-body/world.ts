import { must } from '../../core/assert.ts'
import type { Json } from './seen.ts'

/*
 * A firm and its customers as the platform would tell of them, and beside it what has to be seen in the end. It knows the
 * platform's rules and the words of our API, and nothing of the code between the two.
 */

export interface Line {
  id: string
  display: string
  waba: string
}

/** The two numbers that are declared, and one that nobody declared. */
export const LINES: readonly Line[] = [
  { id: '106540352242922', display: '15550783881', waba: '102290129340398' },
  { id: '106540352242923', display: '15550783882', waba: '102290129340398' },
  { id: '106540352249999', display: '15550789999', waba: '102290129349999' },
]

/** How the platform names somebody: by phone, by user id, by both, or with the user id where the phone should be. */
export type Naming = 'phone' | 'both' | 'user' | 'user_in_from'

export interface Person {
  name: string
  digits: string | null
  userId: string | null
  parentUserId: string | null
  username: string | null
  naming: Naming
}

/** One thing that the platform says, and where in a body it stands. */
export interface Element {
  field: string
  /** `id` of the entry. */
  entryId: string
  /** Seconds; only around notices. */
  time?: number
  line?: Line
  /** The list in the value that it is a member of; null: it is the value. */
  list: string | null
  object: Json
  /** Who introduces the person in the value's `contacts`. */
  contact?: Json | undefined
  /** What the platform said before, and delivered before. */
  after?: readonly Element[] | undefined
}

export interface ExpectedMessage {
  id: string
  /** Undefined in a group that nobody is asked about. */
  person: Person | null
  groupId?: string | undefined
  line: Line
  direction: 'in' | 'out'
  at: number
  type: string
  /** What has to be in the message's content, at least. */
  content: Json
  /** The platform's own object, as it is shown under its type's name. */
  own?: Json | undefined
  state?: string | undefined
  replyTo?: string | undefined
  files?: number | undefined
  isHistory?: boolean | undefined
  isStandby?: boolean | undefined
  isFromPhone?: boolean | undefined
  opensWindow: boolean
  /** The newest reaction of each side. */
  reactions: { customer?: Reaction; us?: Reaction }
  edit?: { at: number; type: string; own: Json; content: Json }
  revokedAt?: number
}

interface Reaction {
  at: number
  emoji: string | null
}

export interface ExpectedNotice {
  field: string
  event?: string | null
  severity?: string | null
  at?: number
}

export interface ExpectedGroup {
  id: string
  line: Line
  subject: { at: number; value: string }
  description: { at: number; value: string } | null
  state: { at: number; value: string }
  inviteLink: string
  members: Map<Person, { at: number; value: string }>
}

interface Stamped<T> {
  at: number
  value: T
}

export interface Wishes {
  person: Person
  consents: Map<string, Stamped<string>>
  bookName?: Stamped<string | null>
}

/** A message that we send, and the words that the platform will say of it. */
export interface ExpectedSend {
  id: string
  line: Line
  /** As the API is asked. Null: to the group. */
  to: string | { user_id: string } | null
  groupId?: string
  words: Set<string>
  /** In a group: how far it is with each person, by their phone. */
  participants?: Map<string, string>
}

export interface ExpectedFact {
  at: number
  value: string | number | null
  until: number | null
}

/** All that has to be seen in the end. */
export class Expected {
  readonly messages = new Map<string, ExpectedMessage>()
  /** By the mark that each carries. */
  readonly notices = new Map<string, ExpectedNotice>()
  readonly groups = new Map<string, ExpectedGroup>()
  readonly wishes = new Map<Person, Wishes>()
  readonly sends = new Map<string, ExpectedSend>()
  /** By whom it is about and its name. */
  readonly facts = new Map<string, ExpectedFact>()
  /** Who owns a thread by the newest word. */
  readonly owners = new Map<string, Stamped<boolean>>()
  /** When a window was last opened by what is no message. */
  readonly openings = new Map<string, number>()
  /** People who were named in several ways or changed their names, with what they are called in the end. */
  readonly families: { messages: string[]; phone: string | null; userId: string | null }[] = []
  /** Reactions, also those to what nobody ever saw. */
  readonly reactions = new Set<string>()
}

export class World {
  readonly elements: Element[] = []
  readonly expected = new Expected()
  readonly #random: () => number
  #second: number
  #serial = 0

  /** `fromS`: the platform's stamps begin there; each is a second later than the one before. */
  constructor(random: () => number, fromS: number) {
    this.#random = random
    this.#second = fromS
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  pick<T>(list: readonly T[]): T {
    return must(list[this.below(list.length)], 'a member of the list')
  }

  /** Seconds since 1970; never twice the same. */
  stamp(): number {
    this.#second += 1
    return this.#second
  }

  serial(): number {
    this.#serial += 1
    return this.#serial
  }

  messageId(): string {
    return `wamid.${Buffer.from(`${this.serial()}:${this.below(2 ** 30)}`).toString('base64')}`
  }

  line(): Line {
    return this.pick(this.chance(0.9) ? LINES.slice(0, 2) : LINES)
  }

  person(naming: Naming = this.pick(['phone', 'phone', 'both', 'both', 'both', 'user', 'user_in_from'])): Person {
    const serial = this.serial()
    return {
      name: `Person ${serial}`,
      digits: naming === 'phone' || naming === 'both' ? `4915${String(1_000_000_00 + serial)}` : null,
      userId: naming === 'phone' ? null : `DE.${7_000_000 + serial}`,
      parentUserId: naming === 'phone' || this.chance(0.7) ? null : `DE.ENT.${8_000_000 + serial}`,
      username: naming === 'phone' || this.chance(0.5) ? null : `user.${serial}`,
      naming,
    }
  }

  add(element: Element): Element {
    this.elements.push(element)
    return element
  }

  /** Something in a list of a number's webhook. */
  say(line: Line, list: string, object: Json, more: Partial<Element> & { person?: Person } = {}): Element {
    const { person, ...members } = more
    const contact = person && contactOf(person)
    return this.add({ field: 'messages', entryId: line.waba, line, list, object, contact, ...members })
  }

  /** Something about the firm's own, with a mark by which it is found again. */
  notice(
    field: string,
    value: Json,
    expected: Omit<ExpectedNotice, 'field'>,
    more: { entryId?: string; time?: number; field?: string } = {},
  ): number {
    const trace = this.trace()
    const time = more.time ?? this.stamp()
    const entryId = more.entryId ?? this.pick(LINES).waba
    const shownField = more.field ?? field
    this.add({ field: shownField, entryId, time, list: null, object: { ...value, trace } })
    this.expected.notices.set(trace, { field: shownField, at: time, ...expected })
    return time
  }

  trace(): string {
    return `t${this.serial()}x`
  }

  /** The newest statement holds. */
  fact(about: string, name: string, fact: ExpectedFact): void {
    const key = `${about} ${name}`
    const known = this.expected.facts.get(key)
    if (!known || known.at < fact.at) this.expected.facts.set(key, fact)
  }

  /** A word on who owns a thread; the newest holds. */
  owns(person: Person, line: Line, at: number, isOthers: boolean): void {
    const key = threadKey(person, line)
    const known = this.expected.owners.get(key)
    if (!known || known.at < at) this.expected.owners.set(key, { at, value: isOthers })
  }

  opens(person: Person, line: Line, at: number): void {
    const key = threadKey(person, line)
    this.expected.openings.set(key, Math.max(this.expected.openings.get(key) ?? 0, at))
  }
}

export function threadKey(person: Person, line: Line): string {
  return `${person.name} ${line.id}`
}

/** How a webhook introduces somebody. What is undefined is not written. */
function contactOf({ name, digits, userId, parentUserId, username, naming }: Person): Json {
  return {
    profile: { name, username: username ?? undefined },
    wa_id: digits ?? (naming === 'user' ? '' : undefined),
    user_id: userId ?? undefined,
    parent_user_id: parentUserId ?? undefined,
  }
}

/** How a message names who wrote it. */
export function senderOf({ digits, userId, parentUserId, naming }: Person): Json {
  if (naming === 'user_in_from') return { from: userId }
  return {
    from: digits ?? undefined,
    from_user_id: userId ?? undefined,
    from_parent_user_id: parentUserId ?? undefined,
  }
}

/** How an echo names whom it went to. */
export function recipientOf({ digits, userId }: Person): Json {
  return { to: digits ?? undefined, to_user_id: userId ?? undefined }
}

/** How most of the platform's lists name somebody. */
export function namedAs({ digits, userId }: Person): Json {
  return { wa_id: digits ?? undefined, user_id: userId ?? undefined }
}
