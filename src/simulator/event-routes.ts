import { Failure } from '../core/failure.ts'
import { showMessage } from './chat-view.ts'
import { call, changeIdentity, setPreference } from './customer-acts.ts'
import { type Group, showGroup } from './groups.ts'
import { handOver } from './handovers.ts'
import { needText, readChoice, readObject, readText } from './input.ts'
import { listNotices, tellNotice } from './notices.ts'
import { bringHistory, echo, syncAddressBook } from './phone-app.ts'
import type { Platform } from './platform.ts'
import { listSamples } from './samples.ts'
import { customerOf, reachCustomer } from './writing.ts'

/** What a route of this table is asked: the body, the query, and the variable parts of the path. */
interface Ask {
  input: unknown
  query: URLSearchParams
  parts: readonly string[]
}

interface Answer {
  status: number
  body: unknown
}

type Route = readonly [method: string, pattern: RegExp, run: (platform: Platform, ask: Ask) => Answer]

/** Routes of everything that the platform says besides messages and statuses. */
export const EVENT_ROUTES: readonly Route[] = [
  ['GET', /^\/_\/samples$/, () => ok(200, { items: listSamples() })],
  ['GET', /^\/_\/notices$/, () => ok(200, { items: listNotices() })],
  ['POST', /^\/_\/notices$/, (platform, { input }) => ok(202, tellNotice(platform, input))],
  ['POST', /^\/_\/echoes$/, (platform, { input }) => ok(202, { id: echo(platform, input) })],
  ['POST', /^\/_\/history$/, (platform, { input }) => ok(202, bringHistory(platform, input))],
  ['POST', /^\/_\/address-book$/, (platform, { input }) => ok(202, { entries: syncAddressBook(platform, input) })],
  ['POST', /^\/_\/handovers$/, (platform, { input }) => ok(202, handOver(platform, input))],
  [
    'POST',
    /^\/_\/customers\/([^/]+)\/calls$/,
    (platform, { input, parts: [who = ''] }) => ok(202, { id: call(platform, who, input) }),
  ],
  [
    'POST',
    /^\/_\/customers\/([^/]+)\/preferences$/,
    (platform, { input, parts: [who = ''] }) => ok(202, setPreference(platform, who, input)),
  ],
  [
    'POST',
    /^\/_\/customers\/([^/]+)\/changes$/,
    (platform, { input, parts: [who = ''] }) => ok(202, { ids: changeIdentity(platform, who, input) }),
  ],
  ['GET', /^\/_\/groups$/, listGroups],
  ['POST', /^\/_\/groups$/, createGroup],
  ['GET', /^\/_\/groups\/([^/]+)$/, (platform, ask) => ok(200, showGroup(groupOf(platform, ask)))],
  ['PATCH', /^\/_\/groups\/([^/]+)$/, changeGroup],
  ['DELETE', /^\/_\/groups\/([^/]+)$/, deleteGroup],
  ['GET', /^\/_\/groups\/([^/]+)\/messages$/, listGroupMessages],
  ['POST', /^\/_\/groups\/([^/]+)\/members$/, joinGroup],
  ['DELETE', /^\/_\/groups\/([^/]+)\/members\/([^/]+)$/, leaveGroup],
]

function ok(status: number, body: unknown): Answer {
  return { status, body }
}

function groupOf(platform: Platform, { parts: [id = ''] }: Ask): Group {
  return platform.groups.of(id)
}

function listGroups(platform: Platform, { query }: Ask): Answer {
  const number = query.get('number')
  const groups = platform.groups.list(number === null ? null : platform.numberOf(number))
  return ok(200, { items: groups.slice(0, 1000).map(showGroup), total: groups.length })
}

const SUBJECT_MAX = 128
const DESCRIPTION_MAX = 2048

function createGroup(platform: Platform, { input }: Ask): Answer {
  const body = readObject(input, ['number', 'subject', 'description', 'join_approval_mode'])
  const approval = readChoice(body, 'join_approval_mode', ['auto_approve', 'approval_required'] as const)
  const number = platform.numberOf(readText(body, 'number', SUBJECT_MAX))
  if (!platform.groups.hasRoom(number)) throw new Failure('conflict', 'The number has as many groups as it may have')
  const { group } = platform.groups.create(number, {
    subject: needText(body, 'subject', SUBJECT_MAX),
    description: readText(body, 'description', DESCRIPTION_MAX) ?? null,
    approval: approval ?? 'auto_approve',
  })
  return ok(201, showGroup(group))
}

function changeGroup(platform: Platform, ask: Ask): Answer {
  const body = readObject(ask.input, ['subject', 'description', 'suspended'])
  const group = groupOf(platform, ask)
  const subject = readText(body, 'subject', SUBJECT_MAX)
  const description = readText(body, 'description', DESCRIPTION_MAX)
  if (subject !== undefined || description !== undefined) {
    platform.groups.change(group, {
      ...(subject !== undefined && { subject }),
      ...(description !== undefined && { description }),
    })
  }
  if (typeof body['suspended'] === 'boolean') platform.groups.suspend(group, body['suspended'])
  return ok(200, showGroup(group))
}

function deleteGroup(platform: Platform, ask: Ask): Answer {
  platform.groups.delete(groupOf(platform, ask))
  return ok(200, { removed: 1 })
}

function listGroupMessages(platform: Platform, ask: Ask): Answer {
  const group = groupOf(platform, ask)
  const items = group.messages.map((message) => showMessage(message, group.number.phoneNumberId))
  return ok(200, { subject: group.subject, members: [...group.members].map((phone) => `+${phone}`), items })
}

function joinGroup(platform: Platform, ask: Ask): Answer {
  const body = readObject(ask.input, ['phone', 'name'])
  const group = groupOf(platform, ask)
  const customer = reachCustomer(platform, needText(body, 'phone', SUBJECT_MAX))
  customer.name = readText(body, 'name', SUBJECT_MAX) ?? customer.name
  return ok(200, { outcome: platform.groups.join(group, customer), group: showGroup(group) })
}

/** Somebody leaves; `?by=firm` puts them out; who only asked to be let in takes that back. */
function leaveGroup(platform: Platform, ask: Ask): Answer {
  const group = groupOf(platform, ask)
  const who = ask.parts[1] ?? ''
  const customer = customerOf(platform, who)
  const hasAsked = [...group.requests.values()].includes(customer.phone)
  if (hasAsked) platform.groups.unask(group, customer)
  else if (ask.query.get('by') === 'firm') platform.groups.putOut(group, [customer.phone])
  else platform.groups.leave(group, customer)
  return ok(200, showGroup(group))
}
