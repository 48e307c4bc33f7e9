import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import { readId, showId } from '../core/ids.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { SEES_ALL } from '../testing/open-test-book.ts'
import { ACCEPTED, ANNA, declared, queued, TEST_ACCOUNT, textItem } from '../testing/test-items.ts'
import { declareNumber, setNumberState } from './number.ts'
import { IDEMPOTENCY_KEEP_MS, isMeant, purgeIdempotency, type QueueMessage, queueMessage } from './queue-message.ts'
import type { View } from './views.ts'

let desk: Desk

beforeEach(async () => {
  desk = await openDesk()
})
afterEach(() => desk.house.close())

const STRANGER = { kind: 'person', person: { phone: '+4917099999' } } as const
const TEMPLATE = { type: 'template', content: { type: 'template', template: { name: 'hello' } } } as const

async function refusal(ask: QueueMessage) {
  return await desk.house.refusalOf(queueMessage, ask)
}

const toConversation = (more: Partial<QueueMessage> = {}) =>
  queued({ kind: 'conversation', id: desk.conversationId }, more)
const toAnna = (more: Partial<QueueMessage> = {}) => queued({ kind: 'person', person: ANNA }, more)

/** The account that a request leaves from. */
async function senderOf(ask: QueueMessage): Promise<unknown> {
  const { answer } = await desk.house.ask(queueMessage, ask)
  return (await desk.message(readId('message', answer.id) ?? 0))['number']
}

describe('a message to be sent', () => {
  test('is answered with its id, its conversation and when it leaves', async () => {
    const predictions = [{ numberId: desk.numberId, waitMs: 1500.2, waitsFor: 'number' }]
    const { repeated, answer } = await desk.house.ask(queueMessage, toConversation({ predictions, reference: 'R-1' }))
    expect(repeated).toBeFalse()
    const nowMs = desk.house.clock.epochMs()
    expect(answer).toEqual({
      id: showId('message', readId('message', answer.id) ?? 0),
      state: 'queued',
      leaves_at: new Date(nowMs + 1501).toISOString(),
      waits_for: 'number',
      conversation_id: showId('conversation', desk.conversationId),
    })
    const messageId = readId('message', answer.id) ?? 0
    expect(desk.house.reader.owed(desk.numberId, 'reply', 10)).toEqual([
      {
        messageId,
        numberId: desk.numberId,
        conversationId: desk.conversationId,
        class: 'reply',
        deadlineAtMs: nowMs + 30_000,
        notBeforeMs: 0,
      },
    ])
    expect(desk.house.wakes).toContainEqual(expect.objectContaining({ kind: 'queued', messageId }))
    const event = JSON.parse((await desk.house.eventsAfter(0)).at(-1) ?? '') as { type: string; data: View }
    expect(event).toMatchObject({
      type: 'message.state',
      data: {
        state: 'queued',
        reference: 'R-1',
        upstream_id: null,
        message: { text: { body: 'an answer' }, id: answer.id },
      },
    })
  })

  test('needs an open window, a template does not', async () => {
    desk.house.clock.advance(DAY_MS - 1)
    await desk.house.ask(queueMessage, toConversation())
    desk.house.clock.advance(1)
    expect((await refusal(toConversation()))?.code).toBe('window_closed')
    await desk.house.ask(queueMessage, toConversation(TEMPLATE))
  })

  test('to somebody unknown makes contact and conversation only if it is taken', async () => {
    const head = desk.house.book.head()
    expect((await refusal(queued(STRANGER)))?.code).toBe('window_closed')
    expect(desk.house.book.head()).toBe(head)
    expect(desk.house.database.one('SELECT count(*) AS count FROM contacts')).toEqual({ count: 1 })
    await desk.house.ask(queueMessage, queued(STRANGER, TEMPLATE))
    const items = await desk.house.conversations()
    expect(items.map((view) => (view['contact'] as View)['phone'])).toContain('+4917099999')
  })

  test.each([
    ['a number that is paused', 'number_paused'],
    ['a thread that another application owns', 'conflict'],
    ['a full queue', 'unavailable'],
    ['a conversation that is not there', 'not_found'],
  ])('is refused for %s', async (about, code) => {
    const { house } = desk
    let ask = toConversation()
    if (code === 'number_paused') {
      await house.ask(setNumberState, { numberId: desk.numberId, state: 'paused', reason: 'by hand' })
    }
    if (code === 'conflict') await house.give(textItem('wamid.s', house.clock.epochMs(), { space: 'standby' }))
    if (code === 'unavailable') ask = toConversation({ hasRoom: false })
    if (code === 'not_found') ask = queued({ kind: 'conversation', id: 999_999 })
    const refused = await refusal(ask)
    expect(refused?.code, about).toBe(code as never)
    if (code === 'number_paused') expect(refused?.members).toEqual({ reason: 'by hand' })
    expect(house.database.all('SELECT message_id FROM outbound')).toEqual([])
  })

  test('is refused on a number that nobody declared', async () => {
    await desk.house.give(textItem('wamid.u', desk.house.clock.epochMs() + 1, { account: { id: '999' } }))
    const refused = await refusal(toAnna({ sender: { kind: 'number', account: '999' } }))
    expect(refused?.code).toBe('number_paused')
    const { house } = desk
    const paused = await house.refusalOf(setNumberState, { numberId: 999_999, state: 'paused', reason: null })
    expect(paused?.code).toBe('not_found')
  })
})

