import { afterEach, describe, expect, test } from 'bun:test'
import { FakeClock } from '../testing/fake-clock.ts'
import { ownerNamed } from '../testing/principals.ts'
import type { RealtimeHouse, RealtimeHouseOptions } from '../testing/realtime-house.ts'
import { connectTo, openRealtimeHouse, TEST_ORIGIN, TestSocket } from '../testing/realtime-house.ts'

const houses: RealtimeHouse[] = []
const sockets: TestSocket[] = []

function house(options?: RealtimeHouseOptions): RealtimeHouse {
  const opened = openRealtimeHouse(options)
  houses.push(opened)
  return opened
}

function connect(to: RealtimeHouse, viewerId?: string): TestSocket {
  const socket = connectTo(to, viewerId)
  sockets.push(socket)
  return socket
}

/** A socket that has subscribed and stands at the head. */
async function subscribed(to: RealtimeHouse): Promise<TestSocket> {
  const socket = connect(to)
  await socket.frame('hello')
  const before = to.hub.stats().subscribed
  socket.send({ type: 'subscribe', id: 1 })
  await turnsUntil(() => to.hub.stats().subscribed > before)
  return socket
}

async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

afterEach(async () => {
  const illegal = sockets.splice(0).flatMap((socket) => socket.illegal)
  for (const opened of houses.splice(0)) await opened.stop()
  expect(illegal).toEqual([])
})

function handshake(to: RealtimeHouse, headers: Record<string, string>): Promise<Response> {
  return fetch(to.url.replace('ws:', 'http:'), {
    headers: {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      ...headers,
    },
  })
}

describe('handshake', () => {
  test.each([
    ['no upgrade', { Upgrade: '' }, 426, 'invalid'],
    ['no subprotocol', { 'Sec-WebSocket-Protocol': 'ticket.x' }, 426, 'invalid'],
    ['another version only', { 'Sec-WebSocket-Protocol': 'gatehouse.v2, ticket.x' }, 426, 'invalid'],
    ['no ticket', { 'Sec-WebSocket-Protocol': 'gatehouse.v1' }, 401, 'unauthorized'],
    ['two tickets', { 'Sec-WebSocket-Protocol': 'gatehouse.v1, ticket.x, ticket.y' }, 401, 'unauthorized'],
    [
      'a foreign origin',
      { 'Sec-WebSocket-Protocol': 'gatehouse.v1, ticket.x', Origin: 'https://evil.example' },
      403,
      'forbidden',
    ],
    [
      'an origin that only begins like ours',
      { 'Sec-WebSocket-Protocol': 'gatehouse.v1, ticket.x', Origin: `${TEST_ORIGIN}.evil.example` },
      403,
      'forbidden',
    ],
    [
      'the origin of a sandboxed page',
      { 'Sec-WebSocket-Protocol': 'gatehouse.v1, ticket.x', Origin: 'null' },
      403,
      'forbidden',
    ],
  ] as const)('%s is refused in HTTP', async (_, headers, status, code) => {
    const response = await handshake(house(), headers)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ code, status })
  })

  test('the ticket of an API key with a foreign origin is refused, and spent', async () => {
    const opened = house()
    const ticket = opened.ticket()
    const offer = { 'Sec-WebSocket-Protocol': `gatehouse.v1, ticket.${ticket}` }
    expect((await handshake(opened, { ...offer, Origin: 'https://evil.example' })).status).toBe(403)
    expect(opened.hub.stats().tickets).toBe(0)
  })

  test('a browser’s ticket without an origin is refused', async () => {
    const opened = house()
    const { ticket } = opened.hub.tickets.issue({
      viewer: ownerNamed('a'),
      byApiKey: false,
      origin: TEST_ORIGIN,
    })
    expect((await handshake(opened, { 'Sec-WebSocket-Protocol': `gatehouse.v1, ticket.${ticket}` })).status).toBe(403)
  })

  test('a good ticket opens one socket, which says hello first and never echoes the ticket', async () => {
    const opened = house()
    opened.log.add({})
    const ticket = opened.ticket()
    const socket = new TestSocket(opened.url, ['gatehouse.v1', `ticket.${ticket}`], { Origin: TEST_ORIGIN })
    sockets.push(socket)
    expect(await socket.frame('hello')).toEqual({
      type: 'hello',
      version: 1,
      epoch: 'epoch-1',
      head: 1,
      heartbeat_ms: 20_000,
    })
    expect(socket.protocol).toBe('gatehouse.v1')
    const second = new TestSocket(opened.url, ['gatehouse.v1', `ticket.${ticket}`], { Origin: TEST_ORIGIN })
    expect(await second.ended()).toEqual({ code: 4500, reason: 'bad_ticket' })
    expect(second.frames).toEqual([])
  })

  test('refuses more sockets than it may hold, and more of one viewer', async () => {
    const opened = house({ bounds: { connectionsMax: 2, connectionsPerViewerMax: 1 } })
    await connect(opened, 'ada').frame('hello')
    expect((await connect(opened, 'ada').ended()).code).toBe(4504)
    await connect(opened, 'bea').frame('hello')
    const offer = { 'Sec-WebSocket-Protocol': `gatehouse.v1, ticket.${opened.ticket('cleo')}` }
    const response = await handshake(opened, offer)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10'])
  })

  test('refuses handshakes that come too fast', async () => {
    const opened = house({ clock: new FakeClock(), bounds: { upgradesBurstMax: 1 } })
    await connect(opened).frame('hello')
    const offer = { 'Sec-WebSocket-Protocol': `gatehouse.v1, ticket.${opened.ticket()}` }
    expect((await handshake(opened, offer)).status).toBe(503)
  })
})

