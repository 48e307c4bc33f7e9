import { describe, expect, test } from 'bun:test'
import type { Socket as TcpSocket } from 'node:net'
import { connect } from 'node:net'
import type { RealtimeHouse, TestSocket } from '../testing/realtime-house.ts'
import { connectTo, openRealtimeHouse } from '../testing/realtime-house.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import type { MaySee } from './event-log.ts'

/** One reader over many sockets: keeps its cursor by the rules of the protocol and what it saw. */
class Reader {
  readonly seen: number[] = []
  cursor = 0
  #socket: TestSocket | null = null
  #readFrames = 0
  readonly #house: RealtimeHouse
  readonly viewerId: string

  constructor(house: RealtimeHouse, viewerId: string) {
    this.#house = house
    this.viewerId = viewerId
  }

  get isConnected(): boolean {
    return this.#socket !== null
  }

  async connect(): Promise<void> {
    const socket = connectTo(this.#house, this.viewerId)
    await socket.frame('hello')
    this.#socket = socket
    this.#readFrames = 0
    socket.send({ type: 'subscribe', id: 1, after: this.cursor, epoch: 'epoch-1' })
  }

  /** Takes what has come, and leaves what is still under way unread. */
  async disconnect(): Promise<void> {
    const socket = this.#socket
    this.#socket = null
    this.#take(socket)
    await socket?.close()
  }

  async until(upto: number): Promise<void> {
    const socket = this.#socket
    await socket?.until(`cursor ${upto}`, () => {
      this.#take(socket)
      return this.cursor >= upto
    })
    expect(socket?.illegal).toEqual([])
  }

  #take(socket: TestSocket | null): void {
    for (const frame of socket?.frames.slice(this.#readFrames) ?? []) {
      this.#readFrames++
      if (frame.type === 'ping') this.cursor = Math.max(this.cursor, frame.upto ?? 0)
      if (frame.type !== 'events') continue
      expect(frame.after).toBe(this.cursor)
      this.seen.push(...frame.events.map((event) => event.offset))
      this.cursor = frame.upto
    }
  }
}

/** Viewer `vN` sees the conversations that N divides; `v1` sees all, also what belongs to none. */
const maySee: MaySee = (viewer, event) => (event.conversationId ?? 1) % Number(viewer.id.slice(1)) === 0

describe('delivery', () => {
  test('shows nothing of what memory held once events are told otherwise, and misses none', async () => {
    const house = openRealtimeHouse({ maySee, visibilityOf: (viewer) => viewer.id })
    for (let index = 0; index < 20; index++) house.log.add({ data: { said: `secret ${index}` } })
    const first = connectTo(house, 'v1')
    await first.frame('hello')
    first.send({ type: 'subscribe', id: 1, after: 0, epoch: 'epoch-1' })
    await first.until('all', () => first.frames.some((frame) => frame.type === 'events' && frame.upto === 20))
    house.log.erase()
    house.hub.forget()
    const late = connectTo(house, 'v1')
    await late.frame('hello')
    late.send({ type: 'subscribe', id: 1, after: 0, epoch: 'epoch-1' })
    house.log.add({ data: { said: 'new' } })
    house.hub.wake()
    const events = () => late.frames.flatMap((frame) => (frame.type === 'events' ? frame.events : []))
    await late.until('the newest', () => events().some(({ offset }) => offset === 21))
    expect(events().map(({ offset }) => offset)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
    expect(JSON.stringify(events())).not.toContain('secret')
    await first.until('the newest', () => first.frames.some((frame) => frame.type === 'events' && frame.upto === 21))
    await house.stop()
  })

  test.each([1, 2, 3, 4, 5, 6])('each session sees exactly what it may, once and in order (seed %d)', async (seed) => {
    const random = seededRandom(seed)
    const below = (count: number) => Math.floor(random() * count)
    // Small bounds, so that frames are cut, the ring overflows and sessions fall out of it.
    const house = openRealtimeHouse({
      maySee,
      visibilityOf: (viewer) => viewer.id,
      bounds: {
        frameEventsMax: 5,
        frameBytesMax: 600,
        frameScannedMax: 7,
        ringEventsMax: 20,
        warmOffsets: 8,
        coalesceMsMin: 1,
      },
    })
    const visible: { offset: number; conversationId: number }[] = []
    const add = () => {
      const conversationId = below(12)
      visible.push({ offset: house.log.add({ conversationId }, below(3)), conversationId })
    }
    for (let count = 0; count < 40; count++) add()
    const readers = [1, 2, 3, 5, 1, 2].map((divisor) => new Reader(house, `v${divisor}`))
    for (let step = 0; step < 250; step++) {
      for (let count = below(6); count > 0; count--) add()
      if (random() < 0.8) house.hub.wake()
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve))
      const reader = readers[below(readers.length)]
      if (!reader || random() < 0.5) continue
      if (reader.isConnected) await reader.disconnect()
      else await reader.connect()
    }
    // The last event is for everybody, so that every cursor gets there.
    const end = house.log.add({ conversationId: 0 })
    visible.push({ offset: end, conversationId: 0 })
    house.hub.wake()
    for (const reader of readers) {
      if (!reader.isConnected) await reader.connect()
      await reader.until(end)
      const divisor = Number(reader.viewerId.slice(1))
      const expected = visible
        .filter(({ conversationId }) => conversationId % divisor === 0)
        .map(({ offset }) => offset)
      expect({ seed, viewer: reader.viewerId, seen: reader.seen }).toEqual({
        seed,
        viewer: reader.viewerId,
        seen: expected,
      })
    }
    await house.stop()
  })

  test('a frame is built and the log read once for all who see the same', async () => {
    const house = openRealtimeHouse()
    const sockets = await Promise.all(Array.from({ length: 30 }, () => subscribedTo(house)))
    const before = house.log.readCount
    house.log.add({})
    house.hub.wake()
    await Promise.all(sockets.map((socket) => socket.frame('events')))
    expect(house.log.readCount - before).toBe(1)
    await house.stop()
  })

  test('many who resume from the same place far back share the reads', async () => {
    const house = openRealtimeHouse({ bounds: { warmOffsets: 0, frameEventsMax: 10 } })
    for (let count = 0; count < 100; count++) house.log.add({})
    const sockets = Array.from({ length: 50 }, () => connectTo(house))
    await Promise.all(sockets.map((socket) => socket.frame('hello')))
    for (const socket of sockets) socket.send({ type: 'subscribe', id: 1, after: 0 })
    await Promise.all(sockets.map((socket) => socket.until('all', () => socket.offsets().length === 100)))
    // Ten pieces; those who come a moment later may find the first ones gone from the few that are kept.
    expect(house.log.readCount).toBeLessThan(60)
    await house.stop()
  })

  test('a reader that stops is skipped without delay for others, and catches up when it reads again', async () => {
    const house = openRealtimeHouse({ bounds: { ringEventsMax: 50 } })
    const slow = await SlowPeer.connect(house)
    const quick = await subscribedTo(house)
    const data = { pad: 'x'.repeat(100_000) }
    let offset = 0
    while (house.hub.stats().blocked === 0) {
      offset = house.log.add({ data })
      house.hub.wake()
      await quick.until(`event ${offset}`, () => quick.offsets().at(-1) === offset)
    }
    const blockedAt = offset
    for (let count = 0; count < 100; count++) {
      offset = house.log.add({ data })
      house.hub.wake()
      await quick.until(`event ${offset}`, () => quick.offsets().at(-1) === offset)
    }
    expect(house.hub.stats().blocked).toBe(1)
    expect(offset - blockedAt).toBe(100)
    slow.read()
    await slow.until(offset)
    expect(slow.offsets).toEqual(Array.from({ length: offset }, (_, index) => index + 1))
    slow.end()
    await house.stop()
  })

  test('a reader that stays behind is closed with 4008', async () => {
    const closed: string[] = []
    const house = openRealtimeHouse({ bounds: { slowMs: 50 }, metrics: { closed: (reason) => closed.push(reason) } })
    const slow = await SlowPeer.connect(house)
    const data = { pad: 'x'.repeat(100_000) }
    while (closed.length === 0) {
      if (house.hub.stats().blocked === 0) house.log.add({ data })
      house.hub.wake()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(closed).toEqual(['slow'])
    slow.end()
    await house.stop()
  })
})

async function subscribedTo(house: RealtimeHouse): Promise<TestSocket> {
  const socket = connectTo(house)
  await socket.frame('hello')
  const before = house.hub.stats().subscribed
  socket.send({ type: 'subscribe', id: 1, after: house.log.head() })
  while (house.hub.stats().subscribed <= before) await new Promise((resolve) => setImmediate(resolve))
  return socket
}

/** A WebSocket peer over bare TCP that can stop reading. */
class SlowPeer {
  readonly offsets: number[] = []
  readonly #socket: TcpSocket
  #pieces: Buffer[] = []
  #text = ''
  #waiters: (() => void)[] = []

