import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../core/clock.ts'
import type { SendOutcome } from '../core/inbound.ts'
import { Db } from '../storage/database.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { SEES_ALL } from '../testing/open-test-book.ts'
import {
  ACCEPTED,
  DEADLINE_MS,
  DOUBT_WAIT_MS,
  declared,
  queued,
  statusItem,
  TEST_ACCOUNT,
  textItem,
} from '../testing/test-items.ts'
import { declareNumber, setNumberState } from './number.ts'
import { queueMessage } from './queue-message.ts'
import {
  beginSending,
  cancelMessage,
  endDoubt,
  expireMessages,
  recordOutcome,
  recoverSending,
  retryMessage,
} from './send-message.ts'

let desk: Desk

beforeEach(async () => {
  desk = await openDesk()
})
afterEach(() => desk.house.close())

const RETRY: SendOutcome = {
  kind: 'retry',
  code: 130429,
  reason: 'throttled',
  afterMs: null,
  scope: 'number',
  throttled: true,
}
const UNKNOWN: SendOutcome = { kind: 'unknown', code: null, reason: 'timeout' }

function refused(more: Partial<Extract<SendOutcome, { kind: 'refused' }>> = {}): SendOutcome {
  return { kind: 'refused', code: 131026, reason: 'undeliverable', pauses: 'nothing', closesWindow: false, ...more }
}

async function stays(messageId: number): Promise<string | undefined> {
  const { leave, stay } = await desk.house.ask(beginSending, { messageIds: [messageId] })
  expect(leave).toEqual([])
  return stay[0]?.reason
}

const retry = (messageId: number) => desk.house.ask(retryMessage, { messageId, deadlineMs: DEADLINE_MS })
const isOwed = () => desk.house.database.all('SELECT message_id FROM outbound WHERE owed = 1').length > 0

describe('beginning to send', () => {
  test('tells everything the relay needs, once', async () => {
    const id = await desk.queue({ callerData: 'theirs' })
    const queuedAtMs = desk.house.clock.epochMs()
    desk.house.clock.advance(500)
    const departure = await desk.begin(id)
    expect(departure).toEqual({
      messageId: id,
      numberId: desk.numberId,
      account: TEST_ACCOUNT.id,
      app: 'main',
      channel: 'whatsapp',
      attempt: 1,
      to: { phone: '+4915112345678', userId: 'DE.1001' },
      groupId: null,
      content: { type: 'text', text: { body: 'an answer' } },
      queuedAtMs,
      class: 'reply',
      correlation: departure.correlation,
    })
    expect(departure.correlation).toMatch(/^gh1\.[0-9a-z]+\.[0-9a-z]+$/)
    expect(await stays(id)).toBe('not_queued')
    expect(await stays(999_999)).toBe('not_queued')
    expect(await desk.message(id)).toMatchObject({ state: 'sending', biz_opaque_callback_data: 'theirs' })
  })

  test('leaves what was cancelled', async () => {
    const id = await desk.queue()
    await desk.house.ask(cancelMessage, { messageId: id })
    expect(await stays(id)).toBe('not_queued')
  })

  test('expires what is past its deadline', async () => {
    const id = await desk.queue({ deadlineMs: 1000 })
    desk.house.clock.advance(1000)
    expect(await stays(id)).toBe('deadline')
    expect(await desk.timeline(id)).toEqual(['queued', 'expired (deadline)'])
    expect(isOwed()).toBeFalse()
  })

  test('fails what has lost its window, but no template', async () => {
    const more = { deadlineMs: 2 * DAY_MS }
    const [text, template] = [await desk.queue(more), await desk.queue({ ...more, type: 'template' })]
    desk.house.clock.advance(DAY_MS)
    expect(await stays(text)).toBe('window_closed')
    expect(await desk.timeline(text)).toEqual(['queued', 'failed (window_closed)'])
    expect((await desk.begin(template)).messageId).toBe(template)
  })

  test('keeps what belongs to a paused number queued', async () => {
    const id = await desk.queue()
    await desk.house.ask(setNumberState, { numberId: desk.numberId, state: 'paused', reason: null })
    expect(await stays(id)).toBe('number_paused')
    expect(await desk.timeline(id)).toEqual(['queued'])
    await desk.house.ask(setNumberState, { numberId: desk.numberId, state: 'active', reason: null })
    expect((await desk.begin(id)).attempt).toBe(1)
  })

  test('sends nothing to somebody whose key is destroyed', async () => {
    const id = await desk.queue()
    desk.house.restart()
    const { database, folder } = desk.house
    expect(database.one('SELECT count(*) AS count FROM contacts')).toEqual({ count: 1 })
    const vault = new Db(`${folder}/vault.db`)
    vault.run('DELETE FROM person_keys')
    vault.close()
    expect(await stays(id)).toBe('erased')
    expect(await desk.timeline(id)).toEqual(['queued', 'cancelled (erased)'])
  })
})

