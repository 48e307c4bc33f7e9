import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import { readId, showId } from '../core/ids.ts'
import type { MessageItem } from '../core/inbound.ts'
import { openTestBook, SEES_ALL, type TestBook } from '../testing/open-test-book.ts'
import { ANNA, declared, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { readConversation } from './conversation.ts'
import { declareNumber } from './number.ts'
import { seeing } from './page.ts'
import type { View } from './views.ts'

let house: TestBook
let nowMs = 0

beforeEach(async () => {
  house = openTestBook()
  nowMs = house.clock.epochMs()
  await house.declare()
})
afterEach(() => house.close())

/** The messages of the only conversation, oldest first. */
async function messages(conversation?: View): Promise<View[]> {
  const [only] = conversation ? [conversation] : await house.conversations()
  return (await house.messagesOf(only)).toReversed()
}

async function upstreamIds(): Promise<unknown[]> {
  return (await messages()).map((message) => message['upstream_id'])
}

describe('a message that is delivered again', () => {
  test.each<[string, (now: number) => Partial<MessageItem>[]]>([
    ['as it was', () => [{}, {}]],
    ['with a stamp in the future', (now) => [{ atMs: now + 90_500 }, { atMs: now + 90_500 }]],
    ['with another stamp', (now) => [{ atMs: now - 4000 }, { atMs: now }]],
    ['without a stamp', (now) => [0, 60_000].map((later) => ({ atMs: now + later, isUnstamped: true }))],
    [
      'by the history of a phone, with another stamp',
      (now) => [{ direction: 'out' }, { direction: 'out', atMs: now - 9000, history: { state: 'read' } }],
    ],
  ])('%s is there once', async (_, deliveries) => {
    for (const delivery of deliveries(nowMs)) {
      await house.give(textItem('wamid.1', nowMs - 1000, delivery))
      house.clock.advance(60_000)
    }
    expect(await messages()).toHaveLength(1)
  })

  test('with another stamp is known after a restart too', async () => {
    await house.give(textItem('wamid.1', nowMs - 9000))
    house.restart()
    await house.give(textItem('wamid.1', nowMs - 1000))
    expect(await messages()).toHaveLength(1)
  })

  test('is not taken for another one of the same second', async () => {
    for (const id of ['wamid.1', 'wamid.2', 'wamid.3']) await house.give(textItem(id, nowMs), textItem(id, nowMs))
    expect((await messages()).map((message) => message['upstream_id'])).toEqual(['wamid.1', 'wamid.2', 'wamid.3'])
  })
})

describe('a message that comes in', () => {
  test('is there with its conversation, contact and events', async () => {
    await house.give(textItem('wamid.1', nowMs - 1000, { text: 'hello' }))
    const [conversation] = await house.conversations()
    expect(conversation).toMatchObject({
      number: TEST_ACCOUNT.id,
      number_alias: 'support-1',
      contact: { name: 'Anna Beispiel', phone: '+4915112345678', user_id: 'DE.1001' },
      unread: 1,
      standby: false,
      window_expires_at: new Date(nowMs - 1000 + DAY_MS).toISOString(),
      last_message: { text: { body: 'hello' }, state: 'received', direction: 'in' },
    })
    const events = await house.told()
    expect(events.map(({ type }) => type)).toEqual(['number.state', 'conversation.created', 'message.received'])
    expect(events[2]?.data).toMatchObject({
      message: { upstream_id: 'wamid.1', text: { body: 'hello' }, from: '+4915112345678', to: TEST_ACCOUNT.display },
      conversation: { id: conversation?.['id'], unread: 1 },
    })
    expect(house.wakes.find(({ kind }) => kind === 'message')).toMatchObject({ direction: 'in', counts: true })
  })

  test('that the platform brings late, as after an outage, takes no place in the rate any more', async () => {
    await house.give(textItem('wamid.1', nowMs - 61_000), textItem('wamid.2', nowMs - 59_000))
    const counted = house.wakes.flatMap((wake) => (wake.kind === 'message' ? [wake.counts] : []))
    expect(counted).toEqual([false, true])
  })

  test('is taken once, however often it comes', async () => {
    const item = textItem('wamid.1', nowMs)
    await house.give(item, item)
    await house.give(textItem('wamid.2', nowMs), item)
    house.restart()
    await house.give(item)
    expect(await upstreamIds()).toEqual(['wamid.1', 'wamid.2'])
    expect((await house.conversations())[0]?.['unread']).toBe(2)
    expect((await house.eventsAfter(0)).filter((text) => text.includes('message.received'))).toHaveLength(2)
  })

  test('stands where the platform says it was written, and by arrival among those of one moment', async () => {
    await house.give(textItem('wamid.3', nowMs - 3000), textItem('wamid.1', nowMs - 9000))
    await house.give(textItem('wamid.4', nowMs - 3000), textItem('wamid.2', nowMs - 5000))
    expect(await upstreamIds()).toEqual(['wamid.1', 'wamid.2', 'wamid.3', 'wamid.4'])
    const [conversation] = await house.conversations()
    expect(conversation?.['last_message']).toMatchObject({ upstream_id: 'wamid.4' })
    expect(conversation?.['last_message_at']).toBe(new Date(nowMs - 3000).toISOString())
    expect(conversation?.['window_expires_at']).toBe(new Date(nowMs - 3000 + DAY_MS).toISOString())
  })

  test('from the future counts as of now', async () => {
    await house.give(textItem('wamid.1', nowMs + 90 * DAY_MS))
    const [conversation] = await house.conversations()
    expect(conversation?.['last_message_at']).toBe(new Date(nowMs).toISOString())
    expect(conversation?.['window_expires_at']).toBe(new Date(nowMs + DAY_MS).toISOString())
  })

  test('on a number that nobody declared is kept, and the number is unclaimed until it is declared', async () => {
    await house.give(textItem('wamid.1', nowMs, { account: { id: '999', display: '+1999' } }))
    const number = house.reader.numbers().find(({ account }) => account === '999')
    expect(number).toMatchObject({
      portfolio: 'acme',
      app: 'main',
      alias: '999',
      display: '+1999',
      state: 2,
      pool: null,
    })
    expect(await house.conversations()).toMatchObject([{ number: '999', sendable: false }])
    const { id } = await house.ask(declareNumber, declared({ account: '999', alias: 'second' }))
    expect(id).toBe(number?.id ?? 0)
    expect(await house.conversations()).toMatchObject([{ number: '999', number_alias: 'second', sendable: true }])
    const states = (await house.eventsAfter(0)).filter((text) => text.includes('"number.state"'))
    expect(states.map((text) => (JSON.parse(text) as { data: View }).data['state'])).toEqual([
      'active',
      'unclaimed',
      'active',
    ])
  })

  test('in a standby thread is another message than an ordinary one with its id, and opens no window', async () => {
    await house.give(textItem('wamid.1', nowMs, { space: 'standby' }))
    expect((await house.conversations())[0]).toMatchObject({ standby: true, sendable: false, window_expires_at: null })
    expect((await messages())[0]).toMatchObject({ standby: true })
    await house.give(textItem('wamid.1', nowMs, { space: 'standby' }), textItem('wamid.1', nowMs))
    expect(await upstreamIds()).toEqual(['wamid.1', 'wamid.1'])
    expect((await house.conversations())[0]).toMatchObject({ standby: false, sendable: true })
  })

  test('or rather out of the phone of the firm, is shown as sent by it and is not unread', async () => {
    const echo: Partial<MessageItem> = { direction: 'out', opensWindow: false }
    await house.give(textItem('wamid.1', nowMs, echo), textItem('wamid.1', nowMs, echo))
    expect(await messages()).toMatchObject([
      {
        direction: 'out',
        source: 'phone',
        state: 'sent',
        from: TEST_ACCOUNT.display,
        to: '+4915112345678',
        reason: null,
      },
    ])
    expect((await house.conversations())[0]).toMatchObject({ unread: 0, window_expires_at: null })
    expect(house.wakes.find(({ kind }) => kind === 'message')).toMatchObject({ direction: 'out', counts: false })
  })

  test('opens the window for a day, and an older or a silent one does not shorten it', async () => {
    await house.give(textItem('wamid.1', nowMs - 1000))
    await house.give(textItem('wamid.2', nowMs - 50_000), textItem('wamid.3', nowMs, { opensWindow: false }))
    expect((await house.conversations())[0]?.['window_expires_at']).toBe(new Date(nowMs - 1000 + DAY_MS).toISOString())
  })

  test('is told with the window as it was then', async () => {
    await house.give(textItem('wamid.0', nowMs, { direction: 'out', opensWindow: false }))
    await house.give(textItem('wamid.1', nowMs - 1000), textItem('wamid.2', nowMs - 50_000))
    await house.give(textItem('wamid.3', nowMs, { space: 'standby' }), textItem('wamid.4', nowMs))
    const events = await house.told()
    const told = events
      .filter(({ type }) => type === 'message.received')
      .map(({ data }) => data['conversation'] as View)
    const opened = new Date(nowMs - 1000 + DAY_MS).toISOString()
    expect(told.map((conversation) => conversation['window_expires_at'])).toEqual([
      null,
      opened,
      opened,
      opened,
      new Date(nowMs + DAY_MS).toISOString(),
    ])
    expect(told.map(({ unread, standby }) => [unread, standby])).toEqual([
      [0, undefined],
      [1, undefined],
      [2, undefined],
      [3, true],
      [4, false],
    ])
  })

  test('of any type is kept whole', async () => {
    const raw = { id: 'wamid.1', type: 'order', order: { items: [{ a: 1 }] }, new_field: [null, { deep: true }] }
    await house.give(textItem('wamid.1', nowMs, { type: 'order', raw }))
    expect(await messages()).toMatchObject([{ type: 'order', order: { items: [{ a: 1 }] } }])
  })

  test('remembers the advertisement that led to it', async () => {
    const item = textItem('wamid.1', nowMs)
    await house.give({ ...item, raw: { ...item.raw, referral: { source_id: '120', body: 'x' } } })
    expect(house.database.all('SELECT referral_source FROM messages')).toEqual([{ referral_source: '120' }])
  })
})

describe('a contact', () => {
  const contactOf = (view: View | undefined) => view?.['contact'] as Record<string, string | null> | undefined

  test('is known by phone or user id, whichever comes, once both have been seen together', async () => {
    await house.give(textItem('wamid.1', nowMs, { person: { phone: '+4915112345678' } }))
    await house.give(textItem('wamid.2', nowMs, { person: ANNA }))
    await house.give(textItem('wamid.3', nowMs, { person: { userId: 'DE.1001' } }))
    expect(await house.conversations()).toHaveLength(1)
    expect(contactOf((await house.conversations())[0])).toMatchObject({ phone: '+4915112345678', user_id: 'DE.1001' })
  })

  test('needs no phone', async () => {
    await house.give(textItem('wamid.1', nowMs, { person: { userId: 'DE.2', username: 'ben' } }))
    expect(contactOf((await house.conversations())[0])).toMatchObject({ phone: null, user_id: 'DE.2', name: null })
    expect((await messages())[0]).toMatchObject({ from: 'DE.2' })
  })

  test('keeps what a later message does not say, and takes what it says anew', async () => {
    await house.give(textItem('wamid.1', nowMs), textItem('wamid.2', nowMs, { person: { phone: '+4915112345678' } }))
    expect(contactOf((await house.conversations())[0])).toMatchObject({ name: 'Anna Beispiel', user_id: 'DE.1001' })
    await house.give(textItem('wamid.3', nowMs, { person: { ...ANNA, name: 'Anna B.' } }))
    expect(contactOf((await house.conversations())[0])).toMatchObject({ name: 'Anna B.', user_id: 'DE.1001' })
  })

  test('of another portfolio is somebody else', async () => {
    await house.ask(declareNumber, declared({ account: '2', alias: 'two', portfolio: 'other' }))
    await house.give(textItem('wamid.1', nowMs), textItem('wamid.2', nowMs, { account: { id: '2' } }))
    const ids = (await house.conversations()).map((view) => contactOf(view)?.['id'])
    expect(new Set(ids).size).toBe(2)
  })

  test('on two numbers of one portfolio is one contact with two conversations', async () => {
    await house.ask(declareNumber, declared({ account: '2', alias: 'two' }))
    await house.give(textItem('wamid.1', nowMs), textItem('wamid.2', nowMs, { account: { id: '2' } }))
    const ids = (await house.conversations()).map((view) => contactOf(view)?.['id'])
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })

  test('does not inherit the thread of whoever had the phone before', async () => {
    await house.give(textItem('wamid.1', nowMs))
    await house.give(textItem('wamid.2', nowMs, { person: { phone: '+4915112345678', userId: 'DE.777', name: 'Zoe' } }))
    const contacts = (await house.conversations()).map(contactOf)
    expect(contacts).toHaveLength(2)
    expect(contacts.find((one) => one?.['user_id'] === 'DE.777')).toMatchObject({
      phone: '+4915112345678',
      name: 'Zoe',
    })
    // Else an answer to the old thread would reach the new owner.
    expect(contacts.find((one) => one?.['user_id'] === 'DE.1001')).toMatchObject({ phone: null, name: 'Anna Beispiel' })
    await house.give(textItem('wamid.3', nowMs, { person: { phone: '+4915112345678' } }))
    const zoe = (await house.conversations()).find((view) => contactOf(view)?.['user_id'] === 'DE.777')
    expect((await messages(zoe)).map((message) => message['upstream_id'])).toEqual(['wamid.2', 'wamid.3'])
  })
})

describe('the read marker', () => {
  test('leaves what came after it unread', async () => {
    for (const seq of [1, 2, 3, 4]) await house.give(textItem(`wamid.${seq}`, nowMs - 10_000 + seq * 1000))
    const conversationId = readId('conversation', String((await house.conversations())[0]?.['id'])) ?? 0
    const ids = (await messages()).map((message) => readId('message', String(message['id'])) ?? 0)
    const read = (uptoMessageId: number | null) => house.ask(readConversation, { conversationId, uptoMessageId })
    expect(await read(ids[1] ?? 0)).toEqual({ unread: 2 })
    expect((await house.conversations())[0]?.['unread']).toBe(2)
    // An older marker takes nothing back.
    expect(await read(ids[0] ?? 0)).toEqual({ unread: 2 })
    expect(await read(null)).toEqual({ unread: 0 })
    const updates = (await house.eventsAfter(0)).filter((text) => text.includes('conversation.updated'))
    expect(updates.map((text) => JSON.parse(text).data.conversation.unread)).toEqual([2, 0])
  })

  test('is refused for what is not there', async () => {
    await house.give(textItem('wamid.1', nowMs), textItem('wamid.2', nowMs, { person: { phone: '+4917700000' } }))
    const [one, other] = await house.conversations()
    const conversationId = readId('conversation', String(one?.['id'])) ?? 0
    const foreign = readId('message', String((await messages(other))[0]?.['id'])) ?? 0
    const refusal = await house.refusalOf(readConversation, { conversationId, uptoMessageId: foreign })
    expect(refusal).toMatchObject({ code: 'invalid', members: { path: '/upto' } })
    const missing = await house.refusalOf(readConversation, { conversationId: 99_999, uptoMessageId: null })
    expect(missing?.code).toBe('not_found')
  })
})

test('lists end where they end, page by page, newest first, and nothing twice', async () => {
  const people = Array.from({ length: 7 }, (_, index) => ({ phone: `+4915000000${index}` }))
  for (const [index, person] of people.entries()) {
    await house.give(textItem(`wamid.${index}`, nowMs - 60_000 + (index >> 1) * 1000, { person }))
  }
  const seen: unknown[] = []
  let cursor: string | null = null
  do {
    const page = await house.reader.conversations({ limit: 3, cursor }, SEES_ALL)
    expect(page.items.length).toBeLessThanOrEqual(3)
    expect(page.as_of).toBe(house.book.head())
    seen.push(...page.items.map((view) => (view['contact'] as View)['phone']))
    cursor = page.next
  } while (cursor !== null)
  expect(seen).toEqual(people.map(({ phone }) => phone).reverse())
  const hidden = await house.reader.conversations(
    { limit: 3, cursor: null },
    seeing(1, () => false),
  )
  expect(hidden.items).toEqual([])
  await expect(house.reader.conversations({ limit: 3, cursor: 'not a cursor' }, SEES_ALL)).rejects.toThrow(
    'The cursor is not',
  )
  expect(await house.reader.message(1, SEES_ALL)).toBeUndefined()
  expect(showId('conversation', 1)).toBe('cnv_1')
})
