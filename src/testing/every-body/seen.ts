import { systemClock } from '../../core/clock.ts'
import type { TestGateway } from '../test-gateway.ts'
import { until } from '../test-gateway.ts'

/** A view of the API, whose shape is what the tests look at. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Json = any

/** Everything that the API shows of a house. */
export interface Seen {
  conversations: Json[]
  /** By the platform's id; each with its conversation beside it. */
  messages: Map<string, Json>
  /** Ids that were listed more than once. */
  doubled: string[]
  contacts: Json[]
  /** Conversations with groups, each by itself. */
  groups: Json[]
  notices: Json[]
  numbers: Json[]
  templates: Json[]
  events: Json[]
}

/** What only marks how far a house has come: a field, and somebody on a number of their own. */
const MARKER = 'test_marker'
const MARKER_PHONE = '19995550100'
let markers = 0
const READS_AT_ONCE = 8
const SETTLE_MS_MAX = 60_000

/**
 * Waits until everything that was answered with 200 is applied. Bodies are applied in order, and what they bring of the
 * past in an order of its own: a last body brings one of each, and both are seen.
 */
export async function settled(house: TestGateway): Promise<void> {
  const id = `marker-${++markers}`
  const { status } = await house.webhook(JSON.stringify(markerBody(id)))
  if (status !== 200) throw new Error(`The marker was answered with ${status}`)
  const isSeen = async () => {
    const { body } = await house.api(`/api/v1/notices?field=${MARKER}&limit=1`)
    if (body.items[0]?.object.id !== id) return false
    const own = await markerConversation(house)
    if (!own) return false
    const messages = (await house.api(`/api/v1/conversations/${own.id}/messages?limit=200`)).body.items
    return messages.some((message: Json) => message.upstream_id === id)
  }
  // The past has a fifth of the time.
  await until('everything is applied', isSeen, () => '', SETTLE_MS_MAX)
}

/** Its stamp is a whole second, so many others may be newer. */
async function markerConversation(house: TestGateway): Promise<Json | undefined> {
  for (let cursor = ''; ; ) {
    const { body } = await house.api(`/api/v1/conversations?limit=200${cursor}`)
    const own = body.items.find(isMarker)
    if (own || body.next === null) return own
    cursor = `&cursor=${body.next}`
  }
}

function markerBody(id: string): object {
  const timestamp = String(Math.floor(systemClock.epochMs() / 1000))
  const message = { id, from: MARKER_PHONE, timestamp, type: 'text', text: { body: id } }
  const metadata = { phone_number_id: MARKER, display_phone_number: '19995550101' }
  const value = { metadata, history: [{ threads: [{ id: MARKER_PHONE, messages: [message] }] }] }
  return {
    entry: [
      { id, changes: [{ field: MARKER, value: {} }] },
      { id, changes: [{ field: 'history', value }] },
    ],
  }
}

function isMarker({ number, phone, field, data }: Json): boolean {
  if (data !== undefined) return isMarker(data.conversation ?? data.contact ?? data)
  return number === MARKER || phone === `+${MARKER_PHONE}` || field === MARKER
}

/** `alone`: messages that are read one by one, with what lists do not show. */
export async function readAll(house: TestGateway, alone: ReadonlyMap<string, unknown> = new Map()): Promise<Seen> {
  const list = async (path: string) => (await pages(house, path)).filter((item) => !isMarker(item))
  const conversations = await list('/api/v1/conversations')
  const messages = new Map<string, Json>()
  const doubled: string[] = []
  for (const some of chunks(conversations, READS_AT_ONCE)) {
    const lists = await Promise.all(some.map(({ id }) => pages(house, `/api/v1/conversations/${id}/messages`)))
    for (const [index, list] of lists.entries()) {
      for (const message of list) {
        if (messages.has(message.upstream_id)) doubled.push(message.upstream_id)
        messages.set(message.upstream_id, { ...message, conversation: some[index] })
      }
    }
  }
  const read = async (path: string) => (await house.api(path)).body
  for (const ids of chunks([...alone.keys()], READS_AT_ONCE)) {
    await Promise.all(
      ids.map(async (id) => {
        const view = messages.get(id)
        if (view) messages.set(id, { ...view, ...(await read(`/api/v1/messages/${view.id}`)) })
      }),
    )
  }
  const groups = conversations.filter(({ kind }) => kind === 'group')
  return {
    conversations,
    messages,
    doubled,
    groups: await Promise.all(groups.map(({ id }) => read(`/api/v1/conversations/${id}`))),
    contacts: await list('/api/v1/contacts'),
    notices: await list('/api/v1/notices'),
    numbers: await list('/api/v1/numbers'),
    templates: await list('/api/v1/templates'),
    events: (await events(house)).filter((event) => !isMarker(event)),
  }
}

/** All pages of a list. */
export async function pages(house: TestGateway, path: string): Promise<Json[]> {
  const items: Json[] = []
  for (let cursor: string | null = null; ; ) {
    const { status, body } = await house.api(`${path}?limit=200${cursor === null ? '' : `&cursor=${cursor}`}`)
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
    items.push(...body.items)
    cursor = body.next
    if (cursor === null) return items
  }
}

async function events(house: TestGateway): Promise<Json[]> {
  const all: Json[] = []
  for (let after = 0; ; ) {
    const { body } = await house.api(`/api/v1/events?after=${after}&limit=500`)
    all.push(...body.events)
    if (body.upto <= after) return all
    after = body.upto
  }
}

/** The position of the log. */
export async function headOf(house: TestGateway): Promise<number> {
  return (await house.api('/api/v1/me')).body.head
}

export function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  )
}
