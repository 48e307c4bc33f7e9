import { toTime } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import { type ChatMessage, type Customer, idsOf, type Person, personOf } from './customers.ts'
import { fieldUpdate } from './field-update.ts'
import { GraphRefusal } from './graph-error.ts'
import type { JsonObject } from './json.ts'
import type { Platform } from './platform.ts'
import type { SimulatedNumber } from './settings.ts'

/** A group of customers and one of the firm's numbers. */
export interface Group {
  id: string
  number: SimulatedNumber
  subject: string
  description: string | null
  approval: JoinApproval
  inviteLink: string
  createdAtMs: number
  isSuspended: boolean
  /** Digits of the members' phones, in the order they came. */
  members: Set<string>
  /** Digits of phones that the firm put out, who may not come again by the link. */
  banned: Set<string>
  /** Who asks to be let in, by the id of the request. */
  requests: Map<string, string>
  messages: ChatMessage[]
  /** Shows a message to all. */
  add(message: ChatMessage): void
}

export type JoinApproval = 'auto_approve' | 'approval_required'

/** What a group is made of. */
export interface GroupInput {
  subject: string
  description: string | null
  approval: JoinApproval
}

/** The platform's rules: members of a group, groups of a number. */
const MEMBERS_MAX = 8
const GROUPS_MAX = 10_000
const MESSAGES_MAX = 500

/** How long the platform takes for what it does later. */
const LATER_MS = 50

