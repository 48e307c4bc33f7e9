import { afterEach, beforeEach, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { DEADLINE_MS, statusItem } from '../testing/test-items.ts'
import { setNumberState } from './number.ts'
import { findNumber, releaseRestored } from './release.ts'
import { beginSending, holdUnfinished, recoverSending } from './send-message.ts'

let desk: Desk

beforeEach(async () => {
  desk = await openDesk()
})
afterEach(() => desk.house.close())

const release = (numberId: number | null = null, after = 0) =>
  desk.house.ask(releaseRestored, { after, numberId, deadlineMs: DEADLINE_MS })
const NOBODY = { erased: 0, number_paused: 0, window_closed: 0 }
const doubtWaitMs = { urgent: 1000, reply: 1000, notice: 1000, bulk: 1000 }

/** One message in each of the states that are not final, all held by a restore. */
async function restored(): Promise<number[]> {
  const [queued, bulk, doubted, sending] = [
    await desk.queue(),
    await desk.queue({ class: 'bulk' }),
    await desk.queue(),
    await desk.queue(),
  ] as const
  await desk.begin(doubted)
  await desk.house.ask(recoverSending, { doubtWaitMs })
  await desk.begin(sending)
  await desk.house.ask(holdUnfinished, null)
  return [queued, bulk, doubted, sending]
}

test('whatever was not final is held: queued, bulk, in doubt, being sent; and no doubt ends any more', async () => {
  const held = await restored()
  for (const id of held) expect((await desk.timeline(id)).at(-1)).toBe('held (restored)')
  expect(desk.house.reader.isOwed('doubt.ends')).toBe(false)
  expect((await desk.house.ask(beginSending, { messageIds: held })).leave).toEqual([])
})

test('what is let go is queued again with a new deadline, and leaves', async () => {
  const [queued = 0, ...others] = await restored()
  desk.house.clock.advance(DEADLINE_MS.reply * 10)
  expect(await release()).toEqual({ released: 4, stay: NOBODY, next: null })
  for (const id of [queued, ...others]) expect((await desk.timeline(id)).at(-1)).toBe('queued (released)')
  expect((await desk.begin(queued)).messageId).toBe(queued)
  expect(await release()).toEqual({ released: 0, stay: NOBODY, next: null })
})

test('a status that comes while it is held settles it, and it is not sent again', async () => {
  const id = await desk.queue()
  const { correlation } = await desk.begin(id)
  await desk.house.ask(holdUnfinished, null)
  await desk.house.give(statusItem('wamid.lost', 'delivered', desk.house.clock.epochMs(), { correlation }))
  expect(await desk.state(id)).toBe('delivered')
  expect((await release()).released).toBe(0)
  expect((await desk.house.ask(beginSending, { messageIds: [id] })).leave).toEqual([])
})

test('a status that comes between its release and its leaving settles it too', async () => {
  const id = await desk.queue()
  const { correlation } = await desk.begin(id)
  await desk.house.ask(holdUnfinished, null)
  await release()
  await desk.house.give(statusItem('wamid.lost', 'sent', desk.house.clock.epochMs(), { correlation }))
  expect(await desk.state(id)).toBe('sent')
  expect((await desk.house.ask(beginSending, { messageIds: [id] })).leave).toEqual([])
})

test('what could not be sent anyway stays held, and the reason is counted', async () => {
  await restored()
  desk.house.clock.advance(2 * DAY_MS)
  expect(await release()).toMatchObject({ released: 0, stay: { ...NOBODY, window_closed: 4 } })
  await desk.house.ask(setNumberState, { numberId: desk.numberId, state: 'paused', reason: 'by hand' })
  expect(await release()).toMatchObject({ released: 0, stay: { ...NOBODY, number_paused: 4 } })
})

test('only those of one number, found by its alias or its id', async () => {
  await restored()
  const { id } = await desk.house.ask(findNumber, { name: 'support-1' })
  expect(await desk.house.ask(findNumber, { name: '106540352242922' })).toEqual({ id })
  expect(await desk.house.refusalOf(findNumber, { name: 'nobody' })).toMatchObject({ code: 'not_found' })
  expect((await release(id + 1)).released).toBe(0)
  expect((await release(id)).released).toBe(4)
})

test('what is held for another reason stays', async () => {
  const id = await desk.queue()
  await desk.begin(id)
  desk.house.database.run('UPDATE messages SET state = 10 WHERE id = ?1', id)
  expect((await release()).released).toBe(0)
})

test('many go in pieces, none is left out and none goes twice', async () => {
  const ids: number[] = []
  for (let index = 0; index < 450; index++) ids.push(await desk.queue())
  await desk.house.ask(holdUnfinished, null)
  const released: number[] = []
  for (let after: number | null = 0; after !== null; ) {
    const some = await release(null, after)
    released.push(some.released)
    after = some.next
  }
  expect(released).toEqual([200, 200, 50])
  expect(await release()).toMatchObject({ released: 0 })
})
