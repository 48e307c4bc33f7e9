import { describe, expect, test } from 'bun:test'
import type { MessageClass } from '../core/message.ts'
import { Dispatcher } from './dispatcher.ts'
import type { DispatcherOptions, QueuedMessage, RetryResult } from './types.ts'

/** A message of its own conversation, in a place of its own in the order, unless the test says otherwise. */
function message(messageId: number, more: Partial<QueuedMessage> = {}): QueuedMessage {
  const own = { messageId, conversationId: messageId, order: messageId }
  return { ...own, numberId: 1, class: 'reply', deadlineMs: 1_000_000, notBeforeMs: 0, ...more }
}

function oneNumber(options: DispatcherOptions = {}, ratePerSecondMax: number | null = 80): Dispatcher {
  const dispatcher = new Dispatcher(options)
  dispatcher.declareNumber(1, { ratePerSecondMax }, 0)
  return dispatcher
}

/** Takes, and answers at once, until nothing leaves any more before the end; the ids in the order of leaving. */
function drain(dispatcher: Dispatcher, untilMs: number): number[] {
  const left: number[] = []
  for (let nowMs = 0; nowMs <= untilMs; ) {
    const { leave, wakeAtMs } = dispatcher.take(nowMs)
    for (const { messageId } of leave) {
      left.push(messageId)
      dispatcher.finished(messageId, 'accepted', nowMs)
    }
    if (leave.length > 0) continue
    if (wakeAtMs === null) break
    nowMs = Math.max(nowMs + 0.001, wakeAtMs)
  }
  return left
}

function leaving(dispatcher: Dispatcher, nowMs: number): number[] {
  return dispatcher.take(nowMs).leave.map(({ messageId }) => messageId)
}

const RETRY: RetryResult = { retryAtMs: 0, scope: 'number', throttled: true }

describe('the order of leaving', () => {
  test('urgent and reply leave by deadline, notice and bulk in the order of acceptance', () => {
    for (const [messageClass, expected] of [
      ['urgent', [3, 1, 2]],
      ['reply', [3, 1, 2]],
      ['notice', [1, 2, 3]],
      ['bulk', [1, 2, 3]],
    ] as const) {
      const dispatcher = oneNumber()
      for (const [index, deadlineMs] of [50_000, 60_000, 40_000].entries()) {
        dispatcher.enqueue(message(index + 1, { class: messageClass, deadlineMs }), 0)
      }
      expect(drain(dispatcher, 10_000)).toEqual([...expected])
    }
  })

  test('of equal deadlines the older message leaves first', () => {
    const dispatcher = oneNumber()
    for (const id of [3, 1, 2]) dispatcher.enqueue(message(id), 0)
    expect(drain(dispatcher, 10_000)).toEqual([1, 2, 3])
  })

  test('a conversation keeps its order across lanes, and the later message lends its lane to the earlier', () => {
    const dispatcher = oneNumber()
    for (let id = 1; id <= 50; id++) dispatcher.enqueue(message(id, { class: 'bulk' }), 0)
    dispatcher.enqueue(message(51, { class: 'bulk', conversationId: 99 }), 0)
    dispatcher.enqueue(message(52, { class: 'reply', conversationId: 99 }), 0)
    const order = drain(dispatcher, 10_000)
    expect(order.length).toBe(52)
    expect(order.indexOf(51)).toBeLessThan(order.indexOf(52))
    expect(order.indexOf(52)).toBeLessThan(4)
  })

  test('the next message of a conversation waits for the answer to the one before', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1, { conversationId: 9 }), 0)
    dispatcher.enqueue(message(2, { conversationId: 9 }), 0)
    expect(leaving(dispatcher, 0)).toEqual([1])
    expect(leaving(dispatcher, 500)).toEqual([])
    dispatcher.finished(1, 'accepted', 600)
    expect(leaving(dispatcher, 600)).toEqual([2])
  })

  test('a retried message is put back in front of the later ones of its conversation, however long that takes', () => {
    const dispatcher = oneNumber()
    const first = message(1, { conversationId: 9 })
    dispatcher.enqueue(first, 0)
    dispatcher.enqueue(message(2, { conversationId: 9 }), 0)
    dispatcher.take(0)
    dispatcher.finished(1, { ...RETRY, retryAtMs: 9_000 }, 100)
    expect(leaving(dispatcher, 150)).toEqual([])
    dispatcher.enqueue({ ...first, notBeforeMs: 9_000 }, 200)
    expect(leaving(dispatcher, 8_000)).toEqual([])
    const { leave } = dispatcher.take(9_000)
    expect(leave).toEqual([{ messageId: 1, numberId: 1, leavesAtMs: 9_000 }])
    dispatcher.finished(1, 'accepted', 9_100)
    expect(leaving(dispatcher, 9_100)).toEqual([2])
  })

  test('a retry that does not come back holds its conversation for five seconds, or until it is removed', () => {
    for (const isRemoved of [true, false]) {
      const dispatcher = oneNumber()
      dispatcher.enqueue(message(1, { conversationId: 9 }), 0)
      dispatcher.enqueue(message(2, { conversationId: 9 }), 0)
      dispatcher.take(0)
      dispatcher.finished(1, RETRY, 100)
      const { leave, wakeAtMs } = dispatcher.take(200)
      expect({ leave, wakeAtMs }).toEqual({ leave: [], wakeAtMs: 5_100 })
      if (isRemoved) expect(dispatcher.remove(1, 300)).toBe(true)
      expect(leaving(dispatcher, isRemoved ? 300 : 5_100)).toEqual([2])
      expect(dispatcher.stats(5_100).counters.returnsLost).toBe(isRemoved ? 0 : 1)
    }
  })
})