describe('subscribe', () => {
  test.each([
    ['from the oldest kept', { after: 0 }, 0, [3, 4, 5]],
    ['after a position', { after: 4 }, 4, [5]],
    ['after the position before the oldest', { after: 2 }, 2, [3, 4, 5]],
    ['with the epoch', { after: 3, epoch: 'epoch-1' }, 3, [4, 5]],
  ])('%s', async (_, position, after, offsets) => {
    const opened = house()
    for (let count = 0; count < 5; count++) opened.log.add({})
    opened.log.keepFrom(3)
    const socket = connect(opened)
    await socket.frame('hello')
    socket.send({ type: 'subscribe', id: 1, ...position })
    expect(await socket.frame('events')).toMatchObject({ after, upto: 5 })
    expect(socket.offsets()).toEqual(offsets)
  })

  test('without a position begins at the head; frames join exactly', async () => {
    const opened = house()
    opened.log.add({})
    const socket = await subscribed(opened)
    opened.log.add({})
    opened.hub.wake()
    expect(await socket.frame('events')).toMatchObject({ after: 1, upto: 2 })
    opened.log.add({}, 5)
    opened.hub.wake()
    expect(await socket.frame('events', 1)).toMatchObject({ after: 2, upto: 8 })
  })

  test.each([
    ['older than what is kept', { after: 1 }],
    ['of another epoch', { after: 4, epoch: 'before-the-restore' }],
    ['above the head', { after: 6 }],
  ])('a position %s is gone, and the socket may subscribe again', async (_, position) => {
    const opened = house()
    for (let count = 0; count < 5; count++) opened.log.add({})
    opened.log.keepFrom(3)
    const socket = connect(opened)
    await socket.frame('hello')
    socket.send({ type: 'subscribe', id: 7, ...position })
    const where = { head: 5, oldest: 3, epoch: 'epoch-1' }
    expect(await socket.frame('error')).toMatchObject({ code: 'offset_gone', id: 7, ...where })
    socket.send({ type: 'subscribe', id: 8, after: 4 })
    await socket.frame('events')
    expect(socket.offsets()).toEqual([5])
  })

  test('again moves the cursor back', async () => {
    const opened = house()
    for (let count = 0; count < 3; count++) opened.log.add({})
    const socket = connect(opened)
    await socket.frame('hello')
    socket.send({ type: 'subscribe', id: 1, after: 0 })
    await socket.until('three events', () => socket.offsets().length === 3)
    socket.send({ type: 'subscribe', id: 2, after: 1 })
    expect(await socket.frame('events', 1)).toMatchObject({ after: 1, upto: 3 })
    expect(socket.offsets()).toEqual([1, 2, 3, 2, 3])
  })

  test('a resume whose end is hidden from the viewer ends with a ping that tells the position', async () => {
    const opened = house({ maySee: () => false })
    for (let count = 0; count < 3; count++) opened.log.add({})
    const socket = connect(opened)
    await socket.frame('hello')
    socket.send({ type: 'subscribe', id: 1, after: 0 })
    expect(await socket.frame('ping')).toEqual({ type: 'ping', upto: 3 })
    expect(socket.offsets()).toEqual([])
  })

  test('what is removed during a resume ends it with offset_gone, never with a silent hole', async () => {
    const opened = house({ bounds: { warmOffsets: 0, frameEventsMax: 2 } })
    for (let count = 0; count < 50; count++) opened.log.add({})
    const gate = Promise.withResolvers<void>()
    const socket = connect(opened)
    await socket.frame('hello')
    opened.log.gate = gate.promise
    socket.send({ type: 'subscribe', id: 3, after: 5 })
    await turnsUntil(() => opened.log.readCount > 0)
    opened.log.keepFrom(40)
    gate.resolve()
    expect(await socket.frame('error')).toMatchObject({ code: 'offset_gone', id: 3, oldest: 40 })
    expect(socket.offsets()).toEqual([])
  })

  test('who asked for the oldest kept goes on from what is kept when some is removed meanwhile', async () => {
    const opened = house({ bounds: { warmOffsets: 0 } })
    for (let count = 0; count < 50; count++) opened.log.add({})
    const gate = Promise.withResolvers<void>()
    const socket = connect(opened)
    await socket.frame('hello')
    opened.log.gate = gate.promise
    socket.send({ type: 'subscribe', id: 3, after: 0 })
    await turnsUntil(() => opened.log.readCount > 0)
    opened.log.keepFrom(40)
    gate.resolve()
    expect(await socket.frame('events')).toMatchObject({ after: 0, upto: 50 })
    expect(socket.offsets()).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50])
  })

  test('again during a log read throws that read away', async () => {
    const opened = house({ bounds: { warmOffsets: 0 } })
    for (let count = 0; count < 50; count++) opened.log.add({})
    const gate = Promise.withResolvers<void>()
    const socket = connect(opened)
    await socket.frame('hello')
    opened.log.gate = gate.promise
    socket.send({ type: 'subscribe', id: 1, after: 5 })
    await turnsUntil(() => opened.log.readCount > 0)
    socket.send({ type: 'subscribe', id: 2, after: 47 })
    // Answered in order: when this error is here, the subscription before it has been taken.
    socket.send({ type: 'shout' })
    await socket.frame('error')
    gate.resolve()
    expect(await socket.frame('events')).toMatchObject({ after: 47, upto: 50 })
    expect(socket.offsets()).toEqual([48, 49, 50])
  })

  test('survives a log that cannot be read for a while', async () => {
    const clock = new FakeClock()
    const opened = house({ clock, bounds: { warmOffsets: 0 } })
    for (let count = 0; count < 3; count++) opened.log.add({})
    const live = await subscribed(opened)
    const resuming = connect(opened)
    await resuming.frame('hello')
    opened.log.failing = new Error('disk on fire')
    resuming.send({ type: 'subscribe', id: 1, after: 1 })
    opened.log.add({})
    opened.hub.wake()
    await turnsUntil(() => opened.log.readCount >= 2 && clock.nextDelayMs() !== undefined)
    opened.log.failing = null
    const ended = () => live.offsets().length === 1 && resuming.offsets().length === 3
    while (!ended()) {
      clock.advance(500)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect([live.offsets(), resuming.offsets()]).toEqual([[4], [2, 3, 4]])
  })
})