describe('the sender', () => {
  test('may be named by the platform id, by the phone or by the alias', async () => {
    await desk.house.ask(declareNumber, declared({ account: '2', alias: 'two', display: '+4930222', pool: 'sales' }))
    const from = (account: string) => toAnna({ ...TEMPLATE, sender: { kind: 'number', account } })
    for (const name of ['2', '+4930222', 'two']) expect(await senderOf(from(name))).toBe('2')
    for (const name of [TEST_ACCOUNT.id, TEST_ACCOUNT.display, 'support-1']) {
      expect(await senderOf(from(name))).toBe(TEST_ACCOUNT.id)
    }
    expect(await refusal(from('3'))).toMatchObject({ code: 'invalid', members: { path: '/from/number' } })
  })

  test('is the number of the conversation, then of the latest conversation with the person', async () => {
    await desk.house.ask(declareNumber, declared({ account: '2', alias: 'two', pool: 'sales' }))
    expect(await senderOf(toConversation())).toBe(TEST_ACCOUNT.id)
    expect(await senderOf(toAnna())).toBe(TEST_ACCOUNT.id)
    desk.house.clock.advance(1000)
    await desk.house.give(textItem('wamid.2', desk.house.clock.epochMs(), { account: { id: '2' } }))
    expect(await senderOf(toAnna())).toBe('2')
    expect(await senderOf(toConversation())).toBe(TEST_ACCOUNT.id)
  })

  test('is among those that are meant, whose waits the answer goes by', async () => {
    await desk.house.ask(declareNumber, declared({ account: '2', alias: 'two', pool: 'sales' }))
    const numbers = desk.house.reader.numbers()
    const meant = ({ sender }: QueueMessage, own?: number) => numbers.filter((number) => isMeant(number, sender, own))
    const cases = [
      { ask: toConversation(), own: desk.numberId, accounts: [TEST_ACCOUNT.id] },
      {
        ask: toConversation({ ...TEMPLATE, sender: { kind: 'number', account: 'two' } }),
        own: desk.numberId,
        accounts: ['2'],
      },
      { ask: toAnna({ ...TEMPLATE, sender: { kind: 'pool', pool: 'sales' } }), accounts: ['2'] },
      { ask: toAnna(), accounts: [TEST_ACCOUNT.id, '2'] },
    ]
    for (const { ask, own, accounts } of cases) {
      const those = meant(ask, own)
      expect(those.map(({ account }) => account)).toEqual(accounts)
      const predictions = those.map(({ id }) => ({ numberId: id, waitMs: 5, waitsFor: null }))
      const { answer } = await desk.house.ask(queueMessage, { ...ask, predictions })
      expect(answer.leaves_at).toBe(new Date(desk.house.clock.epochMs() + 5).toISOString())
    }
  })

  test('is the only pool for somebody new, and has to be said where there are two', async () => {
    await desk.house.ask(declareNumber, declared({ account: '2', alias: 'two' }))
    const predictions = desk.house.reader.numbers().map(({ id, account }) => ({
      numberId: id,
      waitMs: account === '2' ? 10 : 500,
      waitsFor: null,
    }))
    // The shortest wait of the pool.
    expect(await senderOf(queued(STRANGER, { ...TEMPLATE, predictions }))).toBe('2')
    await desk.house.ask(declareNumber, declared({ account: '3', alias: 'three', pool: 'sales' }))
    const other = { kind: 'person', person: { phone: '+4917011111' } } as const
    expect(await refusal(queued(other, TEMPLATE))).toMatchObject({
      code: 'sender_required',
      members: { path: '/from' },
    })
    expect(await senderOf(queued(other, { ...TEMPLATE, sender: { kind: 'pool', pool: 'sales' } }))).toBe('3')
    const nowhere = queued(other, { ...TEMPLATE, sender: { kind: 'pool', pool: 'none' } })
    expect(await refusal(nowhere)).toMatchObject({ code: 'invalid', members: { path: '/from/pool' } })
  })

  test('is an active number of its pool where another one is paused', async () => {
    await desk.house.ask(declareNumber, declared({ account: '2', alias: 'two' }))
    await desk.house.ask(setNumberState, { numberId: desk.numberId, state: 'paused', reason: null })
    expect(await senderOf(queued(STRANGER, TEMPLATE))).toBe('2')
  })

  test('of a conversation may be another number: then it is the conversation with that one', async () => {
    await desk.house.ask(declareNumber, declared({ account: '2', alias: 'two' }))
    const sender = { kind: 'number', account: 'two' } as const
    // The window is that of the conversation it would leave in.
    expect((await refusal(toConversation({ sender })))?.code).toBe('window_closed')
    expect(await senderOf(toConversation({ ...TEMPLATE, sender }))).toBe('2')
    expect(await senderOf(toConversation({ sender: { kind: 'pool', pool: 'support' } }))).toBe(TEST_ACCOUNT.id)
    await desk.house.ask(declareNumber, declared({ account: '3', alias: 'three', portfolio: 'other' }))
    const foreign = toConversation({ ...TEMPLATE, sender: { kind: 'number', account: 'three' } })
    expect(await refusal(foreign)).toMatchObject({ code: 'invalid', members: { path: '/from' } })
  })
})