  constructor(socket: TcpSocket) {
    this.#socket = socket
  }

  static async connect(house: RealtimeHouse): Promise<SlowPeer> {
    const socket = connect(Number(new URL(house.url).port), '127.0.0.1')
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    socket.write(
      'GET /realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        `Sec-WebSocket-Protocol: gatehouse.v1, ticket.${house.ticket()}\r\n\r\n`,
    )
    await new Promise<void>((resolve) => socket.once('data', () => resolve()))
    const text = Buffer.from('{"type":"subscribe","id":1,"after":0}')
    socket.pause()
    // A masked text frame whose mask is zero.
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]))
    while (house.hub.stats().subscribed === 0) await new Promise((resolve) => setImmediate(resolve))
    return new SlowPeer(socket)
  }

  read(): void {
    this.#socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece)
      this.#scan()
    })
    this.#socket.resume()
  }

  async until(offset: number): Promise<void> {
    while (this.offsets.at(-1) !== offset) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  end(): void {
    this.#socket.destroy()
  }

  /** Finds offsets in the stream without taking the frames apart; the padding holds none. */
  #scan(): void {
    this.#text += Buffer.concat(this.#pieces)
      .toString('latin1')
      .replace(/x{1000,}/g, 'x')
    this.#pieces = []
    const found = /"offset":(\d+),/g
    let end = 0
    for (let match = found.exec(this.#text); match; match = found.exec(this.#text)) {
      this.offsets.push(Number(match[1]))
      end = found.lastIndex
    }
    this.#text = this.#text.slice(end).slice(-200)
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
