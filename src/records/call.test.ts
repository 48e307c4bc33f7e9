import { afterEach, beforeEach, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import type { CallItem } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, type TestBook } from '../testing/open-test-book.ts'
import { callItem, textItem } from '../testing/test-items.ts'
import type { View } from './views.ts'

let house: TestBook
let nowMs = 0

beforeEach(async () => {
  house = openTestBook()
  nowMs = house.clock.epochMs()
  await house.declare()
})
afterEach(() => house.close())

async function conversation(): Promise<View> {
  return (await house.conversations())[0] ?? {}
}

async function calls(): Promise<View[]> {
  const rows = house.database.all<{ id: number }>('SELECT id FROM messages WHERE flags & 8 = 0 ORDER BY id')
  const views: View[] = []
  for (const { id } of rows) views.push((await house.reader.message(id, SEES_ALL)) ?? {})
  return views
}

const END = { outcome: 'completed', durationS: 42 }
const terminate = (atMs: number, more: Partial<CallItem> = {}) => callItem('terminate', atMs, { ...END, ...more })

test('a call that comes in is a message of the thread, opens the window, and is told again when it ends', async () => {
  await house.give(callItem('connect', nowMs - 60_000))
  expect(await conversation()).toMatchObject({
    unread: 1,
    window_expires_at: new Date(nowMs - 60_000 + DAY_MS).toISOString(),
    last_message: { type: 'call', direction: 'in', upstream_id: 'wacid.1' },
  })
  const before = await house.eventsAfter(0)
  await house.give(terminate(nowMs))
  expect(await calls()).toMatchObject([
    {
      type: 'call',
      call: { status: 'completed', duration_s: 42, ended_at: new Date(nowMs).toISOString() },
      content: { kind: 'call', call: { outcome: 'completed', duration_s: 42 } },
    },
  ])
  expect((await house.eventsAfter(0)).slice(0, before.length)).toEqual(before)
  const last = (await house.told()).at(-1)
  expect(last).toMatchObject({ type: 'message.edited', data: { message: { call: { status: 'completed' } } } })
  const first = (await house.told()).find(({ type }) => type === 'message.received')
  expect(first?.data['message']).toMatchObject({ call: { status: 'connect', duration_s: null, ended_at: null } })
  expect((await calls())[0]).not.toHaveProperty('edited_at')
  expect(house.wakes.filter((wake) => wake.kind === 'message' && wake.counts)).toEqual([])
})

test('every step counts once, in whatever order', async () => {
  const steps = [callItem('connect', nowMs - 60_000), terminate(nowMs)]
  for (const [index, order] of [steps, steps.toReversed()].entries()) {
    const upstreamId = `wacid.${index}`
    const items = order.map((item) => ({ ...item, upstreamId, raw: { ...item.raw, id: upstreamId } }))
    await house.give(...items, ...items)
    house.restart()
    await house.give(...items.toReversed())
  }
  const [one, other] = await calls()
  expect(await calls()).toHaveLength(2)
  expect(other?.['call']).toEqual(one?.['call'])
  expect(other?.['content']).toEqual(one?.['content'])
  expect(house.database.all('SELECT count(*) AS count FROM messages')).toEqual([{ count: 4 }])
})

test('an end without a beginning is a call by itself', async () => {
  await house.give(terminate(nowMs, { outcome: 'failed', durationS: null }))
  expect(await calls()).toMatchObject([{ call: { status: 'failed', ended_at: new Date(nowMs).toISOString() } }])
  expect((await house.told()).map(({ type }) => type)).not.toContain('message.edited')
})

test('a call of ours says what the customer did, and opens nothing', async () => {
  const out = { direction: 'out', opensWindow: false } as const
  await house.give(callItem('connect', nowMs - 9000, out), callItem('ringing', nowMs - 8000, out))
  expect((await calls())[0]).toMatchObject({ direction: 'out', state: 'sent', call: { status: 'ringing' } })
  await house.give(callItem('rejected', nowMs - 5000, out))
  expect((await calls())[0]).toMatchObject({ call: { status: 'rejected' }, content: { call: { outcome: 'rejected' } } })
  expect(await conversation()).toMatchObject({ unread: 0, window_expires_at: null })
})

test('an id of a call and the same id of a message are two things', async () => {
  await house.give(callItem('connect', nowMs), textItem('wacid.1', nowMs))
  expect(await calls()).toHaveLength(2)
})
