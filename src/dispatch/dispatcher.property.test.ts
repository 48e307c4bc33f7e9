import { describe, expect, test } from 'bun:test'
import { MESSAGE_CLASSES, type MessageClass } from '../core/message.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { Dispatcher } from './dispatcher.ts'
import { FENCE_WINDOW_MS } from './fence.ts'
import type { QueuedMessage, SendResult } from './types.ts'
import { mostInASecond, type Road, VirtualSender } from './virtual-sender.ts'

/** A message of its own conversation, in a place of its own in the order, unless the test says otherwise. */
function message(messageId: number, more: Partial<QueuedMessage> = {}): QueuedMessage {
  const own = { messageId, conversationId: messageId, order: messageId }
  return { ...own, numberId: 1, class: 'reply', deadlineMs: 1e9, notBeforeMs: 0, ...more }
}

interface House {
  dispatcher: Dispatcher
  sender: VirtualSender
}

function house(ratePerSecondMax: number, road: Road = {}): House {
  const dispatcher = new Dispatcher()
  dispatcher.declareNumber(1, { ratePerSecondMax }, 0)
  return { dispatcher, sender: new VirtualSender(dispatcher, road) }
}

function fill({ sender }: House, count: number, more: (id: number) => Partial<QueuedMessage> = () => ({})): void {
  for (let id = 1; id <= count; id++) sender.enqueue(message(id, more(id)))
}

/** Keeps the window of bulk full, as its refill from the records does. */
function keepBulkFull({ dispatcher, sender }: House, everyMs: number): void {
  let id = 10_000_000
  const refill = () => {
    while (dispatcher.room(1, 'bulk') > 0) sender.enqueue(message(id++, { class: 'bulk' }))
    sender.after(everyMs, refill)
  }
  refill()
}

