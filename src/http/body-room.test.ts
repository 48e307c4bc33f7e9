import { expect, test } from 'bun:test'
import { readBody } from './body.ts'
import { BodyRoom } from './body-room.ts'

/** A body that is sent as the test wants it. */
function slow(): { request: Request; send(bytes: number): void; end(): void } {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given
    },
  })
  return {
    request: new Request('http://localhost/', { method: 'POST', body }),
    send: (bytes) => controller?.enqueue(new Uint8Array(bytes)),
    end: () => controller?.close(),
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** How a reading ends: its length, or the code of its failure. */
function endOf({ request }: { request: Request }, bytesMax: number, room: BodyRoom): Promise<unknown> {
  return readBody(request, bytesMax, room).then(
    ({ length }) => length,
    ({ code, message }) => ({ code, message }),
  )
}

const DROPPED = { code: 'unavailable', message: 'Too much is being received at once: send it again' }

test('of bodies that are not whole the oldest goes where they hold too much; a new one is taken', async () => {
  let dropped = 0
  const room = new BodyRoom(1000, () => void dropped++)
  const [oldest, held, honest] = [slow(), slow(), slow()]
  const ends = [oldest, held, honest].map((body) => endOf(body, 900, room))
  oldest.send(500)
  await turns()
  held.send(400)
  await turns()
  expect(dropped).toBe(0)
  honest.send(600)
  await turns()
  honest.end()
  held.end()
  expect(await Promise.all(ends)).toEqual([DROPPED, 400, 600])
  expect(dropped).toBe(1)
})

test('a body that alone holds too much goes itself, and leaves the room to others', async () => {
  const room = new BodyRoom(1000, () => {})
  const large = slow()
  const end = endOf(large, 5000, room)
  large.send(1001)
  expect(await end).toEqual(DROPPED)
  const next = slow()
  const read = endOf(next, 5000, room)
  next.send(1000)
  await turns()
  next.end()
  expect(await read).toBe(1000)
})

test('what is whole, or too large, leaves the room', async () => {
  const room = new BodyRoom(1000, () => {})
  for (let round = 0; round < 3; round++) {
    const whole = slow()
    const read = endOf(whole, 900, room)
    whole.send(800)
    await turns()
    whole.end()
    expect(await read).toBe(800)
    const large = slow()
    const end = endOf(large, 900, room)
    large.send(950)
    expect(await end).toMatchObject({ code: 'too_large' })
  }
})