describe('take', () => {
  test('takes only what may leave within the time ahead, and names the next wake-up', () => {
    const dispatcher = oneNumber({ aheadMs: 30 })
    for (let id = 1; id <= 10; id++) dispatcher.enqueue(message(id), 0)
    const { leave, wakeAtMs } = dispatcher.take(0)
    expect(leave.map(({ leavesAtMs }) => leavesAtMs)).toEqual([0, 12.75, 25.5])
    expect(wakeAtMs).toBe(38.25 - 15)
  })

  test('does a bounded amount of work and then asks to be called again at once', () => {
    const dispatcher = new Dispatcher({ batchMax: 10 })
    for (let numberId = 1; numberId <= 40; numberId++) {
      dispatcher.declareNumber(numberId, { ratePerSecondMax: 80 }, 0)
      dispatcher.enqueue(message(numberId, { numberId }), 0)
      dispatcher.enqueue(message(100 + numberId, { numberId, deadlineMs: 5 }), 0)
    }
    const { leave, expired, wakeAtMs } = dispatcher.take(5)
    expect([leave.length, wakeAtMs]).toEqual([10, 5])
    expect(expired.length).toBeLessThanOrEqual(30)
  })

  test('needs no wake-up when nothing waits, and none that nothing but an answer can end', () => {
    const dispatcher = oneNumber({ inFlightMax: 1 })
    expect(dispatcher.take(0).wakeAtMs).toBeNull()
    dispatcher.enqueue(message(1), 0)
    dispatcher.enqueue(message(2), 0)
    const { leave, wakeAtMs } = dispatcher.take(0)
    expect(leave.length).toBe(1)
    expect(wakeAtMs).toBe(1_000_000)
    expect(dispatcher.explain(2, 100)).toEqual({ leavesAtMs: 100, waitsFor: 'in_flight' })
    dispatcher.finished(1, 'accepted', 100)
    expect(leaving(dispatcher, 100)).toEqual([2])
  })

  test('a message not to be sent before a time leaves at that time', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1, { notBeforeMs: 7_000 }), 0)
    dispatcher.enqueue(message(2), 0)
    expect(leaving(dispatcher, 0)).toEqual([2])
    const wakeAtMs = dispatcher.take(1).wakeAtMs ?? 0
    expect(wakeAtMs).toBeLessThan(7_000)
    expect(dispatcher.take(wakeAtMs).leave).toEqual([{ messageId: 1, numberId: 1, leavesAtMs: 7_000 }])
  })

  test('what is past its deadline expires instead of leaving, also on a paused number', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1, { deadlineMs: 1_000 }), 0)
    dispatcher.enqueue(message(2, { deadlineMs: 2_000 }), 0)
    dispatcher.pauseNumber(1, 'operator', null)
    expect(dispatcher.take(0)).toEqual({ leave: [], expired: [], wakeAtMs: 1_000 })
    expect(dispatcher.take(1_000)).toEqual({ leave: [], expired: [1], wakeAtMs: 2_000 })
    expect(dispatcher.take(2_000)).toEqual({ leave: [], expired: [2], wakeAtMs: null })
    expect(dispatcher.stats(2_000).counters.expired).toBe(2)
  })

  test('what could leave only after its deadline expires when its turn comes', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1, { deadlineMs: 10 }), 0)
    dispatcher.enqueue(message(2, { deadlineMs: 11 }), 0)
    const { leave, expired } = dispatcher.take(0)
    expect(leave.map(({ messageId }) => messageId)).toEqual([1])
    expect(expired).toEqual([2])
  })
})