describe('a reply', () => {
  const context = (local: number) => ({
    content: { type: 'text', text: { body: 'x' }, context: { local_message_id: local } },
  })

  test('to one of our ids leaves with the id of the platform', async () => {
    const received = (await desk.house.reader.messages(desk.conversationId, { limit: 9, cursor: null }, SEES_ALL))
      ?.items[0]
    const toReceived = await desk.queue(context(readId('message', String(received?.['id'])) ?? 0))
    expect((await desk.begin(toReceived)).content['context']).toEqual({ message_id: 'wamid.first' })

    const sent = await desk.queue()
    expect(await refusal(toConversation(context(sent)))).toMatchObject({
      code: 'invalid',
      members: { path: '/context/message_id' },
    })
    await desk.outcome(await desk.begin(sent), ACCEPTED('wamid.out'))
    const toSent = await desk.queue(context(sent))
    expect((await desk.begin(toSent)).content['context']).toEqual({ message_id: 'wamid.out' })
  })

  test('to an id of the platform leaves with it as it is', async () => {
    const content = { type: 'text', text: { body: 'x' }, context: { message_id: 'wamid.unknown' } }
    expect((await desk.begin(await desk.queue({ content }))).content).toEqual(content)
  })

  test('to a message of another conversation is refused', async () => {
    const other = { person: { phone: '+4917711111' } }
    await desk.house.give(textItem('wamid.other', desk.house.clock.epochMs() + 1, other))
    const items = await desk.house.conversations()
    const foreign = items
      .map((view) => view['last_message'] as View)
      .find((view) => view['upstream_id'] === 'wamid.other')
    const refused = await refusal(toConversation(context(readId('message', String(foreign?.['id'])) ?? 0)))
    expect(refused).toMatchObject({ code: 'invalid', members: { path: '/context/message_id' } })
  })
})

describe('an idempotency key', () => {
  const idempotency = (key: number, request = 1) => ({
    idempotency: { keyHash: new Uint8Array(32).fill(key), requestHash: new Uint8Array(32).fill(request) },
  })

  test('gives the first answer again, whatever has happened since', async () => {
    const first = await desk.house.ask(queueMessage, toConversation(idempotency(1)))
    desk.house.clock.advance(2 * DAY_MS)
    desk.house.restart()
    const again = await desk.house.ask(queueMessage, toConversation({ ...idempotency(1), hasRoom: false }))
    expect(again).toEqual({ repeated: true, answer: first.answer })
    expect(desk.house.database.one('SELECT count(*) AS count FROM outbound')).toEqual({ count: 1 })
  })

  test('is refused for another request', async () => {
    await desk.house.ask(queueMessage, toConversation(idempotency(1)))
    expect((await refusal(toConversation(idempotency(1, 2))))?.code).toBe('idempotency_mismatch')
  })

  test('of a refused request is free', async () => {
    expect((await refusal(toConversation({ ...idempotency(1), hasRoom: false })))?.code).toBe('unavailable')
    expect((await desk.house.ask(queueMessage, toConversation(idempotency(1, 2)))).repeated).toBeFalse()
  })

  test('is remembered where the clock was ahead by years for a moment', async () => {
    const first = await desk.house.ask(queueMessage, toConversation(idempotency(1)))
    desk.house.clock.jump(4000 * DAY_MS)
    await desk.house.ask(declareNumber, declared())
    desk.house.clock.jump(-4000 * DAY_MS)
    expect(await desk.house.ask(purgeIdempotency, null)).toEqual({ purged: 0 })
    const again = await desk.house.ask(queueMessage, toConversation(idempotency(1)))
    expect(again).toEqual({ repeated: true, answer: first.answer })
  })

  test('is forgotten after seven days', async () => {
    await desk.house.ask(queueMessage, toConversation(idempotency(1)))
    await desk.house.ask(queueMessage, toConversation(idempotency(2)))
    desk.house.clock.advance(IDEMPOTENCY_KEEP_MS)
    expect((await desk.house.ask(queueMessage, toConversation({ ...idempotency(1), ...TEMPLATE }))).repeated).toBeTrue()
    desk.house.clock.advance(1)
    const anew = { ...idempotency(1, 2), ...TEMPLATE }
    expect((await desk.house.ask(queueMessage, toConversation(anew))).repeated).toBeFalse()
    expect(await desk.house.ask(purgeIdempotency, null)).toEqual({ purged: 1 })
    expect((await desk.house.ask(queueMessage, toConversation(anew))).repeated).toBeTrue()
  })
})