describe('the answer of the platform', () => {
  test('yes: accepted, with its id, and nothing is owed any more', async () => {
    const id = await desk.queue()
    expect(await desk.outcome(await desk.begin(id), ACCEPTED('wamid.out'))).toBe('accepted')
    expect(await desk.message(id)).toMatchObject({ state: 'accepted', upstream_id: 'wamid.out', reason: null })
    expect(isOwed()).toBeFalse()
  })

  test('yes, but held for a quality assessment: accepted and pacing', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), { kind: 'accepted', upstreamId: 'w', recipient: null, pacing: true })
    expect(await desk.message(id)).toMatchObject({ state: 'accepted', reason: 'pacing', pacing: true })
  })

  test('yes, to somebody whose user id and own form of the phone we learn by it', async () => {
    const to = { kind: 'person', person: { phone: '+5511987654321' } } as const
    const { answer } = await desk.house.ask(queueMessage, queued(to, { type: 'template' }))
    const id = Number.parseInt(answer.id.slice(4), 36)
    const recipient = { phone: '+551187654321', userId: 'BR.5' }
    await desk.outcome(await desk.begin(id), { kind: 'accepted', upstreamId: 'w', recipient, pacing: false })
    const nowMs = desk.house.clock.epochMs()
    await desk.house.give(
      textItem('wamid.a', nowMs, { person: { phone: '+551187654321' } }),
      textItem('wamid.b', nowMs, { person: { userId: 'BR.5' } }),
    )
    const items = await desk.house.conversations()
    expect(items.map((view) => view['id'])).toContain(answer.conversation_id)
    expect(items).toHaveLength(2)
  })

  test('not now: queued again, later, as often as its deadline allows', async () => {
    const id = await desk.queue({ deadlineMs: DAY_MS })
    for (let attempt = 1; attempt < 20; attempt++) {
      const departure = await desk.begin(id)
      expect(departure.attempt).toBe(attempt)
      expect(await desk.outcome(departure, RETRY)).toBe('queued')
      const [owed] = desk.house.reader.owed(desk.numberId, 'reply', 9)
      expect(owed).toMatchObject({ messageId: id, notBeforeMs: desk.house.clock.epochMs() + 1000 })
    }
  })

  test('never: failed, with code and reason', async () => {
    const id = await desk.queue()
    expect(await desk.outcome(await desk.begin(id), refused())).toBe('failed')
    expect((await desk.timeline(id)).at(-1)).toBe('failed (131026 undeliverable)')
    expect(isOwed()).toBeFalse()
    expect(desk.house.reader.numbers().map(({ state }) => state)).toEqual([0])
  })

  test('never, because the window is closed: the conversation says so too', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), refused({ closesWindow: true }))
    const view = await desk.house.reader.conversation(desk.conversationId, SEES_ALL)
    expect(view).toMatchObject({ window_expires_at: null, unread: 1 })
    const last = (await desk.house.eventsAfter(0)).at(-1) ?? ''
    expect(JSON.parse(last)).toMatchObject({
      type: 'conversation.updated',
      data: { conversation: { window_expires_at: null, unread: 1 } },
    })
    expect((await desk.house.refusalOf(retryMessage, { messageId: id, deadlineMs: DEADLINE_MS }))?.code).toBe(
      'window_closed',
    )
  })

  test.each([
    ['number', ['106540352242922']],
    ['waba', ['106540352242922', '2']],
    ['template', []],
    ['nothing', []],
  ] as const)('never, which pauses the %s', async (pauses, paused) => {
    const { house } = desk
    await house.ask(declareNumber, declared({ account: '2', alias: 'two' }))
    await house.ask(declareNumber, declared({ account: '3', alias: 'three', waba: 'other' }))
    await house.ask(declareNumber, declared({ account: '4', alias: 'four', waba: null, app: 'second' }))
    await desk.outcome(await desk.begin(await desk.queue()), refused({ pauses, code: 190 }))
    const numbers = house.reader.numbers().filter(({ state }) => state === 1)
    expect(numbers.map(({ account }) => account)).toEqual([...paused])
    for (const number of numbers) expect(number.reason).toBe('190 undeliverable')
  })

  test('not with this token: every number that sends with it is paused, and the message waits', async () => {
    const { house } = desk
    await house.ask(declareNumber, declared({ account: '2', alias: 'two' }))
    await house.ask(declareNumber, declared({ account: '4', alias: 'four', app: 'second' }))
    const id = await desk.queue()
    const outcome = { ...RETRY, code: 190, reason: 'token_invalid', pauses: 'token' as const }
    expect(await desk.outcome(await desk.begin(id), outcome)).toBe('queued')
    const paused = house.reader.numbers().filter(({ state }) => state === 1)
    expect(paused.map(({ account, reason }) => [account, reason])).toEqual([
      ['106540352242922', '190 token_invalid'],
      ['2', '190 token_invalid'],
    ])
    expect((await desk.timeline(id)).at(-1)).toBe('queued (token_invalid)')
    expect(isOwed()).toBeTrue()
  })

  test('of an attempt that is past says nothing', async () => {
    const id = await desk.queue({ deadlineMs: DAY_MS })
    const first = await desk.begin(id)
    await desk.outcome(first, RETRY)
    const second = await desk.begin(id)
    for (const outcome of [refused(), RETRY, UNKNOWN, ACCEPTED('wamid.late')]) {
      expect(await desk.outcome(first, outcome)).toBe('sending')
    }
    expect(await desk.outcome(second, ACCEPTED('wamid.second'))).toBe('accepted')
    for (const outcome of [refused(), RETRY, UNKNOWN]) expect(await desk.outcome(second, outcome)).toBe('accepted')
    expect((await desk.message(id))['upstream_id']).toBe('wamid.second')
  })

  test('yes, after a status has said more, takes nothing back', async () => {
    const id = await desk.queue()
    const departure = await desk.begin(id)
    const { correlation } = departure
    await desk.house.give(statusItem('wamid.out', 'failed', desk.house.clock.epochMs(), { correlation }))
    expect(await desk.outcome(departure, ACCEPTED('wamid.out'))).toBe('failed')
    expect(await desk.outcome({ ...departure, messageId: 99_999 }, ACCEPTED('x'))).toBeNull()
  })
})