describe('the bounds', () => {
  test('urgent, reply and notice share their places; bulk has its own on each number', () => {
    const dispatcher = oneNumber({ messagesMax: 3, bulkHeadsMax: 2 })
    dispatcher.declareNumber(2, { ratePerSecondMax: null }, 0)
    const classes: MessageClass[] = ['urgent', 'reply', 'notice', 'urgent', 'bulk', 'bulk', 'bulk']
    const outcomes = classes.map((name, index) => dispatcher.enqueue(message(index + 1, { class: name }), 0))
    expect(outcomes).toEqual(['queued', 'queued', 'queued', 'full', 'queued', 'queued', 'full'])
    expect(dispatcher.enqueue(message(8, { class: 'bulk', numberId: 2 }), 0)).toBe('queued')
    expect(dispatcher.room(1, 'reply')).toBe(0)
    expect(dispatcher.room(2, 'bulk')).toBe(1)
    expect(dispatcher.stats(0).counters.full).toBe(2)
    expect(dispatcher.stats(0).waiting).toEqual({ urgent: 1, reply: 1, notice: 1, bulk: 3 })
  })

  test('a message in flight or coming back keeps its place', () => {
    const dispatcher = oneNumber({ messagesMax: 1 })
    const first = message(1)
    dispatcher.enqueue(first, 0)
    dispatcher.take(0)
    expect(dispatcher.enqueue(message(2), 0)).toBe('full')
    dispatcher.finished(1, RETRY, 10)
    expect(dispatcher.enqueue(message(2), 10)).toBe('full')
    expect(dispatcher.enqueue(first, 20)).toBe('queued')
    expect(leaving(dispatcher, 2_000)).toEqual([1])
    dispatcher.finished(1, 'accepted', 2_100)
    expect(dispatcher.enqueue(message(2), 2_100)).toBe('queued')
  })

  test('a message is queued once, and only for a declared number', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1), 0)
    expect(() => dispatcher.enqueue(message(1), 0)).toThrow('queued once')
    expect(() => dispatcher.enqueue(message(2, { numberId: 5 }), 0)).toThrow('declared')
    expect(dispatcher.isDeclared(5)).toBe(false)
  })

  test('a slow upstream does not gather more than the places of its number', () => {
    const dispatcher = oneNumber({}, 80)
    for (let id = 1; id <= 200; id++) dispatcher.enqueue(message(id), 0)
    let taken = 0
    for (let nowMs = 0; nowMs < 5_000; nowMs += 20) taken += dispatcher.take(nowMs).leave.length
    expect(taken).toBe(60)
    expect(dispatcher.explain(200, 5_000)?.waitsFor).toBe('in_flight')
  })
})

describe('remove', () => {
  test('takes out what waits, not what is taken, and lets the conversation go on', () => {
    const dispatcher = oneNumber()
    for (const id of [1, 2, 3]) dispatcher.enqueue(message(id, { conversationId: 9 }), 0)
    dispatcher.take(0)
    expect(dispatcher.remove(1, 1)).toBe(false)
    expect(dispatcher.remove(2, 1)).toBe(true)
    expect(dispatcher.remove(2, 1)).toBe(false)
    expect(dispatcher.remove(77, 1)).toBe(false)
    dispatcher.finished(1, 'accepted', 50)
    expect(leaving(dispatcher, 50)).toEqual([3])
    expect(dispatcher.stats(50).counters.removed).toBe(1)
  })
})