describe('limits', () => {
  test('a field that is not known is named', async () => {
    const socket = connect(house())
    await socket.frame('hello')
    socket.send({ type: 'subscribe', id: 3, filter: {} })
    socket.send({ type: 'ack', ['x'.repeat(200)]: 1 })
    expect(await socket.frame('error', 0)).toMatchObject({ id: 3, message: 'filter: unknown field' })
    expect(await socket.frame('error', 1)).toMatchObject({ id: null, message: `${'x'.repeat(50)}: unknown field` })
  })

  test('frames that are not allowed are answered, the fifth ends the socket', async () => {
    const opened = house()
    const socket = connect(opened)
    await socket.frame('hello')
    socket.send('no json')
    socket.send({ type: 'shout', id: 3 })
    socket.send({ type: 'subscribe', id: 4, after: -1 })
    socket.send(`{"type":"ack","pad":"${'x'.repeat(5000)}"}`)
    expect(await socket.frame('error', 0)).toMatchObject({ code: 'invalid', id: null })
    expect(await socket.frame('error', 1)).toMatchObject({ code: 'invalid', id: 3 })
    expect(await socket.frame('error', 2)).toMatchObject({ code: 'invalid', id: 4 })
    expect(await socket.frame('error', 3)).toMatchObject({ code: 'too_large', id: null })
    socket.send(new ArrayBuffer(3))
    expect((await socket.ended()).code).toBe(4501)
    expect(socket.frames.at(-1)).toMatchObject({ type: 'error', code: 'invalid' })
  })

  test('the 21st command in a second ends the socket, acks do not count', async () => {
    const opened = house({ clock: new FakeClock() })
    const socket = connect(opened)
    await socket.frame('hello')
    for (let count = 0; count < 100; count++) socket.send({ type: 'ack', upto: 0 })
    for (let count = 0; count < 20; count++) socket.send({ type: 'subscribe', id: count })
    await turnsUntil(() => opened.hub.stats().subscribed === 1)
    expect(socket.closed).toBeNull()
    socket.send({ type: 'subscribe', id: 20 })
    expect((await socket.ended()).code).toBe(4013)
  })

  test('who does not subscribe in time is closed', async () => {
    const clock = new FakeClock()
    const socket = connect(house({ clock }))
    await socket.frame('hello')
    clock.advance(10_000)
    expect(socket.closed).toBeNull()
    clock.advance(1_000)
    expect((await socket.ended()).code).toBe(4012)
  })
})

