import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { LogEvent } from './event-log.ts'
import { EventRing } from './event-ring.ts'
import { Fifo } from './fifo.ts'
import { buildBody, frameOf } from './frame-body.ts'
import { Pace } from './pace.ts'

function event(offset: number, size = 1): LogEvent {
  return {
    offset,
    type: 'x.y',
    workspaceId: 1,
    conversationId: null,
    assigneeId: null,
    teamId: null,
    numberId: null,
    json: String(offset % 10).repeat(size),
  }
}

describe('EventRing', () => {
  test('holds exactly the newest events within its bounds, whatever is appended', () => {
    const chunks = fc.array(
      fc.array(fc.record({ skip: fc.nat(3), size: fc.integer({ min: 1, max: 30 }) }), { maxLength: 8 }),
    )
    fc.assert(
      fc.property(chunks, fc.nat(60), (pieces, cursorStep) => {
        const ring = new EventRing(0, { ringEventsMax: 10, ringBytesMax: 100 })
        const all: LogEvent[] = []
        let head = 0
        for (const piece of pieces) {
          const events = piece.map(({ skip, size }) => {
            head += skip + 1
            return event(head, size)
          })
          head++
          all.push(...events)
          ring.append({ events, upto: head })
          const kept = all.filter((candidate) => candidate.offset > ring.after)
          expect(ring.upto).toBe(head)
          expect(ring.size).toBe(kept.length)
          expect(ring.bytes).toBe(kept.reduce((sum, { json }) => sum + json.length, 0))
          expect(kept.length <= 10 && ring.bytes <= 100).toBe(true)
          const cursor = Math.min(head, ring.after + cursorStep)
          const span = ring.span(cursor)
          const offsets = span.events.slice(span.start).map(({ offset }) => offset)
          expect(offsets).toEqual(kept.map(({ offset }) => offset).filter((offset) => offset > cursor))
        }
      }),
      { numRuns: 300, seed: 7 },
    )
  })

  test('evicts nothing that fits, over many times its size', () => {
    const ring = new EventRing(0, { ringEventsMax: 3000, ringBytesMax: 1e9 })
    for (let offset = 1; offset <= 20_000; offset++) ring.append({ events: [event(offset)], upto: offset })
    expect([ring.after, ring.size]).toEqual([17_000, 3000])
    const span = ring.span(19_998)
    expect(span.events.slice(span.start).map(({ offset }) => offset)).toEqual([19_999, 20_000])
  })
})

describe('buildBody()', () => {
  const bounds = { frameEventsMax: 3, frameBytesMax: 10, frameScannedMax: 5 }
  const all = (events: LogEvent[], sees: (seen: LogEvent) => boolean = () => true) =>
    buildBody({ events, start: 0, upto: 100 }, 0, (one) => (sees(one) ? one.json : null), bounds)

  test.each([
    ['all of a short span, up to its end', [event(2), event(5)], [2, 100, '2,5']],
    ['no more events than a frame may hold', [1, 2, 3, 4].map((offset) => event(offset)), [3, 3, '1,2,3']],
    ['no more bytes than a frame may hold', [event(1, 6), event(4, 6)], [1, 1, '111111']],
    ['an event larger than a frame, alone', [event(1, 50), event(2)], [1, 1, '1'.repeat(50)]],
  ] as const)('takes %s', (_, events, expected) => {
    const body = all([...events])
    expect([body.count, body.upto, body.joined]).toEqual([...expected])
  })

  test('stops looking after a bounded number of hidden events', () => {
    const events = Array.from({ length: 20 }, (_, index) => event(index * 2 + 1))
    expect(all(events, () => false)).toMatchObject({ count: 0, upto: 9 })
  })

  test('covers hidden events between and before visible ones', () => {
    const events = [1, 2, 3, 4, 5].map((offset) => event(offset))
    expect(all(events, ({ offset }) => offset % 2 === 0)).toMatchObject({ count: 2, upto: 100, joined: '2,4' })
  })

  test('a frame is built once for each position told', () => {
    const body = all([event(2)])
    expect(frameOf(body, 1)).toBe('{"type":"events","after":1,"upto":100,"events":[2]}')
    expect(frameOf(body, 0)).toBe('{"type":"events","after":0,"upto":100,"events":[2]}')
  })
})

describe('Pace', () => {
  test('admits the burst, then one an interval', () => {
    const pace = new Pace(10, 3)
    expect([0, 0, 0, 0, 99, 100, 100, 1000].map((nowMs) => pace.take(nowMs))).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      false,
      true,
    ])
  })
})

describe('Fifo', () => {
  test('keeps the order over many pushes and shifts', () => {
    const fifo = new Fifo<number>()
    let pushed = 0
    let shifted = 0
    for (let round = 0; round < 3000; round++) {
      for (let count = 0; count < 3; count++) fifo.push(pushed++)
      for (let count = 0; count < 2; count++) expect(fifo.shift()).toBe(shifted++)
    }
    expect(fifo.length).toBe(pushed - shifted)
    while (fifo.length > 0) expect(fifo.shift()).toBe(shifted++)
    expect(fifo.shift()).toBeUndefined()
    expect(shifted).toBe(pushed)
  })
})
