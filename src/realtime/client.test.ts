import { describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { openRealtimeHouse } from '../testing/realtime-house.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import type { GoneInfo, Position, RealtimeOptions, WebSocketLike } from './client.ts'
import { connectRealtime } from './client.ts'
import type { MaySee } from './event-log.ts'

/** A server's end of a socket that the test plays by hand. */
class FakeSocket implements WebSocketLike {
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: ((event: unknown) => void) | null = null
  readonly sent: Record<string, unknown>[] = []
  readonly protocols: string[]
  isClosed = false

  constructor(_url: string, protocols: string[]) {
    this.protocols = protocols
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>)
  }

  close(): void {
    this.isClosed = true
  }

  says(frame: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }

  hello(head: number, epoch = 'e1'): void {
    this.says({ type: 'hello', version: 1, epoch, head, heartbeat_ms: 20_000 })
  }

  events(after: number, upto: number, offsets: number[]): void {
    const events = offsets.map((offset) => ({ offset, type: 'x.y', at: '', data: {} }))
    this.says({ type: 'events', after, upto, events })
  }

  ends(code: number, reason = ''): void {
    this.onclose?.({ code, reason })
  }
}

function play(options: Partial<RealtimeOptions> = {}) {
  const clock = new FakeClock()
  const sockets: FakeSocket[] = []
  const seen: number[] = []
  const states: string[] = []
  const gone: GoneInfo[] = []
  let ticketCount = 0
  class WebSocket extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols)
      sockets.push(this)
    }
  }
  const connection = connectRealtime({
    url: 'ws://x/realtime',
    ticket: () => Promise.resolve(`t${++ticketCount}`),
    onEvents: (events) => seen.push(...events.map(({ offset }) => offset)),
    onState: (state, { code }) => states.push(code === undefined ? state : `${state} ${code}`),
    onGone: (info) => {
      gone.push(info)
    },
    random: () => 0.5,
    clock,
    WebSocket,
    ...options,
  })
  /** The socket of the nth attempt, once its ticket has come. */
  const socket = async (index: number): Promise<FakeSocket> => {
    for (let turn = 0; turn < 10 && !sockets[index]; turn++) await Promise.resolve()
    const found = sockets[index]
    if (!found) throw new Error(`No attempt ${index}`)
    return found
  }
  return { clock, connection, gone, seen, socket, sockets, states }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('connectRealtime()', () => {
  test('offers the version and a ticket, and without a position goes on from the hello’s head', async () => {
    const { connection, seen, socket, states } = play()
    const first = await socket(0)
    expect(first.protocols).toEqual(['gatehouse.v1', 'ticket.t1'])
    expect(connection.cursor()).toBeUndefined()
    first.hello(7)
    expect(first.sent).toEqual([{ type: 'subscribe', id: 1, after: 7, epoch: 'e1' }])
    first.events(7, 9, [8, 9])
    expect([seen, connection.cursor()]).toEqual([[8, 9], 9])
    expect(states).toEqual(['connecting', 'resuming', 'live'])
  })

  test('resumes from its cursor with its epoch, and is live when it has caught up', async () => {
    const { clock, seen, socket, states } = play({ after: 3, epoch: 'e1' })
    const first = await socket(0)
    first.hello(5)
    first.events(3, 5, [4, 5])
    first.ends(1006)
    expect(states).toEqual(['connecting', 'resuming', 'live', 'waiting 1006'])
    clock.advance(625)
    const second = await socket(1)
    expect(second.protocols[1]).toBe('ticket.t2')
    second.hello(8)
    expect(second.sent[0]).toMatchObject({ after: 5, epoch: 'e1' })
    second.events(5, 8, [6])
    expect(seen).toEqual([4, 5, 6])
    expect(states.slice(4)).toEqual(['connecting', 'resuming', 'live'])
  })

  test('gives each event once, whatever comes twice', async () => {
    const { connection, seen, socket } = play({ after: 0 })
    const first = await socket(0)
    first.hello(4)
    first.events(0, 3, [1, 2, 3])
    first.events(0, 2, [1, 2])
    first.events(1, 5, [2, 3, 4, 5])
    expect([seen, connection.cursor()]).toEqual([[1, 2, 3, 4, 5], 5])
  })

  test('a hole is asked for again, and nothing is skipped meanwhile, not even by a ping', async () => {
    const { connection, seen, socket } = play({ after: 0 })
    const first = await socket(0)
    first.hello(9)
    first.events(0, 2, [1, 2])
    first.events(4, 6, [5, 6])
    first.events(6, 7, [7])
    expect(first.sent.at(-1)).toEqual({ type: 'subscribe', id: 2, after: 2, epoch: 'e1' })
    first.says({ type: 'ping', upto: 8 })
    expect(connection.cursor()).toBe(2)
    first.events(2, 8, [3, 5, 6, 7])
    expect([seen, connection.cursor()]).toEqual([[1, 2, 3, 5, 6, 7], 8])
  })

  test('a ping moves the cursor and is acknowledged; so are 200 events', async () => {
    const { clock, connection, socket } = play({ after: 0 })
    const first = await socket(0)
    first.hello(4)
    first.says({ type: 'ping', upto: 4 })
    expect([connection.cursor(), first.sent.at(-1)]).toEqual([4, { type: 'ack', upto: 4 }])
    first.events(
      4,
      300,
      Array.from({ length: 199 }, (_, index) => 5 + index),
    )
    expect(first.sent).toHaveLength(2)
    clock.advance(50)
    first.events(300, 301, [301])
    expect(first.sent.at(-1)).toEqual({ type: 'ack', upto: 301 })
  })

  test('acknowledges at most once in 50 ms during a fast resume', async () => {
    const { clock, socket } = play({ after: 0 })
    const first = await socket(0)
    first.hello(100_000)
    for (let piece = 0; piece < 100; piece++) {
      first.events(
        piece * 500,
        piece * 500 + 500,
        Array.from({ length: 500 }, (_, index) => piece * 500 + index + 1),
      )
      clock.advance(1)
    }
    expect(first.sent.filter(({ type }) => type === 'ack')).toHaveLength(2)
  })

  test.each([
    [4501, 'closed 4501', 0],
    [4503, 'closed 4503', 0],
    [4001, 'waiting 4001', 1],
    [4008, 'waiting 4008', 1],
    [1006, 'waiting 1006', 1],
    [1000, 'waiting 1000', 1],
  ])('close code %d leads to state "%s"', async (code, state, attempts) => {
    const { clock, socket, sockets, states } = play()
    const first = await socket(0)
    first.hello(1)
    first.ends(code)
    expect(states.at(-1)).toBe(state)
    clock.advance(30_000)
    await settle()
    expect(sockets).toHaveLength(1 + attempts)
  })

  test('the server’s span for coming back is kept', async () => {
    const { clock, socket, sockets } = play({ random: () => 0.25 })
    const first = await socket(0)
    first.hello(1)
    first.ends(4001, 'drain; retry_ms=2000-6000')
    clock.advance(2999)
    await settle()
    expect(sockets).toHaveLength(1)
    clock.advance(1)
    await settle()
    expect(sockets).toHaveLength(2)
  })

  test('a refused ticket is replaced twice, then it is over', async () => {
    const { clock, socket, sockets, states } = play()
    for (let attempt = 0; attempt < 3; attempt++) {
      const refused = await socket(attempt)
      refused.ends(4500)
      clock.advance(clock.nextDelayMs() ?? 0)
      await settle()
    }
    expect(sockets.map(({ protocols }) => protocols[1])).toEqual(['ticket.t1', 'ticket.t2', 'ticket.t3'])
    expect(states.at(-1)).toBe('closed 4500')
  })

  describe('with a server that refuses at once', () => {
    /** Waits until so many attempts have failed; the last one succeeds, and fails then. */
    async function waitsOf(random: number, attempts: number): Promise<number[]> {
      const waits: number[] = []
      const { clock, socket } = play({
        random: () => random,
        onState: (state, { retryInMs }) => state === 'waiting' && waits.push(retryInMs ?? Number.NaN),
      })
      for (let attempt = 0; attempt < attempts; attempt++) {
        const failing = await socket(attempt)
        if (attempt === attempts - 1) failing.hello(1)
        failing.ends(1006)
        clock.advance(clock.nextDelayMs() ?? 0)
        await settle()
      }
      return waits
    }

    test('waits a second at most while the server may just be starting again, then longer, up to 20 seconds', async () => {
      const waits = await waitsOf(1, 18)
      expect(waits).toEqual([...Array(10).fill(1000), 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000, 1000])
    })

    test('never comes at once, and no two at the same time', async () => {
      expect(await waitsOf(0, 12)).toEqual(Array(12).fill(250))
      expect(await waitsOf(0.5, 3)).toEqual([625, 625, 625])
    })
  })

  test('a server that does not answer is asked more rarely soon: each attempt took long itself', async () => {
    const waits: (number | undefined)[] = []
    const { clock, socket } = play({
      random: () => 1,
      onState: (state, { retryInMs }) => state === 'waiting' && waits.push(retryInMs),
    })
    for (let attempt = 0; attempt < 4; attempt++) {
      await socket(attempt)
      clock.advance(15_000)
      await settle()
      clock.advance(clock.nextDelayMs() ?? 0)
      await settle()
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000])
  })

  test('a ticket that cannot be had is asked for again', async () => {
    let attempts = 0
    const { clock, states } = play({ ticket: () => Promise.reject(new Error(`offline ${++attempts}`)) })
    await settle()
    expect(states).toEqual(['connecting', 'waiting'])
    clock.advance(625)
    await settle()
    expect(attempts).toBe(2)
  })

  test('a socket silent for longer than the heartbeat and ten seconds is given up', async () => {
    const { clock, socket, states } = play()
    const first = await socket(0)
    first.hello(1)
    clock.advance(20_000)
    first.says({ type: 'ping', upto: 1 })
    clock.advance(29_999)
    expect(states.at(-1)).toBe('live')
    clock.advance(1)
    expect([states.at(-1), first.isClosed]).toEqual(['waiting', true])
    first.events(1, 2, [2])
    expect(states.at(-1)).toBe('waiting')
  })

  test('a server that never says hello is given up', async () => {
    const { clock, socket, states } = play()
    await socket(0)
    clock.advance(15_000)
    expect(states.at(-1)).toBe('waiting')
  })

  test('when its position is gone it goes on from where the application has loaded anew', async () => {
    const loaded = Promise.withResolvers<Position>()
    const { connection, seen, socket, states } = play({ after: 3, epoch: 'old', onGone: () => loaded.promise })
    const first = await socket(0)
    first.hello(50, 'new')
    first.says({ type: 'error', code: 'offset_gone', id: 1, message: '', head: 50, oldest: 40, epoch: 'new' })
    expect(states.at(-1)).toBe('resuming')
    first.says({ type: 'ping' })
    await settle()
    loaded.resolve({ after: 48, epoch: 'new' })
    await settle()
    expect(first.sent.at(-1)).toEqual({ type: 'subscribe', id: 2, after: 48, epoch: 'new' })
    first.events(48, 50, [49, 50])
    expect([seen, connection.cursor(), states.at(-1)]).toEqual([[49, 50], 50, 'live'])
  })

  test('after a change of rights everything is loaded anew, once', async () => {
    let asked = 0
    const onGone = () => ({ after: 8 + asked++ })
    const { clock, socket, states } = play({ onGone })
    const first = await socket(0)
    first.hello(7)
    first.ends(4003)
    clock.advance(20_000)
    const second = await socket(1)
    second.hello(9)
    expect(second.sent).toEqual([])
    await settle()
    expect([asked, second.sent]).toEqual([1, [{ type: 'subscribe', id: 2, after: 8, epoch: 'e1' }]])
    second.events(8, 9, [9])
    expect(states.at(-1)).toBe('live')
    second.ends(1006)
    clock.advance(20_000)
    const third = await socket(2)
    third.hello(9)
    expect([asked, third.sent]).toEqual([1, [{ type: 'subscribe', id: 3, after: 9, epoch: 'e1' }]])
  })

  test('a load that outlives its socket is asked for once, and used on the next', async () => {
    const loaded = Promise.withResolvers<Position>()
    let asked = 0
    const onGone = () => {
      asked++
      return loaded.promise
    }
    const { clock, socket } = play({ after: 3, epoch: 'old', onGone })
    const first = await socket(0)
    first.hello(50, 'new')
    first.says({ type: 'error', code: 'offset_gone', id: 1, message: '', head: 50, oldest: 40, epoch: 'new' })
    await settle()
    first.ends(4012)
    clock.advance(20_000)
    const second = await socket(1)
    second.hello(51, 'new')
    expect(second.sent).toEqual([])
    loaded.resolve({ after: 51 })
    await settle()
    expect([asked, second.sent]).toEqual([1, [{ type: 'subscribe', id: 2, after: 51, epoch: 'new' }]])
  })

  test('without an answer from the application it goes on from the head', async () => {
    const { gone, socket } = play({ after: 3, epoch: 'old' })
    const first = await socket(0)
    first.hello(50, 'new')
    first.says({ type: 'error', code: 'offset_gone', id: 1, message: '', head: 50, oldest: 40, epoch: 'new' })
    await settle()
    expect(gone).toEqual([{ head: 50, oldest: 40, epoch: 'new' }])
    expect(first.sent.at(-1)).toMatchObject({ after: 50, epoch: 'new' })
  })

  test('close() is final', async () => {
    const { clock, connection, sockets, socket, states } = play()
    const first = await socket(0)
    first.hello(1)
    connection.close()
    first.ends(1000)
    clock.advance(60_000)
    await settle()
    expect([states.at(-1), sockets.length, first.isClosed]).toEqual(['closed', 1, true])
    expect(clock.nextDelayMs()).toBeUndefined()
  })
})

