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
  notices: Json[]
  numbers: Json[]
  templates: Json[]
  events: Json[]
}

/** The field of the bodies that only mark how far a house has come. */
const MARKER = 'test_marker'
let markers = 0

/** Waits until everything that was answered with 200 is applied: a last body is seen, and bodies are applied in order. */
export async function settled(house: TestGateway): Promise<void> {
  const id = `marker-${++markers}`
  const { status } = await house.webhook(JSON.stringify({ entry: [{ id, changes: [{ field: MARKER, value: {} }] }] }))
  if (status !== 200) throw new Error(`The marker was answered with ${status}`)
  await until('everything is applied', async () => {
    const { body } = await house.api(`/api/v1/notices?field=${MARKER}&limit=1`)
    return body.items[0]?.object.id === id
  })
}

export async function readAll(house: TestGateway): Promise<Seen> {
  const conversations = await pages(house, '/api/v1/conversations')
  const messages = new Map<string, Json>()
  const doubled: string[] = []
  for (const some of chunks(conversations, 4)) {
    const lists = await Promise.all(some.map(({ id }) => pages(house, `/api/v1/conversations/${id}/messages`)))
    for (const [index, list] of lists.entries()) {
      for (const message of list) {
        if (messages.has(message.upstream_id)) doubled.push(message.upstream_id)
        messages.set(message.upstream_id, { ...message, conversation: some[index] })
      }
    }
  }
  return {
    conversations,
    messages,
    doubled,
    contacts: await pages(house, '/api/v1/contacts'),
    notices: (await pages(house, '/api/v1/notices')).filter(({ field }) => field !== MARKER),
    numbers: await pages(house, '/api/v1/numbers'),
    templates: await pages(house, '/api/v1/templates'),
    events: await events(house),
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