describe('the limit of a number', () => {
  const cases = [20, 80, 1_000].flatMap((rate) => [0, 5, 200].map((lateMs) => [rate, lateMs] as const))
  test.each(cases)('of %d a second is never passed and 97 %% used, with senders up to %d ms late', (rate, lateMs) => {
    for (const timerLateMs of [0, 80]) {
      const random = seededRandom(rate + lateMs + timerLateMs)
      const one = house(rate, {
        lateMs: () => random() * lateMs,
        answerMs: () => 40 + random() * 160,
        timerLateMs: () => (random() < 0.1 ? random() * timerLateMs : 0),
      })
      const seconds = rate > 100 ? 8 : 25
      fill(one, rate * (seconds + 2))
      one.sender.runUntil(seconds * 1_000)
      const times = one.sender.sent.map(({ atMs }) => atMs)
      expect(mostInASecond(times)).toBeLessThanOrEqual(rate)
      const used = times.filter((atMs) => atMs >= 2_000).length / (rate * (seconds - 2))
      expect(used).toBeGreaterThanOrEqual(0.97)
    }
  })

  test('holds at the receiver while the connections of a backlog are opened, which takes longer than to use one', () => {
    for (const [rate, answerMs] of [
      [80, 200],
      [80, 40],
      [1_000, 150],
    ] as const) {
      /** When each open connection is free again. */
      const freeAtMs: number[] = []
      const arrivals: number[] = []
      const one: House = house(rate, {
        arriveMs: () => {
          const free = freeAtMs.findIndex((atMs) => atMs <= one.sender.nowMs)
          const arriveMs = free < 0 ? 140 : 20
          if (free >= 0) freeAtMs.splice(free, 1)
          arrivals.push(one.sender.nowMs + arriveMs)
          return arriveMs
        },
        answerMs: () => {
          freeAtMs.push(one.sender.nowMs + answerMs)
          return answerMs
        },
      })
      fill(one, rate * 8)
      one.sender.runUntil(6_000)
      arrivals.sort((a, b) => a - b)
      expect({ rate, answerMs, most: mostInASecond(arrivals) }).toEqual({ rate, answerMs, most: rate })
      const used = arrivals.filter((atMs) => atMs >= 2_000 && atMs < 6_000).length / (rate * 4)
      expect(used).toBeGreaterThan(0.96)
    }
  })

  test('holds at the receiver while the machine is overloaded, and requests leave it as late as timers fire', () => {
    const random = seededRandom(11)
    const arrivals: number[] = []
    let heldUntilMs = 0
    const one: House = house(80, {
      arriveMs: () => {
        const { nowMs } = one.sender
        if (nowMs > heldUntilMs && random() < 0.1) heldUntilMs = nowMs + random() * 90
        arrivals.push(Math.max(nowMs, heldUntilMs))
        return Math.max(0, heldUntilMs - nowMs)
      },
    })
    const beLate = () => {
      one.dispatcher.lagged(90 + random() * 10, one.sender.nowMs)
      one.sender.after(1_000, beLate)
    }
    beLate()
    fill(one, 2_000)
    one.sender.runUntil(20_000)
    expect(mostInASecond(arrivals.toSorted((a, b) => a - b))).toBeLessThanOrEqual(80)
    expect(arrivals.length).toBeGreaterThan(20 * 80 * 0.88)
  })

  test('holds when bursts, pauses and "too fast" change the pace at random', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed)
      const answer = (): SendResult =>
        random() < 0.002 ? { retryAtMs: 0, scope: 'number', throttled: true } : 'accepted'
      const one = house(80, { lateMs: () => random() ** 4 * 200, answerMs: () => 20 + random() * 200, answer })
      let id = 1
      for (let atMs = 0; atMs < 10_000; atMs += random() * 800) {
        one.sender.runUntil(atMs)
        for (let count = random() * 150; count > 0; count--) one.sender.enqueue(message(id++))
        if (random() < 0.1) one.dispatcher.pauseNumber(1, 'maintenance', atMs + random() * 2_000)
      }
      one.sender.runUntil(300_000)
      const most = mostInASecond(one.sender.sent.map(({ atMs }) => atMs))
      expect({ seed, overTheLimit: Math.max(0, most - 80) }).toEqual({ seed, overTheLimit: 0 })
      expect(one.sender.accepted.length).toBe(id - 1)
    }
  })

  test('counts inbound messages, but keeps a quarter for sending', () => {
    for (const [inboundPerSecond, leastPerSecond] of [
      [30, 48],
      [300, 19],
    ] as const) {
      const one = house(80)
      const inbound: number[] = []
      const arrive = () => {
        one.dispatcher.inbound(1, 1, one.sender.nowMs)
        inbound.push(one.sender.nowMs)
        one.sender.after(1_000 / inboundPerSecond, arrive)
      }
      arrive()
      fill(one, 2_000)
      one.sender.runUntil(25_000)
      const times = one.sender.sent.map(({ atMs }) => atMs)
      // What comes in while the first window fills cannot be foreseen; after that the pace leaves room for it.
      const settled = times.filter((atMs) => atMs >= 10_000)
      const both = [...settled, ...inbound.filter((atMs) => atMs >= 10_000)].sort((a, b) => a - b)
      expect(settled.length / 15).toBeGreaterThanOrEqual(leastPerSecond)
      if (inboundPerSecond < 60) expect(mostInASecond(both)).toBeLessThanOrEqual(80)
      else expect(mostInASecond(settled)).toBeLessThanOrEqual(22)
    }
  })

  test('a burst of inbound messages takes the places of the second it came in', () => {
    const one = house(80)
    fill(one, 400)
    one.sender.after(2_000, () => one.dispatcher.inbound(1, 50, one.sender.nowMs))
    one.sender.runUntil(4_500)
    const after = one.sender.sent.filter(({ atMs }) => atMs >= 2_000 && atMs < 2_000 + FENCE_WINDOW_MS)
    expect(after.length).toBeLessThanOrEqual(30)
    expect(after.length).toBeGreaterThanOrEqual(15)
    const later = one.sender.sent.filter(({ atMs }) => atMs >= 3_300 && atMs < 4_300)
    expect(later.length).toBeGreaterThanOrEqual(70)
  })

  /** A platform that counts what customers write when they write it; the house hears of it 20 to 60 ms later. */
  function platform(plan: { seed: number; thought: number; allowed: (atMs: number) => number; inbound: number }) {
    const random = seededRandom(plan.seed)
    const counted: number[] = []
    const seen = { taken: 0, written: 0, refused: 0 }
    const inTheLastSecond = (atMs: number) => {
      while ((counted[0] ?? atMs) <= atMs - 1_000) counted.shift()
      return counted.length
    }
    const one = house(plan.thought, {
      lateMs: () => random() * 3,
      arriveMs: () => 3 + random() * 9,
      answerMs: () => 25 + random() * 60,
      answer: ({ atMs }) => {
        if (inTheLastSecond(atMs) >= plan.allowed(atMs)) {
          seen.refused++
          return { retryAtMs: atMs + 1_000 + random() * 1_000, scope: 'number', throttled: true }
        }
        counted.push(atMs)
        seen.taken++
        return 'accepted'
      },
    })
    const write = () => {
      counted.push(one.sender.nowMs)
      seen.written++
      one.sender.after(20 + random() * 40, () => one.dispatcher.inbound(1, 1, one.sender.nowMs))
    }
    const keepWriting = () => {
      write()
      one.sender.after((-Math.log(1 - random()) * 1_000) / plan.inbound, keepWriting)
    }
    if (plan.inbound > 0) keepWriting()
    return { one, seen, write }
  }

  test.each([
    [20, 5, 0.82],
    [80, 5, 0.94],
    [80, 25, 0.9],
    [80, 60, 0.85],
    [1_000, 60, 0.97],
  ])('of %d a second, of which customers write %d, is used and rarely passed', (limit, inbound, used) => {
    const { one, seen } = platform({ seed: limit + inbound, thought: limit, allowed: () => limit, inbound })
    const seconds = limit > 100 ? 20 : 120
    fill(one, limit * (seconds + 2))
    one.sender.runUntil(seconds * 1_000)
    expect((seen.taken + seen.written) / (limit * seconds)).toBeGreaterThan(used)
    expect(seen.refused / seen.taken).toBeLessThan(inbound * 2 > limit ? 0.04 : 0.006)
  })

  test.each([
    [80, 40, 0],
    [80, 70, 0],
    [1_000, 80, 0],
    [80, 40, 10],
  ])(
    'thought to be %d a second is learned where it is %d, and found again when it has grown',
    (thought, truth, inbound) => {
      const allowed = (atMs: number) => (atMs < 60_000 ? truth : thought)
      const { one, seen } = platform({ seed: thought + truth + inbound, thought, allowed, inbound })
      keepBulkFull(one, 50)
      one.sender.runUntil(60_000)
      expect(seen.taken + seen.written).toBeGreaterThan(truth * 60 * (inbound > 0 ? 0.88 : 0.97))
      expect(seen.refused).toBeLessThan(thought > 100 ? 250 : 30)
      one.sender.runUntil(180_000)
      const { refused } = seen
      one.sender.runUntil(200_000)
      expect(one.dispatcher.stats(200_000).numbers[0]?.ratePerSecond).toBeGreaterThan(thought * 0.93)
      expect(seen.refused - refused).toBeLessThan(6)
    },
  )

  test('a second in which customers wrote more than the limit does not slow the next', () => {
    const { one, seen, write } = platform({ seed: 7, thought: 80, allowed: () => 80, inbound: 0 })
    keepBulkFull(one, 50)
    for (let atMs = 5_000; atMs < 6_000; atMs += 8) one.sender.after(atMs, write)
    one.sender.runUntil(8_000)
    const taken = seen.taken
    one.sender.runUntil(18_000)
    expect(seen.taken - taken).toBeGreaterThan(750)
    expect(seen.refused).toBeLessThan(15)
  })
})

