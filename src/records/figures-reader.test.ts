import { afterEach, beforeEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Db } from '../storage/database.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { ACCEPTED, DOUBT_WAIT_MS } from '../testing/test-items.ts'
import { FiguresReader } from './figures-reader.ts'
import { cancelMessage, endDoubt, retryMessage } from './send-message.ts'

let desk: Desk
let database: Db
let figures: FiguresReader

beforeEach(async () => {
  desk = await openDesk()
  database = new Db(join(desk.house.folder, 'records.db'), { readonly: true })
  figures = new FiguresReader(database)
})
afterEach(() => {
  database.close()
  desk.house.close()
})

test('the oldest of each class is told while it waits, and no longer', async () => {
  expect(figures.oldestWaitingAtMs()).toEqual({})
  const firstAtMs = desk.house.clock.epochMs()
  const first = await desk.queue()
  desk.house.clock.advance(5_000)
  const second = await desk.queue()
  const bulk = await desk.queue({ class: 'bulk' })
  expect(figures.oldestWaitingAtMs()).toEqual({ reply: firstAtMs, bulk: firstAtMs + 5_000 })
  // One that is being sent, or in doubt, waits for something else.
  const departure = await desk.begin(first)
  expect(figures.oldestWaitingAtMs()).toEqual({ reply: firstAtMs + 5_000, bulk: firstAtMs + 5_000 })
  await desk.outcome(departure, { kind: 'unknown', code: null, reason: 'timeout' })
  await desk.house.ask(cancelMessage, { messageId: second })
  await desk.house.ask(cancelMessage, { messageId: bulk })
  expect(figures.oldestWaitingAtMs()).toEqual({})
})

test('doubt is counted until it ends, what is held until somebody decides', async () => {
  const id = await desk.queue({ whenInDoubt: 'hold' })
  const departure = await desk.begin(id)
  await desk.outcome(departure, { kind: 'unknown', code: null, reason: 'timeout' })
  expect([figures.inDoubtCount(), figures.heldCount()]).toEqual([1, 0])
  desk.house.clock.advance(DOUBT_WAIT_MS.reply)
  await desk.house.ask(endDoubt, { messageId: id, term: 1 })
  expect([figures.inDoubtCount(), figures.heldCount()]).toEqual([0, 1])
  await desk.house.ask(retryMessage, { messageId: id, deadlineMs: { urgent: 1e6, reply: 1e6, notice: 1e6, bulk: 1e6 } })
  await desk.outcome(await desk.begin(id), ACCEPTED('wamid.sent'))
  expect([figures.inDoubtCount(), figures.heldCount()]).toEqual([0, 0])
})

test('each figure follows an index, however much is kept', () => {
  const planOf = (sql: string) =>
    database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).map(({ detail }) => detail)
  expect(planOf('SELECT id FROM messages WHERE state = 10 LIMIT 5')).toEqual([
    'SCAN messages USING COVERING INDEX messages_held',
  ])
  expect(planOf("SELECT count(*) FROM duties WHERE kind = 'doubt.ends'").join()).toContain('duties_subject (kind=?)')
})