describe('heartbeat', () => {
  test('20 seconds of silence are broken by a ping with the position, hidden events included', async () => {
    const clock = new FakeClock()
    const opened = house({ clock, maySee: () => false })
    const socket = await subscribed(opened)
    opened.log.add({})
    opened.hub.wake()
    await turnsUntil(() => opened.hub.stats().ringEvents === 1)
    clock.advance(20_000)
    expect(await socket.frame('ping')).toEqual({ type: 'ping', upto: 1 })
  })

  test('a peer that answers nothing is closed with 4012 in half a minute; one that only pongs is not', async () => {
    const clock = new FakeClock()
    const closed: string[] = []
    const opened = house({ clock, metrics: { closed: (reason) => closed.push(reason) } })
    const peer = await rawPeer(opened)
    const alive = await subscribed(opened)
    peer.subscribe()
    await turnsUntil(() => opened.hub.stats().subscribed === 2)
    for (let second = 1; second <= 90; second++) {
      clock.advance(1_000)
      await pongTurns()
      if (second === 30) expect(closed).toEqual([])
      if (second === 32) expect(closed).toEqual(['no_answer'])
    }
    expect(alive.closed).toBeNull()
    expect(alive.frames.filter(({ type }) => type === 'ping')).toHaveLength(4)
    peer.end()
  })

  test('a client that acknowledged once and then falls behind with its acks is slow', async () => {
    const clock = new FakeClock()
    const opened = house({ clock })
    const socket = await subscribed(opened)
    socket.send({ type: 'ack', upto: 0 })
    await pongTurns()
    opened.log.add({})
    opened.hub.wake()
    await socket.frame('events')
    for (let round = 0; round < 60 && !socket.closed; round++) {
      clock.advance(1_000)
      await pongTurns()
    }
    expect((await socket.ended()).code).toBe(4008)
  })
})