describe('the lanes', () => {
  /** What each class got in twenty seconds in which these classes never ran dry. */
  function shares(busy: readonly MessageClass[]): Record<MessageClass, number> {
    const one = house(80)
    keepBulkFull(one, 1_000)
    const classes = new Map<number, MessageClass>()
    let id = 1
    for (const name of busy) {
      for (let count = 0; count < 2_000; count++) {
        classes.set(id, name)
        one.sender.enqueue(message(id, { class: name }))
        id++
      }
    }
    one.sender.runUntil(20_000)
    const got = { urgent: 0, reply: 0, notice: 0, bulk: 0 }
    for (const { messageId } of one.sender.sent) got[classes.get(messageId) ?? 'bulk'] += 1 / one.sender.sent.length
    return got
  }

  test('share an overloaded number 60, 25, 10 and 5 to the hundred', () => {
    const got = shares(['urgent', 'reply', 'notice'])
    for (const [name, share] of [
      ['urgent', 0.6],
      ['reply', 0.25],
      ['notice', 0.1],
      ['bulk', 0.05],
    ] as const) {
      expect(Math.abs(got[name] - share)).toBeLessThan(0.003)
    }
  })

  test('lend what they do not need in order of urgency, and bulk keeps its twentieth', () => {
    for (const name of ['urgent', 'reply', 'notice'] as const) {
      const got = shares([name])
      expect(got[name]).toBeGreaterThan(0.945)
      expect(got.bulk).toBeGreaterThan(0.048)
    }
  })

  test('a reply behind endless bulk leaves within 50 ms and one space, 99 times in a hundred', () => {
    const random = seededRandom(5)
    const one = house(80, { lateMs: () => random() * 3, answerMs: () => 50 + random() * 100 })
    keepBulkFull(one, 200)
    const askedMs = new Map<number, number>()
    let id = 1
    const reply = () => {
      askedMs.set(id, one.sender.nowMs)
      one.sender.enqueue(message(id++, { deadlineMs: one.sender.nowMs + 30_000 }))
      one.sender.after(random() * 200, reply)
    }
    one.sender.after(1_000, reply)
    one.sender.runUntil(200_000)
    const waits: number[] = []
    for (const { messageId, atMs } of one.sender.sent) {
      const fromMs = askedMs.get(messageId)
      if (fromMs !== undefined) waits.push(atMs - fromMs)
    }
    waits.sort((a, b) => a - b)
    expect(waits.length).toBeGreaterThan(1_500)
    expect(waits[Math.floor(waits.length * 0.99)] ?? 1e9).toBeLessThan(50 + 12.75)
  })
})