/** The groups of all numbers, and what the platform tells of them. */
export class Groups {
  readonly #platform: Platform
  #groups = new Map<string, Group>()

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** The groups, newest first. */
  list(number: SimulatedNumber | null): Group[] {
    const all = [...this.#groups.values()].reverse()
    return number === null ? all : all.filter((group) => group.number === number)
  }

  find(id: string): Group | undefined {
    return this.#groups.get(id)
  }

  /** The group of an id; a failure where there is none. */
  of(id: string): Group {
    const group = this.#groups.get(id)
    if (!group) throw new Failure('not_found', 'No such group', { path: 'group' })
    return group
  }

  hasRoom(number: SimulatedNumber): boolean {
    return this.list(number).length < GROUPS_MAX
  }

  /** Makes a group. The platform answers with the request's id and says the rest by a webhook. */
  create(number: SimulatedNumber, input: GroupInput): { group: Group; requestId: string } {
    if (!this.hasRoom(number)) throw new GraphRefusal(131211)
    const { clock } = this.#platform
    const messages: ChatMessage[] = []
    const group: Group = {
      ...input,
      id: `capi_group_${this.#token(20)}`,
      number,
      inviteLink: this.#link(),
      createdAtMs: clock.epochMs(),
      isSuspended: false,
      members: new Set(),
      banned: new Set(),
      requests: new Map(),
      messages,
      add(message) {
        messages.push(message)
        if (messages.length > MESSAGES_MAX) messages.shift()
      },
    }
    this.#groups.set(group.id, group)
    const requestId = this.#token(16)
    this.#tell(group, 'group_lifecycle_update', 'group_create', {
      request_id: requestId,
      subject: group.subject,
      ...(group.description !== null && { description: group.description }),
      invite_link: group.inviteLink,
      join_approval_mode: group.approval,
    })
    return { group, requestId }
  }

  delete(group: Group): string {
    this.#groups.delete(group.id)
    const requestId = this.#token(16)
    this.#tell(group, 'group_lifecycle_update', 'group_delete', { request_id: requestId })
    return requestId
  }

  /** Somebody follows the invite link: they are in, or ask to be let in. */
  join(group: Group, customer: Customer): 'joined' | 'asked' {
    const { phone } = customer
    if (group.members.has(phone)) throw new Failure('conflict', 'Is already a member of this group')
    if (group.banned.has(phone)) throw new Failure('conflict', 'Was put out of this group and may not come again')
    if (group.members.size >= MEMBERS_MAX) throw new Failure('conflict', `A group has at most ${MEMBERS_MAX} members`)
    if (group.approval === 'approval_required') {
      const requestId = this.#token(16)
      group.requests.set(requestId, phone)
      this.#tell(group, 'group_participants_update', 'group_join_request_created', {
        join_request_id: requestId,
        ...personIds(personOf(customer)),
      })
      return 'asked'
    }
    this.#add(group, [customer], 'invite_link')
    return 'joined'
  }

  /** Somebody takes their wish to join back. */
  unask(group: Group, customer: Customer): void {
    const request = [...group.requests].find(([, phone]) => phone === customer.phone)
    if (!request) throw new Failure('not_found', 'Has not asked to be let in')
    group.requests.delete(request[0])
    this.#tell(group, 'group_participants_update', 'group_join_request_revoked', {
      join_request_id: request[0],
      ...personIds(personOf(customer)),
    })
  }

  leave(group: Group, customer: Customer): void {
    if (!group.members.delete(customer.phone)) throw new Failure('not_found', 'Not a member of this group')
    this.#tell(group, 'group_participants_update', 'group_participants_remove', {
      initiated_by: 'participant',
      removed_participants: [personIds(personOf(customer))],
    })
  }

  /** The firm puts members out; those who are none come back as failed. */
  putOut(group: Group, whos: readonly string[]): string {
    const customers = whos.map((who) => ({ who, customer: this.#customerOf(who) }))
    const removed = customers.filter(({ customer }) => customer && group.members.delete(customer.phone))
    for (const { customer } of removed) if (customer) group.banned.add(customer.phone)
    const failed = customers.filter((each) => !removed.includes(each))
    const requestId = this.#token(16)
    this.#tell(group, 'group_participants_update', 'group_participants_remove', {
      request_id: requestId,
      initiated_by: 'business',
      removed_participants: removed.map(({ who, customer }) => ({
        input: who,
        ...(customer && personIds(personOf(customer))),
      })),
      ...(failed.length > 0 && {
        failed_participants: failed.map(({ who }) => ({ input: who, errors: [groupError(131212)] })),
      }),
    })
    return requestId
  }

  /** The firm decides about those who ask to be let in; the ids that are none of theirs. */
  decide(group: Group, requestIds: readonly string[], isLetIn: boolean): { done: string[]; failed: string[] } {
    const done = requestIds.filter((id) => group.requests.has(id))
    const customers = done.flatMap((id) => this.#customerOf(group.requests.get(id) ?? '') ?? [])
    for (const id of done) group.requests.delete(id)
    if (isLetIn && customers.length > 0) this.#add(group, customers, 'join_request')
    return { done, failed: requestIds.filter((id) => !done.includes(id)) }
  }

  /** Changes subject or description, as the firm asks; the platform says by a webhook that it is done. */
  change(group: Group, change: { subject?: string; description?: string }): string {
    if (change.subject !== undefined) group.subject = change.subject
    if (change.description !== undefined) group.description = change.description
    const requestId = this.#token(16)
    this.#tell(group, 'group_settings_update', 'group_settings_update', {
      request_id: requestId,
      ...(change.subject !== undefined && { group_subject: { text: change.subject, update_successful: true } }),
      ...(change.description !== undefined && {
        group_description: { text: change.description, update_successful: true },
      }),
    })
    return requestId
  }

  suspend(group: Group, isSuspended: boolean): void {
    group.isSuspended = isSuspended
    this.#tell(group, 'group_status_update', isSuspended ? 'group_suspend' : 'group_suspend_cleared', {})
  }

  resetLink(group: Group): string {
    group.inviteLink = this.#link()
    return group.inviteLink
  }

  /** The members as the platform tells them now. */
  people(group: Group): Person[] {
    return [...group.members].flatMap((phone) => {
      const customer = this.#platform.customers.find(phone)
      return customer ? [personOf(customer)] : []
    })
  }

  #add(group: Group, customers: readonly Customer[], reason: string): void {
    for (const { phone } of customers) group.members.add(phone)
    this.#tell(group, 'group_participants_update', 'group_participants_add', {
      reason,
      added_participants: customers.map((customer) => personIds(personOf(customer))),
    })
  }

  #customerOf(who: string): Customer | undefined {
    const { customers } = this.#platform
    return customers.find(who.replaceAll(/\D/g, '')) ?? customers.findByUserId(who)
  }

  #tell(group: Group, field: string, type: string, more: JsonObject): void {
    const { clock } = this.#platform
    const seconds = Math.floor(clock.epochMs() / 1000)
    // The platform's texts have the stamp as a text here and as a number there.
    const timestamp = field === 'group_participants_update' ? seconds : String(seconds)
    const groups = [{ timestamp, group_id: group.id, type, ...more }]
    this.#platform.owe([fieldUpdate(this.#platform, group.number, field, { groups })], LATER_MS)
    this.#platform.changes.note('webhook', `Group: ${type.replaceAll('_', ' ')}`, clock.epochMs())
    this.#platform.changes.tell({ kind: 'groups' })
  }

  #link(): string {
    return `https://chat.whatsapp.com/${this.#token(22)}`
  }

  #token(length: number): string {
    const { random } = this.#platform
    return Array.from({ length }, () => Math.floor(random() * 36).toString(36)).join('')
  }
}

function personIds(person: Person): JsonObject {
  return {
    ...idsOf(person),
    ...(person.username !== undefined && { username: person.username }),
  }
}

function groupError(code: number): JsonObject {
  const { message, details } = new GraphRefusal(code)
  return { code, title: message, message, error_data: { details } }
}

/** A group as the control API shows it. */
export function showGroup(group: Group): JsonObject {
  return {
    id: group.id,
    number: group.number.phoneNumberId,
    subject: group.subject,
    description: group.description,
    join_approval_mode: group.approval,
    invite_link: group.inviteLink,
    created_at: toTime(group.createdAtMs),
    suspended: group.isSuspended,
    members: [...group.members].map((phone) => `+${phone}`),
    join_requests: [...group.requests].map(([id, phone]) => ({ id, phone: `+${phone}` })),
  }
}