describe('client and hub', () => {
  const maySee: MaySee = (viewer, event) => (event.conversationId ?? 1) % Number(viewer.id) === 0

  test.each([21, 22, 23])(
    'over sockets cut at random, each client gets what it may see, once and in order (seed %d)',
    async (seed) => {
      const random = seededRandom(seed)
      const below = (count: number) => Math.floor(random() * count)
      const house = openRealtimeHouse({
        maySee,
        visibilityOf: (viewer) => viewer.id,
        bounds: {
          frameEventsMax: 10,
          ringEventsMax: 60,
          warmOffsets: 20,
          coalesceMsMin: 1,
          commandsPerSecondMax: 1000,
        },
      })
      // Delays a hundred times shorter: a reconnect takes milliseconds.
      const clock = {
        epochMs: () => Date.UTC(2026, 10, 22),
        monoMs: () => Bun.nanoseconds() / 1e4,
        after: (delayMs: number, run: () => void) => {
          const timer = setTimeout(run, delayMs / 100)
          return () => clearTimeout(timer)
        },
      }
      const open: WebSocket[] = []
      let socketCount = 0
      class CutWebSocket extends WebSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols)
          socketCount++
          open.push(this)
        }
      }
      const ids = ['1', '2', '3', '2']
      const seen = ids.map(() => [] as number[])
      const reached = ids.map(() => Promise.withResolvers<void>())
      let end = Number.POSITIVE_INFINITY
      const clients = ids.map((id, index) =>
        connectRealtime({
          url: house.url,
          ticket: () => Promise.resolve(house.ticket(id)),
          after: 0,
          clock,
          WebSocket: CutWebSocket as unknown as NonNullable<RealtimeOptions['WebSocket']>,
          onEvents: (events) => {
            seen[index]?.push(...events.map(({ offset }) => offset))
            if (seen[index]?.at(-1) === end) reached[index]?.resolve()
          },
          onGone: () => {
            throw new Error('Nothing was removed')
          },
        }),
      )
      const all: { offset: number; conversationId: number }[] = []
      for (let step = 0; step < 300; step++) {
        for (let count = below(8); count > 0; count--) {
          const conversationId = below(7)
          all.push({ offset: house.log.add({ conversationId }, below(2)), conversationId })
        }
        house.hub.wake()
        if (random() < 0.2) {
          for (const socket of open.splice(0)) {
            if (random() < 0.5) socket.close(4000)
            else open.push(socket)
          }
        }
        await new Promise((resolve) => setTimeout(resolve, random() < 0.2 ? 1 : 0))
      }
      end = house.log.add({ conversationId: 0 })
      all.push({ offset: end, conversationId: 0 })
      house.hub.wake()
      await Promise.all(reached.map(({ promise }) => promise))
      expect(socketCount).toBeGreaterThan(20)
      for (const [index, id] of ids.entries()) {
        const expected = all
          .filter(({ conversationId }) => conversationId % Number(id) === 0)
          .map(({ offset }) => offset)
        expect({ seed, id, seen: seen[index] }).toEqual({ seed, id, seen: expected })
      }
      for (const client of clients) client.close()
      await house.stop()
    },
  )
})