describe('the end', () => {
  test('drain() closes everybody with 4001 and a delay to choose from, and lets nobody in', async () => {
    const opened = house()
    const many = await Promise.all(Array.from({ length: 20 }, () => subscribed(opened)))
    await opened.hub.drain()
    const ends = await Promise.all(many.map((socket) => socket.ended()))
    expect(new Set(ends.map(({ code, reason }) => `${code} ${reason}`))).toEqual(
      new Set(['4001 drain; retry_ms=200-1020']),
    )
    expect(opened.hub.stats()).toMatchObject({ connections: 0, subscribed: 0 })
    const response = await fetch(opened.url.replace('ws:', 'http:'), {
      headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
    })
    expect(response.status).toBe(503)
  })

  test('withdraw() closes the sockets of whom it concerns, and their tickets open nothing', async () => {
    const opened = house()
    const ada = connect(opened, 'ada')
    const bea = connect(opened, 'bea')
    await Promise.all([ada.frame('hello'), bea.frame('hello')])
    const ticket = opened.ticket('ada')
    expect(opened.hub.withdraw(({ id }) => id === 'ada', 'forbidden')).toBe(1)
    const late = new TestSocket(opened.url, ['gatehouse.v1', `ticket.${ticket}`], { Origin: TEST_ORIGIN })
    sockets.push(late)
    expect((await late.ended()).code).toBe(4500)
    expect(opened.hub.withdraw(({ id }) => id === 'bea', 'rights')).toBe(1)
    expect((await bea.ended()).code).toBe(4003)
    expect((await ada.ended()).code).toBe(4503)
  })

  test('a socket ends with the key that it came in with', async () => {
    const clock = new FakeClock()
    const opened = house({ clock })
    const viewer = { ...ownerNamed('ada'), expiresAtMs: clock.epochMs() + 2_500 }
    const { ticket } = opened.hub.tickets.issue({ viewer, byApiKey: true, origin: null })
    const ada = new TestSocket(opened.url, ['gatehouse.v1', `ticket.${ticket}`], { Origin: TEST_ORIGIN })
    sockets.push(ada)
    await ada.frame('hello')
    clock.advance(2_000)
    expect(ada.closed).toBeNull()
    clock.advance(1_000)
    expect((await ada.ended()).code).toBe(4503)
  })

  test('another epoch under an open socket closes it with 4010', async () => {
    const clock = new FakeClock()
    const opened = house({ clock })
    opened.log.add({})
    const socket = await subscribed(opened)
    opened.log.replace('epoch-2', 10)
    clock.advance(1_000)
    expect((await socket.ended()).code).toBe(4010)
    expect(opened.hub.stats()).toMatchObject({ connections: 0, subscribed: 0, ringEvents: 0 })
    const next = connect(opened)
    expect(await next.frame('hello')).toMatchObject({ epoch: 'epoch-2', head: 10 })
    next.send({ type: 'subscribe', id: 1, after: 1, epoch: 'epoch-1' })
    expect(await next.frame('error')).toMatchObject({ code: 'offset_gone', epoch: 'epoch-2' })
  })
})

test('events of a replaced log never reach a subscription to the new one', async () => {
  const opened = house({ clock: new FakeClock() })
  const before = await subscribed(opened)
  for (let count = 0; count < 5; count++) opened.log.add({ data: { of: 'old' } })
  opened.hub.wake()
  await before.frame('events')
  opened.log.replace('epoch-2')
  opened.log.add({ data: { of: 'new' } })
  const socket = connect(opened)
  await socket.frame('hello')
  socket.send({ type: 'subscribe', id: 1, after: 0, epoch: 'epoch-2' })
  expect(await socket.frame('events')).toMatchObject({
    after: 0,
    upto: 1,
    events: [{ offset: 1, data: { of: 'new' } }],
  })
  expect((await before.ended()).code).toBe(4010)
})

/** Lets frames that are under way on loopback arrive. */
async function pongTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** A TCP peer that completes the handshake and subscribes, but answers nothing. */
async function rawPeer(to: RealtimeHouse): Promise<{ subscribe(): void; end(): void }> {
  const opened = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: Number(new URL(to.url).port),
    socket: { data: () => opened.resolve() },
  })
  socket.write(
    'GET /realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
      `Sec-WebSocket-Protocol: gatehouse.v1, ticket.${to.ticket()}\r\n\r\n`,
  )
  await opened.promise
  return {
    subscribe() {
      const text = new TextEncoder().encode('{"type":"subscribe","id":1}')
      // A masked text frame whose mask is zero.
      socket.write(new Uint8Array([0x81, 0x80 | text.length, 0, 0, 0, 0, ...text]))
    },
    end: () => socket.end(),
  }
}
