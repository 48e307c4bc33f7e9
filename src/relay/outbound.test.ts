import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { readId } from '../core/ids.ts'
import type { SendOutcome } from '../core/inbound.ts'
import { silentLog } from '../core/log.ts'
import { declareNumber, setNumberState } from '../records/number.ts'
import { cancelMessage, retryMessage } from '../records/send-message.ts'
import { ACCEPTED, DOUBT_WAIT_MS, declared, statusItem, textItem } from '../testing/test-items.ts'
import { Duties } from './duties.ts'
import { Story, THROTTLED } from './outbound.test-support.ts'

const DEADLINE_MS = { urgent: 60_000, reply: 30_000, notice: 3_600_000, bulk: 86_400_000 }

let story: Story
function openStory(queueMax = 1000, numbersMax?: number): Story {
  story = new Story(queueMax, numbersMax)
  return story
}
afterEach(() => story.book.close())

describe('Outbound', () => {
  test('sends what is queued, once, and records the answer', async () => {
    openStory()
    const conversation = await story.open()
    const message = await story.queue(conversation)
    await story.pass(50)
    expect(await story.statesOf(message)).toEqual(['queued', 'sending', 'accepted'])
    expect(story.sendsOf(message)).toBe(1)
    expect(story.outcomes).toEqual(['accepted'])
    expect(story.logged).toEqual([
      { number: 'support-1', message, direction: 'out', ms: expect.any(Number), outcome: 'accepted' },
    ])
  })

  test('an outage of an hour fails nothing: what has not left is tried until its deadline', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = () => ({ ...THROTTLED, code: null, reason: 'not_connected', scope: 'transport', throttled: false })
    const message = await story.queue(conversation, { class: 'bulk', deadlineMs: 86_400_000 })
    await story.pass(3_600_000, 5_000)
    expect(story.sendsOf(message)).toBeGreaterThan(12)
    story.answer = ({ messageId }) => ACCEPTED(`wamid.${messageId}`)
    await story.pass(400_000, 5_000)
    expect((await story.statesOf(message)).at(-1)).toBe('accepted')
  })

  test('waits as long as the platform asks for, also where one person only is concerned', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = ({ attempt }) =>
      attempt > 1 ? ACCEPTED('wamid.2') : { ...THROTTLED, code: 134101, scope: 'pair', afterMs: 600_000 }
    const message = await story.queue(conversation, { class: 'bulk', deadlineMs: 86_400_000 })
    await story.pass(599_000, 1_000)
    expect(story.sendsOf(message)).toBe(1)
    await story.pass(3_000, 1_000)
    expect(story.sendsOf(message)).toBe(2)
  })

  test('numbers that nobody declared take no place, however many the platform names, before a start or after it', async () => {
    openStory(1000, 2)
    const comeIn = (account: string) =>
      story.book.give(textItem(`wamid.of.${account}`, story.clock.epochMs(), { account: { id: account } }))
    for (const account of ['7', '8', '9']) await comeIn(account)
    const conversation = await story.open()
    const from = story.book.wakes.length
    await comeIn('10')
    story.outbound.hear(story.book.wakes.slice(from))
    expect([...story.outbound.numbers()]).toHaveLength(5)
    const message = await story.queue(conversation)
    await story.ask(declareNumber, declared({ account: '7', alias: 'seven' }))
    const [seventh] = [...story.outbound.numbers()].filter(({ alias }) => alias === 'seven')
    await story.pass(50)
    expect(story.sendsOf(message)).toBe(1)
    expect(story.outbound.predict('reply', ({ id }) => id === seventh?.id).predictions).toHaveLength(1)
  })

  test('a number that changes is read alone: a reload may change ten thousand', async () => {
    openStory()
    await story.open()
    const readAll = spyOn(story.book.reader, 'numbers')
    const number = [...story.outbound.numbers()][0]
    await story.ask(setNumberState, { numberId: number?.id ?? 0, state: 'paused', reason: 'looked at' })
    expect(story.outbound.number(number?.id ?? 0)?.reason).toBe('looked at')
    expect(readAll).not.toHaveBeenCalled()
  })

  test('is in doubt about what had begun when the process died, and sends what had not', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = () => new Promise(() => {})
    const begun = await story.queue(conversation)
    await story.pass(50)
    expect(await story.statesOf(begun)).toEqual(['queued', 'sending'])
    await story.crash()
    story.answer = ({ messageId }) => ACCEPTED(`wamid.${messageId}`)
    const waiting = await story.queue(conversation)
    await story.start()
    await story.pass(100)
    expect(await story.statesOf(begun)).toEqual(['queued', 'sending', 'in_doubt'])
    expect(await story.statesOf(waiting)).toEqual(['queued', 'sending', 'accepted'])
    expect([story.sendsOf(begun), story.sendsOf(waiting)]).toEqual([1, 1])
  })

  test('sends nothing in the first second after a restart: the process before has used up the limit', async () => {
    openStory()
    const conversation = await story.open()
    await story.queue(conversation)
    await story.pass(50)
    await story.crash()
    const message = await story.queue(conversation)
    const started = story.outbound.start(story.book.reader.lastInputAtMs())
    const restartedMs = story.clock.monoMs()
    await story.pass(1500)
    await started
    const left = story.sent.find((one) => one.message === message)
    expect((left?.atMs ?? 0) - restartedMs).toBeGreaterThanOrEqual(1000)
  })

  test('tries a definite no again later, with the same message and a new attempt', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = ({ messageId, attempt }) => (attempt < 3 ? THROTTLED : ACCEPTED(`wamid.${messageId}`))
    const message = await story.queue(conversation)
    await story.pass(6000, 20)
    expect(await story.statesOf(message)).toEqual([
      ...['queued', 'sending', 'queued', 'sending', 'queued', 'sending', 'accepted'],
    ])
    const attempts = story.sent.map(({ attempt }) => attempt)
    expect(attempts).toEqual([1, 2, 3])
    const [first = 0, second = 0, third = 0] = story.sent.map(({ atMs }) => atMs)
    // Half of one second, then half of two: full jitter, with a random number that is always one half.
    expect(second - first).toBeGreaterThanOrEqual(500)
    expect(third - second).toBeGreaterThanOrEqual(1000)
  })

  test('lets a message expire that could not leave before its deadline', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = () => THROTTLED
    const message = await story.queue(conversation, { deadlineMs: 3000 })
    await story.pass(8000, 20)
    expect((await story.statesOf(message)).at(-1)).toBe('expired')
  })

  test('keeps an end of waiting that the full disk refused until it is taken', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = () => THROTTLED
    const message = await story.queue(conversation, { deadlineMs: 3000 })
    await story.pass(1000, 20)
    story.refused.add('message.expire')
    await story.pass(6000, 20)
    expect((await story.statesOf(message)).at(-1)).toBe('queued')
    story.refused.clear()
    await story.pass(2500, 20)
    expect((await story.statesOf(message)).at(-1)).toBe('expired')
  })

  test('keeps an answer of the platform while the disk is full', async () => {
    openStory()
    const conversation = await story.open()
    story.refused.add('message.outcome')
    const message = await story.queue(conversation)
    await story.pass(3000, 20)
    expect(await story.statesOf(message)).toEqual(['queued', 'sending'])
    story.refused.clear()
    await story.pass(2000, 20)
    expect(await story.statesOf(message)).toEqual(['queued', 'sending', 'accepted'])
    expect(story.sendsOf(message)).toBe(1)
  })

  test('sends what the full disk kept from beginning, once there is space', async () => {
    openStory()
    const conversation = await story.open()
    story.refused.add('message.begin')
    const message = await story.queue(conversation)
    await story.pass(3000, 20)
    expect(story.sent).toEqual([])
    story.refused.clear()
    await story.pass(3000, 20)
    expect(await story.statesOf(message)).toEqual(['queued', 'sending', 'accepted'])
  })

  test('keeps the order of a conversation whose first message the full disk kept from beginning', async () => {
    openStory()
    const conversation = await story.open()
    story.refused.add('message.begin')
    const first = await story.queue(conversation)
    await story.pass(10)
    story.refused.clear()
    const second = await story.queue(conversation)
    await story.pass(3000, 20)
    expect(story.sent.map(({ message }) => message)).toEqual([first, second])
  })

  test('sends again what a status called failed while the answer to it was still on the way', async () => {
    openStory()
    const conversation = await story.open()
    let giveAnswer: (outcome: SendOutcome) => void = () => {}
    let correlation = ''
    story.answer = (departure) => {
      correlation = departure.correlation
      return new Promise((resolve) => (giveAnswer = resolve))
    }
    const message = await story.queue(conversation)
    await story.pass(50)
    await story.book.give(statusItem('wamid.1', 'failed', story.clock.epochMs(), { correlation }))
    await story.ask(retryMessage, { messageId: readId('message', message) ?? 0, deadlineMs: DEADLINE_MS })
    await story.pass(50)
    story.answer = () => ACCEPTED('wamid.2')
    giveAnswer(ACCEPTED('wamid.1'))
    await story.pass(2000, 20)
    expect(story.sent.map(({ attempt }) => attempt)).toEqual([1, 2])
    const states = ['queued', 'sending', 'failed', 'queued', 'sending', 'accepted']
    expect(await story.statesOf(message)).toEqual(states)
  })

  test('holds back what a paused number has, and sends it when it is resumed', async () => {
    openStory()
    const conversation = await story.open()
    const [number] = story.book.reader.numbers()
    const numberId = number?.id ?? 0
    story.answer = ({ attempt, messageId }) => (attempt === 1 ? THROTTLED : ACCEPTED(`wamid.${messageId}`))
    const message = await story.queue(conversation)
    await story.pass(20)
    await story.ask(setNumberState, { numberId, state: 'paused', reason: 'operator' })
    await story.pass(5000, 20)
    expect(story.sendsOf(message)).toBe(1)
    await story.ask(setNumberState, { numberId, state: 'active', reason: null })
    await story.pass(5000, 20)
    expect(story.sendsOf(message)).toBe(2)
    expect((await story.statesOf(message)).at(-1)).toBe('accepted')
  })

  test('does not send what was cancelled while it waited', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = () => THROTTLED
    const message = await story.queue(conversation)
    await story.pass(20)
    await story.ask(cancelMessage, { messageId: readId('message', message) ?? 0 })
    await story.pass(5000, 20)
    expect(story.sendsOf(message)).toBe(1)
    expect((await story.statesOf(message)).at(-1)).toBe('cancelled')
  })

  test('counts each request that finds no place', async () => {
    openStory(1)
    const conversation = await story.open()
    expect([story.outbound.predict('reply', () => true).hasRoom, story.overflows]).toEqual([true, 0])
    await story.queue(conversation, { deadlineMs: 600_000 })
    expect([story.outbound.predict('reply', () => true).hasRoom, story.overflows]).toEqual([false, 1])
    expect([story.outbound.predict('bulk', () => true).hasRoom, story.overflows]).toEqual([true, 1])
  })

  test('foretells only for the numbers that are meant; there is room wherever they stand', async () => {
    openStory(1)
    const conversation = await story.open()
    const none = story.outbound.predict('reply', () => false)
    expect(none).toEqual({ predictions: [], hasRoom: true })
    expect(story.outbound.predict('reply', () => true).predictions).toHaveLength(1)
    await story.queue(conversation, { deadlineMs: 600_000 })
    expect(story.outbound.predict('reply', () => false).hasRoom).toBeFalse()
  })

  test('is not full while a start has not yet taken up its numbers: what comes then is sent after it', async () => {
    openStory()
    const conversation = await story.open()
    await story.crash()
    const { hasRoom } = story.outbound.predict('reply', () => true)
    expect([hasRoom, story.overflows]).toEqual([true, 0])
    const message = await story.queue(conversation, { hasRoom })
    await story.start()
    await story.pass(50)
    expect(story.sendsOf(message)).toBe(1)
  })

  test('takes from the records what memory has no place for, and sends all of it once', async () => {
    openStory(20)
    const conversation = await story.open()
    const messages: string[] = []
    for (let index = 0; index < 44; index++) messages.push(await story.queue(conversation, { deadlineMs: 600_000 }))
    expect(story.overflows).toBeGreaterThan(0)
    await story.pass(3000, 10)
    for (const message of messages) expect({ message, sends: story.sendsOf(message) }).toEqual({ message, sends: 1 })
    // One conversation keeps its order.
    expect(story.sent.map(({ message }) => message)).toEqual(messages)
  })

  test('a drain waits for what has left, and takes nothing more', async () => {
    openStory()
    const conversation = await story.open()
    const gate = Promise.withResolvers<SendOutcome>()
    story.answer = () => gate.promise
    const left = await story.queue(conversation)
    await story.pass(50)
    let isDrained = false
    const drained = story.outbound.drain().then(() => {
      isDrained = true
    })
    const late = await story.queue(conversation)
    await story.pass(1000, 20)
    expect(isDrained).toBe(false)
    gate.resolve(ACCEPTED('wamid.late'))
    await story.pass(100, 20)
    await drained
    expect(await story.statesOf(left)).toEqual(['queued', 'sending', 'accepted'])
    expect(story.sendsOf(late)).toBe(0)
  })

  test('a drain gives up after ten seconds', async () => {
    openStory()
    const conversation = await story.open()
    story.answer = () => new Promise(() => {})
    await story.queue(conversation)
    await story.pass(50)
    const startedMs = story.clock.monoMs()
    let drainedMs = 0
    const drained = story.outbound.drain().then(() => {
      drainedMs = story.clock.monoMs()
    })
    await story.pass(10_500, 20)
    await drained
    expect(drainedMs - startedMs).toBeGreaterThanOrEqual(10_000)
    expect(drainedMs - startedMs).toBeLessThanOrEqual(10_100)
  })
})