describe('the pair limit', () => {
  test('lets 45 go to one person, then one every six seconds, and holds nobody else', () => {
    const one = house(80, { answerMs: () => 5 })
    for (let id = 1; id <= 50; id++) one.sender.enqueue(message(id, { conversationId: 7, deadlineMs: 1e8 }))
    for (let id = 100; id < 2_000; id++) one.sender.enqueue(message(id))
    one.sender.runUntil(24_000)
    const times = one.sender.sent.filter(({ messageId }) => messageId <= 50).map(({ atMs }) => atMs)
    expect(times.filter((atMs) => atMs < 4_000).length).toBe(45)
    for (const [index, atMs] of times.slice(46).entries()) {
      expect(atMs - (times[45 + index] ?? 0)).toBeGreaterThanOrEqual(6_000)
      expect(atMs - (times[45 + index] ?? 0)).toBeLessThan(6_200)
    }
    const all = one.sender.sent.filter(({ atMs }) => atMs < 20_000).length
    expect(all / (80 * 20)).toBeGreaterThanOrEqual(0.97)
  })
})

describe('everything at random', () => {
  interface Seen {
    queued: Map<number, QueuedMessage>
    removed: Set<number>
    answered: Set<number>
  }

  function anyAnswer(random: () => number, atMs: number): SendResult {
    const draw = random()
    if (draw < 0.8) return 'accepted'
    if (draw < 0.84) return 'refused'
    if (draw < 0.86) return 'unknown'
    if (draw < 0.87) return 'unsent'
    const scope = (['number', 'pair', 'app', 'transport'] as const)[Math.floor(random() * 4)] ?? 'number'
    return { retryAtMs: atMs + random() * 2_000, scope, throttled: scope !== 'transport' && random() < 0.7 }
  }

  /** Ten minutes of a small house in which anything may happen. */
  function live(seed: number): Seen & { sender: VirtualSender; dispatcher: Dispatcher } {
    const random = seededRandom(seed)
    const seen: Seen = { queued: new Map(), removed: new Set(), answered: new Set() }
    const dispatcher = new Dispatcher({ messagesMax: 300, bulkHeadsMax: 50, inFlightMax: 40, batchMax: 16 })
    const sender = new VirtualSender(dispatcher, {
      lateMs: () => random() * 200,
      answerMs: () => 20 + random() * 300,
      timerLateMs: () => random() * 20,
      returnMs: () => random() * 50,
      answer: ({ messageId, atMs }) => {
        const result = anyAnswer(random, atMs)
        if (typeof result === 'string') seen.answered.add(messageId)
        return result
      },
    })
    for (let numberId = 1; numberId <= 3; numberId++)
      dispatcher.declareNumber(numberId, { ratePerSecondMax: 20 * numberId }, 0)
    for (let id = 1; id <= 1_500; id++) {
      sender.runUntil(sender.nowMs + random() ** 3 * 60)
      const next = message(id, {
        numberId: 1 + Math.floor(random() * 3),
        conversationId: Math.floor(random() * 150),
        class: MESSAGE_CLASSES[Math.floor(random() * 4)] ?? 'bulk',
        deadlineMs: sender.nowMs + 500 + random() * 60_000,
        notBeforeMs: random() < 0.1 ? sender.nowMs + random() * 3_000 : 0,
      })
      if (sender.enqueue(next) === 'queued') seen.queued.set(id, next)
      const victim = Math.floor(random() * id)
      if (random() < 0.05 && sender.remove(victim)) seen.removed.add(victim)
      if (random() < 0.01) dispatcher.pauseNumber(1 + Math.floor(random() * 3), 'maintenance', sender.nowMs + 2_000)
      if (random() < 0.05) dispatcher.inbound(1, Math.floor(random() * 20), sender.nowMs)
    }
    sender.runUntil(sender.nowMs + 600_000)
    return { ...seen, sender, dispatcher }
  }

  test('no message is lost or doubled: each is answered for good, expired or removed, and nothing is left over', () => {
    for (let seed = 1; seed <= 25; seed++) {
      const { queued, removed, answered, sender, dispatcher } = live(seed)
      const ends = [...answered, ...sender.expired, ...removed]
      expect({ seed, ends: ends.sort((a, b) => a - b) }).toEqual({ seed, ends: [...queued.keys()] })
      const { waiting, inFlight, numbers } = dispatcher.stats(sender.nowMs)
      expect({ seed, waiting, inFlight }).toEqual({
        seed,
        waiting: { urgent: 0, reply: 0, notice: 0, bulk: 0 },
        inFlight: 0,
      })
      expect(numbers.map((number) => number.waiting)).toEqual([0, 0, 0])
      expect(dispatcher.room(1, 'reply')).toBe(300)
      expect(dispatcher.room(1, 'bulk')).toBe(50)
    }
  })

  test('a conversation keeps its order on its number, retries included', () => {
    for (let seed = 101; seed <= 115; seed++) {
      const { queued, answered, sender } = live(seed)
      const last = new Map<string, number>()
      const lastSend = new Map<number, number>()
      for (const [index, { messageId }] of sender.sent.entries()) lastSend.set(messageId, index)
      for (const [index, { messageId, numberId }] of sender.sent.entries()) {
        const own = queued.get(messageId)
        // A try that was followed by another one did not go out.
        if (own === undefined || lastSend.get(messageId) !== index || !answered.has(messageId)) continue
        const key = `${numberId}/${own.conversationId}`
        expect({ seed, early: (last.get(key) ?? 0) > own.order }).toEqual({ seed, early: false })
        last.set(key, own.order)
      }
    }
  })

  test('nothing is sent before its time or from a number above its limit', () => {
    for (let seed = 201; seed <= 210; seed++) {
      const { queued, sender } = live(seed)
      for (const { messageId, atMs } of sender.sent)
        expect(atMs).toBeGreaterThanOrEqual(queued.get(messageId)?.notBeforeMs ?? 0)
      for (const numberId of [1, 2, 3]) {
        const times = sender.sent.filter((sent) => sent.numberId === numberId).map(({ atMs }) => atMs)
        expect({ seed, over: Math.max(0, mostInASecond(times) - 20 * numberId) }).toEqual({ seed, over: 0 })
      }
    }
  })
})