describe('doubt', () => {
  async function inDoubt(whenInDoubt: 'resend' | 'hold' | 'fail', deadlineMs = DAY_MS): Promise<number> {
    const id = await desk.queue({ whenInDoubt, deadlineMs })
    expect(await desk.outcome(await desk.begin(id), UNKNOWN)).toBe('in_doubt')
    return id
  }

  test('waits, owed by a duty', async () => {
    const id = await inDoubt('hold')
    const dueAtMs = desk.house.clock.epochMs() + DOUBT_WAIT_MS.reply
    const { reader } = desk.house
    expect(reader.dutiesDue(dueAtMs - 1, 9)).toEqual([])
    expect(reader.dutiesDue(dueAtMs, 9)).toEqual([{ kind: 'doubt.ends', subject: id, term: 1, dueAtMs }])
    expect(desk.house.wakes).toContainEqual({ kind: 'duty', dueAtMs })
    expect(reader.owed(desk.numberId, 'reply', 9)).toEqual([])
  })

  test.each([
    ['resend', DAY_MS, 'queued (resend)'],
    ['resend', 1000, 'failed (in_doubt)'],
    ['hold', DAY_MS, 'held (in_doubt)'],
    ['fail', DAY_MS, 'failed (in_doubt)'],
  ] as const)('ends with %s and a deadline of %d ms: %s', async (choice, deadlineMs, end) => {
    const id = await inDoubt(choice, deadlineMs)
    desk.house.clock.advance(DOUBT_WAIT_MS.reply)
    await desk.house.ask(endDoubt, { messageId: id, term: 1 })
    expect((await desk.timeline(id)).at(-1)).toBe(end)
    expect(desk.house.reader.nextDutyAtMs()).toBeUndefined()
    expect(isOwed()).toBe(end.startsWith('queued'))
    const before = await desk.timeline(id)
    await desk.house.ask(endDoubt, { messageId: id, term: 1 })
    expect(await desk.timeline(id)).toEqual(before)
  })

  test('of an earlier term is over', async () => {
    const id = await inDoubt('resend')
    await desk.house.ask(endDoubt, { messageId: id, term: 1 })
    await desk.outcome(await desk.begin(id), UNKNOWN)
    expect(await desk.house.ask(endDoubt, { messageId: id, term: 1 })).toEqual({ state: 'in_doubt' })
    expect(await desk.house.ask(endDoubt, { messageId: 99_999, term: 1 })).toEqual({ state: null })
    // The firing of an old term takes nothing from the new one.
    expect(desk.house.reader.nextDutyAtMs()).toBeDefined()
  })

  test('is what a restart finds of everything that was being sent', async () => {
    const [sending, waiting, accepted] = [await desk.queue(), await desk.queue(), await desk.queue()]
    await desk.begin(sending)
    await desk.outcome(await desk.begin(accepted), ACCEPTED('wamid.out'))
    desk.house.restart()
    expect(await desk.house.ask(recoverSending, { doubtWaitMs: DOUBT_WAIT_MS })).toEqual({ recovered: 1 })
    expect(await desk.house.ask(recoverSending, { doubtWaitMs: DOUBT_WAIT_MS })).toEqual({ recovered: 0 })
    expect(await desk.timeline(sending)).toEqual(['queued', 'sending', 'in_doubt (restart)'])
    expect([await desk.state(waiting), await desk.state(accepted)]).toEqual(['queued', 'accepted'])
    expect(desk.house.reader.nextDutyAtMs()).toBe(desk.house.clock.epochMs() + DOUBT_WAIT_MS.reply)
  })
})

