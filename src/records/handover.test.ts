import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS, toTime } from '../core/clock.ts'
import { readId } from '../core/ids.ts'
import type { HandoverItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { ACCEPTED, ANNA, DOUBT_WAIT_MS, declared, queued, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { declareNumber } from './number.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending, recordOutcome } from './send-message.ts'
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

/** What was told of who owns the thread, in order. */
async function told(): Promise<unknown[]> {
  return (await house.told()).flatMap(({ data }) => {
    const view = data['conversation'] as View | undefined
    return view && 'standby' in view ? [view['standby']] : []
  })
}

function handover(isOurs: boolean, atMs: number): HandoverItem {
  const type = isOurs ? 'control_passed' : 'control_taken'
  return { kind: 'handover', account: TEST_ACCOUNT, person: ANNA, atMs, isOurs, raw: { type, timestamp: atMs } }
}

const standby = (id: string, atMs: number) => textItem(id, atMs, { space: 'standby', opensWindow: false })

test('a thread passes to another application and back, told each time', async () => {
  await house.give(textItem('wamid.1', nowMs - 9000), handover(false, nowMs - 8000))
  expect(await conversation()).toMatchObject({ standby: true, sendable: false })
  const recipient = { kind: 'person', person: ANNA } as const
  expect((await house.refusalOf(queueMessage, queued(recipient)))?.code).toBe('conflict')
  await house.give(handover(true, nowMs - 7000), handover(true, nowMs - 7000))
  expect(await conversation()).toMatchObject({ standby: false, sendable: true, unread: 1 })
  expect(await told()).toEqual([true, false])
})

test('a word that comes late does not win', async () => {
  await house.give(handover(true, nowMs - 1000), handover(false, nowMs - 2000))
  expect(await conversation()).toMatchObject({ standby: false })
  await house.give(standby('wamid.1', nowMs - 3000))
  expect(await conversation()).toMatchObject({ standby: false })
})

test('messages say it too: in standby, and ours again', async () => {
  await house.give(textItem('wamid.1', nowMs - 9000), standby('wamid.2', nowMs - 8000))
  expect(await conversation()).toMatchObject({ standby: true })
  // Written before the other application took over, told after.
  await house.give(textItem('wamid.3', nowMs - 8500))
  expect(await conversation()).toMatchObject({ standby: true })
  await house.give(textItem('wamid.4', nowMs - 7000), standby('wamid.5', nowMs - 7500))
  expect(await conversation()).toMatchObject({ standby: false })
  expect(await told()).toEqual([true, false])
})

test('the newest word holds in whatever order the words come', async () => {
  const words = [
    standby('wamid.1', nowMs - 9000),
    handover(true, nowMs - 8000),
    standby('wamid.2', nowMs - 7000),
    textItem('wamid.3', nowMs - 6500, { direction: 'out', opensWindow: false }),
  ]
  const orders = [
    [0, 2, 1, 3],
    [3, 2, 1, 0],
    [2, 3, 0, 1],
    [3, 0, 2, 1],
  ]
  for (const order of orders) {
    const items = order.flatMap((index) => words[index] ?? [])
    await house.give(...items)
    expect({ order, ...(await conversation()) }).toMatchObject({ order, standby: true })
    house.close()
    house = openTestBook()
    await house.ask(declareNumber, declared())
  }
})

test('what the firm writes on its phone says nothing of who owns the thread', async () => {
  await house.give(
    standby('wamid.1', nowMs - 9000),
    textItem('wamid.2', nowMs, { direction: 'out', opensWindow: false }),
  )
  expect(await conversation()).toMatchObject({ standby: true })
})

test('a hand-over is kept whole, sealed with the key of its person, and is no message', async () => {
  await house.give(handover(false, nowMs))
  expect(house.database.all('SELECT type, flags FROM messages')).toEqual([{ type: 'handover', flags: 8 }])
  expect(await conversation()).toMatchObject({ last_message: null, unread: 0 })
})

describe('a message that takes the thread over', () => {
  const ask = (more: object = {}) => queued({ kind: 'person', person: ANNA }, { takeOver: true, ...more })

  async function send(more: object = {}): Promise<void> {
    const { answer } = await house.ask(queueMessage, ask(more))
    const messageId = readId('message', answer.id) ?? 0
    await house.ask(beginSending, { messageIds: [messageId] })
    expect(await conversation()).toMatchObject({ standby: true })
    const outcome = { outcome: ACCEPTED('wamid.ours'), doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs: 0 }
    await house.ask(recordOutcome, { messageId, attempt: 1, ...outcome })
  }

  test('makes it ours when the platform has taken it, with the window that the customer has opened', async () => {
    await house.give(standby('wamid.1', nowMs - 9000), standby('wamid.2', nowMs - 8000))
    expect(await conversation()).toMatchObject({ standby: true, window_expires_at: null })
    await send()
    expect(await conversation()).toMatchObject({
      standby: false,
      sendable: true,
      window_expires_at: toTime(nowMs - 8000 + DAY_MS),
    })
    expect(await told()).toEqual([true, false])
    // What came before is told late, what comes after is another application again.
    await house.give(standby('wamid.3', nowMs - 7000))
    expect(await conversation()).toMatchObject({ standby: false })
    house.clock.advance(1000)
    await house.give(standby('wamid.4', house.clock.epochMs()))
    expect(await conversation()).toMatchObject({ standby: true })
  })

  test('is still held to the window', async () => {
    await house.give(standby('wamid.1', nowMs - DAY_MS))
    expect((await house.refusalOf(queueMessage, ask()))?.code).toBe('window_closed')
  })

  test('is no template', async () => {
    await house.give(standby('wamid.1', nowMs - 9000))
    await send({ type: 'template', content: { type: 'template', template: { name: 'x', language: { code: 'en' } } } })
    expect(await conversation()).toMatchObject({ standby: true })
  })

  test('makes it ours as well where it was queued before the other application took it', async () => {
    await house.give(textItem('wamid.1', nowMs - 9000))
    const { answer } = await house.ask(queueMessage, queued({ kind: 'person', person: ANNA }))
    await house.give(standby('wamid.2', nowMs - 1000))
    const messageId = readId('message', answer.id) ?? 0
    await house.ask(beginSending, { messageIds: [messageId] })
    const outcome = { outcome: ACCEPTED('wamid.ours'), doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs: 0 }
    await house.ask(recordOutcome, { messageId, attempt: 1, ...outcome })
    expect(await conversation()).toMatchObject({ standby: false })
  })
})