describe('a paused number', () => {
  test('sends nothing until it is resumed, and then not in a heap', () => {
    const dispatcher = oneNumber()
    dispatcher.pauseNumber(1, 'operator', null)
    for (let id = 1; id <= 20; id++) dispatcher.enqueue(message(id), 0)
    expect(leaving(dispatcher, 60_000)).toEqual([])
    expect(dispatcher.stats(60_000).numbers[0]?.paused).toBe('operator')
    expect(dispatcher.explain(1, 60_000)).toEqual({ leavesAtMs: Number.POSITIVE_INFINITY, waitsFor: 'paused' })
    dispatcher.resumeNumber(1, 70_000)
    expect(leaving(dispatcher, 70_000).length).toBe(3)
  })

  test('resumes by itself at the time given, which a shorter pause does not shorten', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1), 0)
    dispatcher.pauseNumber(1, 'restricted', 60_000)
    dispatcher.pauseNumber(1, 'maintenance', 10_000)
    expect(leaving(dispatcher, 20_000)).toEqual([])
    expect(dispatcher.stats(20_000).numbers[0]?.paused).toBe('restricted')
    expect(dispatcher.explain(1, 20_000)).toEqual({ leavesAtMs: 60_000, waitsFor: 'paused' })
    expect(leaving(dispatcher, 60_000)).toEqual([1])
  })
})

describe('answers', () => {
  test('"too fast" lowers the rate of its number, at the fence as well, and time brings it back', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1), 0)
    dispatcher.take(0)
    dispatcher.finished(1, RETRY, 100)
    const rate = () => dispatcher.stats(nowMs).numbers[0]?.ratePerSecond
    let nowMs = 100
    expect(rate()).toBe(56)
    for (let id = 2; id <= 100; id++) dispatcher.enqueue(message(id), 200)
    let passed = 0
    for (let atMs = 200; atMs < 1_200; atMs += 20) {
      for (const id of leaving(dispatcher, atMs)) {
        if (dispatcher.charge(id, 200) === 0) passed++
        dispatcher.finished(id, 'accepted', atMs)
      }
    }
    expect(passed).toBe(56)
    nowMs = 30_100
    expect(rate()).toBe(59)
    nowMs = 100_000
    expect(rate()).toBe(80)
    expect(dispatcher.stats(nowMs).counters.throttled).toBe(1)
  })

  test('five requests without an answer stop the number, one answered probe starts it again', () => {
    const dispatcher = oneNumber()
    for (let id = 1; id <= 20; id++) dispatcher.enqueue(message(id), 0)
    const taken = [...leaving(dispatcher, 0), ...leaving(dispatcher, 40)].slice(0, 5)
    expect(taken.length).toBe(5)
    for (const id of taken) dispatcher.finished(id, id % 2 === 0 ? 'unknown' : { ...RETRY, scope: 'transport' }, 50)
    const stillOut = dispatcher.stats(1_000).inFlight
    expect(leaving(dispatcher, 1_000)).toEqual([])
    expect(dispatcher.explain(15, 1_000)?.waitsFor).toBe('breaker')
    expect(dispatcher.stats(1_000).numbers[0]?.breakerOpen).toBe(true)
    const probes = [2_500, 2_540, 2_580].flatMap((atMs) => leaving(dispatcher, atMs))
    expect(probes.length).toBe(3 - stillOut)
    dispatcher.finished(probes[0] ?? 0, 'accepted', 2_600)
    expect(dispatcher.stats(2_600).numbers[0]?.breakerOpen).toBe(false)
    expect(leaving(dispatcher, 2_600).length).toBeGreaterThan(0)
  })

  test('the platform\'s "not now" holds the number until the time it names', () => {
    for (const scope of ['number', 'app'] as const) {
      const dispatcher = oneNumber({ aheadMs: 0 })
      dispatcher.enqueue(message(1), 0)
      dispatcher.enqueue(message(2), 0)
      dispatcher.take(0)
      dispatcher.finished(1, { retryAtMs: 60_000, scope, throttled: false }, 100)
      expect(leaving(dispatcher, 30_000)).toEqual([])
      expect(dispatcher.stats(100).numbers[0]?.ratePerSecond).toBe(80)
      expect(leaving(dispatcher, 60_000)).toEqual([2])
    }
  })

  test('a message that was taken and not sent leaves no trace', () => {
    const dispatcher = oneNumber()
    for (let id = 1; id <= 100; id++) dispatcher.enqueue(message(id, { conversationId: 9 }), 0)
    for (let id = 1; id <= 100; id++) {
      expect(leaving(dispatcher, id * 13)).toEqual([id])
      dispatcher.finished(id, 'unsent', id * 13)
    }
    expect(dispatcher.stats(1_300)).toMatchObject({ inFlight: 0, numbers: [{ breakerOpen: false, limitUsedRatio: 0 }] })
  })

  test('a message finishes once', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1), 0)
    expect(() => dispatcher.finished(1, 'accepted', 0)).toThrow('taken')
    dispatcher.take(0)
    dispatcher.finished(1, 'refused', 0)
    expect(() => dispatcher.finished(1, 'accepted', 0)).toThrow('finished')
  })
})