describe('a person', () => {
  test('takes back what has not left', async () => {
    const id = await desk.queue()
    expect(await desk.house.ask(cancelMessage, { messageId: id })).toEqual({ state: 'cancelled' })
    expect(desk.house.wakes).toContainEqual({ kind: 'unqueued', messageId: id })
    expect(isOwed()).toBeFalse()
    expect((await desk.house.refusalOf(cancelMessage, { messageId: id }))?.code).toBe('conflict')
    expect((await desk.house.refusalOf(cancelMessage, { messageId: 99_999 }))?.code).toBe('not_found')
    const leaving = await desk.queue()
    await desk.begin(leaving)
    expect((await desk.house.refusalOf(cancelMessage, { messageId: leaving }))?.code).toBe('conflict')
  })

  test('takes back what is held', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), UNKNOWN)
    await desk.house.ask(endDoubt, { messageId: id, term: 1 })
    await desk.house.ask(cancelMessage, { messageId: id })
    expect((await desk.timeline(id)).slice(-2)).toEqual(['held (in_doubt)', 'cancelled'])
  })

  test('sends again what failed, expired or is held, with a new deadline', async () => {
    const failed = await desk.queue()
    await desk.outcome(await desk.begin(failed), refused())
    const expired = await desk.queue({ deadlineMs: 1 })
    desk.house.clock.advance(60_000)
    await desk.house.ask(expireMessages, { messageIds: [expired, 99_999] })
    const held = await desk.queue()
    await desk.outcome(await desk.begin(held), UNKNOWN)
    await desk.house.ask(endDoubt, { messageId: held, term: 1 })
    for (const id of [failed, expired, held]) {
      expect(await retry(id)).toEqual({ state: 'queued' })
      expect((await desk.timeline(id)).at(-1)).toBe('queued (sent_again)')
      expect((await desk.house.refusalOf(retryMessage, { messageId: id, deadlineMs: DEADLINE_MS }))?.code).toBe(
        'conflict',
      )
    }
    const deadlines = desk.house.reader.owed(desk.numberId, 'reply', 9).map(({ deadlineAtMs }) => deadlineAtMs)
    expect(deadlines).toEqual(Array.from({ length: 3 }, () => desk.house.clock.epochMs() + DEADLINE_MS.reply))
    expect((await desk.begin(failed)).attempt).toBe(2)
    expect((await desk.begin(expired)).attempt).toBe(1)
  })

  test('does not send again from a paused number or without a window', async () => {
    const id = await desk.queue()
    await desk.outcome(await desk.begin(id), refused({ pauses: 'number' }))
    const refusal = async () =>
      (await desk.house.refusalOf(retryMessage, { messageId: id, deadlineMs: DEADLINE_MS }))?.code
    expect(await refusal()).toBe('number_paused')
    await desk.house.ask(setNumberState, { numberId: desk.numberId, state: 'active', reason: null })
    desk.house.clock.advance(DAY_MS)
    expect(await refusal()).toBe('window_closed')
    expect((await desk.house.refusalOf(retryMessage, { messageId: 99_999, deadlineMs: DEADLINE_MS }))?.code).toBe(
      'not_found',
    )
  })

  test('finds an unknown outcome in an answer of a message that is no longer there to be nothing', async () => {
    const ask = { messageId: 99_999, attempt: 1, outcome: UNKNOWN, doubtWaitMs: DOUBT_WAIT_MS, notBeforeMs: 0 }
    expect(await desk.house.ask(recordOutcome, ask)).toEqual({ state: null })
  })
})