describe('with the wall clock set forth and back', () => {
  /** The same relay and its timers, after an input has come in while the clock was wrong. */
  async function openAfterJump(): Promise<string> {
    openStory()
    const conversation = await story.open()
    story.clock.jump(3_600_000)
    await story.book.give(textItem('wamid.ahead', story.clock.epochMs()))
    story.time.note(story.book.book.lastInputAtMs())
    story.clock.jump(-3_600_000)
    return conversation
  }

  test('a window that is open at the platform is open here', async () => {
    openStory()
    const conversation = await story.open()
    story.clock.jump(48 * 3_600_000)
    await story.ask(declareNumber, declared())
    story.clock.jump(-48 * 3_600_000)
    const message = await story.queue(conversation)
    await story.pass(50)
    expect((await story.statesOf(message)).at(-1)).toBe('accepted')
  })

  test('doubt ends, after twice the time at most', async () => {
    const conversation = await openAfterJump()
    const { clock, time, book, ask } = story
    const duties = new Duties({
      ...{ clock, time, log: silentLog, ask, reader: book.reader },
      caughtUp: async () => {},
      eventsKeepMs: () => 86_400_000,
      keepHouse: async () => {},
    })
    duties.start()
    story.answer = () => ({ kind: 'unknown', code: null, reason: 'no_answer' })
    const message = await story.queue(conversation, { class: 'urgent', whenInDoubt: 'hold' })
    await story.pass(50)
    expect((await story.statesOf(message)).at(-1)).toBe('in_doubt')
    await story.pass(DOUBT_WAIT_MS.urgent - 1000, 500)
    expect((await story.statesOf(message)).at(-1)).toBe('in_doubt')
    await story.pass(DOUBT_WAIT_MS.urgent + 2000, 500)
    expect((await story.statesOf(message)).at(-1)).toBe('held')
    duties.stop()
  })

  test('a message that cannot leave expires, after twice its time at most', async () => {
    const conversation = await openAfterJump()
    story.answer = () => THROTTLED
    const message = await story.queue(conversation, { deadlineMs: 3000 })
    await story.pass(7000, 100)
    expect((await story.statesOf(message)).at(-1)).toBe('expired')
  })

  test('a message that is to be tried again leaves when it was said', async () => {
    const conversation = await openAfterJump()
    story.answer = ({ messageId, attempt }) => (attempt < 2 ? THROTTLED : ACCEPTED(`wamid.${messageId}`))
    const message = await story.queue(conversation)
    await story.pass(2000, 20)
    expect((await story.statesOf(message)).at(-1)).toBe('accepted')
  })
})