describe('explain', () => {
  test('names the limit that holds a message, and when it leaves', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1), 0)
    expect(dispatcher.explain(1, 0)).toEqual({ leavesAtMs: 0, waitsFor: 'nothing' })
    dispatcher.take(0)
    expect(dispatcher.explain(1, 0)).toEqual({ leavesAtMs: 0, waitsFor: 'nothing' })
    dispatcher.enqueue(message(2, { conversationId: 1 }), 0)
    expect(dispatcher.explain(2, 0)?.waitsFor).toBe('order')
    dispatcher.enqueue(message(3, { notBeforeMs: 5_000 }), 0)
    expect(dispatcher.explain(3, 0)).toEqual({ leavesAtMs: 5_000, waitsFor: 'not_before' })
    dispatcher.enqueue(message(4), 0)
    expect(dispatcher.explain(4, 0)).toEqual({ leavesAtMs: 12.75, waitsFor: 'number_rate' })
    dispatcher.enqueue(message(5, { class: 'bulk' }), 0)
    expect(dispatcher.explain(5, 0)?.waitsFor).toBe('lane')
    expect(dispatcher.explain(99, 0)).toBeUndefined()
  })

  test('foretells the departure of every message of a backlog', () => {
    const dispatcher = oneNumber({}, 20)
    for (let id = 1; id <= 60; id++) dispatcher.enqueue(message(id), 0)
    const foretold = [1, 20, 40, 60].map((id) => dispatcher.explain(id, 0)?.leavesAtMs)
    expect(foretold).toEqual([0, 19 * 51, 39 * 51, 59 * 51])
    for (const [index, id] of [20, 40, 60].entries()) {
      expect(dispatcher.foretell(1, 'reply', 0)).toEqual({ leavesAtMs: 60 * 51, waitsFor: 'number_rate' })
      expect(foretold[index + 1]).toBe((id - 1) * 51)
    }
  })

  test('a pair that is spent holds its message', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1, { conversationId: 9 }), 0)
    dispatcher.take(0)
    dispatcher.finished(1, { retryAtMs: 4_000, scope: 'pair', throttled: true }, 100)
    dispatcher.enqueue(message(1, { conversationId: 9 }), 100)
    expect(dispatcher.explain(1, 100)).toEqual({ leavesAtMs: 4_000, waitsFor: 'pair' })
  })
})

describe('foretell', () => {
  test('names what a new message would wait for: nothing, its turn, other lanes, or what stops the number', () => {
    const dispatcher = oneNumber()
    for (const id of [2, 3, 5]) dispatcher.declareNumber(id, { ratePerSecondMax: 80 }, 0)
    for (let id = 1; id <= 40; id++) dispatcher.enqueue(message(id, { class: 'bulk' }), 0)
    dispatcher.pauseNumber(3, 'disconnected', null)
    dispatcher.pauseNumber(5, 'restricted', 9_000)
    expect(dispatcher.foretell(1, 'bulk', 0)).toEqual({ leavesAtMs: 40 * 12.75, waitsFor: 'number_rate' })
    expect(dispatcher.foretell(1, 'urgent', 0)).toEqual({ leavesAtMs: 0, waitsFor: 'nothing' })
    expect(dispatcher.foretell(2, 'bulk', 0)).toEqual({ leavesAtMs: 0, waitsFor: 'nothing' })
    expect(dispatcher.foretell(3, 'bulk', 0)).toEqual({ leavesAtMs: Number.POSITIVE_INFINITY, waitsFor: 'paused' })
    expect(dispatcher.foretell(5, 'bulk', 0)).toEqual({ leavesAtMs: 9_000, waitsFor: 'paused' })
    expect(dispatcher.foretell(4, 'bulk', 0)).toBeUndefined()
    for (let id = 41; id <= 80; id++) dispatcher.enqueue(message(id, { class: 'reply' }), 0)
    expect(dispatcher.foretell(1, 'bulk', 0)?.waitsFor).toBe('lane')
  })
})

describe('declareNumber', () => {
  test('again changes the ceiling and keeps the queue', () => {
    const dispatcher = oneNumber()
    dispatcher.enqueue(message(1), 0)
    dispatcher.declareNumber(1, { ratePerSecondMax: 20 }, 0)
    expect(dispatcher.stats(0).numbers[0]).toMatchObject({ ratePerSecond: 20, waiting: 1 })
  })
})
